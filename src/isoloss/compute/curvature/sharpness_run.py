"""The sharpness of networks as a run: from checkpoints and data to a table of estimates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import torch

from isoloss.compute.curvature.measuring import Asked, Found, Measuring, found_at_once, told
from isoloss.compute.curvature.products import NotFinite
from isoloss.compute.data.reading import GivenBatches
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.process_group import Ranks, Unit
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.machine.user_code import import_user_function
from isoloss.compute.networks.checkpoints import digest, load_into, saved_in
from isoloss.compute.planes.selection import named
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.training.network import Network, load_network
from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Event, Log
from isoloss.results.sharpness import Place, Sharpness, write_table
from isoloss.results.sharpness_files import SharpnessJournal
from isoloss.run import Run
from isoloss.settings import SharpnessSettings
from isoloss.settings.base import stride_of


@dataclass(frozen=True)
class Subject:
    """One network at one point of its training.

    Attributes:
        weights: its checkpoint.
    """

    network: Network
    place: Place
    weights: Path


@dataclass(frozen=True)
class MeasuringRun:
    """Such a run with what it measures at hand."""

    settings: SharpnessSettings
    subjects: tuple[Subject, ...]
    data: ProbedData
    device: torch.device
    _current: dict[int, Measuring] = field(default_factory=dict[int, Measuring], repr=False)

    @classmethod
    def prepare(cls, settings: SharpnessSettings) -> MeasuringRun:
        """Load data and networks; refuses what cannot be measured before anything is written."""
        device = Ranks.current().own(choose_device(settings.device))
        networks = [load_network(settings, source) for source in settings.networks]
        _check_same_data(settings, networks)
        first = networks[0]
        part = first.dataset.split(settings.split)
        data = ProbedData.of(
            GivenBatches(part.held(), len(part), part.in_batches),
            None if settings.loss is None else import_user_function(settings.loss),
            first.model, device,
            name=settings.loss, batch_size=settings.batch_size, seed=settings.seed,
        )  # fmt: skip
        subjects = tuple(
            subject
            for network, name in zip(networks, _names(settings), strict=True)
            for subject in _subjects(network, name, stride_of(settings.every))
        )
        made = cls(settings, subjects, data, device)
        made._measuring(0)
        return made

    def resume(self, run: Run) -> Iterator[Event]:
        """Do the units that are missing, and keep the table up to date."""
        run.check_unchanged(**self._depends_on(run))
        yield Log(f"{ABOUT_DATA}{self.subjects[0].network.about_data}")
        seen = len(self._measuring(0).curvature.data)
        what = "checkpoint" if stride_of(self.settings.every) else "network"
        what += "s" if len(self.subjects) > 1 else ""
        yield Log(
            f"{len(self.subjects)} {what}, {seen} of {self.data.population} "
            f"{self.settings.split} samples"
        )
        group, asked = process_group(), self._asked
        group.broadcast("ready")
        journal = SharpnessJournal(run.outcomes_path, asked.facts)
        missing = [unit for unit in self._units if unit not in journal.found]
        done = sum(map(self._work, self._units)) - sum(map(self._work, missing))
        rate = ProgressRate("sharpness", sum(map(self._work, self._units)), "products", done)
        if group.ranks.world == 1:
            for unit in missing:
                found = yield from told(self._part(unit), rate, done)
                self._keep(run, journal, unit, json.dumps(found).encode())
                done += self._work(unit)
        else:
            for unit, result in group.map(missing, self._result):
                self._keep(run, journal, unit, result)
                done += self._work(unit)
                if (event := rate.at(done)) is not None:
                    yield event
            yield Log(group.units_done)
        group.release()
        write_table(run.sharpness_path, journal.sharpness)
        yield from _last_words(journal.sharpness)

    def serve(self, run: Run) -> None:
        """Help the process that resumes the run, from another one."""
        process_group().broadcast("ready")
        if run.environment["depends_on"] != self._depends_on(run):
            raise IsolossError(
                f"the networks or the data here are not those rank 0 has in {run.folder}"
            )
        process_group().serve(self._result)

    def _keep(self, run: Run, journal: SharpnessJournal, unit: Unit, result: bytes) -> None:
        journal.append(unit, self.subjects[unit[0]].place, result)
        write_table(run.sharpness_path, journal.sharpness)

    def _result(self, unit: Unit) -> bytes:
        return json.dumps(found_at_once(self._part(unit))).encode()

    def _part(self, unit: Unit) -> Found:
        """What a unit finds; of a network that is not finite, beside others, that it is not."""
        try:
            return (yield from self._measuring(unit[0]).part(unit[1:]))
        except NotFinite as error:
            if len(self.subjects) == 1:
                raise
            return {"left_out": str(error)}

    @property
    def _asked(self) -> Asked:
        return Asked(**{each.name: getattr(self.settings, each.name) for each in fields(Asked)})

    @property
    def _units(self) -> list[Unit]:
        return [(k, *unit) for k in range(len(self.subjects)) for unit in self._asked.units]

    def _work(self, unit: Unit) -> int:
        return self._asked.work(unit[1:])

    def _measuring(self, k: int) -> Measuring:
        """That of one subject, kept until another is asked for."""
        if k not in self._current:
            self._current.clear()
            self._current[k] = self._loaded(k)
        return self._current[k]

    def _loaded(self, k: int) -> Measuring:
        settings, subject = self.settings, self.subjects[k]
        model = subject.network.model
        load_into(model, saved_in(subject.weights), str(subject.weights), settings.key)
        every = settings.parameters.split() == ["all"]
        return Measuring(
            self._asked, model, self.data.shuffled(settings.seed, self.device, settings.samples),
            self.data.loss, self.device, self.data.population,
            parameters=None if every else named(model, settings.parameters),
            batch_size=settings.batch_size,
        )  # fmt: skip

    def _depends_on(self, run: Run) -> dict[str, str]:
        """Hashes of all that the numbers depend on."""
        asked = run.asked.model_dump_json(exclude_defaults=True)
        return {
            "weights": digest([subject.weights for subject in self.subjects]),
            "data": self.subjects[0].network.dataset.digest(),
            "settings": hashlib.sha256(asked.encode()).hexdigest(),
        }


def _subjects(network: Network, name: str, stride: int) -> Iterator[Subject]:
    path = network.path
    if not stride or path is None:
        end = path.points[-1] if path is not None else None
        place = Place(name) if end is None else Place(name, "", end.epoch, end.lr)
        yield Subject(network, place, network.checkpoints[-1])
        return
    path = path.each(stride)
    for point, weights in zip(path.points, path.checkpoints, strict=True):
        yield Subject(network, Place(name, point.checkpoint, point.epoch, point.lr), weights)


def _last_words(found: Sequence[Sharpness]) -> Iterator[Event]:
    """Which networks have no numbers, and those of the last one."""
    for each in found:
        if each.left_out:
            yield Log(f"{each.place.in_words} is left out: {each.left_out}")
    measured = [each for each in found if not each.left_out]
    if not measured:
        raise NotFinite("no network here has a finite loss: there is nothing to measure")
    yield Log(", ".join(measured[-1].said))


def _names(settings: SharpnessSettings) -> list[str]:
    """What the networks are called, each by another name: those called alike as they were given."""
    labels = [network.label for network in settings.networks]
    return [
        label if labels.count(label) == 1 else network.text
        for label, network in zip(labels, settings.networks, strict=True)
    ]


def _check_same_data(settings: SharpnessSettings, networks: list[Network]) -> None:
    hashes = [network.dataset.digest() for network in networks]
    for source, found in zip(settings.networks, hashes, strict=True):
        if found != hashes[0]:
            raise IsolossError(
                f"{source.label} is evaluated on other data than {settings.networks[0].label}: "
                "give --data"
            )
