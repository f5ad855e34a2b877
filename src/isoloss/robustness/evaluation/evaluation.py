"""Carry an attack, a defense or a certification on: from networks and images to a report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from isoloss.compute.machine.pace import Pace
from isoloss.compute.machine.ranks import Unit, team
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.results.attacks import attack_of
from isoloss.results.certificates import CERTIFICATES, write_certificates
from isoloss.results.tables import write_table
from isoloss.robustness.evaluation.arena import Arena, check_gradients
from isoloss.robustness.evaluation.arena import prepare as prepare_arena
from isoloss.robustness.evaluation.examples import Examples
from isoloss.robustness.evaluation.ledger import Ledger
from isoloss.robustness.evaluation.plan import MAIN, STUDY, Plan
from isoloss.robustness.evaluation.report import report_of, short, write
from isoloss.robustness.evaluation.standing import Standing
from isoloss.robustness.evaluation.trials import Trials
from isoloss.run import Run
from isoloss.settings import EvaluationSettings

TABLE_EVERY = 1.0
"""Seconds between two versions of the table, at least."""


@dataclass(frozen=True)
class Evaluation:
    """A robustness run with all it needs at hand."""

    settings: EvaluationSettings
    arena: Arena
    plan: Plan

    @classmethod
    def prepare(cls, settings: EvaluationSettings) -> Evaluation:
        """Load networks, images and denoiser; refuses what does not fit before anything is
        written."""
        arena = prepare_arena(settings)
        plan = Plan.of(settings, len(arena.images))
        kinds = [attack_of(name) for name in plan.attacks]
        for kind in kinds:
            kind.refuse_impossible(len(arena.classes))
        if any(kind.needs_gradients for kind in kinds):
            check_gradients(arena)
        return cls(settings, arena, plan)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.arena.device

    def carry_on(self, run: Run) -> Iterator[Event]:
        """Do the units that are missing, keep the table up to date, write the report."""
        run.check_unchanged(**self.arena.depends_on)
        ledger = Ledger(run.outcomes_path, self.plan, self.arena.indices)
        team().share("ready")
        n, combinations = len(self.arena.images), len(self.plan.combinations)
        yield Log(f"{n} images of {self.arena.data}, {combinations} combinations")
        done = sum(self.plan.images(unit) for unit in ledger.outcomes)
        total = sum(self.plan.images(unit) for unit in self.plan.units)
        total += len(self.plan.studies) * (self.plan.studied[1] - self.plan.studied[0])
        pace = Pace(self.settings.kind, total, "images", done)
        yield from self._keep_examples(run, ledger, pace)
        yield from self._deal(run, ledger, pace, self.plan.units)
        yield from self._deal(run, ledger, pace, self._studies(ledger))
        if team().ranks.world > 1:
            yield Log(team().tally)
        team().dismiss()
        standing = self._standing(ledger)
        write_table(run.table_path, standing.rows)
        if standing.certificates:
            write_certificates(run.folder / CERTIFICATES, standing.certificates)
        shape = tuple(self.arena.images.shape[1:])
        report = report_of(standing, shape, {
            "data": self.arena.data,
            "classes": len(self.arena.classes),
            "samples": n,
            "precision": self.arena.precision,
            "device": str(self.arena.device),
        })  # fmt: skip
        for line in short(standing):
            yield Log(line)
        for doubt in report.doubts:
            yield Log(f"warning: {doubt.message} [{doubt.id}]")
        yield Log(report.verdict)
        write(run, standing, report)

    def serve(self, run: Run) -> None:
        """Help the process that carries the run on, from another one."""
        team().share("ready")
        if run.environment["depends_on"] != self.arena.depends_on:
            raise IsolossError(
                "the networks, the denoiser or the data here are not those rank 0 has in "
                f"{run.folder}"
            )
        team().serve(Trials(self.settings, self.plan, self.arena))

    def _keep_examples(self, run: Run, ledger: Ledger, pace: Pace) -> Iterator[Event]:
        """The first block, of whose images more is kept than what others send to rank 0."""
        if self.settings.keep == 0:
            return
        trials = Trials(self.settings, self.plan, self.arena)
        examples = Examples(run.examples, self.settings, self.plan, self.arena)
        if self.settings.kind == "certify":
            examples.keep_clean()
            return
        for which in range(len(self.plan.combinations)):
            unit = (MAIN, which, 0)
            if unit in ledger.outcomes and examples.has(which):
                continue
            trial = trials.trial(unit)
            examples.keep(which, trial)
            yield from self._record(run, ledger, pace, unit, trial.outcome.to_bytes())
            write_table(run.table_path, self._standing(ledger).rows)

    def _deal(self, run: Run, ledger: Ledger, pace: Pace, units: Sequence[Unit]) -> Iterator[Event]:
        missing = [unit for unit in units if unit not in ledger.outcomes]
        trials = Trials(self.settings, self.plan, self.arena)
        written = time.monotonic()
        for unit, result in team().deal(missing, trials):
            yield from self._record(run, ledger, pace, unit, result)
            if time.monotonic() - written > TABLE_EVERY:
                write_table(run.table_path, self._standing(ledger).rows)
                written = time.monotonic()

    def _record(
        self, run: Run, ledger: Ledger, pace: Pace, unit: Unit, result: bytes
    ) -> Iterator[Event]:
        ledger.append(unit, result)
        done = sum(self.plan.images(known) for known in ledger.outcomes)
        if (event := pace.at(done)) is not None:
            yield event

    def _studies(self, ledger: Ledger) -> list[Unit]:
        """Convergence is studied where about half of the images resist."""
        standing = self._standing(ledger)
        known = {unit[1] for unit in ledger.outcomes if unit[0] == STUDY}
        units: list[Unit] = []
        for k, study in enumerate(self.plan.studies):
            if k in known:
                continue
            clean = standing.bits(study.combination, 0.0).mean()
            distance = [
                abs(standing.bits(study.combination, eps).mean() - clean / 2)
                for eps in standing.epsilons[1:]
            ]
            if distance:
                units.append((STUDY, k, distance.index(min(distance))))
        return units

    def _standing(self, ledger: Ledger) -> Standing:
        names = tuple(contender.name for contender in self.arena.contenders)
        return Standing(self.settings, self.plan, names, len(self.arena.classes), ledger)
