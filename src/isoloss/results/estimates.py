"""Numbers that were estimated from some of the samples and of the directions that there are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number that was estimated.

    Attributes:
        value: unbiased, as far as it is known how.
        over_samples: the standard error because not all samples of the population were seen.
        over_probes: that because not all directions were.
        half_width: of the interval of 95 %, from both.
    """

    value: float
    over_samples: float
    over_probes: float
    half_width: float

    @property
    def interval(self) -> tuple[float, float]:
        """Its ends."""
        return self.value - self.half_width, self.value + self.half_width
