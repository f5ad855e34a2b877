"""How units of work are done: what a unit is of, and with which settings.

A unit comes out the same whenever, and by whichever process, it is done.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from isoloss.compute.machine.device import rounding
from isoloss.compute.machine.process_group import Ranks, Unit
from isoloss.robustness.ascent.recorded import Unrecorded
from isoloss.robustness.evaluation.combination_on_block import CombinationOnBlock, UnitResult
from isoloss.robustness.evaluation.plan import MAIN, Plan, Study
from isoloss.robustness.evaluation.setup import Setup
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings, EvaluationSettings


class UnitWork:
    """Does units of work."""

    def __init__(self, settings: EvaluationSettings, plan: Plan, setup: Setup) -> None:
        self._settings, self._plan, self._setup = settings, plan, setup
        self._ahead: dict[Unit, UnitResult] = {}

    def __call__(self, unit: Unit) -> bytes:
        """What the unit has found, as bytes."""
        return self.result(unit).outcome.to_bytes()

    def result(self, unit: Unit) -> UnitResult:
        """Do (MAIN, combination, block), or (STUDY, study, ε); from the beginning, with half as
        many images together, where memory does not suffice."""
        while True:
            try:
                with reasons_unrecorded() as reasons:
                    found = self._result(unit)
                return replace(found, outcome=replace(found.outcome, unrecorded=sorted(reasons)))
            except Exception as error:  # an attack of one's own may have wrapped it
                self._setup.batch_sizes.halve(error, self._setup.device)

    def _result(self, unit: Unit) -> UnitResult:
        kind, which, detail = unit
        same = repeatable(self._setup.device, self._setup.precision)
        with warnings.catch_warnings(), same:
            # The report says what a protocol cannot reach.
            warnings.filterwarnings("ignore", message="the steps, ")
            if kind == MAIN:
                first, last = self._plan.blocks[detail]
                combination = self._plan.combinations[which]
                block = CombinationOnBlock(self._setup, self._settings, combination, first, last)
                if self._settings.kind == "certify":
                    return self._certificates(unit, block, self._settings)
                return block.at(self._plan.radii(unit))
            study = self._plan.studies[which]
            assert self._settings.kind != "certify"
            varied = _varied(self._settings, study)
            block = CombinationOnBlock(self._setup, varied, study.combination, *self._plan.studied)
            return block.at(self._plan.radii(unit))

    def _certificates(
        self, unit: Unit, block: CombinationOnBlock, settings: CertifySettings
    ) -> UnitResult:
        """The unit's certificates; those of the other networks are found with them, since all see
        the same denoised draws, and wait until they are asked for."""
        if unit not in self._ahead:
            kind, which, place = unit
            own = self._plan.combinations[which]
            # Among several processes another one may be at work on the other networks.
            shared = self._setup.denoiser is not None and Ranks.current().world == 1
            units = {
                c.network: (kind, k, place)
                for k, c in enumerate(self._plan.combinations)
                if k == which or (shared and replace(c, network=own.network) == own)
            }
            found = block.certificates(settings, list(units))
            self._ahead.update(zip(units.values(), found, strict=True))
        return self._ahead.pop(unit)


@contextmanager
def reasons_unrecorded() -> Generator[set[str]]:
    """Why attacks inside are not recorded: what is kept is not shown."""
    reasons: set[str] = set()
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Any, *about: Any) -> None:
            if isinstance(message, Unrecorded):
                reasons.add(message.reason)
            else:
                others(message, *about)

        warnings.simplefilter("always", Unrecorded)
        warnings.showwarning = show
        yield reasons


@contextmanager
def repeatable(device: torch.device, precision: str) -> Generator[None]:
    """Convolutions on NVIDIA GPUs sum in the same order every time inside, and gradients are in the
    precision that was asked for, as what they are of."""
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        with rounding(device, precision):
            yield
    finally:
        cudnn.benchmark, cudnn.deterministic = before


def _varied(
    settings: AttackSettings | DefendSettings, study: Study
) -> AttackSettings | DefendSettings:
    """The settings with the number of steps or draws of a study, the size of a step with it."""
    change: dict[str, object] = {study.varied: study.value}
    if study.varied == "steps" and settings.step_size is not None:
        change["step_size"] = settings.step_size * settings.steps / study.value
    return settings.model_copy(update=change)
