"""Train a network, in any number of processes, and go on from where a kill left it.

Everything random in a step depends only on the seed and the step's number, so that a run resumed
after a kill continues as if nothing had happened. What is learnt is the task's own: classifiers
(`classifier.py`), denoisers (`robustness/smoothing/denoiser_training.py`).
"""

from __future__ import annotations

import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from safetensors import safe_open
from torch import Tensor, nn

from isoloss.compute.data.dataset import Dataset, Split, as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.data.in_words import in_words
from isoloss.compute.machine.device import (
    arithmetic,
    choose_device,
    reduced_precisions,
    summing_dtype,
)
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.networks.acceleration import in_fast_layout
from isoloss.compute.networks.checkpoint_files import read
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.training.batches import Batch, Batches, step_seed
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint, from_lines, to_lines
from isoloss.compute.training.replicas import add_up, check_device, replicated
from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Event, Log
from isoloss.paths import exists
from isoloss.run import Run
from isoloss.settings import TrainSettings


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
        test = self.dataset.test.to(self.device)
        run.check_unchanged(data=self.dataset.digest())
        yield Log(f"{ABOUT_DATA}{in_words(self.dataset)}")
        # A run goes on in the precision it was begun in, on whatever machine.
        best = [*reduced_precisions(self.device), "fp32"][0]
        asked = best if settings.precision == "auto" else settings.precision
        precision = str(run.environment.get("computed_in", asked))
        run.record_environment(computed_in=precision)
        points = self._resume(run, model, optimizer)
        if points:
            yield Log(f"resuming at epoch {points[-1].epoch:g}")
        else:
            first = Split(*next(self._train.batches(1024)))
            measured = self._test(model, first, precision), self._test(model, test, precision)
            lr = self._learning_rate(0)
            points = [TrajectoryPoint("0000.safetensors", 0.0, 0, lr, *measured[0], *measured[1])]
            self._save(run, model, optimizer, points)
        yield points[-1].metric

        start = points[-1].step
        process_group().broadcast("step", str(start).encode())
        progress = ProgressRate("train", self.total_steps, "steps", done=start)
        for step, lr, sums in self._steps(model, optimizer, start, precision):
            if sums is not None:
                loss, accuracy = (sums[:2] / sums[2]).tolist()
                tested = self._test(model, test, precision)
                name = f"{len(points):04d}.safetensors"
                epoch = step / self._batches.steps_per_epoch
                points.append(TrajectoryPoint(name, epoch, step, lr, loss, accuracy, *tested))
                self._save(run, model, optimizer, points)
                yield points[-1].metric
                yield from self._remarks(test, precision)
            if (event := progress.at(step)) is not None:
                yield event

    def serve(self, run: Run) -> None:
        """Take this rank's shard of the steps that rank 0 takes in `resume`."""
        model, optimizer = self._model_and_optimizer()
        step = int(process_group().broadcast("step"))
        if run.environment["depends_on"]["data"] != self.dataset.digest():
            raise IsolossError(f"the data here are not rank 0's: {self.settings.data} differs")
        precision = str(run.environment["computed_in"])
        points = _kept(run)
        if not points or points[-1].step != step:
            raise IsolossError(
                f"{run.folder} is not what rank 0 sees: it must lie on a file system that all "
                "machines share"
            )
        self._load(run, points[-1], model, optimizer)
        for _ in self._steps(model, optimizer, step, precision):
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
        return self.dataset.train.to(self.device)

    @cached_property
    def _batches(self) -> Batches:
        asked = self.settings
        shift, mirror = self._augmentation()
        return Batches(self._train, asked.batch_size, asked.epochs, asked.seed, shift, mirror)

    def _model_and_optimizer(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        model = self.model.to(self.device)
        model = in_fast_layout(model, lambda: self._try_out(model))
        return model, self._optimizer(model)

    def _try_out(self, model: nn.Module) -> Tensor:
        """What `model` gives for a few samples."""
        return model(as_inputs(self.dataset.train.inputs[:2]).to(self.device))

    def _steps(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, step: int, precision: str
    ) -> Iterator[tuple[int, float, Tensor | None]]:
        """Take every step after the first `step`, together with all other ranks.

        Yields:
            (steps taken, learning rate, None), or where a checkpoint is due, in place of None, the
            sums (3,) of losses, right answers and samples since the last one.
        """
        ranks = process_group().ranks
        due = set(self._checkpoint_steps())
        wide = summing_dtype(self.device)
        sums = torch.zeros(3, dtype=wide, device=self.device)
        with replicated(model, self._try_out, self.device, process_group()) as network:
            for batch in self._batches.since(step, ranks):
                lr = self._learning_rate(step)
                for group in optimizer.param_groups:
                    group["lr"] = lr
                model.train()
                # Dropout draws anew at every rank.
                torch.manual_seed(step_seed(self.settings.seed, step, ranks.rank))
                with arithmetic(self.device, precision):
                    loss, hits = self._loss(network, batch)
                optimizer.zero_grad(set_to_none=True)
                (loss * batch.shard.weight).backward()
                self._update(model, optimizer)
                step += 1
                if batch.shard.counts:
                    n = len(batch.targets)
                    added = [loss.detach().to(wide) * n, hits.to(wide), torch.tensor(n).to(sums)]
                    sums += torch.stack(added)
                if step in due:
                    yield step, lr, add_up(sums, ranks)
                    sums.zero_()
                else:
                    yield step, lr, None

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
        tensors = {
            f"{index}.{name}": torch.as_tensor(value)
            for index, entries in optimizer.state_dict()["state"].items()
            for name, value in entries.items()
            if value is not None
        }
        trajectory = json.dumps(to_lines(points))
        save_tensors(run.resume_path, {**own, **tensors}, {"trajectory": trajectory})
        self._list(run, points)

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
        state: dict[int, dict[str, Tensor]] = {}
        own: dict[str, Tensor] = {}
        for key, tensor in read(run.resume_path).items():
            index, _, name = key.partition(".")
            if index.isdecimal():
                state.setdefault(int(index), {})[name] = tensor
            else:
                own[key] = tensor
        self._restore(run, point, model, own)
        content = optimizer.state_dict()
        content["state"] = state
        optimizer.load_state_dict(content)


def _kept(run: Run) -> list[TrajectoryPoint]:
    """The trajectory up to the newest whole state; empty if there is none."""
    path = run.resume_path
    if not exists(path):
        return []
    try:
        with safe_open(str(path), "pt") as file:
            lines = json.loads(file.metadata()["trajectory"])
    except Exception as error:  # safetensors raises its own and the system's types.
        raise IsolossError(f"{path} is damaged: {error}; delete it to train anew") from error
    return from_lines(lines, path)
