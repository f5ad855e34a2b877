"""Train a Bézier path between two networks: a run.

Each step goes to a place of the path that is drawn anew, and moves the bend by the loss there
(Garipov et al. 2018, section 3.3). The run's own network is the one in the middle of the path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor, nn

from isoloss.compute.connection.ends import straight_between
from isoloss.compute.connection.moving_bend import MovingBend
from isoloss.compute.data.dataset import Dataset, Split, as_inputs, shuffled
from isoloss.compute.data.reading import GivenBatches
from isoloss.compute.machine.device import arithmetic
from isoloss.compute.networks.checkpoints import load_into, save_tensors
from isoloss.compute.networks.copying import copied
from isoloss.compute.networks.recalibration import recalibrate
from isoloss.compute.planes.bezier import Bezier
from isoloss.compute.planes.interpolation import state_in
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.probe.probed_network import network_at
from isoloss.compute.probe.request import CALIBRATION_BATCH, CALIBRATION_SAMPLES
from isoloss.compute.training.batches import Batch, other_stream
from isoloss.compute.training.classifier import ClassifierTraining, evaluate, optimizer_for
from isoloss.compute.training.network import filled
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint
from isoloss.events import Event, Log
from isoloss.run import Run
from isoloss.settings import TrainSettings


class PathTraining(ClassifierTraining):
    """The bend of a path, by the loss of the networks along it.

    Test loss and accuracy are those of the network in the middle, its batch norms measured anew.
    """

    _path: Bezier
    _said: str
    _moving: MovingBend
    _middle: nn.Module

    @classmethod
    def _network(cls, settings: TrainSettings, dataset: Dataset) -> nn.Module:
        assert settings.begin is not None
        return filled(settings.model, settings, dataset, network_at(settings.begin, run=True))[0]

    @classmethod
    def prepare(cls, settings: TrainSettings) -> Self:
        """Load data and both networks; refuses what cannot be trained before anything is
        written."""
        made = super().prepare(settings)
        made._path, made._said = made._ends()
        return made

    def _ends(self) -> tuple[Bezier, str]:
        asked, train = self.settings, self.dataset.train
        assert asked.to is not None
        end = state_in(self.model, network_at(asked.to), "the end", None)
        held = GivenBatches(train.held(), len(train), train.in_batches)
        given = ProbedData.of(held, None, self.model, self.device)
        return straight_between(self.model, end, given, self.device, align=asked.align)

    def resume(self, run: Run) -> Iterator[Event]:
        """Train from the last checkpoint to the end, yielding what happens."""
        if self._said:
            yield Log(self._said)
        yield from super().resume(run)

    def _model_and_optimizer(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        model, optimizer = super()._model_and_optimizer()
        self._moving = MovingBend(model, self._path)
        return model, optimizer

    def _optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        # It is the network on the path that decays, not the bend.
        return optimizer_for(self.settings.model_copy(update={"weight_decay": 0.0}), model)

    def _loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        self._moving.move_to(float(torch.rand((), generator=other_stream(batch.seed))))
        return super()._loss(network, batch)

    def _update(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        decay = self.settings.weight_decay
        if self.settings.optimizer == "adamw":
            self._moving.move_back(shrink=decay * optimizer.param_groups[0]["lr"])
        else:
            self._moving.move_back(penalty=decay)
        optimizer.step()

    def _test(self, model: nn.Module, split: Split, precision: str) -> tuple[float, float]:
        self._middle = self._in_the_middle(model, precision)
        return evaluate(
            self._middle, split, precision=precision, batch_size=self.settings.batch_size
        )

    @torch.no_grad()
    def _in_the_middle(self, model: nn.Module, precision: str) -> nn.Module:
        network = copied(model)
        path = replace(self._path, bend=self._moving.bend(self._path.bend))
        load_into(network, path.at(0.5), "the path")

        def compute(images: Tensor) -> None:
            with arithmetic(self.device, precision):
                network(images)

        few = shuffled(len(self._train), self.settings.seed)[:CALIBRATION_SAMPLES]
        orders = [o for o in few.split(CALIBRATION_BATCH) if len(o) > 1 or len(few) == 1]
        recalibrate(network, compute, (as_inputs(i) for i, _ in self._train.each(orders)))
        return network

    def _keep(self, run: Run, model: nn.Module, points: list[TrajectoryPoint]) -> dict[str, Tensor]:
        self._path = replace(self._path, bend=self._moving.bend(self._path.bend))
        self._path.save(run.bezier_path)
        save_tensors(run.checkpoints / points[-1].checkpoint, self._middle.state_dict())
        return self._state(model)

    def _restore(
        self, run: Run, point: TrajectoryPoint, model: nn.Module, kept: dict[str, Tensor]
    ) -> None:
        # The ends are those that it was begun with, whatever their runs have become since.
        self._path = Bezier.load(run.bezier_path)
        self._moving = MovingBend(model, self._path)
        self._give_back(kept, model, str(run.resume_path))

    def _state(self, model: nn.Module) -> dict[str, Tensor]:
        self._moving.leave()
        return super()._state(model)
