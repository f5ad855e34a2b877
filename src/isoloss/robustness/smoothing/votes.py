"""Counting what a randomized classifier says over many draws of its noise.

The draws for an image are a function of (seed, its index, which count they are for) and of nothing
else: neither of the batches they are computed in, nor of which images are counted beside it. So
any image can be counted alone, later, or again, and more draws continue what fewer began.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from isoloss.compute.machine.device import as_float32
from isoloss.compute.machine.memory import in_parts
from isoloss.compute.machine.waiting import is_at_hand
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.asking import HALF, Answers, computes_in_half, tell
from isoloss.robustness.ascent.few_sizes import filled, size_for
from isoloss.robustness.ascent.objective import frozen
from isoloss.robustness.ascent.refusals import (
    as_images,
    as_indices,
    as_labels,
    as_logits,
    check_at_least,
    check_logits,
)
from isoloss.robustness.smoothing.smoothing import OneByOne, Smoothing, Together
from isoloss.settings.robustness_fields import NOT_CERTIFIED

BLOCK = 100  # draws from one seed
USUAL_BATCH = 1024
# Which count the draws are for: Cohen's two stages must not share any.
SELECTION, ESTIMATION, VOTING = 0, 1, 2


def asked_defense(
    defense: Any, images: Any, *, certified: bool = False
) -> tuple[Smoothing, Tensor]:
    """A defense as draws can be counted of it, and (N, C, H, W) images where it is: what is behind
    the noise is asked twice, and of half precision judged in single precision.

    Args:
        certified: whether certificates are to follow, which nothing else may draw for.

    Raises:
        IsolossError: if something else is given, a purification is to be certified, or what is
            behind the noise draws too.
    """
    if not isinstance(defense, Smoothing):
        raise IsolossError(
            f"a {type(defense).__name__} is behind no noise: give GaussianSmoothing(network, σ), "
            "or DenoisedSmoothing with a denoiser"
        )
    if certified and not defense.is_certifiable:
        raise IsolossError(NOT_CERTIFIED)
    images = as_images(images, defense)
    if computes_in_half(defense):
        defense = _in_single_precision(defense)
    images = images.float() if images.dtype in HALF else images
    defense.check(images)
    with frozen(defense):
        found = defense.answers_about(images)
    if certified:
        refuse_random(found, "the network")
    tell(found)
    return (OneByOne(defense) if found.depends_on_batch else defense), images


def _in_single_precision(defense: Smoothing) -> Smoothing:
    """A copy that computes in single precision, in which noise is normal to more digits than any
    certificate has; what was made fast in another stays as it was asked to be, and that is said."""
    asked = {str(p) for m in defense.modules() if (p := getattr(m, "precision", "fp32")) != "fp32"}
    if asked:
        warnings.warn(
            f"this network computes in {', '.join(sorted(asked))}, and that is what is counted: "
            "give Fast(…, precision='fp32') for single precision",
            stacklevel=4,
        )
        return defense
    warnings.warn(
        "this network is of half precision, and is judged in single precision: what is counted is "
        "of network.float()",
        stacklevel=4,
    )
    drawn = defense.generator
    return copy.deepcopy(defense, {id(drawn): drawn}).float()


def refuse_random(found: Answers, name: str) -> None:
    """Refuse to certify what draws random numbers of its own.

    Raises:
        IsolossError: saying so.
    """
    if found.is_random:
        raise IsolossError(
            f"{name} draws random numbers of its own, and a certificate is about the noise of σ "
            "alone: certify one that gives the same answer twice"
        )


@torch.no_grad()
def count_votes(
    defense: Smoothing,
    images: Tensor,
    indices: Sequence[int],
    first: int,
    last: int,
    *,
    purpose: int = VOTING,
    seed: int = 0,
    batch_size: int = USUAL_BATCH,
) -> Tensor:
    """(N, classes) int64, on the device: for how many draws each class wins; of K classifiers that
    are asked `Together`, (K, N, classes).

    Args:
        images: (N, C, H, W) in [0, 1].
        indices: what each image is called: its place in the data set.
        first, last: the draws, from `first` up to `last`, of the sequence each image has.
        purpose: keeps draws for different ends apart.
        batch_size: draws, of whichever images, that go through the network together.

    Raises:
        IsolossError: for images the defense is not for, or a network that gives NaN.
    """
    defense.check(images)
    return counted(
        defense, images, indices, first, last, purpose=purpose, seed=seed, batch_size=batch_size
    ).known()


@dataclass(frozen=True)
class Counted:
    """What was counted, on the device.

    Attributes:
        counts: as of `count_votes`.
        spoilt: (), whether the network gave NaN, and nothing can be said of it.
    """

    counts: Tensor
    spoilt: Tensor

    def known(self, *, spoilt: bool | None = None) -> Tensor:
        """The counts, where none was `spoilt`; by default it is asked for.

        Raises:
            IsolossError: for a network that gives NaN.
        """
        if bool(self.spoilt) if spoilt is None else spoilt:
            raise IsolossError("the defended network gives NaN: nothing can be counted")
        return self.counts


@torch.no_grad()
def counted(
    defense: Smoothing,
    images: Tensor,
    indices: Sequence[int],
    first: int,
    last: int,
    *,
    purpose: int,
    seed: int,
    batch_size: int,
) -> Counted:
    """`count_votes`, without a wait for whether the network gives NaN."""
    check_at_least("batch_size", batch_size)
    indices = as_indices(indices, images)
    counts: Tensor | None = None
    together = isinstance(getattr(defense, "classifier", None), Together)
    spoilt = torch.zeros((), dtype=torch.bool, device=images.device)
    with frozen(defense):
        defense.check(images)
        for rows, noise in _batches(images, indices, first, last, purpose, seed, batch_size):
            n = len(rows)
            if not is_at_hand(noise):
                rows, noise = (filled(each, size_for(n, batch_size)) for each in (rows, noise))

            def of(part: slice, rows: Tensor = rows, noise: Tensor = noise) -> Tensor:
                given = defense.logits(images[rows[part]], noise[part])
                return as_float32(given if together else as_logits(given, len(rows[part])))

            logits = torch.cat(list(in_parts(of, len(rows), batch_size, images.device)), -2)
            logits, rows = logits[..., :n, :], rows[:n]
            spoilt |= logits.isnan().any()
            winners = F.one_hot(logits.argmax(-1), logits.shape[-1])
            if counts is None:
                shape = (*logits.shape[:-2], len(images), logits.shape[-1])
                counts = torch.zeros(shape, dtype=torch.long, device=logits.device)
            counts.index_add_(-2, rows, winners)
    if counts is None:
        raise IsolossError("there is nothing to count: no images or no draws")
    found = Counted(counts, spoilt)
    if is_at_hand(counts):
        found.known()
    return found


def _batches(
    images: Tensor,
    indices: Sequence[int],
    first: int,
    last: int,
    purpose: int,
    seed: int,
    batch_size: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """(rows (B,), noise (B, C, H, W)): the draws of all images one after the other, in batches."""
    rows: list[Tensor] = []
    noise: list[Tensor] = []
    waiting = 0
    for row, index in enumerate(indices):
        for block in range(first // BLOCK, -(-last // BLOCK)):
            drawn = _block(images, index, purpose, seed, block)
            drawn = drawn[max(first - block * BLOCK, 0) : last - block * BLOCK]
            while len(drawn):
                taken = drawn[: batch_size - waiting]
                drawn = drawn[len(taken) :]
                rows.append(torch.full((len(taken),), row, device=images.device))
                noise.append(taken)
                waiting += len(taken)
                if waiting == batch_size:
                    yield torch.cat(rows), torch.cat(noise)
                    rows, noise, waiting = [], [], 0
    if waiting:
        yield torch.cat(rows), torch.cat(noise)


def noise_of(image: Tensor, index: int, draws: int, seed: int = 0) -> Tensor:
    """(draws, C, H, W) the noise of the first draws by which one image (C, H, W) is counted."""
    blocks = [_block(image[None], index, VOTING, seed, k) for k in range(-(-draws // BLOCK))]
    return torch.cat(blocks)[:draws]


def first_noise(images: Tensor, indices: Sequence[int], seed: int = 0) -> Tensor:
    """(N, C, H, W) the noise of the draw of which `Votes.single` is."""
    # Copies, or each would keep the block alive that it is the first of.
    drawn = [_block(images, index, VOTING, seed, 0)[0].clone() for index in indices]
    return torch.stack(drawn) if drawn else torch.zeros_like(images)


def _block(images: Tensor, index: int, purpose: int, seed: int, block: int) -> Tensor:
    """(BLOCK, C, H, W) standard normal."""
    mixed = np.random.SeedSequence([seed, index, purpose, block]).generate_state(1, np.uint64)
    generator = torch.Generator(images.device).manual_seed(int(mixed[0] >> np.uint64(1)))
    shape = (BLOCK, *images.shape[1:])
    return torch.randn(shape, generator=generator, device=images.device, dtype=images.dtype)


@dataclass(frozen=True, repr=False)
class Votes:
    """What N images' draws say, against the true classes.

    Attributes:
        counts: (N, classes) int64.
        single: (N,) bool, whether the first draw is right: the accuracy of a single answer.
        majority: (N,) bool, whether the right class alone is the most frequent one.
        always: (N,) bool, whether every draw is right: accuracy against the worst of them.
    """

    counts: Tensor
    single: Tensor
    majority: Tensor
    always: Tensor

    def __repr__(self) -> str:
        right, count = int(self.majority.sum()), len(self.majority)
        return f"<Votes: {right:,} of {count:,} images right by the majority of their draws>"


def vote(
    defense: Smoothing,
    images: Tensor,
    labels: Tensor,
    indices: Sequence[int],
    draws: int = 100,
    *,
    seed: int = 0,
    batch_size: int = USUAL_BATCH,
) -> Votes:
    """Classify images by fresh draws: one, the majority of all, the worst of all.

    Args:
        images, indices: as for `count_votes`.
        labels: (N,) true classes.

    Raises:
        IsolossError: as `count_votes`.
    """
    defense, images = asked_defense(defense, images)
    labels = as_labels(labels, images)
    return votes_on(defense, images, labels, indices, draws, seed=seed, batch_size=batch_size)


def votes_on(
    defense: Smoothing,
    images: Tensor,
    labels: Tensor,
    indices: Sequence[int],
    draws: int,
    *,
    seed: int,
    batch_size: int,
) -> Votes:
    """`vote` of a defense that is known."""
    check_at_least("draws", draws)

    def count(first: int, last: int) -> Counted:
        return counted(
            defense, images, indices, first, last,
            purpose=VOTING, seed=seed, batch_size=batch_size,
        )  # fmt: skip

    first = count(0, 1)
    one, spoilt = first.counts, first.spoilt
    check_logits(one, labels)
    counts = one
    if draws > 1:
        rest = count(1, draws)
        counts, spoilt = one + rest.counts, spoilt | rest.spoilt
    Counted(counts, spoilt).known()
    right = counts.gather(1, labels[:, None])[:, 0]
    others = counts.scatter(1, labels[:, None], -1).amax(1)
    return Votes(counts, one.argmax(1) == labels, right > others, right == draws)
