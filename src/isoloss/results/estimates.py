"""Numbers that were estimated from some of the samples and of the directions that there are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Estimate:
    """A number that was estimated.

    Attributes:
        value: unbiased, as far as it is known how.
        over_samples: the standard error because not all samples of the population were seen.
        over_probes: that because not all directions were.
        half_width: of the interval of 95 %, from both.
        least: that such a number can be, at which its interval ends.
    """

    value: float
    over_samples: float
    over_probes: float
    half_width: float
    least: float = -math.inf

    @property
    def interval(self) -> tuple[float, float]:
        """Its ends."""
        return max(self.value - self.half_width, self.least), self.value + self.half_width

    def not_below(self, least: float) -> Estimate:
        """What is left of it for a number that cannot be less: as likely to hold it as before."""
        if not self.value < least:
            return replace(self, least=least)
        half = max(self.value + self.half_width - least, 0.0)
        return replace(self, value=least, half_width=half, least=least)
