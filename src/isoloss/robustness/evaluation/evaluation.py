"""Carry an attack, a defense or a certification on: from networks and images to a report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from isoloss.compute.machine.process_group import Unit
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.results.attacks import attack_of
from isoloss.results.certificates import CERTIFICATES, write_certificates
from isoloss.results.tables import write_table
from isoloss.robustness.evaluation.journal import Journal
from isoloss.robustness.evaluation.plan import MAIN, STUDY, Plan
from isoloss.robustness.evaluation.report import report_of, short, write
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.evaluation.setup import Setup, check_gradients
from isoloss.robustness.evaluation.setup import prepare as prepare_setup
from isoloss.robustness.evaluation.trials import Trials
from isoloss.robustness.evaluation.write_examples import Examples
from isoloss.run import Run
from isoloss.settings import EvaluationSettings

TABLE_EVERY = 1.0
"""Seconds between two versions of the table, at least."""


@dataclass(frozen=True)
class Evaluation:
    """A robustness run with all it needs at hand."""

    settings: EvaluationSettings
    setup: Setup
    plan: Plan

    @classmethod
    def prepare(cls, settings: EvaluationSettings) -> Evaluation:
        """Load networks, images and denoiser; refuses what does not fit before anything is
        written."""
        setup = prepare_setup(settings)
        plan = Plan.of(settings, len(setup.images))
        kinds = [attack_of(name) for name in plan.attacks]
        for kind in kinds:
            kind.refuse_impossible(len(setup.classes))
        if any(kind.needs_gradients for kind in kinds):
            check_gradients(setup)
        return cls(settings, setup, plan)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.setup.device

    def carry_on(self, run: Run) -> Iterator[Event]:
        """Do the units that are missing, keep the table up to date, write the report."""
        run.check_unchanged(**self.setup.depends_on)
        journal = Journal(run.outcomes_path, self.plan, self.setup.indices)
        process_group().broadcast("ready")
        n, combinations = len(self.setup.images), len(self.plan.combinations)
        yield Log(f"{n} images of {self.setup.data}, {combinations} combinations")
        done = sum(self.plan.images(unit) for unit in journal.outcomes)
        total = sum(self.plan.images(unit) for unit in self.plan.units)
        total += len(self.plan.studies) * (self.plan.studied[1] - self.plan.studied[0])
        pace = ProgressRate(self.settings.kind, total, "images", done)
        yield from self._keep_examples(run, journal, pace)
        yield from self._deal(run, journal, pace, self.plan.units)
        yield from self._deal(run, journal, pace, self._studies(journal))
        if process_group().ranks.world > 1:
            yield Log(process_group().units_done)
        process_group().release()
        results = self._results(journal)
        write_table(run.table_path, results.rows)
        if results.certificates:
            write_certificates(run.folder / CERTIFICATES, results.certificates)
        shape = tuple(self.setup.images.shape[1:])
        report = report_of(results, shape, {
            "data": self.setup.data,
            "classes": len(self.setup.classes),
            "samples": n,
            "precision": self.setup.precision,
            "device": str(self.setup.device),
        })  # fmt: skip
        for line in short(results):
            yield Log(line)
        for warning in report.warnings:
            yield Log(f"warning: {warning.message} [{warning.id}]")
        yield Log(report.summary)
        write(run, results, report)

    def serve(self, run: Run) -> None:
        """Help the process that carries the run on, from another one."""
        process_group().broadcast("ready")
        if run.environment["depends_on"] != self.setup.depends_on:
            raise IsolossError(
                "the networks, the denoiser or the data here are not those rank 0 has in "
                f"{run.folder}"
            )
        process_group().serve(Trials(self.settings, self.plan, self.setup))

    def _keep_examples(self, run: Run, journal: Journal, pace: ProgressRate) -> Iterator[Event]:
        """The first block, of whose images more is kept than what others send to rank 0."""
        if self.settings.keep == 0:
            return
        trials = Trials(self.settings, self.plan, self.setup)
        examples = Examples(run.examples, self.settings, self.plan, self.setup)
        if self.settings.kind == "certify":
            examples.keep_clean()
            return
        for which in range(len(self.plan.combinations)):
            unit = (MAIN, which, 0)
            if unit in journal.outcomes and examples.has(which):
                continue
            trial = trials.trial(unit)
            examples.keep(which, trial)
            yield from self._record(run, journal, pace, unit, trial.outcome.to_bytes())
            write_table(run.table_path, self._results(journal).rows)

    def _deal(
        self, run: Run, journal: Journal, pace: ProgressRate, units: Sequence[Unit]
    ) -> Iterator[Event]:
        missing = [unit for unit in units if unit not in journal.outcomes]
        trials = Trials(self.settings, self.plan, self.setup)
        written = time.monotonic()
        for unit, result in process_group().map(missing, trials):
            yield from self._record(run, journal, pace, unit, result)
            if time.monotonic() - written > TABLE_EVERY:
                write_table(run.table_path, self._results(journal).rows)
                written = time.monotonic()

    def _record(
        self, run: Run, journal: Journal, pace: ProgressRate, unit: Unit, result: bytes
    ) -> Iterator[Event]:
        journal.append(unit, result)
        done = sum(self.plan.images(known) for known in journal.outcomes)
        if (event := pace.at(done)) is not None:
            yield event

    def _studies(self, journal: Journal) -> list[Unit]:
        """Convergence is studied where about half of the images resist."""
        results = self._results(journal)
        known = {unit[1] for unit in journal.outcomes if unit[0] == STUDY}
        units: list[Unit] = []
        for k, study in enumerate(self.plan.studies):
            if k in known:
                continue
            clean = results.bits(study.combination, 0.0).mean()
            distance = [
                abs(results.bits(study.combination, eps).mean() - clean / 2)
                for eps in results.epsilons[1:]
            ]
            if distance:
                units.append((STUDY, k, distance.index(min(distance))))
        return units

    def _results(self, journal: Journal) -> Results:
        names = tuple(model.name for model in self.setup.models)
        return Results(self.settings, self.plan, names, len(self.setup.classes), journal)
