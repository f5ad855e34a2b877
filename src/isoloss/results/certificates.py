"""Certificates image by image, as a file: `certificates.csv` of a certification.

Plain reading and writing, for figures and for whoever wants other radii than the table's; the
columns are the fields of `CertificateRow`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import NormalDist

import numpy as np

from isoloss.errors import IsolossError
from isoloss.files import check_readable, write_csv
from isoloss.geometry.arrays import Array
from isoloss.shortening import cited

Steps = tuple[Array, Array]
"""(radius, fraction): from each radius to the next, the fraction of images certified there."""


@dataclass(frozen=True)
class CertificateRow:
    """What is certain of one image.

    Attributes:
        sigma: the noise's standard deviation on the [0, 1] scale.
        image: its place in the data.
        label: its true class.
        predicted: the certified class; −1 where nothing is certain.
        radius: L2, on the [0, 1] scale; 0 where nothing is certain.
        answer: what PREDICT says, with no radius, from the same draws; −1 where it abstains.
    """

    network: str
    sigma: float
    seed: int
    image: int
    label: int
    predicted: int
    radius: float
    answer: int

    @property
    def is_right(self) -> bool:
        """Whether it is the true class that is certified."""
        return self.predicted == self.label


def write_certificates(path: Path, certificates: list[CertificateRow]) -> Path:
    """Write them as CSV with a header, in one step."""
    header = (f.name for f in fields(CertificateRow))
    return write_csv(path, header, (asdict(c).values() for c in certificates))


def read_certificates(path: Path) -> list[CertificateRow]:
    """The certificates of a `certificates.csv`.

    Raises:
        IsolossError: if it cannot be read or holds something else.
    """
    check_readable(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = [_certificate(line) for line in csv.DictReader(file)]
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise IsolossError(f"{path} holds no certificates: {cited(error)}") from error
    if not all(math.isfinite(c.radius) and c.radius >= 0 for c in found):
        raise IsolossError(f"{path} holds a radius that is none")
    return found


def farthest_radius(sigma: float, draws: int, alpha: float) -> float:
    """The radius that is certified where all draws are of one class: σ Φ⁻¹(α^(1/n)); 0 where even
    then nothing is certain."""
    # What is missing from 1, which may be too little for 1 to show it.
    missing = -math.expm1(math.log(alpha) / draws) if draws > 0 else 1.0
    return -sigma * NormalDist().inv_cdf(missing) if 0 < missing < 0.5 else 0.0


def average_radius(certified: Sequence[float]) -> tuple[float, float]:
    """The average certified radius and its standard error, NaN of a single image, 0 where all are
    alike.

    Zhai et al. 2020, "MACER", https://arxiv.org/abs/2001.02378.

    Args:
        certified: (N,) of every image the radius in which its true class is certified; 0 where
            another one is, or none.
    """
    radii = np.asarray(certified, np.float64)
    if len(radii) < 2:
        return float(radii.mean()), math.nan
    spread = radii.std(ddof=1) if np.ptp(radii) > 0 else 0.0  # which the mean's rounding hides
    return float(radii.mean()), float(spread) / math.sqrt(len(radii))


def steps_of(certificates: Sequence[CertificateRow]) -> Steps:
    """The fraction of images whose true class is certified, at every radius at which it falls.

    Returns:
        (R + 1,) radii, 0 and those of the R images that are certified rightly, ascending; and
        (R + 1,) fractions, the last of them 0.
    """
    radii = np.sort([c.radius for c in certificates if c.is_right])
    fractions = np.arange(len(radii), -1, -1) / len(certificates)
    return np.concatenate([[0.0], radii]), fractions


def mean_steps(each: Sequence[Steps]) -> Steps:
    """The mean of the fractions of several seeds, at every radius at which one of them falls."""
    radii = np.concatenate([r[1:] for r, _ in each])
    falls = np.concatenate([-np.diff(fractions) for _, fractions in each])
    order = np.argsort(radii, kind="stable")
    first = sum(fractions[0] for _, fractions in each)
    fractions = (first - np.concatenate([[0.0], np.cumsum(falls[order])])) / len(each)
    return np.concatenate([[0.0], radii[order]]), np.maximum(fractions, 0)


def _certificate(line: dict[str, str]) -> CertificateRow:
    seed, image, label, predicted, answer = (
        int(line[name]) for name in ("seed", "image", "label", "predicted", "answer")
    )
    return CertificateRow(
        line["network"], float(line["sigma"]), seed, image, label, predicted, float(line["radius"]),
        answer,
    )  # fmt: skip
