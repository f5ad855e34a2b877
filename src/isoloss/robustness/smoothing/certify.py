"""Certificates by randomized smoothing: within which radius no adversary can change the answer.

Cohen, Rosenfeld, Kolter 2019, "Certified Adversarial Robustness via Randomized Smoothing",
https://arxiv.org/abs/1902.02918: CERTIFY and PREDICT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from isoloss.errors import IsolossError
from isoloss.results.radii import radius_label
from isoloss.robustness.ascent.refusals import as_indices, check_at_least
from isoloss.robustness.smoothing.smoothing import Smoothing
from isoloss.robustness.smoothing.statistics import (
    ALPHA,
    certified_radius,
    clopper_pearson_lower,
    is_decided,
)
from isoloss.robustness.smoothing.votes import (
    ESTIMATION,
    SELECTION,
    USUAL_BATCH,
    VOTING,
    Counted,
    asked_defense,
    count_votes,
    counted,
)

# Images that are counted between two reads of the device's counts.
TOGETHER = 16


@dataclass(frozen=True, repr=False)
class Certificate:
    """What is certain of one image, but for a probability α.

    Attributes:
        index: of the image.
        predicted: its class at every point within `radius`, None where one abstains.
        radius: in L2 on the [0, 1] scale; 0 where one abstains.
        successes, draws: the counts it follows from.
        lower: the lower bound on the class's probability under noise.
        answer: what PREDICT says from the same draws, None where it abstains.
    """

    index: int
    predicted: int | None
    radius: float
    successes: int
    draws: int
    lower: float
    answer: int | None

    def __repr__(self) -> str:
        said = f"class {self.predicted} within {radius_label(self.radius)} in L2"
        return (
            f"<Certificate of image {self.index}: "
            f"{'abstains' if self.predicted is None else said}, "
            f"{self.successes:,} of {self.draws:,} draws>"
        )


def certify(
    defense: Smoothing,
    images: Tensor,
    indices: Sequence[int],
    n0: int = 100,
    n: int = 100_000,
    *,
    alpha: float = ALPHA,
    seed: int = 0,
    batch_size: int = USUAL_BATCH,
) -> Iterator[Certificate]:
    """CERTIFY each image, in order: `n0` draws choose the class, `n` fresh ones bound it.

    What comes out for an image follows from its pixels, its index and the seed: go on after a kill
    with the images that are missing. A network of half precision is asked in single precision.

    Args:
        defense: a classifier behind noise and nothing else, or one step of a denoiser.
        images: (N, C, H, W) in [0, 1], at the resolution the certificate is to be about.
        indices: each image's place in the data set.
        alpha: the probability with which a certificate may be wrong.
        batch_size: draws that go through the network together, of several images where one has
            too few.

    Raises:
        IsolossError: for images the defense is not for, a purification, a network that gives NaN or
            draws random numbers of its own.
    """
    defense, images = asked_defense(defense, images, certified=True)
    for each in certify_together(
        defense, images, indices, n0, n, alpha=alpha, seed=seed, batch_size=batch_size
    ):
        yield from each


def certify_together(
    defense: Smoothing,
    images: Tensor,
    indices: Sequence[int],
    n0: int = 100,
    n: int = 100_000,
    *,
    alpha: float = ALPHA,
    seed: int = 0,
    batch_size: int = USUAL_BATCH,
) -> Iterator[tuple[Certificate, ...]]:
    """As `certify`, each image for all classifiers of a defense that asks several `Together`.

    What comes out for a classifier is what it would get alone: the draws are the same.
    """
    check_at_least("n0", n0)
    check_at_least("n", n)
    if not 0 < alpha < 1:
        raise IsolossError(f"α must lie between 0 and 1, not be {alpha:g}")
    indices = as_indices(indices, images)
    for start in range(0, len(images), TOGETHER):
        some, names = images[start : start + TOGETHER], indices[start : start + TOGETHER]

        selection, estimation = (
            counted(
                defense, some, names, 0, draws, purpose=purpose, seed=seed, batch_size=batch_size
            )
            for draws, purpose in ((n0, SELECTION), (n, ESTIMATION))
        )
        choices, votes = _known(selection, estimation)
        for index, labels, counts in zip(names, choices.tolist(), votes, strict=True):
            yield tuple(
                _certificate(index, label, own, n, defense.sigma, alpha)
                for label, own in zip(labels, counts, strict=True)
            )


def _known(selection: Counted, estimation: Counted) -> tuple[Tensor, Tensor]:
    """(images, networks) classes that were chosen, and (images, networks, classes) counts, on the
    host after one wait.

    Raises:
        IsolossError: for a network that gives NaN.
    """
    counts = estimation.counts
    chosen = selection.counts.argmax(-1, keepdim=True)
    spoilt = (selection.spoilt | estimation.spoilt).expand_as(chosen)
    # (networks or none, images, classes) to images first.
    told = torch.cat([chosen, spoilt.long(), counts], -1).cpu()
    told = told.reshape(-1, *told.shape[-2:]).transpose(0, 1)
    estimation.known(spoilt=bool(told[..., 1].any()))
    return told[..., 0], told[..., 2:]


def _certificate(
    index: int, label: int, votes: Tensor, n: int, sigma: float, alpha: float
) -> Certificate:
    successes = int(votes[label])
    radius = certified_radius(successes, n, sigma, alpha)
    predicted = None if radius is None else label
    lower = clopper_pearson_lower(successes, n, alpha)
    answer = _decided(votes, alpha)
    return Certificate(index, predicted, radius or 0.0, successes, n, lower, answer)


def predict(
    defense: Smoothing,
    images: Tensor,
    indices: Sequence[int],
    n: int = 1000,
    *,
    alpha: float = ALPHA,
    seed: int = 0,
    batch_size: int = USUAL_BATCH,
) -> list[int | None]:
    """PREDICT each image: the most frequent class of `n` draws, None where the second is too near.

    Args, Raises: as `certify`.
    """
    check_at_least("n", n)
    defense, images = asked_defense(defense, images, certified=True)
    counts = count_votes(
        defense, images, indices, 0, n, purpose=VOTING, seed=seed, batch_size=batch_size
    )
    return [_decided(votes, alpha) for votes in counts.cpu()]


def _decided(votes: Tensor, alpha: float) -> int | None:
    """Of (classes,) votes the class that has most, if that is beyond chance."""
    top = votes.topk(min(2, len(votes)))
    first, second = (*top.values.tolist(), 0)[:2]
    return int(top.indices[0]) if is_decided(first, second, alpha) else None
