"""Certificates image by image, as a file: `certificates.csv` of a certification.

Plain reading and writing, for figures and for whoever wants other radii than the table's; the
columns are the fields of `Certificate`.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import write_atomic

CERTIFICATES = "certificates.csv"


@dataclass(frozen=True)
class Certificate:
    """What is certain of one image.

    Attributes:
        sigma: the noise's standard deviation on the [0, 1] scale.
        image: its place in the data.
        label: its true class.
        predicted: the certified class; −1 where nothing is certain.
        radius: L2, on the [0, 1] scale; 0 where nothing is certain.
    """

    network: str
    sigma: float
    seed: int
    image: int
    label: int
    predicted: int
    radius: float

    @property
    def is_right(self) -> bool:
        """Whether it is the true class that is certified."""
        return self.predicted == self.label


def write_certificates(path: Path, certificates: list[Certificate]) -> Path:
    """Write them as CSV with a header, in one step."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(f.name for f in fields(Certificate))
    writer.writerows(asdict(c).values() for c in certificates)
    return write_atomic(path, lambda p: p.write_text(text.getvalue(), encoding="utf-8"))


def read_certificates(path: Path) -> list[Certificate]:
    """The certificates of a `certificates.csv`.

    Raises:
        IsolossError: if it cannot be read or holds something else.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = [_certificate(line) for line in csv.DictReader(file)]
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise IsolossError(f"{path} holds no certificates: {error}") from error
    if not all(math.isfinite(c.radius) and c.radius >= 0 for c in found):
        raise IsolossError(f"{path} holds a radius that is none")
    return found


def _certificate(line: dict[str, str]) -> Certificate:
    seed, image, label, predicted = (
        int(line[name]) for name in ("seed", "image", "label", "predicted")
    )
    return Certificate(
        line["network"], float(line["sigma"]), seed, image, label, predicted, float(line["radius"])
    )
