"""One combination on one block of images: a unit's attack, or its certificates.

All that is random follows from the seed, the attack and the block.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import rounding
from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.ball import ball_of
from isoloss.robustness.ascent.rounding import Rounded, in_8_bits
from isoloss.robustness.attacks.context import Attack, AttackContext, Strayed
from isoloss.robustness.attacks.own import seeded
from isoloss.robustness.attacks.randomized_sweep import Correctness, CountCorrect, randomized_sweep
from isoloss.robustness.attacks.sweep import misclassified, sweep
from isoloss.robustness.evaluation.journal import Outcome
from isoloss.robustness.evaluation.plan import Combination
from isoloss.robustness.evaluation.setup import ModelUnderAttack, Setup
from isoloss.robustness.smoothing.certify import certify_together
from isoloss.robustness.smoothing.smoothing import Smoothing
from isoloss.robustness.smoothing.votes import count_votes, votes_on
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings, EvaluationSettings
from isoloss.settings.attack_kinds import attack_of
from isoloss.settings.robustness_fields import FEWEST_VOTES


@dataclass(frozen=True)
class UnitResult:
    """What a unit has found, with the images, of which only examples are saved.

    Attributes:
        images: (E, N, C, H, W) as attacked at each ε; of certificates the clean ones.
    """

    outcome: Outcome
    images: Tensor


def attack_seed(combination: Combination, first: int) -> int:
    """The seed of all that is random in an attack on the images from `first` on.

    Five words, of which the last is not 0: to numpy's mixing, missing words are zeros, and with
    fewer than five an attack could begin where the draws do that count an image's votes.
    """
    words = [combination.seed, attack_of(combination.attack).seed_number, first, 0, 1]
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


class CombinationOnBlock:
    """One combination on the images from `first` up to `last`."""

    def __init__(
        self,
        setup: Setup,
        settings: EvaluationSettings,
        combination: Combination,
        first: int,
        last: int,
    ) -> None:
        self._setup, self._settings, self._combination = setup, settings, combination
        self._x, self._y = setup.images[first:last], setup.labels[first:last]
        self._indices = setup.indices[first:last]
        self._generator = torch.Generator(setup.device).manual_seed(attack_seed(combination, first))
        self._model: ModelUnderAttack = setup.models[combination.network]
        made_on = attack_of(combination.attack).made_on
        self._maker = setup.model(made_on) if made_on else self._model
        self._strayed: dict[float, Strayed] = {}

    def at(self, epsilons: Sequence[float]) -> UnitResult:
        """Attack the block at these radii; returns what was found and the attacked images."""
        is_plain = self._combination.sigma is None and not self._model.is_random
        attacked = self._undefended if is_plain else self._defended
        if not (self._model.is_random or self._maker.is_random):
            return attacked(epsilons)
        # Another stream than the attack's own, of which it is not to know.
        with seeded(self._generator.initial_seed() ^ 1):
            return attacked(epsilons)

    def _undefended(self, epsilons: Sequence[float]) -> UnitResult:
        settings = self._settings
        assert settings.kind != "certify"
        fast, reference = self._model.fast, self._model.reference
        standard = settings.protocol == "standard"
        if self._maker is not self._model:
            attack, through_rounding = self._attack_on(reference), None
        else:
            attack = self._confirmed(fast, reference)
            through_rounding = self._confirmed(Rounded(fast), Rounded(reference))
        reached = list(
            sweep(
                attack, reference, self._x, self._y, epsilons,
                through_rounding=through_rounding if standard else None,
                carry=standard, norm=settings.norm,
                batch_size=self._setup.batch_sizes.counting,
            )
        )  # fmt: skip
        outcome = self._outcome(
            epsilons,
            right=[_bits(~r.success) for r in reached],
            right_in_8_bits=[_bits(~r.success_in_8_bits) for r in reached],
            without_gradient=[_bits(r.without_gradient) for r in reached],
            seconds=[round(r.seconds, 4) for r in reached],
            not_finite=_bits_of(r.spoilt for r in reached),
        )
        return UnitResult(outcome, torch.stack([r.images for r in reached]))

    def _attack_on(self, model: nn.Module, draws: int = 1) -> Attack:
        """The combination's attack on a network, or on a defense of several draws."""
        assert self._settings.kind != "certify"
        sizes = self._setup.batch_sizes
        elsewhere = isinstance(model, Smoothing) or self._maker is not self._model
        return attack_of(self._combination.attack).load()(
            AttackContext(
                model=model,
                undefended=self._maker.fast if elsewhere else model,
                generator=self._generator,
                settings=self._settings,
                classes=len(self._setup.classes),
                seed=self._combination.seed,
                draws=draws,
                attack=self._combination.attack,
                own=self._setup.own_attacks.get(self._combination.attack),
                strayed=self._strayed,
                batch_size=sizes.attacking,
                forward_batch_size=sizes.counting,
                own_loss=self._setup.subject.own_loss,
            )
        )

    def _confirmed(self, fast: nn.Module, reference: nn.Module) -> Attack:
        """The attack on the fast network; on the reference itself where the two do not agree that
        it has succeeded."""
        on_fast, on_reference = self._attack_on(fast), self._attack_on(reference)

        def confirmed(x: Tensor, y: Tensor, eps: float) -> Attacked:
            found = on_fast(x, y, eps)
            wrong = misclassified(reference, found.images, y, self._setup.batch_sizes.counting)
            disputed = (found.success & ~wrong).nonzero()[:, 0]
            if len(disputed) == 0:
                return found
            with rounding(x.device, "fp32"):
                again = on_reference(x[disputed], y[disputed], eps)
            images, success = found.images.clone(), found.success.clone()
            images[disputed], success[disputed] = again.images, again.success
            return replace(found, images=images, success=success)

        return confirmed

    def _defended(self, epsilons: Sequence[float]) -> UnitResult:
        settings, sigma = self._settings, self._combination.sigma
        assert settings.kind != "certify"
        defense = self._setup.defense(self._combination.network, sigma)
        # What a network draws itself comes from PyTorch's own.
        defense.generator = None if sigma is None else self._generator
        attack = self._attack_on(defense, settings.draws) if any(epsilons) else None
        reached = list(
            randomized_sweep(
                attack, self._count_correct(defense, settings), self._x, self._y, epsilons,
                carry=settings.protocol == "standard" and settings.votes >= FEWEST_VOTES,
            )
        )  # fmt: skip
        outcome = self._outcome(
            epsilons,
            right=[_bits(r.correctness.majority) for r in reached],
            right_in_8_bits=[_bits(r.correctness.in_8_bits) for r in reached],
            single=[_bits(r.correctness.single) for r in reached],
            worst=[_bits(r.correctness.always) for r in reached],
            votes=[r.correctness.votes.tolist() for r in reached],
            without_gradient=[_bits(r.without_gradient) for r in reached],
            seconds=[round(r.seconds, 4) for r in reached],
            not_finite=_bits_of(r.spoilt for r in reached),
        )
        return UnitResult(outcome, torch.stack([r.images for r in reached]))

    def _count_correct(
        self, defense: Smoothing, settings: AttackSettings | DefendSettings
    ) -> CountCorrect:
        seed, size = self._combination.seed, self._setup.batch_sizes.counting
        draws, norm = settings.votes, settings.norm

        def count(images: Tensor, rows: Tensor, eps: float) -> Correctness:
            labels, names = self._y[rows], [self._indices[row] for row in rows.tolist()]
            found = votes_on(defense, images, labels, names, draws, seed=seed, batch_size=size)
            in_file = in_8_bits(images, self._x[rows], ball_of(norm, eps))
            rounded = count_votes(defense, in_file, names, 0, 1, seed=seed, batch_size=size)
            return Correctness(
                found.counts.gather(1, labels[:, None])[:, 0],
                found.majority,
                found.single,
                found.always,
                rounded.argmax(1) == labels,
            )

        return count

    def certificates(self, settings: CertifySettings, networks: Sequence[int]) -> list[UnitResult]:
        """Certify the block for several networks at once; returns a result for each of them."""
        assert self._combination.sigma is not None
        defense = self._setup.defense_of(networks, self._combination.sigma)
        began = time.perf_counter()
        images = list(
            certify_together(
                defense, self._x, self._indices, settings.pilot, settings.draws,
                alpha=settings.alpha, seed=self._combination.seed,
                batch_size=self._setup.batch_sizes.counting,
            )
        )  # fmt: skip
        seconds = round((time.perf_counter() - began) / len(networks), 4)
        outcomes = (
            self._outcome(
                [],
                predicted=[-1 if c.predicted is None else c.predicted for c in found],
                radius=[c.radius for c in found],
                successes=[c.successes for c in found],
                answers=[-1 if c.answer is None else c.answer for c in found],
                seconds=[seconds],
            )
            for found in zip(*images, strict=True)
        )
        return [UnitResult(outcome, self._x[None]) for outcome in outcomes]

    def _outcome(self, epsilons: Sequence[float], **found: object) -> Outcome:
        nothing: dict[str, object] = {
            field.name: [] for field in fields(Outcome) if field.name not in found
        }
        strayed = [self._strayed.get(eps, Strayed()) for eps in epsilons if self._strayed]
        about = {
            "outside": [s.outside for s in strayed],
            "farthest": [s.farthest for s in strayed],
            "spoilt": [s.spoilt for s in strayed],
            "images": list(self._indices),
            "labels": self._y.tolist(),
            "eps": [float(e) for e in epsilons],
        }
        return Outcome(**{**nothing, **found, **about})  # type: ignore[arg-type]


def _bits(mask: Tensor) -> str:
    return "".join("1" if bit else "0" for bit in mask.tolist())


def _bits_of(masks: Iterable[Tensor | None]) -> list[str]:
    """Nothing, where no mask has anything in it."""
    known = list(masks)
    like = next((mask for mask in known if mask is not None), None)
    if like is None:
        return []
    return [_bits(torch.zeros_like(like) if mask is None else mask) for mask in known]
