"""Who is measured against whom: attacks and certificates as this program and as others make them.

Every peer is given the same network, images, steps, and seed of what is random. Others
work as their users run them: in single precision, contiguous, in batches of the size at
which the work is quickest for them; this program takes its own default.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.machine.device import reduced_precisions, synchronize
from isoloss.robustness.ascent.protocol import Protocol
from isoloss.robustness.attacks.eot import eot_pgd
from isoloss.robustness.attacks.pgd import attack
from isoloss.robustness.smoothing.certify import certify
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing, Smoothing
from isoloss.robustness.smoothing.statistics import certified_radius
from isoloss.robustness.speed.batch_sizes import BatchSizes
from isoloss.robustness.speed.fast_classifier import Fast

BATCHES = {"cpu": (16, 32, 64, 128), "mps": (64, 256), "cuda": (128, 512, 2048)}
"""Of these, others take the size at which they are quickest."""
T = TypeVar("T")
Step = Callable[[Tensor, Tensor], object]
Work = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Target:
    """What is attacked.

    Attributes:
        model: (N, C, H, W) images in [0, 1] to logits; in eval mode, single precision.
        images: (N, C, H, W) float in [0, 1], on the device.
        labels: (N,) true classes.
    """

    name: str
    model: nn.Module
    images: Tensor
    labels: Tensor
    device: torch.device


@dataclass(frozen=True)
class Attempt:
    """What is asked of each peer of an attack."""

    eps: float
    steps: int
    draws: int = 1

    @property
    def step_size(self) -> float:
        """Length of a step."""
        return Protocol(steps=self.steps).step_at(self.eps)

    def protocol(self, *, leaving: bool) -> Protocol:
        """This program's.

        Args:
            leaving: whether what is misclassified leaves, and the best iterate is returned.
        """
        return Protocol("bench", self.steps, self.step_size, keep_best=leaving)


@dataclass(frozen=True)
class AttackPeer:
    """One who does the work.

    Attributes:
        own: whether it is this program.
        batch_size: images, or draws, that go through the network together.
        work: (images, labels) -> what came out, a row for each image; None where it is missing.
        instead: how to get what is missing.
    """

    name: str
    precision: str
    own: bool
    batch_size: int
    work: Work | None
    instead: str = ""


def gradient_step(model: nn.Module) -> Step:
    """The gradient of the loss in the images, as all others take it."""

    def step(x: Tensor, y: Tensor) -> None:
        leaf = x.clone().requires_grad_()
        torch.autograd.grad(F.cross_entropy(model(leaf), y), leaf)

    return step


def attackers(target: Target, attempt: Attempt, size: int) -> Iterator[AttackPeer]:
    """PGD in L∞ from a random start: torchattacks, foolbox, and this program.

    Args:
        size: of others' batches.
    """
    plain = copy.deepcopy(target.model)
    for name, peer in (
        ("torchattacks", _torchattacks(plain, attempt)),
        ("foolbox", _foolbox(plain, attempt, target.device)),
    ):
        work = None if peer is None else _in_batches(peer, size)
        yield AttackPeer(name, "fp32", False, size, work, f"pip install {name}")
    for precision in ("fp32", *reversed(reduced_precisions(target.device))):
        fast = Fast(target.model, target.images, target.device, precision)
        for leaving in (False, True):
            name = "isoloss, successes leave" if leaving else "isoloss"
            work = _own_pgd(fast, attempt, leaving=leaving)
            yield AttackPeer(name, precision, True, fast.batch_sizes.attacking, work)


def _own_pgd(fast: Fast, attempt: Attempt, *, leaving: bool) -> Work:
    protocol, size = attempt.protocol(leaving=leaving), fast.batch_sizes.attacking
    return lambda x, y: attack(fast, x, y, attempt.eps, protocol, batch_size=size).images


def _torchattacks(model: nn.Module, attempt: Attempt) -> Work | None:
    try:
        import torchattacks
    except ImportError:
        return None
    return torchattacks.PGD(
        model, eps=attempt.eps, alpha=attempt.step_size, steps=attempt.steps, random_start=True
    )


def _foolbox(model: nn.Module, attempt: Attempt, device: torch.device) -> Work | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what it imports
            import foolbox
    except ImportError:
        return None
    package: Any = foolbox
    wrapped = package.PyTorchModel(model, bounds=(0, 1), device=device)
    peer = package.attacks.LinfPGD(
        abs_stepsize=attempt.step_size, steps=attempt.steps, random_start=True
    )
    return lambda x, y: peer(wrapped, x, y, epsilons=attempt.eps)[1]  # (raw, clipped, success)


def _in_batches(work: Work, size: int) -> Work:
    def all_of_them(images: Tensor, labels: Tensor) -> Tensor:
        batches = zip(images.split(size), labels.split(size), strict=True)
        return torch.cat([work(x, y).detach() for x, y in batches])

    return all_of_them


@dataclass(frozen=True)
class Defended:
    """A network behind noise and a denoiser, as others run it and as this program does.

    Attributes:
        plain: in single precision, as it came.
        fast, batch_sizes: by precision.
    """

    plain: DenoisedSmoothing
    fast: dict[str, DenoisedSmoothing]
    batch_sizes: dict[str, BatchSizes]

    @classmethod
    def of(cls, target: Target, unet: nn.Module, scheduler: Any, sigma: float) -> Defended:
        """The defense in every precision that the device has."""
        from isoloss.robustness.speed.fast_denoiser import FastDenoiser

        device, few = target.device, target.images
        plain_unet = copy.deepcopy(unet).to(device).eval().requires_grad_(False)
        plain = DenoisedSmoothing(target.model, plain_unet, scheduler, sigma).to(device)
        fast: dict[str, DenoisedSmoothing] = {}
        sizes: dict[str, BatchSizes] = {}
        for precision in ("fp32", *reversed(reduced_precisions(device))):
            classifier = Fast(target.model, few, device, precision)
            denoiser = FastDenoiser(unet, few, device, precision)
            fast[precision] = DenoisedSmoothing(classifier, denoiser, scheduler, sigma).to(device)
            sizes[precision] = classifier.batch_sizes.at_most(denoiser.batch_sizes)
        return cls(plain, fast, sizes)


def expecting_attackers(defended: Defended, attempt: Attempt, size: int) -> Iterator[AttackPeer]:
    """PGD over the mean of several draws of noise: one draw at a time, and this program."""
    plain = defended.plain.unclamped()
    work = _in_batches(lambda x, y: serial_eot(plain, x, y, attempt), size)
    yield AttackPeer("draw by draw", "fp32", False, size, work)
    for precision, defense in defended.fast.items():
        own = defended.batch_sizes[precision].attacking
        yield AttackPeer("isoloss", precision, True, own, _own_eot(defense, attempt, own))


def _own_eot(defense: DenoisedSmoothing, attempt: Attempt, size: int) -> Work:
    protocol, adversary = attempt.protocol(leaving=False), defense.unclamped()
    return lambda x, y: (
        eot_pgd(adversary, x, y, attempt.eps, protocol, attempt.draws, batch_size=size).images
    )


def serial_eot(defense: nn.Module, x: Tensor, y: Tensor, attempt: Attempt) -> Tensor:
    """EOT-PGD as it is usually written: a loop over steps, in it one over draws."""
    moved = (x + torch.empty_like(x).uniform_(-attempt.eps, attempt.eps)).clamp(0, 1)
    for _ in range(attempt.steps):
        gradient = torch.zeros_like(x)
        for _ in range(attempt.draws):
            moved = moved.detach().requires_grad_()
            loss = F.cross_entropy(defense(moved), y)
            gradient += torch.autograd.grad(loss, moved)[0]
        moved = moved.detach() + attempt.step_size * gradient.sign()
        moved = (x + (moved - x).clamp(-attempt.eps, attempt.eps)).clamp(0, 1)
    return moved.detach()


def certifiers(defended: Defended, n0: int, n: int, size: int) -> Iterator[AttackPeer]:
    """CERTIFY: image by image as in the code of Cohen et al., and this program's.

    What comes out of each is (N, 2): the class, −1 where it abstains, and the radius.
    """
    plain = defended.plain
    yield AttackPeer(
        "image by image", "fp32", False, size,
        lambda x, _: torch.tensor([cohens_certify(plain, one, n0, n, size) for one in x]),
    )  # fmt: skip
    for precision, defense in defended.fast.items():
        own = defended.batch_sizes[precision].counting
        yield AttackPeer("isoloss", precision, True, own, _own_certify(defense, n0, n, own))


def _own_certify(defense: Smoothing, n0: int, n: int, size: int) -> Work:
    def certified(images: Tensor, labels: Tensor) -> Tensor:
        with warnings.catch_warnings():  # of the precision, which is told beside the figures
            warnings.simplefilter("ignore", UserWarning)
            found = list(certify(defense, images, range(len(images)), n0, n, batch_size=size))
        return torch.tensor([(-1 if c.predicted is None else c.predicted, c.radius) for c in found])

    return certified


@torch.no_grad()
def cohens_certify(
    defense: Smoothing, image: Tensor, n0: int, n: int, batch_size: int
) -> tuple[int, float]:
    """(class or −1, radius) of one image, as in https://github.com/locuslab/smoothing: batches of
    draws of this one image, counted on the processor."""

    def count(draws: int) -> Tensor:
        counts: Tensor | None = None
        while draws > 0:
            size = min(batch_size, draws)
            draws -= size
            batch = image.repeat(size, 1, 1, 1)
            logits = defense.logits(batch, torch.randn_like(batch))
            found = torch.bincount(logits.argmax(1).cpu(), minlength=logits.shape[1])
            counts = found if counts is None else counts + found
        assert counts is not None
        return counts

    best = int(count(n0).argmax())
    radius = certified_radius(int(count(n)[best]), n, defense.sigma)
    return (-1, 0.0) if radius is None else (best, radius)


@dataclass(frozen=True)
class Throughput:
    """The batch size at which others are quickest, and how many images a second that makes."""

    batch_size: int
    rate: float


def best_throughput(step: Step, target: Target) -> Throughput:
    """Of `step`, one pass over a batch, at all sizes that the images suffice for."""
    sizes = BATCHES[target.device.type]
    found: list[Throughput] = []
    for size in [s for s in sizes if s <= len(target.images)] or sizes[:1]:
        x, y = target.images[:size], target.labels[:size]
        seconds = min(timed(lambda x=x, y=y: step(x, y), target.device)[1] for _ in range(3))
        found.append(Throughput(size, len(x) / seconds))
    return max(found, key=lambda throughput: throughput.rate)


def timed(work: Callable[[], T], device: torch.device) -> tuple[T, float]:
    """What comes out, and the seconds it takes."""
    synchronize(device)
    began = time.perf_counter()
    result = work()
    synchronize(device)
    return result, time.perf_counter() - began
