"""Train a classifier and keep its trajectory."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.data.dataset import Dataset, Split, as_inputs
from isoloss.compute.machine.device import arithmetic, summing_dtype
from isoloss.compute.machine.memory import in_parts
from isoloss.compute.networks.checkpoints import load_into, save_tensors
from isoloss.compute.networks.models import build_for_data, check_fits
from isoloss.compute.training.batches import Batch, noise_generator, noisy
from isoloss.compute.training.learning_rates import along_cosine, in_drops
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint, to_lines
from isoloss.compute.training.training_run import Training, fuses
from isoloss.errors import IsolossError
from isoloss.files import write_json
from isoloss.run import Run
from isoloss.settings import TrainSettings


def build_for(settings: TrainSettings, dataset: Dataset) -> nn.Module:
    """The network that `settings` asks for, initialized from its seed, for `dataset`."""
    torch.manual_seed(settings.seed)
    return build_for_data(settings.model, settings.stem, dataset)


def optimizer_for(asked: TrainSettings, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer that is asked for, for all parameters of `model`."""
    if asked.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(),
            asked.lr,
            momentum=asked.momentum,
            nesterov=asked.momentum > 0,
            weight_decay=asked.weight_decay,
            fused=fuses(model),
        )
    kind = torch.optim.Adam if asked.optimizer == "adam" else torch.optim.AdamW
    return kind(model.parameters(), asked.lr, weight_decay=asked.weight_decay, fused=fuses(model))


class ClassifierTraining(Training):
    """Images to the logits of their classes, by cross-entropy."""

    @classmethod
    def _network(cls, settings: TrainSettings, dataset: Dataset) -> nn.Module:
        if settings.noise > 0:
            _check_takes_noise(dataset)
        model = build_for(settings, dataset)
        check_fits(model, dataset)
        return model

    def _optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        return optimizer_for(self.settings, model)

    def _learning_rate(self, step: int) -> float:
        return learning_rate(self.settings, step, self.total_steps)

    def _augmentation(self) -> tuple[int, bool]:
        asked, dataset = self.settings.augment, self.dataset
        if asked == "none" or dataset.train.inputs.ndim != 4:
            return 0, False
        mirror = asked == "crop-flip" or (asked == "auto" and dataset.mirrors)
        return dataset.train.inputs.shape[-1] // 8, mirror

    def _loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        logits = network(batch.inputs)
        hits = (logits.detach().argmax(1) == batch.targets).sum()
        return F.cross_entropy(logits, batch.targets), hits

    def _test(self, model: nn.Module, split: Split, precision: str) -> tuple[float, float]:
        size = self.settings.batch_size
        return evaluate(model, split, precision=precision, batch_size=size)

    def _noisy_accuracy(self, model: nn.Module, test: Split, precision: str) -> float:
        asked = self.settings
        if asked.noise == 0:
            return math.nan
        drawn = noise_generator(asked.seed, -1, self.device)
        return evaluate(
            model, test, precision=precision, batch_size=asked.batch_size,
            change=lambda images: noisy(images, asked.noise, drawn),
        )[1]  # fmt: skip

    def _keep(self, run: Run, model: nn.Module, points: list[TrajectoryPoint]) -> dict[str, Tensor]:
        save_tensors(run.checkpoints / points[-1].checkpoint, model.state_dict())
        return {}

    def _restore(
        self, run: Run, point: TrajectoryPoint, model: nn.Module, kept: dict[str, Tensor]
    ) -> None:
        last = run.checkpoints / point.checkpoint
        load_into(model, last)

    def _list(self, run: Run, points: list[TrajectoryPoint]) -> None:
        write_json(run.points_path, to_lines(points))


def learning_rate(settings: TrainSettings, step: int, total: int) -> float:
    """The schedule's learning rate for step `step` of `total`."""
    done = step / total
    if settings.schedule == "cosine":
        return along_cosine(settings.lr, done)
    if settings.schedule == "step":
        return in_drops(settings.lr, done)
    return settings.lr


def _check_takes_noise(dataset: Dataset) -> None:
    """Refuse noise of which nothing says what its σ means.

    Raises:
        IsolossError: unless the inputs are images in [0, 1].
    """
    inputs = dataset.train.inputs
    if inputs.ndim != 4 or not (inputs.is_floating_point() or inputs.dtype == torch.uint8):
        raise IsolossError(
            f"--noise is for images: {dataset.name} has inputs of {tuple(inputs.shape[1:])}"
        )
    if inputs.is_floating_point() and not (inputs.min() >= 0 and inputs.max() <= 1):
        raise IsolossError(
            f"--noise is on the [0, 1] scale of images, and those of {dataset.name} go from "
            f"{float(inputs.min()):.3g} to {float(inputs.max()):.3g}: give images in [0, 1], and "
            "let the network normalize them"
        )


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    split: Split,
    *,
    precision: str,
    batch_size: int = 512,
    change: Callable[[Tensor], Tensor] = lambda inputs: inputs,
) -> tuple[float, float]:
    """(mean loss, accuracy) of `model` in eval mode over all samples of `split`, as `change` has
    them."""
    model.eval()
    sums = torch.zeros(2)
    for inputs, targets in split.batches(batch_size):
        images = change(as_inputs(inputs))

        def of(rows: slice, images: Tensor = images) -> Tensor:
            with arithmetic(images.device, precision):
                return model(images[rows])

        logits = torch.cat(list(in_parts(of, len(images), len(images), images.device)))
        loss = F.cross_entropy(logits.float(), targets, reduction="sum")
        found = torch.stack([loss, (logits.argmax(1) == targets).sum()])
        sums = sums.to(found.device) + found.to(summing_dtype(found.device))
    loss, hits = sums.tolist()
    return loss / len(split), hits / len(split)
