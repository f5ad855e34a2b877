"""What a robustness run consists of: every combination on the first images before the next images.

So the first rows of the table are there early, with wide intervals, and tighten. A unit of work is
one combination on one block of images, over all ε.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from isoloss.compute.machine.process_group import Unit
from isoloss.settings import EvaluationSettings
from isoloss.settings.attack_kinds import (
    CERTIFICATE,
    CLEAN,
    attack_of,
    comparison_attack,
    transfer_from,
)
from isoloss.settings.robustness_fields import is_denoiser

FIRST = 32
"""Images in the first block after the saved examples, and at most in one of a certification."""
LARGEST, LARGEST_ON_CUDA = 256, 1024
"""Images in the largest block, which are to fill a batch."""
DRAWS_IN_A_BLOCK, DRAWS_ON_CUDA = 1000, 16_384
"""Draws of a certification: where one image takes as many or more, a block is one image, and a kill
loses no more than that."""
STUDIED = 32
"""Images on which convergence is studied."""
FACTORS = (0.25, 0.5, 1.0, 2.0)
"""Of the steps and of the draws that were asked for."""
MAIN, STUDY = 0, 1


@dataclass(frozen=True)
class Combination:
    """A network, a defense if `sigma` is given, an attack and the seed of all that is random."""

    network: int
    sigma: float | None
    attack: str
    seed: int

    @property
    def is_clean(self) -> bool:
        """Whether nobody attacks."""
        return self.attack == CLEAN

    @property
    def is_certificate(self) -> bool:
        """Whether accuracies are certified."""
        return self.attack == CERTIFICATE


@dataclass(frozen=True)
class Study:
    """A combination with more or fewer of what is varied, at one ε, on few images."""

    combination: Combination
    varied: str
    value: int


@dataclass(frozen=True)
class Plan:
    """All there is to do.

    Attributes:
        blocks: (first, last) places in the shared order of images. Where attacked images are saved
            the first block is theirs.
        epsilons: the radii of attacks, without 0.
        purified: {σ: what tables call the defense}, of networks behind a purification.
    """

    combinations: tuple[Combination, ...]
    blocks: tuple[tuple[int, int], ...]
    studies: tuple[Study, ...] = ()
    epsilons: tuple[float, ...] = ()
    purified: Mapping[float, str] = field(default_factory=dict[float, str])

    @classmethod
    def of(
        cls,
        settings: EvaluationSettings,
        samples: int,
        purified: Mapping[float, str] | None = None,
        *,
        on: str = "cpu",
    ) -> Plan:
        """The plan for so many images as there are, behind these purifications if there are any.

        Args:
            on: the kind of device that it is for, on which the sizes of blocks depend.
        """
        sigmas = tuple(purified or settings.sigma)
        combinations = tuple(
            Combination(network, sigma, attack, settings.seed + k)
            for k, network in product(range(settings.seeds), range(len(settings.sources)))
            for sigma, attack in _attacked(settings, network, sigmas)
        )
        if settings.kind == "certify":
            draws = DRAWS_ON_CUDA if on == "cuda" else DRAWS_IN_A_BLOCK
            size = min(max(draws // settings.draws, 1), FIRST)
            blocks = tuple(_blocks(samples, 0, size, size))
        else:
            saved = min(settings.keep, samples)
            largest = LARGEST_ON_CUDA if on == "cuda" else LARGEST
            blocks = tuple(_blocks(samples, saved, FIRST, largest))
        studies = tuple(_studies(settings, combinations))
        return cls(combinations, blocks, studies, settings.epsilons, purified or {})

    @property
    def units(self) -> list[Unit]:
        """(MAIN, combination, block), the first block of all combinations first."""
        return [
            (MAIN, c, b) for b in range(len(self.blocks)) for c in range(len(self.combinations))
        ]

    @property
    def attacks(self) -> tuple[str, ...]:
        """The names of all attacks, each once."""
        return tuple(dict.fromkeys(c.attack for c in self.combinations))

    def defense(self, combination: Combination, settings: EvaluationSettings) -> str:
        """What tables call the defense of a combination."""
        if combination.sigma is None:
            return "none"
        plainly = "denoised" if is_denoiser(settings.denoiser) else "noise"
        return self.purified.get(combination.sigma, plainly)

    def images(self, unit: Unit) -> int:
        """How many images a unit is about."""
        first, last = self.places(unit)
        return last - first

    def places(self, unit: Unit) -> tuple[int, int]:
        """(first, last) places of its images in the shared order."""
        return self.blocks[unit[2]] if unit[0] == MAIN else self.studied

    def combination(self, unit: Unit) -> Combination:
        """Whose unit it is."""
        if unit[0] == MAIN:
            return self.combinations[unit[1]]
        return self.studies[unit[1]].combination

    def radii(self, unit: Unit) -> tuple[float, ...]:
        """At which ε a unit's images are attacked; at 0 they are clean, which behind a defense is a
        combination of its own."""
        if unit[0] == STUDY:
            return (self.epsilons[unit[2]],)
        combination = self.combinations[unit[1]]
        if combination.is_certificate:
            return ()
        if combination.is_clean:
            return (0.0,)
        return self.epsilons if combination.sigma is not None else (0.0, *self.epsilons)

    def knows(self, unit: Unit) -> bool:
        """Whether it is a unit of this plan."""
        if len(unit) != 3 or unit[0] not in (MAIN, STUDY):
            return False
        which, details = (
            (self.combinations, self.blocks) if unit[0] == MAIN else (self.studies, self.epsilons)
        )
        return 0 <= unit[1] < len(which) and 0 <= unit[2] < len(details)

    @property
    def studied(self) -> tuple[int, int]:
        """The places of the images on which convergence is studied."""
        return 0, min(STUDIED, self.blocks[-1][1])


def _attacked(
    settings: EvaluationSettings, network: int, sigmas: Sequence[float]
) -> Iterator[tuple[float | None, str]]:
    """(σ, attack) of one network and seed."""
    names = [*_on(network, settings)]
    if settings.kind == "attack":
        yield from ((None, attack) for attack in names)
    elif settings.kind == "defend":
        yield None, _on_the_undefended(settings.attack_names)
        for sigma in sigmas:
            yield from ((sigma, attack) for attack in (CLEAN, *names))
    else:
        yield from ((sigma, CERTIFICATE) for sigma in sigmas)


def _on(network: int, settings: EvaluationSettings) -> Iterator[str]:
    """The attacks on one network; of those between networks one for each other network."""
    for name in settings.attack_names:
        if attack_of(name).takes_several:
            others = (n.label for k, n in enumerate(settings.networks) if k != network)
            yield from map(transfer_from, others)
        else:
            yield name


def _on_the_undefended(names: Sequence[str]) -> str:
    """The attack on the network without its defense, to compare with: the one for comparisons, but
    for a network that may have no gradients, since all attacks on the defense do without."""
    without = [name for name in names if "attack" in attack_of(name).offered]
    without.sort(key=lambda name: attack_of(name).is_baseline)
    if any(attack_of(name).needs_gradients for name in names) or not without:
        return comparison_attack()
    return without[0]


def _blocks(samples: int, saved: int, first: int, largest: int) -> Iterator[tuple[int, int]]:
    """Each twice as large as the one before."""
    if saved:
        yield 0, saved
    size = first
    while saved < samples:
        yield saved, min(saved + size, samples)
        saved, size = saved + size, min(2 * size, largest)


def _studies(settings: EvaluationSettings, combinations: Sequence[Combination]) -> Iterator[Study]:
    """Of each network and σ the strongest attack of those of which something can be varied."""
    if settings.kind == "certify":
        return
    chosen = [c for c in combinations if c.seed == settings.seed]

    def varied(name: str) -> dict[Combination, list[Study]]:
        """The studies of the strongest attacks."""
        if name not in settings.studied:
            return {}
        by_network: dict[tuple[int, float | None], Combination] = {}
        for combination in sorted(chosen, key=lambda c: attack_of(c.attack).rank):
            if name in attack_of(combination.attack).studied:
                by_network[combination.network, combination.sigma] = combination
        values = _multiples(int(getattr(settings, name)))
        return {c: [Study(c, name, v) for v in values] for c in by_network.values()}

    is_standard = settings.protocol == "standard"
    of_steps = varied("steps") if is_standard else {}
    of_draws = {c: s for c, s in varied("draws").items() if c.sigma is not None}
    for combination in dict.fromkeys((*of_steps, *of_draws)):
        yield from of_steps.get(combination, [])
        yield from of_draws.get(combination, [])
    for name in ("restarts", "queries") if is_standard else ("queries",):
        yield from (study for studies in varied(name).values() for study in studies)


def _multiples(value: int) -> list[int]:
    return sorted({max(round(value * factor), 1) for factor in FACTORS})
