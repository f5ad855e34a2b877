"""What a robustness run is about, loaded and checked: networks, images, the denoiser."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.checkpoints import digest
from isoloss.compute.datasets import as_inputs
from isoloss.compute.device import arithmetic, choose_device, in_fast_layout
from isoloss.compute.network import Network, load_network
from isoloss.compute.ranks import Ranks
from isoloss.errors import IsolossError
from isoloss.robustness.checks import check_images, check_labels, check_logits
from isoloss.robustness.fast import Fast, keep_weights_in_bf16
from isoloss.robustness.looking import refuse_nan
from isoloss.robustness.smoothing import (
    DenoisedSmoothing,
    GaussianSmoothing,
    Smoothing,
    check_denoises,
)
from isoloss.settings import CHECKPOINT_SUFFIXES, RobustnessSettings

FEW = 8
"""Images on which a network or a denoiser is tried out."""
# Images of 32 × 32 pixels that go through a network together.
USUAL_BATCH = {"cuda": 256, "mps": 64, "cpu": 64}


@dataclass(frozen=True)
class Contender:
    """A network that is attacked.

    Attributes:
        fast: what adversaries climb on, in the precision of the run.
        judge: the same network in single precision, as it came: the word that counts.
    """

    name: str
    fast: Fast
    judge: Fast


@dataclass(frozen=True)
class Arena:
    """Everything that units of work share.

    Attributes:
        images: (N, C, H, W) in [0, 1], on the device, in the order in which they are attacked.
        labels: (N,) true classes.
        indices: (N,) the images' places in the data.
        depends_on: hashes of weights, denoiser and data.
    """

    contenders: tuple[Contender, ...]
    images: Tensor
    labels: Tensor
    indices: tuple[int, ...]
    classes: tuple[str, ...]
    data: str
    denoiser: tuple[nn.Module, Any] | None
    device: torch.device
    precision: str
    batch_size: int
    depends_on: dict[str, str]

    def defense(self, network: int, sigma: float) -> Smoothing:
        """The network behind noise, and behind the denoiser if there is one."""
        classifier = self.contenders[network].fast
        if self.denoiser is None:
            return GaussianSmoothing(classifier, sigma)
        return DenoisedSmoothing(classifier, *self.denoiser, sigma).to(self.device)


def prepare(
    settings: RobustnessSettings, denoiser: str | None = None, sigmas: Sequence[float] = ()
) -> Arena:
    """Load all that is asked for; refuses what cannot be attacked or does not fit together.

    Raises:
        IsolossError: saying what is missing or wrong.
    """
    device = Ranks.current().own(choose_device(settings.device))
    names = [_name(source) for source in settings.sources]
    twice = [n for k, n in enumerate(names) if n in names[:k]]
    if twice:
        raise IsolossError(f"two networks are called {twice[0]!r}: rename a run's folder")
    networks = [load_network(settings, source) for source in settings.sources]
    dataset = networks[0].dataset
    data = dataset.digest()
    for name, network in zip(names, networks, strict=True):
        if network.dataset.digest() != data:
            raise IsolossError(
                f"{names[0]} and {name} were not trained on the same data: say with --data which "
                "images to take"
            )
    split = dataset.split(settings.split)
    # The order of a probe's samples: whoever knows one knows the other.
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(settings.seed))
    order = order[: settings.samples]
    images = as_inputs(split.inputs[order]).to(device)
    labels = split.targets[order].to(device)
    check_images(images)
    check_labels(labels, images)
    few = images[:FEW]
    contenders = tuple(
        _contender(name, network, few, labels[:FEW], device, settings.precision)
        for name, network in zip(names, networks, strict=True)
    )
    precision = contenders[0].fast.precision
    depends_on = {"weights": digest([s.checkpoints[-1] for s in networks]), "data": data}
    loaded = None
    if denoiser is not None:
        # diffusers takes its time to import: attacks do without.
        from isoloss.robustness.denoiser import load_denoiser

        unet, scheduler = load_denoiser(denoiser)
        depends_on["denoiser"] = _digest_of(unet)
        loaded = _Denoiser(unet, few, device, precision), scheduler
    side = images.shape[-1] * images.shape[-2]
    usual = max(USUAL_BATCH[device.type] * 32 * 32 // side, 4)
    arena = Arena(
        contenders, images, labels, tuple(order.tolist()), dataset.classes, dataset.name, loaded,
        device, precision, settings.batch_size or usual, depends_on,
    )  # fmt: skip
    for sigma in sigmas:
        defense = arena.defense(0, sigma)
        defense.check(few)
        if isinstance(defense, DenoisedSmoothing):
            check_denoises(defense, few)
    return arena


def _contender(
    name: str, network: Network, few: Tensor, labels: Tensor, device: torch.device, precision: str
) -> Contender:
    fast = Fast(network.model, few, device, precision)
    judge = Fast(network.model, few, device, "fp32", fold=False)
    with torch.no_grad():
        refuse_nan(check_logits(judge(few), labels).sum(1))
    return Contender(name, fast, judge)


class _Denoiser(nn.Module):
    """A U-Net in the precision of the run, that gives what it predicts as a plain tensor."""

    def __init__(self, unet: nn.Module, few: Tensor, device: torch.device, precision: str) -> None:
        super().__init__()
        unet = unet.to(device).eval().requires_grad_(False)
        self.config: Any = unet.config
        step = torch.tensor(0, device=device)
        fits = self.config.in_channels == few.shape[1] and self.config.sample_size in (
            None, few.shape[-1],
        )  # fmt: skip
        # One that does not fit is refused in a moment, in words.
        self.unet = in_fast_layout(unet, lambda: unet(few, step)) if fits else unet
        if precision == "bf16":
            keep_weights_in_bf16(self.unet)
        self.device, self.precision = device, precision

    def forward(self, images: Tensor, step: Tensor) -> Tensor:
        with arithmetic(self.device, self.precision):
            return self.unet(images, step).sample.float()


def _name(source: Path) -> str:
    return source.stem if source.suffix in CHECKPOINT_SUFFIXES else source.name


def _digest_of(unet: nn.Module) -> str:
    sha = hashlib.sha256()
    for name, tensor in sorted(unet.state_dict().items()):
        sha.update(name.encode())
        sha.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()
