"""How one unit of work of a robustness run is done: one combination on one block of images.

All that is random follows from the seed, the attack and the block, so that a unit comes out the
same whenever, and by whichever process, it is done.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.machine.ranks import Ranks, Unit
from isoloss.results.attacks import attack_of
from isoloss.robustness.attacks.ascent import Attacked
from isoloss.robustness.attacks.ball import ball_of
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.randomized_sweep import Judge, Judgement, randomized_sweep
from isoloss.robustness.attacks.rounding import Rounded, in_8_bits
from isoloss.robustness.attacks.sweep import misclassified, sweep
from isoloss.robustness.evaluation.arena import Arena, Contender
from isoloss.robustness.evaluation.ledger import Outcome
from isoloss.robustness.evaluation.plan import MAIN, Combination, Plan, Study
from isoloss.robustness.smoothing.certify import certify_together
from isoloss.robustness.smoothing.smoothing import Smoothing
from isoloss.robustness.smoothing.votes import count_votes, vote
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings, EvaluationSettings

FEWEST_VOTES = 10
"""From so many judging draws on, an image that none of them gets right is left alone at larger
radii. Of fewer, chance alone would pick the images that are."""


@dataclass(frozen=True)
class Trial:
    """What a unit has found, with the images, of which only examples are kept.

    Attributes:
        images: (E, N, C, H, W) as attacked at each ε; of certificates the clean ones.
    """

    outcome: Outcome
    images: Tensor


class Trials:
    """Does units of work."""

    def __init__(self, settings: EvaluationSettings, plan: Plan, arena: Arena) -> None:
        self._settings, self._plan, self._arena = settings, plan, arena
        self._ahead: dict[Unit, Trial] = {}

    def __call__(self, unit: Unit) -> bytes:
        """What the unit has found, as bytes."""
        return self.trial(unit).outcome.to_bytes()

    def trial(self, unit: Unit) -> Trial:
        """Do (MAIN, combination, block), or (STUDY, study, ε)."""
        kind, which, detail = unit
        with warnings.catch_warnings(), _repeatable():
            # The report says what a protocol cannot reach.
            warnings.filterwarnings("ignore", message="the steps, ")
            if kind == MAIN:
                first, last = self._plan.blocks[detail]
                combination = self._plan.combinations[which]
                bout = _Bout(self._arena, self._settings, combination, first, last)
                if self._settings.kind == "certify":
                    return self._certificates(unit, bout, self._settings)
                return bout.at(self._plan.radii(unit))
            study = self._plan.studies[which]
            assert self._settings.kind != "certify"
            varied = _varied(self._settings, study)
            bout = _Bout(self._arena, varied, study.combination, *self._plan.studied)
            return bout.at(self._plan.radii(unit))

    def _certificates(self, unit: Unit, bout: _Bout, settings: CertifySettings) -> Trial:
        """The unit's certificates; those of the other networks are found with them, since all see
        the same denoised draws, and wait until they are asked for."""
        if unit not in self._ahead:
            kind, which, block = unit
            own = self._plan.combinations[which]
            # Among several processes another one may be at work on the other networks.
            shared = self._arena.denoiser is not None and Ranks.current().world == 1
            units = {
                c.network: (kind, k, block)
                for k, c in enumerate(self._plan.combinations)
                if k == which or (shared and replace(c, network=own.network) == own)
            }
            found = bout.certificates(settings, list(units))
            self._ahead.update(zip(units.values(), found, strict=True))
        return self._ahead.pop(unit)


@contextmanager
def _repeatable() -> Generator[None]:
    """Convolutions on NVIDIA GPUs sum in the same order every time inside."""
    cudnn = torch.backends.cudnn
    with cudnn.flags(
        enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=cudnn.allow_tf32
    ):
        yield


def _varied(
    settings: AttackSettings | DefendSettings, study: Study
) -> AttackSettings | DefendSettings:
    """The settings with the number of steps or draws of a study, the size of a step with it."""
    change: dict[str, object] = {study.varied: study.value}
    if study.varied == "steps" and settings.step_size is not None:
        change["step_size"] = settings.step_size * settings.steps / study.value
    return settings.model_copy(update=change)


def attack_seed(combination: Combination, first: int) -> int:
    """Of all that is random in an attack on the images from `first` on.

    Five words, of which the last is not 0: to numpy's mixing, missing words are zeros, and with
    fewer than five an attack could begin where an image's judging draws do (`votes`).
    """
    words = [combination.seed, attack_of(combination.attack).seed_number, first, 0, 1]
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


class _Bout:
    """One combination on the images from `first` up to `last`."""

    def __init__(
        self,
        arena: Arena,
        settings: EvaluationSettings,
        combination: Combination,
        first: int,
        last: int,
    ) -> None:
        self._arena, self._settings, self._combination = arena, settings, combination
        self._x, self._y = arena.images[first:last], arena.labels[first:last]
        self._indices = arena.indices[first:last]
        self._generator = torch.Generator(arena.device).manual_seed(attack_seed(combination, first))
        self._contender: Contender = arena.contenders[combination.network]

    def at(self, epsilons: Sequence[float]) -> Trial:
        """At these radii."""
        if self._combination.sigma is None:
            return self._undefended(epsilons)
        return self._defended(epsilons, self._combination.sigma)

    def _undefended(self, epsilons: Sequence[float]) -> Trial:
        settings = self._settings
        assert settings.kind != "certify"
        fast, judge = self._contender.fast, self._contender.judge
        standard = settings.protocol == "standard"
        reached = list(
            sweep(
                self._surely(fast, judge), judge, self._x, self._y, epsilons,
                through_rounding=(
                    self._surely(Rounded(fast), Rounded(judge)) if standard else None
                ),
                carry=standard, norm=settings.norm,
                batch_size=self._arena.batch_sizes.counting,
            )
        )  # fmt: skip
        outcome = self._outcome(
            epsilons,
            right=[_bits(~r.fooled) for r in reached],
            right_in_8_bits=[_bits(~r.fooled_in_8_bits) for r in reached],
            without_gradient=[_bits(r.without_gradient) for r in reached],
            seconds=[round(r.seconds, 4) for r in reached],
        )
        return Trial(outcome, torch.stack([r.images for r in reached]))

    def _attack_on(self, model: nn.Module, draws: int = 1) -> Attack:
        """The combination's attack on a network, or on a defense of several draws."""
        assert self._settings.kind != "certify"
        sizes = self._arena.batch_sizes
        return attack_of(self._combination.attack).load()(
            AttackContext(
                model=model,
                undefended=self._contender.fast if isinstance(model, Smoothing) else model,
                generator=self._generator,
                settings=self._settings,
                classes=len(self._arena.classes),
                seed=self._combination.seed,
                draws=draws,
                batch_size=sizes.attacking,
                forward_batch_size=sizes.counting,
            )
        )

    def _surely(self, fast: nn.Module, judge: nn.Module) -> Attack:
        """The attack on the fast network; on the judge itself where the two do not agree that it
        has succeeded."""
        on_fast, on_judge = self._attack_on(fast), self._attack_on(judge)

        def surely(x: Tensor, y: Tensor, eps: float) -> Attacked:
            found = on_fast(x, y, eps)
            wrong = misclassified(judge, found.images, y, self._arena.batch_sizes.counting)
            disputed = (found.fooled & ~wrong).nonzero()[:, 0]
            if len(disputed) == 0:
                return found
            again = on_judge(x[disputed], y[disputed], eps)
            images, fooled = found.images.clone(), found.fooled.clone()
            images[disputed], fooled[disputed] = again.images, again.fooled
            return replace(found, images=images, fooled=fooled)

        return surely

    def _defended(self, epsilons: Sequence[float], sigma: float) -> Trial:
        settings, arena = self._settings, self._arena
        assert settings.kind == "defend"
        defense = arena.defense(self._combination.network, sigma)
        defense.generator = self._generator
        adversary = self._attack_on(defense, settings.draws)
        reached = list(
            randomized_sweep(
                adversary, self._judge(defense, settings), self._x, self._y, epsilons,
                carry=settings.protocol == "standard" and settings.votes >= FEWEST_VOTES,
            )
        )  # fmt: skip
        outcome = self._outcome(
            epsilons,
            right=[_bits(r.judgement.majority) for r in reached],
            right_in_8_bits=[_bits(r.judgement.in_8_bits) for r in reached],
            single=[_bits(r.judgement.single) for r in reached],
            worst=[_bits(r.judgement.always) for r in reached],
            votes=[r.judgement.votes.tolist() for r in reached],
            without_gradient=[_bits(r.without_gradient) for r in reached],
            seconds=[round(r.seconds, 4) for r in reached],
        )
        return Trial(outcome, torch.stack([r.images for r in reached]))

    def _judge(self, defense: Smoothing, settings: DefendSettings) -> Judge:
        seed, size = self._combination.seed, self._arena.batch_sizes.counting
        draws, norm = settings.votes, settings.norm

        def judge(images: Tensor, rows: Tensor, eps: float) -> Judgement:
            labels, names = self._y[rows], [self._indices[row] for row in rows.tolist()]
            found = vote(defense, images, labels, names, draws, seed=seed, batch_size=size)
            in_file = in_8_bits(images, self._x[rows], ball_of(norm, eps))
            rounded = count_votes(defense, in_file, names, 0, 1, seed=seed, batch_size=size)
            return Judgement(
                found.counts.gather(1, labels[:, None])[:, 0],
                found.majority,
                found.single,
                found.always,
                rounded.argmax(1) == labels,
            )

        return judge

    def certificates(self, settings: CertifySettings, networks: Sequence[int]) -> list[Trial]:
        """Those of several networks at once."""
        assert self._combination.sigma is not None
        defense = self._arena.defense_of(networks, self._combination.sigma)
        began = time.perf_counter()
        images = list(
            certify_together(
                defense, self._x, self._indices, settings.pilot, settings.draws,
                alpha=settings.alpha, seed=self._combination.seed,
                batch_size=self._arena.batch_sizes.counting,
            )
        )  # fmt: skip
        share = round((time.perf_counter() - began) / len(networks), 4)
        outcomes = (
            self._outcome(
                [],
                predicted=[-1 if c.predicted is None else c.predicted for c in found],
                radius=[c.radius for c in found],
                successes=[c.successes for c in found],
                answers=[-1 if c.answer is None else c.answer for c in found],
                seconds=[share],
            )
            for found in zip(*images, strict=True)
        )
        return [Trial(outcome, self._x[None]) for outcome in outcomes]

    def _outcome(self, epsilons: Sequence[float], **found: object) -> Outcome:
        nothing: dict[str, object] = {
            name: [] for name in Outcome.__dataclass_fields__ if name not in found
        }
        about = {
            "images": list(self._indices),
            "labels": self._y.tolist(),
            "eps": [float(e) for e in epsilons],
        }
        return Outcome(**{**nothing, **found, **about})  # type: ignore[arg-type]


def _bits(mask: Tensor) -> str:
    return "".join("1" if bit else "0" for bit in mask.tolist())
