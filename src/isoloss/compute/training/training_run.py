"""Train a network, in any number of processes, and go on from where a stop or a kill left it.

Everything random in a step depends only on the seed and the step's number, so that a run resumed
continues as if nothing had happened: after a kill from the last checkpoint, after a stop from the
very step. What is learnt is the task's own: classifiers (`classifier.py`), denoisers
(`robustness/smoothing/denoiser_training.py`).
"""

from __future__ import annotations

import itertools
import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import safe_open
from torch import Tensor, nn

from isoloss.compute.data.dataset import Dataset, Split, as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.data.in_words import in_words
from isoloss.compute.data.streaming import StreamedSplit, on_device
from isoloss.compute.data.streaming import in_words as streaming_in_words
from isoloss.compute.machine.device import (
    arithmetic,
    choose_device,
    reduced_precisions,
    rounding,
    summing_dtype,
)
from isoloss.compute.machine.interrupts import Interrupts
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.networks.acceleration import in_fast_layout
from isoloss.compute.networks.checkpoints import load_into, save_tensors
from isoloss.compute.training.batches import Batch, Batches, step_seed
from isoloss.compute.training.optimizer_state import load_optimizer, tensors_of
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint, from_lines, to_lines
from isoloss.compute.training.replicas import add_up, check_device, replicated
from isoloss.compute.training.weight_gradients import weights_apart
from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Event, Log
from isoloss.paths import exists
from isoloss.run import Run
from isoloss.settings import TrainSettings

_WEIGHTS = "weights."
_SLOW = 0.5
"""Seconds that a step takes, of which a stop does not wait for the end."""


@dataclass
class _Position:
    """How far a training has come.

    Attributes:
        step: how many have been taken.
        sums: (3,) of losses, right answers and samples since the last checkpoint, over all ranks.
        is_whole: whether the network is as these steps have left it.
        buffers: of the network, as they have left them, where only these may have changed since.
    """

    step: int
    sums: Tensor
    is_whole: bool = True
    buffers: list[Tensor] | None = None


