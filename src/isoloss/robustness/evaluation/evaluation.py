"""An attack, a defense or a certification as a run: from networks and images to a report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from isoloss.compute.machine.process_group import Unit
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Event, Log
from isoloss.results.certificates import write_certificates
from isoloss.results.tables import write_table
from isoloss.robustness.evaluation.clean_accuracy import doubts_of_clean_accuracy
from isoloss.robustness.evaluation.feasibility import check_aim, check_attacks, check_loss
from isoloss.robustness.evaluation.journal import Journal
from isoloss.robustness.evaluation.plan import MAIN, STUDY, Plan
from isoloss.robustness.evaluation.report import report_of, short, write
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.evaluation.rounding_of_votes import votes_apart
from isoloss.robustness.evaluation.same_device import check_same_device
from isoloss.robustness.evaluation.setup import Setup, Subject, load_subject, ready
from isoloss.robustness.evaluation.unit_work import UnitWork
from isoloss.robustness.evaluation.write_examples import ExampleWriter
from isoloss.run import Run
from isoloss.settings import EvaluationSettings
from isoloss.settings.attack_kinds import attack_of


@dataclass(frozen=True)
class Evaluation:
    """A robustness run with all it needs at hand.

    Attributes:
        table_every: seconds between two versions of the table, at least.
    """

    settings: EvaluationSettings
    setup: Setup
    plan: Plan
    table_every: float = 1.0

    @classmethod
    def prepare(cls, settings: EvaluationSettings, subject: Subject | None = None) -> Evaluation:
        """Load networks, images and denoiser, unless they are at hand; refuses what does not fit
        before anything is written."""
        setup = ready(settings, subject or load_subject(settings), settings.sigma)
        purified = {sigma: purifying.name for sigma, purifying in setup.purifying.items()}
        plan = Plan.of(settings, len(setup.images), purified, on=setup.device.type)
        check_attacks(setup, plan.attacks)
        if settings.kind != "certify":
            check_aim(setup, settings.targeted)
            check_loss(setup, plan.attacks, settings.loss, settings.targeted)
        return cls(settings, setup, plan)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.setup.device

    @property
    def depends_on(self) -> dict[str, str]:
        """Hashes of networks, data, the denoiser and attacks of one's own."""
        return self.setup.depends_on

    def resume(self, run: Run) -> Iterator[Event]:
        """Do the units that are missing, keep the table up to date, write the report."""
        yield from self._of_versions(run)
        check_same_device(run, self.depends_on)
        run.check_unchanged(**self.depends_on)
        yield Log(f"{ABOUT_DATA}{self.setup.about_data}")
        record = _Record(run, self)
        process_group().broadcast("ready")
        n, combinations = len(self.setup.images), len(self.plan.combinations)
        several = "s" if combinations > 1 else ""
        yield Log(f"{n} images of {self.setup.data}, {combinations} combination{several}")
        for sigma, name in self.plan.purified.items():
            yield Log(f"{name}: noise of σ = {sigma:g} on the [0, 1] scale")
        yield from self._save_examples(run, record)
        yield from self._do(self.plan.units, record)
        yield from self._do(self._studies(record), record)
        if process_group().ranks.world > 1:
            yield Log(process_group().units_done)
        process_group().release()
        yield from self._finish(run, record.results)

    def _of_versions(self, run: Run) -> Iterator[Event]:
        """Says of a run begun before attacks had versions what it goes on with."""
        recorded = run.environment.get("depends_on")
        for name in self.settings.attack_names:
            if attack_of(name).version and recorded and f"the attack {name}" not in recorded:
                yield Log(
                    f"this run was begun with an earlier {name}, which found less: what of it is "
                    f"done stays, the rest is {name} {attack_of(name).version}"
                )

    def serve(self, run: Run) -> None:
        """Help the process that resumes the run, from another one."""
        process_group().broadcast("ready")
        check_same_device(run, self.depends_on)
        if run.environment["depends_on"] != self.setup.depends_on:
            raise IsolossError(
                "the networks, the denoiser or the data here are not those rank 0 has in "
                f"{run.folder}"
            )
        process_group().serve(UnitWork(self.settings, self.plan, self.setup))

    def _save_examples(self, run: Run, record: _Record) -> Iterator[Event]:
        """The first block, of whose images more is saved than what others send to rank 0."""
        if self.settings.keep == 0:
            return
        writer = ExampleWriter(run.examples, self.settings, self.plan, self.setup)
        if self.settings.is_certified:
            writer.save_clean()
            return
        work = UnitWork(self.settings, self.plan, self.setup)
        for which in range(len(self.plan.combinations)):
            unit = (MAIN, which, 0)
            if unit in record.journal.outcomes and writer.has(which):
                continue
            result = work.result(unit)
            writer.save(which, result)
            yield from record.add(unit, result.outcome.to_bytes())
            record.write_table()

    def _do(self, units: Sequence[Unit], record: _Record) -> Iterator[Event]:
        """Have those units done that are missing."""
        missing = [unit for unit in units if unit not in record.journal.outcomes]
        written = time.monotonic()
        for unit, result in process_group().map(
            missing, UnitWork(self.settings, self.plan, self.setup)
        ):
            yield from record.add(unit, result)
            if time.monotonic() - written > self.table_every:
                record.write_table()
                written = time.monotonic()

    def _studies(self, record: _Record) -> list[Unit]:
        """Convergence is studied where about half of the images resist."""
        results = record.results
        known = {unit[1] for unit in record.journal.outcomes if unit[0] == STUDY}
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

    @property
    def _normalization(self) -> dict[str, str]:
        """How networks are given their images, of which nothing says it but what was asked for."""
        given = self.setup.subject.given
        said = [f"{name} is given images {how}" for name, how in given.items()]
        return {"normalization": "; ".join(said)} if said else {}

    def _finish(self, run: Run, results: Results) -> Iterator[Event]:
        """Write the table, the certificates and the report, and say what they come to."""
        write_table(run.table_path, results.rows)
        if results.certificates:
            write_certificates(run.certificates_path, results.certificates)
        doubts = doubts_of_clean_accuracy(self.setup, results)
        results = replace(results, findings=(*doubts, *results.findings))
        shape = tuple(self.setup.images.shape[1:])
        apart = None
        if self.settings.kind == "certify":
            apart = votes_apart(self.setup, self.settings)
        report = report_of(results, shape, apart, {
            "data": self.setup.data,
            "classes": len(self.setup.classes),
            "samples": len(self.setup.images),
            "precision": self.setup.precision,
            "device": str(self.setup.device),
            **self._normalization,
            **_unrecorded(results),
        })  # fmt: skip
        for line in short(results.rows):
            yield Log(line)
        for warning in report.warnings:
            yield Log(f"warning: {warning.message} [{warning.id}]")
        yield Log(report.summary)
        write(run, results, report)


