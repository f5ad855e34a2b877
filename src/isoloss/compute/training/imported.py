"""Checkpoints that were trained elsewhere, made a training run with its trajectory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from isoloss.compute.data.dataset import Dataset
from isoloss.compute.data.in_words import in_words
from isoloss.compute.data.streaming import on_device
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.networks.checkpoints import as_state, digest, load_into, save_tensors, saved_in
from isoloss.compute.networks.state_dicts import State
from isoloss.compute.training.classifier import evaluate
from isoloss.compute.training.network import data_for, filled
from isoloss.compute.training.notes import Notes, notes_on
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint, read_trajectory, to_lines
from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Event, Log
from isoloss.files import write_json
from isoloss.run import Run
from isoloss.settings import ImportSettings
from isoloss.settings.checkpoint_paths import in_natural_order


@dataclass(frozen=True)
class Import:
    """An import with the network and its data at hand.

    Attributes:
        paths: the checkpoints in order.
        notes: what each says of its training.
        left_out: those that hold the same network as another one.
    """

    settings: ImportSettings
    dataset: Dataset
    model: nn.Module
    device: torch.device
    paths: tuple[Path, ...]
    notes: tuple[Notes, ...]
    left_out: tuple[Path, ...]

    @classmethod
    def prepare(cls, settings: ImportSettings) -> Import:
        """Read all checkpoints; refuses those that do not fit before anything is written."""
        device = Ranks.current().own(choose_device(settings.device))
        paths = settings.checkpoints
        dataset = data_for(settings.model, settings)
        model, dataset = filled(settings.model, settings, dataset, paths[0], settings.key)
        notes: dict[Path, Notes] = {}
        for path in paths:
            saved = saved_in(path)
            as_state(saved, model, label=str(path), key=settings.key)
            notes[path] = notes_on(path, saved)
        kept = paths
        if settings.order != "given":
            kept = _each_once(notes, lambda path: as_state(path, model, key=settings.key))
        notes = {path: notes[path] for path in kept}
        order = _order(settings, notes)
        left_out = tuple(path for path in paths if path not in notes)
        return cls(
            settings, dataset, model, device, order, tuple(notes[path] for path in order), left_out
        )

    def resume(self, run: Run) -> Iterator[Event]:
        """Convert and test what is missing, yielding what happens."""
        settings, model = self.settings, self.model.to(self.device)
        run.check_unchanged(data=self.dataset.digest(), checkpoints=digest(self.paths))
        run.record_environment(imported=[path.name for path in self.paths])
        points = read_trajectory(run)
        epochs, said = _epochs(self.notes)
        yield Log(f"{ABOUT_DATA}{in_words(self.dataset)}")
        twice = "".join(f"; {path.name} left out, it is one of them" for path in self.left_out)
        untested = "" if self.dataset.classes else "; not tested, since the data have no classes"
        several = "s" if len(self.paths) > 1 else ""
        yield Log(
            f"{len(self.paths)} checkpoint{several}, {self._in_words()}; {said}{twice}{untested}"
        )
        progress = ProgressRate("import", len(self.paths), "checkpoints", done=len(points))
        for point in points:
            yield point.metric
        for k in range(len(points), len(self.paths)):
            path, notes = self.paths[k], self.notes[k]
            load_into(model, path, key=settings.key)
            name = f"{k:04d}.safetensors"
            save_tensors(run.checkpoints / name, model.state_dict())
            tested = self._tested(model)
            step = k if math.isnan(notes.step) else int(notes.step)
            unknown = math.nan, math.nan
            points.append(TrajectoryPoint(name, epochs[k], step, notes.lr, *unknown, *tested))
            write_json(run.points_path, to_lines(points))
            yield points[-1].metric
            if (event := progress.at(len(points))) is not None:
                yield event
        process_group().broadcast("imported")

    def serve(self, run: Run) -> None:
        """Wait for rank 0, which does it all."""
        process_group().broadcast("imported")

    def _tested(self, model: nn.Module) -> tuple[float, float]:
        """(loss, accuracy) over the test split; NaN where nothing is right or wrong."""
        if not self.dataset.classes:
            return math.nan, math.nan
        asked = self.settings
        precision = "fp32" if asked.precision == "auto" else asked.precision
        test = on_device(self.dataset.test, self.device)
        return evaluate(model, test, precision=precision, batch_size=asked.batch_size)

    def _in_words(self) -> str:
        return {
            "auto": "in the natural order of their names",
            "name": "in the natural order of their names",
            "epoch": "by epoch",
            "given": "as given",
            "time": "by the time they were written",
        }[_ordered_by(self.settings, self.notes)]


def _each_once(notes: Mapping[Path, Notes], state_of: Callable[[Path], State]) -> list[Path]:
    """Without copies such as last.ckpt: files that say the same and hold the same network."""
    kept: list[Path] = []
    for path in in_natural_order(notes):
        said = [k for k in kept if not math.isnan(notes[k].epoch) and notes[k] == notes[path]]
        if not any(_are_same(state_of(path), state_of(k)) for k in said):
            kept.append(path)
    return kept


def _are_same(a: State, b: State) -> bool:
    return all(torch.equal(a[k], b[k]) for k in a if isinstance(a[k], Tensor))


def _ordered_by(settings: ImportSettings, notes: Sequence[Notes]) -> str:
    distinct = {(n.epoch, n.step) for n in notes if not math.isnan(n.epoch)}
    if settings.order == "auto" and len(distinct) == len(notes):
        return "epoch"
    return settings.order


def _order(settings: ImportSettings, notes: Mapping[Path, Notes]) -> tuple[Path, ...]:
    """The checkpoints in their order."""
    order = in_natural_order(notes)
    match _ordered_by(settings, list(notes.values())):
        case "given":
            order = list(notes)
        case "time":
            order.sort(key=lambda path: path.stat().st_mtime_ns)
        case "epoch":
            lost = [path for path in order if math.isnan(notes[path].epoch)]
            if lost:
                raise IsolossError(f"{lost[0]} does not say its epoch: choose another --order")
            order.sort(key=lambda path: (notes[path].epoch, notes[path].step))
        case _:
            pass
    return tuple(order)


def _epochs(notes: Sequence[Notes]) -> tuple[list[float], str]:
    """The epoch of each checkpoint, and where it is from."""
    said = [n.epoch for n in notes]
    if not math.isnan(said[0]) and all(a < b for a, b in pairwise(said)):
        return said, "epochs as they say"
    return [float(k) for k in range(len(notes))], "numbered: they say no epochs that increase"
