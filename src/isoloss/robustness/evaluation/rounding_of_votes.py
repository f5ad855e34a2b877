"""What the precision of a certification changes: of the same draws, which answers are others in
single precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from isoloss.robustness.ascent.asking import FEW
from isoloss.robustness.evaluation.setup import Setup
from isoloss.robustness.smoothing.smoothing import Smoothing
from isoloss.robustness.smoothing.statistics import clopper_pearson_interval
from isoloss.robustness.smoothing.votes import noise_of
from isoloss.settings import CertifySettings

MOST = 32
"""Draws of each image."""
SHARE = 20
"""A run's draws are at least so many times as many."""


@dataclass(frozen=True)
class VotesApart:
    """Of so many `draws`, how many are answered otherwise in single precision."""

    precision: str
    others: int = 0
    draws: int = 0

    @property
    def share(self) -> float:
        """How many of all draws are, at least, but for one time in forty."""
        return clopper_pearson_interval(self.others, self.draws)[0] if self.draws else 0.0

    def __str__(self) -> str:
        """In a sentence."""
        if not self.draws:
            return f"All of it is computed in {self.precision}."
        most = 100 * clopper_pearson_interval(self.others, self.draws)[1]
        return (
            f"All of it is computed in {self.precision}: in single precision, {self.others} of "
            f"{self.draws} draws are answered otherwise (at most {most:.2g} %)."
        )


@torch.no_grad()
def votes_apart(setup: Setup, settings: CertifySettings) -> VotesApart:
    """How many answers the precision of a run changes, at its largest σ."""
    if setup.precision == "fp32":
        return VotesApart("fp32")
    sigma, images = max(settings.sigma), setup.images[:FEW]
    of_run = settings.draws * len(setup.images) // SHARE
    draws = min(MOST, max(of_run // len(images), 1))
    own, exact = setup.defense_of(range(len(setup.models)), sigma), setup.exact_defense(sigma)
    others = total = 0
    for image, index in zip(images, setup.indices, strict=False):
        noise = noise_of(image, index, draws, settings.seed)
        answers = (_answers(defense, image, noise) for defense in (own, exact))
        differ = torch.ne(*answers)
        others, total = others + int(differ.sum()), total + differ.numel()
    return VotesApart(setup.precision, others, total)


def _answers(defense: Smoothing, image: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    return defense.logits(image[None].expand_as(noise), noise).argmax(-1)
