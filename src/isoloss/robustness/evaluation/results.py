"""The results of a robustness run so far: all that its units have found, put together.

From this follow the table, the checks and the report; it depends on the journal alone, and not on
the order in which that was filled.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

import numpy as np

from isoloss.results.certificates import CertificateRow, average_radius
from isoloss.results.tables import EvaluationWarning, Row
from isoloss.results.worst_case import Bits, worst_case
from isoloss.robustness.attacks.context import Strayed
from isoloss.robustness.evaluation.journal import Journal, Outcome
from isoloss.robustness.evaluation.plan import MAIN, STUDY, Combination, Plan
from isoloss.robustness.smoothing.statistics import clopper_pearson_interval
from isoloss.settings import EvaluationSettings
from isoloss.settings.attack_kinds import CLEAN, WORST
from isoloss.settings.robustness_fields import is_denoiser


@dataclass(frozen=True)
class Results:
    """A run's settings, plan and outcomes.

    Attributes:
        names: of the networks.
        classes: of the data.
        findings: what was found of the networks beforehand.
        noise: σ of what images got in the networks' trainings, by their names, where it is known.
    """

    settings: EvaluationSettings
    plan: Plan
    names: tuple[str, ...]
    classes: int
    journal: Journal
    findings: tuple[EvaluationWarning, ...] = ()
    noise: Mapping[str, float] = field(default_factory=dict[str, float])

    @cached_property
    def _by_combination(self) -> dict[Combination, list[Outcome]]:
        """The outcomes of each combination, in the order of their images."""
        found: dict[Combination, list[Outcome]] = {}
        for unit in sorted(self.journal.outcomes):
            if unit[0] == MAIN:
                combination = self.plan.combinations[unit[1]]
                found.setdefault(combination, []).append(self.journal.outcomes[unit])
        return found

    def outcomes(self, combination: Combination) -> list[Outcome]:
        """What its units have found, in the order of their images."""
        return self._by_combination.get(combination, [])

    def bits(
        self,
        combination: Combination,
        eps: float,
        name: str = "right",
        among: Collection[int] | None = None,
    ) -> Bits:
        """(N,) by image, in order: of `Outcome`'s texts the one called `name` at one radius.

        At 0 those of a defense are the ones of its clean images.

        Args:
            among: only of blocks that begin with one of these images; by default of all.
        """
        if eps == 0:
            combination = _clean(combination)
        texts = [
            getattr(o, name)[o.eps.index(eps)]
            for o in self.outcomes(combination)
            if getattr(o, name) and (among is None or o.images[0] in among)
        ]
        return np.array([bit == "1" for text in texts for bit in text], bool)

    def worst_case(
        self, combinations: Sequence[Combination], name: str = "right"
    ) -> dict[float, Bits]:
        """`results.worst_case` of some attacks on the same network, of the images that all of them
        have seen; {} of none."""
        of = [*combinations, *map(_clean, combinations)]
        seen = set.intersection(*({o.images[0] for o in self.outcomes(c)} for c in of))
        if not seen:
            return {}
        # Nobody chooses, of several looks at the clean images, the one that suits them least.
        return worst_case(
            self.bits(combinations[0], 0.0, name, seen),
            [{e: self.bits(c, e, name, seen) for e in self.epsilons[1:]} for c in combinations],
        )

    def strayed(self, combination: Combination) -> dict[float, Strayed]:
        """{ε: what an attack of one's own gave that is not allowed}, where there was any."""
        found: dict[float, Strayed] = {}
        for o in self.outcomes(combination):
            for k, eps in enumerate(o.eps[: len(o.outside)]):
                if o.outside[k] or o.spoilt[k]:
                    known = found.get(eps, Strayed())
                    found[eps] = Strayed(
                        known.outside + o.outside[k],
                        max(known.farthest, o.farthest[k]),
                        known.spoilt + o.spoilt[k],
                    )
        return dict(sorted(found.items()))

    @property
    def unrecorded(self) -> dict[str, str]:
        """{network: why CUDA graphs do without it}."""
        return {
            self.names[self.plan.combination(unit).network]: reason
            for unit, outcome in sorted(self.journal.outcomes.items())
            for reason in outcome.unrecorded
        }

    def studied(self, which: int) -> tuple[float, Bits] | None:
        """(ε, (N,) right) of a study that is done."""
        for unit, outcome in sorted(self.journal.outcomes.items()):
            if unit[:2] == (STUDY, which):
                return outcome.eps[0], np.array([bit == "1" for bit in outcome.right[0]], bool)
        return None

    @property
    def curves(self) -> list[Combination]:
        """All combinations that are attacks or certificates, in order."""
        return [c for c in self.plan.combinations if not c.is_clean]

    @cached_property
    def rows(self) -> list[Row]:
        """The table: after the attacks on one network and defense the worst case of all."""
        found: list[Row] = []
        for beside, curves in groupby(self.curves, lambda c: replace(c, attack=WORST)):
            combinations = [*curves]
            for combination in combinations:
                if combination.is_certificate:
                    found += self._certified(combination)
                else:
                    found += self._attacked(combination)
            if not any(c.is_certificate for c in combinations):
                found += self._under_all(beside, combinations)
        return found

    def _under_all(self, beside: Combination, combinations: Sequence[Combination]) -> Iterator[Row]:
        in_8_bits = self.worst_case(combinations, "right_in_8_bits")
        drawn = _DRAWN if self._is_drawn(combinations[0]) else ()
        by_draws = {name: self.worst_case(combinations, name) for name in drawn}
        for eps, right in self.worst_case(combinations).items():
            extra: dict[str, object] = {"correct_in_8_bits": int(in_8_bits[eps].sum())}
            if drawn:
                extra["votes"] = self._votes
                for name in drawn:
                    extra |= _interval(name, by_draws[name][eps])
            yield self._row(beside, eps, right, extra)

    def _is_drawn(self, combination: Combination) -> bool:
        """Whether what is attacked draws noise."""
        drawn = any(o.votes for o in self.outcomes(combination))
        return self.settings.kind != "certify" and (combination.sigma is not None or drawn)

    @property
    def _votes(self) -> int:
        assert self.settings.kind != "certify"
        return self.settings.votes

    def _attacked(self, combination: Combination) -> Iterator[Row]:
        epsilons = self.epsilons
        done = self.outcomes(combination)
        for eps in epsilons:
            right = self.bits(combination, eps)
            if len(right) == 0:
                continue
            own = [o for o in done if eps in o.eps]
            extra: dict[str, object] = {
                "correct_in_8_bits": int(self.bits(combination, eps, "right_in_8_bits").sum()),
                "without_gradient": int(self.bits(combination, eps, "without_gradient").sum()),
                "seconds": _seconds([o.seconds[o.eps.index(eps)] for o in own]),
            }
            if self._is_drawn(combination):
                extra["votes"] = self._votes
                for name in _DRAWN:
                    extra |= _interval(name, self.bits(combination, eps, name))
            yield self._row(combination, eps, right, extra)

    def _certified(self, combination: Combination) -> Iterator[Row]:
        done = self.outcomes(combination)
        if not done:
            return
        radius = np.array([r for o in done for r in o.radius])
        predicted = np.array([p for o in done for p in o.predicted])
        labels = np.array([label for o in done for label in o.labels])
        assert self.settings.kind == "certify"
        average, error = average_radius(np.where(predicted == labels, radius, 0.0).tolist())
        for least in self.settings.radii:
            right = (predicted == labels) & (radius >= least)
            extra: dict[str, object] = {
                "votes": self.settings.draws,
                "abstained": int((predicted < 0).sum()),
                "seconds": _seconds([s for o in done for s in o.seconds]) if least == 0 else 0.0,
            }
            if least == 0:
                extra |= {"average_radius": average, "average_radius_error": error}
            yield self._row(combination, least, right, extra)

    @property
    def certificates(self) -> list[CertificateRow]:
        """Of a certification, image by image."""
        return [
            CertificateRow(
                self.names[combination.network], combination.sigma or 0.0, combination.seed,
                image, label, predicted, radius, answer,
            )
            for combination in self.curves
            if combination.is_certificate
            for o in self.outcomes(combination)
            for image, label, predicted, radius, answer in zip(
                o.images, o.labels, o.predicted, o.radius, o.answers, strict=True
            )
        ]  # fmt: skip

    def _row(
        self, combination: Combination, eps: float, right: Bits, extra: dict[str, object]
    ) -> Row:
        sigma = math.nan if combination.sigma is None else combination.sigma
        known: dict[str, object] = {
            "network": self.names[combination.network],
            "defense": self.plan.defense(combination, self.settings),
            "sigma": sigma,
            "attack": combination.attack,
            "norm": self.settings.norm,
            "eps": eps,
            "seed": combination.seed,
            "samples": len(right),
            **_interval("", right),
            **extra,
        }
        return Row(**known)  # type: ignore[arg-type]

    @property
    def is_denoised(self) -> bool:
        """Whether there is a denoiser behind the noise."""
        return is_denoiser(self.settings.denoiser)

    def trained_with(self, network: int) -> str:
        """With what noise a network behind noise alone was trained, in words; "" where nothing says
        it, or there is no such noise."""
        known = self.noise.get(self.names[network])
        if self.is_denoised or known is None:
            return ""
        return f"trained with σ = {known:g}" if known > 0 else "trained without noise"

    @property
    def epsilons(self) -> tuple[float, ...]:
        """All radii of attacks, 0 first."""
        return (0.0, *self.settings.epsilons)

    def row(self, combination: Combination, eps: float) -> Row | None:
        """The row of a combination at a radius; None while nothing is known."""
        name, sigma = self.names[combination.network], combination.sigma
        for row in self.rows:
            same = (row.network, row.attack, row.seed, row.eps) == (
                name, combination.attack, combination.seed, eps,
            )  # fmt: skip
            if same and (math.isnan(row.sigma) if sigma is None else row.sigma == sigma):
                return row
        return None


_DRAWN = ("single", "worst")
"""Of a defense's draws, whose answers are counted beside the majority's."""


def _clean(combination: Combination) -> Combination:
    """Whose clean images they are: behind a defense those of a combination of their own."""
    return combination if combination.sigma is None else replace(combination, attack=CLEAN)


def _interval(name: str, right: Bits) -> dict[str, object]:
    """Count, fraction and interval, as the fields of a row are called."""
    k, n = int(right.sum()), len(right)
    low, high = clopper_pearson_interval(k, n)
    prefix = f"{name}_" if name else ""
    values = {"correct": k, "accuracy": k / n, "low": low, "high": high}
    return {f"{prefix}{what}": value for what, value in values.items()}


def _seconds(each: list[float]) -> float:
    return round(sum(each), 3)
