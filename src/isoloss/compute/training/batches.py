"""The batches of a training: a new order in each epoch, images shifted and mirrored at random, with
noise where that is asked for.

All of it depends on the seed and the step's number only, so that a run resumed after a kill sees
what it would have seen, and each of several processes its shard of the very same batches. The order
of samples is the same on all devices; what changes them is drawn where they are, and a seed means
other draws on a GPU than on a CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from isoloss.compute.data.dataset import Split, as_inputs
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.waiting import sent
from isoloss.compute.training.replicas import Shard, shard_of

_NOISE = 2**11 - 1
"""Stands where the number of a process would: no other stream begins there."""
_OTHER = 2**11 - 2
"""Likewise."""


@dataclass(frozen=True)
class Batch:
    """One process's shard of a step's batch.

    Attributes:
        inputs: (n, …) augmented, as a network takes them.
        targets: (n,).
        shard: which of the whole batch's samples these are.
        samples: how many the whole batch has.
        seed: of what is random in this step, the same for all processes.
    """

    inputs: Tensor
    targets: Tensor
    shard: Shard
    samples: int
    seed: int


@dataclass(frozen=True)
class Batches:
    """How the samples of a split divide into the steps of a training.

    Attributes:
        shift: pixels by which images are shifted at most.
        mirror: whether half of them are mirrored.
        noise: σ of what is then added to them.
    """

    split: Split
    size: int
    epochs: int
    seed: int
    shift: int = 0
    mirror: bool = False
    noise: float = 0.0

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in one pass over the split."""
        return len(batch_sizes(len(self.split), self.size))

    def since(self, step: int, ranks: Ranks) -> Iterator[Batch]:
        """The batches of the steps after the first `step`."""
        sizes = batch_sizes(len(self.split), self.size)
        first_epoch, skip = divmod(step, len(sizes))
        for epoch in range(first_epoch, self.epochs):
            generator = torch.Generator().manual_seed(step_seed(self.seed, -1 - epoch))
            order = torch.randperm(len(self.split), generator=generator)
            batches = sent(order, self.split.inputs.device).split(sizes)[skip:]
            shards = [shard_of(len(batch), ranks) for batch in batches]
            given = self.split.each(b[s.rows] for b, s in zip(batches, shards, strict=True))
            for i, (shard, (images, targets)) in enumerate(zip(shards, given, strict=True), skip):
                of = sizes[i]
                step = epoch * len(sizes) + i
                seed = step_seed(self.seed, step)
                inputs = augment(
                    as_inputs(images), self.shift, self.mirror, seed, shard.rows, of=of
                )
                if self.noise > 0:
                    drawn = noise_generator(self.seed, step, self.split.device)
                    inputs = noisy(inputs, self.noise, drawn, shard.rows, of=of)
                yield Batch(inputs, targets, shard, of, seed)
            skip = 0


def batch_sizes(samples: int, size: int) -> list[int]:
    """Batches of `size`, and what is left; a lone last sample, of which batch norm can make
    nothing, joins the batch before it."""
    sizes = [size] * (samples // size)
    left = samples % size
    if left == 1 and sizes:
        sizes[-1] += 1
    elif left:
        sizes.append(left)
    return sizes


def augment(
    inputs: Tensor,
    shift: int,
    mirror: bool,
    seed: int,
    part: slice = slice(None),
    of: int | None = None,
) -> Tensor:
    """Shift each image by up to `shift` pixels (zeros enter) and mirror half of them, as a batch.

    Args:
        inputs: (N, C, H, W) images.
        part, of: where the images are only this part of a batch `of` so many, they move as they
            would in it.
    """
    if shift == 0 and not mirror:
        return inputs
    n, channels, height, width = inputs.shape
    drawn, device = of or n, inputs.device
    by = {"generator": torch.Generator(device).manual_seed(seed), "device": device}
    offsets = torch.randint(-shift, shift + 1, (2, drawn, 1), **by)[:, part]
    flips = torch.rand(drawn, 1, **by)[part] < (0.5 if mirror else 0.0)
    padded = F.pad(inputs, (shift,) * 4)
    rows = torch.arange(height, device=inputs.device) + shift + offsets[0]
    columns = torch.arange(width, device=inputs.device)
    columns = torch.where(flips, columns.flip(0), columns) + shift + offsets[1]
    return padded[
        torch.arange(n, device=inputs.device).view(n, 1, 1, 1),
        torch.arange(channels, device=inputs.device).view(1, channels, 1, 1),
        rows.view(n, 1, height, 1),
        columns.view(n, 1, 1, width),
    ]


def noisy(
    images: Tensor,
    sigma: float,
    generator: torch.Generator,
    part: slice = slice(None),
    of: int | None = None,
) -> Tensor:
    """x + σz, z ~ N(0, 1), not clamped: what a network behind noise is trained on.

    Cohen, Rosenfeld, Kolter 2019, https://arxiv.org/abs/1902.02918, appendix on training.

    Args:
        images: (N, …) on the [0, 1] scale, before they are normalized.
        generator: draws z, on the images' device.
        part, of: as of `augment`.
    """
    shape = (of or len(images), *images.shape[1:])
    drawn = torch.randn(shape, generator=generator, device=images.device, dtype=images.dtype)
    return images + sigma * drawn[part]


def noise_generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """What draws the noise of a step, the same for all processes; −1 is before the first step."""
    return torch.Generator(device).manual_seed(step_seed(seed, step, _NOISE))


def other_stream(seed: int) -> torch.Generator:
    """What draws something else in a step with this seed, the same for all processes."""
    return torch.Generator().manual_seed((seed + (_OTHER << 52)) % 2**63)


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Of what is random in a step; `rank` where each process is to draw its own."""
    return (seed * 1_000_003 + step + (rank << 52)) % 2**63