def _unrecorded(results: Results) -> dict[str, str]:
    said = [f"{name} ({reason})" for name, reason in results.unrecorded.items()]
    return {"unrecorded": "; ".join(said)} if said else {}


class _Record:
    """What is known of a run, which grows while its units are done.

    Attributes:
        journal: what each unit has found.
    """

    def __init__(self, run: Run, evaluation: Evaluation) -> None:
        self._run, self._evaluation, self._plan = run, evaluation, evaluation.plan
        self.journal = Journal(run.outcomes_path, self._plan, evaluation.setup.indices)
        self._done = sum(map(self._plan.images, self.journal.outcomes))
        self._unrecorded = {
            self._plan.combination(unit).network
            for unit, outcome in self.journal.outcomes.items() if outcome.unrecorded
        }  # fmt: skip
        total = sum(map(self._plan.images, self._plan.units))
        total += len(self._plan.studies) * (self._plan.studied[1] - self._plan.studied[0])
        self._progress = ProgressRate(evaluation.settings.kind, total, "images", self._done)

    def add(self, unit: Unit, result: bytes) -> Iterator[Event]:
        """Write down what a unit has found, and say how far the run is."""
        if unit not in self.journal.outcomes:
            self._done += self._plan.images(unit)
        for reason in self.journal.append(unit, result).unrecorded:
            network = self._plan.combination(unit).network
            if network not in self._unrecorded:
                self._unrecorded.add(network)
                name = self.results.names[network]
                yield Log(f"CUDA graphs do without {name} ({reason}): it is attacked as usual")
        if (event := self._progress.at(self._done)) is not None:
            yield event

    @property
    def results(self) -> Results:
        """All of it put together."""
        settings, setup = self._evaluation.settings, self._evaluation.setup
        names = tuple(model.name for model in setup.models)
        return Results(
            settings, self._plan, names, len(setup.classes), self.journal, tuple(setup.findings),
            setup.subject.noise,
        )  # fmt: skip

    def write_table(self) -> None:
        """Bring the run's table up to date."""
        write_table(self._run.table_path, self.results.rows)