@dataclass
class Training(ABC):
    """A training run with its data and network at hand."""

    settings: TrainSettings
    dataset: Dataset
    model: nn.Module
    device: torch.device

    @classmethod
    def prepare(cls, settings: TrainSettings) -> Self:
        """Load the data and build the network; refuses what cannot be trained before anything
        is written."""
        ranks = Ranks.current()
        device = ranks.own(choose_device(settings.device))
        check_device(device, ranks)
        dataset = load_dataset(settings.data, settings.image_size)
        return cls(settings, dataset, cls._network(settings, dataset), device)

    @property
    def total_steps(self) -> int:
        """Steps in all epochs together."""
        return self._batches.steps_per_epoch * self.settings.epochs

    def resume(self, run: Run) -> Iterator[Event]:
        """Train from the last checkpoint to the end, yielding what happens."""
        settings = self.settings
        model, optimizer = self._model_and_optimizer()
        test = on_device(self.dataset.test, self.device)
        run.check_unchanged(data=self.dataset.digest())
        yield Log(f"{ABOUT_DATA}{in_words(self.dataset)}")
        if isinstance(self._train, StreamedSplit):
            yield Log(streaming_in_words(self._train.tensors()))
        # A run goes on in the precision it was begun in, on whatever machine.
        best = [*reduced_precisions(self.device), "fp32"][0]
        asked = best if settings.precision == "auto" else settings.precision
        precision = str(run.environment.get("computed_in", asked))
        run.record_environment(computed_in=precision)
        points = self._resume(run, model, optimizer)
        is_new = not points
        if is_new:
            first = Split(*next(self._train.batches(1024)))
            measured = self._test(model, first, precision), self._test(model, test, precision)
            lr = self._learning_rate(0)
            noisy = self._noisy_accuracy(model, test, precision)
            points = [
                TrajectoryPoint("0000.safetensors", 0.0, 0, lr, *measured[0], *measured[1], noisy)
            ]
            self._save(run, model, optimizer, points)
        at = self._go_on(run, points[-1], model, optimizer)
        if not is_new:
            yield Log(f"resuming at epoch {at.step / self._batches.steps_per_epoch:g}")
        yield points[-1].metric

        process_group().broadcast("step", str(at.step).encode())
        progress = ProgressRate("train", self.total_steps, "steps", done=at.step)
        with Interrupts() as interrupts:
            try:
                for step in self._steps(model, optimizer, at, precision, interrupts):
                    if step in self._due and step > points[-1].step:
                        loss, accuracy = (at.sums[:2] / at.sums[2]).tolist()
                        tested = self._test(model, test, precision)
                        name = f"{len(points):04d}.safetensors"
                        epoch = step / self._batches.steps_per_epoch
                        lr = self._learning_rate(step - 1)
                        noisy = self._noisy_accuracy(model, test, precision)
                        point = TrajectoryPoint(
                            name, epoch, step, lr, loss, accuracy, *tested, noisy
                        )
                        points.append(point)
                        self._save(run, model, optimizer, points)
                        at.sums.zero_()
                        yield point.metric
                        yield from self._remarks(test, precision)
                    if (event := progress.at(step)) is not None:
                        yield event
            except (KeyboardInterrupt, GeneratorExit):
                with interrupts.held:
                    self._stop(run, model, optimizer, at)
                raise

    def serve(self, run: Run) -> None:
        """Take this rank's shard of the steps that rank 0 takes in `resume`."""
        model, optimizer = self._model_and_optimizer()
        step = int(process_group().broadcast("step"))
        if run.environment["depends_on"]["data"] != self.dataset.digest():
            raise IsolossError(f"the data here are not rank 0's: {self.settings.data} differs")
        precision = str(run.environment["computed_in"])
        points = _kept(run)
        at = None
        if points:
            self._load(run, points[-1], model, optimizer)
            at = self._go_on(run, points[-1], model, optimizer)
        if at is None or at.step != step:
            raise IsolossError(
                f"{run.folder} is not what rank 0 sees: it must lie on a file system that all "
                "machines share"
            )
        for _ in self._steps(model, optimizer, at, precision):
            pass

    @classmethod
    @abstractmethod
    def _network(cls, settings: TrainSettings, dataset: Dataset) -> nn.Module:
        """The network asked for, initialized from the seed.

        Raises:
            IsolossError: if there is none such, or it does not fit the data.
        """

    @abstractmethod
    def _optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """What turns gradients into steps."""

    @abstractmethod
    def _learning_rate(self, step: int) -> float:
        """The learning rate of step `step` of `total_steps`."""

    @abstractmethod
    def _augmentation(self) -> tuple[int, bool]:
        """(shift in pixels, whether to mirror)."""

    @abstractmethod
    def _loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """(mean loss, count of right answers) of the batch; NaN where nothing is right or wrong."""

    @abstractmethod
    def _test(self, model: nn.Module, split: Split, precision: str) -> tuple[float, float]:
        """(mean loss, accuracy) over all samples of `split`."""

    def _noisy_accuracy(self, model: nn.Module, test: Split, precision: str) -> float:
        """The accuracy on test images with the noise of the training; NaN where there is none."""
        return math.nan

    @abstractmethod
    def _keep(self, run: Run, model: nn.Module, points: list[TrajectoryPoint]) -> dict[str, Tensor]:
        """Write what is to be used of the newest checkpoint; returns what it takes to go on from it
        that does not lie there."""

    @abstractmethod
    def _restore(
        self, run: Run, point: TrajectoryPoint, model: nn.Module, kept: dict[str, Tensor]
    ) -> None:
        """Go on from what `_keep` wrote and returned."""

    @abstractmethod
    def _list(self, run: Run, points: list[TrajectoryPoint]) -> None:
        """Write the list of checkpoints, where all are kept."""

    def _update(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Take the step for which the gradients are there."""
        optimizer.step()

    def _remarks(self, test: Split, precision: str) -> Iterator[Event]:
        """What else there is to say at a checkpoint."""
        yield from ()

    @cached_property
    def _train(self) -> Split:
        return on_device(self.dataset.train, self.device)

    @cached_property
    def _batches(self) -> Batches:
        asked = self.settings
        shift, mirror = self._augmentation()
        return Batches(
            self._train, asked.batch_size, asked.epochs, asked.seed, shift, mirror, asked.noise
        )

    def _model_and_optimizer(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        model = self.model.to(self.device)
        model = in_fast_layout(model, lambda: self._try_out(model))
        return model, self._optimizer(model)

    def _try_out(self, model: nn.Module) -> Tensor:
        """What `model` gives for a few samples."""
        return model(as_inputs(self.dataset.train.inputs[:2]).to(self.device))

    def _steps(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        at: _Position,
        precision: str,
        interrupts: Interrupts | None = None,
    ) -> Iterator[int]:
        """Take every step that is missing, together with all other ranks; `at` goes along.

        Yields:
            The steps taken so far; first those that a stop has kept.
        """
        ranks = process_group().ranks
        held = nullcontext() if interrupts is None else interrupts.held
        with (
            weights_apart(model, self.device),
            replicated(model, self._try_out, self.device, process_group()) as network,
        ):
            yield at.step
            is_slow = True
            for batch in self._batches.since(at.step, ranks):
                with held:
                    began = time.monotonic()
                    at.buffers = [b.clone() for b in model.buffers()] if is_slow else None
                    at.is_whole = False
                    self._step(model, network, optimizer, batch, at, precision)
                    at.is_whole = True
                    is_slow = time.monotonic() - began > _SLOW
                yield at.step

    def _step(
        self, model: nn.Module, network: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch,
        at: _Position, precision: str,
    ) -> None:  # fmt: skip
        """Take one step; `network` is what is called in place of `model`."""
        ranks = process_group().ranks
        for group in optimizer.param_groups:
            group["lr"] = self._learning_rate(at.step)
        model.train()
        # Dropout draws anew at every rank.
        torch.manual_seed(step_seed(self.settings.seed, at.step, ranks.rank))
        with arithmetic(self.device, precision):
            loss, hits = self._loss(network, batch)
        optimizer.zero_grad(set_to_none=True)
        with rounding(self.device, precision):
            (loss * batch.shard.weight).backward()
        at.buffers = None  # from here on more than these changes
        self._update(model, optimizer)
        at.step += 1
        n = at.sums.new_full((), len(batch.targets))  # filled there: a copy would wait for the step
        added = torch.stack([loss.detach().to(n) * n, hits.to(n), n])
        at.sums += add_up(added if batch.shard.counts else torch.zeros_like(added), ranks)

    @cached_property
    def _due(self) -> frozenset[int]:
        """The steps after which a checkpoint is kept."""
        return frozenset(self._checkpoint_steps())

    def _checkpoint_steps(self) -> Iterator[int]:
        every = self._batches.steps_per_epoch / self.settings.checkpoints_per_epoch
        for i in itertools.count(1):
            step = round(i * every)
            if step >= self.total_steps:
                break
            if step > 0:
                yield step
        yield self.total_steps

    def _save(
        self, run: Run, model: nn.Module, optimizer: torch.optim.Optimizer,
        points: list[TrajectoryPoint],
    ) -> None:  # fmt: skip
        """Write the newest checkpoint, then all that is needed to go on from it, then the list.

        `resume.safetensors` decides: what is not yet in it is done again after a kill.
        """
        own = self._keep(run, model, points)
        trajectory = json.dumps(to_lines(points))
        kept = {**own, **tensors_of(optimizer)}
        save_tensors(run.resume_path, kept, {"trajectory": trajectory})
        with suppress(OSError):
            run.stopped_path.unlink(missing_ok=True)
        self._list(run, points)

    def _stop(
        self, run: Run, model: nn.Module, optimizer: torch.optim.Optimizer, at: _Position
    ) -> None:
        """Keep where a stop has come between two checkpoints; what is torn is not kept."""
        points = _kept(run)
        if not points or not points[-1].step < at.step:
            return
        if not at.is_whole:
            if at.buffers is None:
                return
            for buffer, before in zip(model.buffers(), at.buffers, strict=True):
                buffer.copy_(before)
        kept = {**self._state(model), **tensors_of(optimizer), "sums": at.sums}
        place = {"after": str(points[-1].step), "step": str(at.step)}
        try:
            save_tensors(run.stopped_path, kept, place)
        except IsolossError as error:  # the checkpoint is there all the same
            with suppress(IsolossError):
                run.emit(Log(f"it goes on from epoch {points[-1].epoch:g}, since {error}"))

    def _resume(
        self, run: Run, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> list[TrajectoryPoint]:
        """Load the newest whole state; returns its trajectory, empty if there is none."""
        points = _kept(run)
        if points:
            self._list(run, points)
            self._load(run, points[-1], model, optimizer)
        return points

    def _load(
        self, run: Run, point: TrajectoryPoint, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> None:
        """Give network and optimizer their state at `point`, the newest."""
        self._restore(run, point, model, load_optimizer(run.resume_path, optimizer))

    def _go_on(
        self, run: Run, point: TrajectoryPoint, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> _Position:
        """Where network and optimizer, which are at `point`, go on: there, or at a later step that
        a stop has kept, whose state they are given."""
        sums = torch.zeros(3, dtype=summing_dtype(self.device), device=self.device)
        place = _metadata(run.stopped_path, "to go on from the last checkpoint")
        if place.get("after") != str(point.step):
            return _Position(point.step, sums)
        own = load_optimizer(run.stopped_path, optimizer)
        self._give_back(own, model, str(run.stopped_path))
        return _Position(int(place["step"]), sums + own["sums"].to(sums))

    def _state(self, model: nn.Module) -> dict[str, Tensor]:
        """All that is learnt."""
        return {_WEIGHTS + name: value for name, value in model.state_dict().items()}

    def _give_back(self, kept: dict[str, Tensor], model: nn.Module, label: str) -> None:
        """Go on from what `_state` gave; `label` names the file in messages."""
        weights = {k.removeprefix(_WEIGHTS): v for k, v in kept.items() if k.startswith(_WEIGHTS)}
        load_into(model, weights, label)


def fuses(model: nn.Module) -> bool | None:
    """Whether a step of an optimizer is to be one kernel for all parameters; None for PyTorch's own
    choice. On a CPU its rounding would be another than that of runs begun before."""
    parameters = list(model.parameters())
    return all(p.is_cuda and p.is_floating_point() for p in parameters) or None


def _kept(run: Run) -> list[TrajectoryPoint]:
    """The trajectory up to the newest whole state; empty if there is none."""
    metadata = _metadata(run.resume_path, "to train anew")
    return from_lines(json.loads(metadata["trajectory"]), run.resume_path) if metadata else []


def _metadata(path: Path, remedy: str) -> dict[str, Any]:
    """The texts in a file of tensors; empty if there is none.

    Raises:
        IsolossError: if it is damaged; deleting it is the `remedy`.
    """
    if not exists(path):
        return {}
    try:
        with safe_open(str(path), "pt") as file:
            return dict(file.metadata())
    except Exception as error:  # safetensors raises its own and the system's types.
        raise IsolossError(f"{path} is damaged: {error}; delete it {remedy}") from error
