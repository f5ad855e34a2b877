"""Train a classifier and keep its trajectory.

Everything random in a step depends only on the seed and the step's number, so that a run carried
on after a kill continues as if nothing had happened.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import TypeAdapter, ValidationError
from safetensors import safe_open
from torch import Tensor, nn

from isoloss.compute.checkpoints import load_into, load_state, save_tensors
from isoloss.compute.datasets import Dataset, Split, as_inputs, load_dataset
from isoloss.compute.device import (
    arithmetic,
    choose_device,
    in_fast_layout,
    reduced_precisions,
    summing_dtype,
)
from isoloss.compute.models import build_for_data, check_fits
from isoloss.compute.pace import Pace
from isoloss.compute.ranks import Ranks, team
from isoloss.compute.replicas import Share, add_up, check_device, replicated, share_of
from isoloss.errors import IsolossError
from isoloss.events import Event, Log, Metric
from isoloss.files import read_json, write_json
from isoloss.run import Run
from isoloss.settings import TrainSettings


@dataclass(frozen=True)
class TrajectoryPoint:
    """One checkpoint of a trajectory, a line of `trajectory.json`.

    `loss` and `accuracy` are means over the training steps since the checkpoint before (for the
    first: over one batch before training); `test_*` are over the whole test split.
    """

    checkpoint: str
    epoch: float
    step: int
    lr: float
    loss: float
    accuracy: float
    test_loss: float
    test_accuracy: float


_points = TypeAdapter(list[TrajectoryPoint])


def read_trajectory(run: Run) -> list[TrajectoryPoint]:
    """The checkpoints of a training run, in order; empty if there are none yet."""
    path = run.checkpoints / "trajectory.json"
    if not path.exists():
        return []
    try:
        known: list[dict[str, Any]] = [
            {k: math.nan if v is None else v for k, v in line.items()} for line in read_json(path)
        ]
        return _points.validate_python(known)
    except (TypeError, AttributeError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise IsolossError(f"{path} is damaged: {reason}") from error


def build_for(settings: TrainSettings, dataset: Dataset) -> nn.Module:
    """The network that `settings` asks for, initialized from its seed, for `dataset`."""
    torch.manual_seed(settings.seed)
    return build_for_data(settings.model, settings.stem, dataset)


@dataclass
class Training:
    """A training run with its data and network at hand."""

    settings: TrainSettings
    dataset: Dataset
    model: nn.Module
    device: torch.device

    @classmethod
    def prepare(cls, settings: TrainSettings) -> Training:
        """Load the data and build the network; refuses what cannot be trained before anything
        is written."""
        ranks = Ranks.current()
        device = ranks.own(choose_device(settings.device))
        check_device(device, ranks)
        dataset = load_dataset(settings.data, settings.image_size)
        model = build_for(settings, dataset)
        check_fits(model, dataset)
        return cls(settings, dataset, model, device)

    @property
    def steps_per_epoch(self) -> int:
        return len(_batch_sizes(len(self.dataset.train), self.settings.batch_size))

    @property
    def total_steps(self) -> int:
        return self.steps_per_epoch * self.settings.epochs

    def carry_on(self, run: Run) -> Iterator[Event]:
        """Train from the last checkpoint to the end, yielding what happens."""
        settings = self.settings
        model, optimizer = self._student()
        train, test = self.dataset.train.to(self.device), self.dataset.test.to(self.device)
        run.check_unchanged(data=self.dataset.digest())
        # A run goes on in the precision it was begun in, on whatever machine.
        best = [*reduced_precisions(self.device), "fp32"][0]
        asked = best if settings.precision == "auto" else settings.precision
        precision = str(run.environment.get("computed_in", asked))
        run.record_environment(computed_in=precision)
        points = _resume(run, model, optimizer)
        if points:
            yield Log(f"carrying on at epoch {points[-1].epoch:g}")
        else:
            points = [self._measure(model, train, test, precision)]
            _save(run, model, optimizer, points)
        yield _metric(points[-1])

        start = points[-1].step
        team().share("step", str(start).encode())
        pace = Pace("train", self.total_steps, "steps", done=start)
        for step, lr, sums in self._steps(model, optimizer, train, start, precision):
            if sums is not None:
                mean_loss, accuracy = (sums[:2] / sums[2]).tolist()
                test_loss, test_accuracy = evaluate(
                    model, test, precision=precision, batch_size=settings.batch_size
                )
                points.append(
                    TrajectoryPoint(
                        f"{len(points):04d}.safetensors",
                        step / self.steps_per_epoch,
                        step,
                        lr,
                        mean_loss,
                        accuracy,
                        test_loss,
                        test_accuracy,
                    )
                )
                _save(run, model, optimizer, points)
                yield _metric(points[-1])
            if (progress := pace.at(step)) is not None:
                yield progress

    def serve(self, run: Run) -> None:
        """Take this rank's share of the steps that rank 0 takes in `carry_on`."""
        model, optimizer = self._student()
        train = self.dataset.train.to(self.device)
        step = int(team().share("step"))
        if run.environment["depends_on"]["data"] != self.dataset.digest():
            raise IsolossError(f"the data here are not rank 0's: {self.settings.data} differs")
        precision = str(run.environment["computed_in"])
        points = read_trajectory(run)
        if not points or points[-1].step != step:
            raise IsolossError(
                f"{run.folder} is not what rank 0 sees: it must lie on a file system that all "
                "machines share"
            )
        _load(run, points[-1], model, optimizer)
        for _ in self._steps(model, optimizer, train, step, precision):
            pass

    def _student(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        model = self.model.to(self.device)
        model = in_fast_layout(
            model, lambda: model(as_inputs(self.dataset.train.inputs[:2]).to(self.device))
        )
        return model, _optimizer(model, self.settings)

    def _steps(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        train: Split,
        step: int,
        precision: str,
    ) -> Iterator[tuple[int, float, Tensor | None]]:
        """Take every step after the first `step`, together with all other ranks.

        Yields:
            (steps taken, learning rate, None), or where a checkpoint is due, in place of None, the
            sums (3,) of losses, right answers and samples since the last one.
        """
        ranks = team().ranks
        due = set(self._checkpoint_steps())
        wide = summing_dtype(self.device)
        sums = torch.zeros(3, dtype=wide, device=self.device)
        with replicated(model, as_inputs(train.inputs[:2]), team()) as network:
            for inputs, targets, share in self._batches(train, start=step):
                lr = learning_rate(self.settings, step, self.total_steps)
                for group in optimizer.param_groups:
                    group["lr"] = lr
                model.train()
                torch.manual_seed(_step_seed(self.settings.seed, step, ranks.rank))
                with arithmetic(self.device, precision):
                    logits = network(inputs)
                    loss = F.cross_entropy(logits, targets)
                optimizer.zero_grad(set_to_none=True)
                (loss * share.weight).backward()
                optimizer.step()
                step += 1
                if share.counts:
                    n = len(targets)
                    hits = (logits.detach().argmax(1) == targets).sum()
                    sums += torch.stack(
                        [loss.detach().to(wide) * n, hits.to(wide), torch.tensor(n).to(sums)]
                    )
                if step in due:
                    yield step, lr, add_up(sums, ranks)
                    sums.zero_()
                else:
                    yield step, lr, None

    def _measure(
        self, model: nn.Module, train: Split, test: Split, precision: str
    ) -> TrajectoryPoint:
        size = self.settings.batch_size
        first = Split(*next(train.batches(1024)))
        loss, accuracy = evaluate(model, first, precision=precision, batch_size=size)
        test_loss, test_accuracy = evaluate(model, test, precision=precision, batch_size=size)
        lr = learning_rate(self.settings, 0, self.total_steps)
        return TrajectoryPoint(
            "0000.safetensors", 0.0, 0, lr, loss, accuracy, test_loss, test_accuracy
        )

    def _checkpoint_steps(self) -> Iterator[int]:
        every = self.steps_per_epoch / self.settings.checkpoints_per_epoch
        for i in itertools.count(1):
            step = round(i * every)
            if step >= self.total_steps:
                break
            if step > 0:
                yield step
        yield self.total_steps

    def _batches(self, train: Split, start: int) -> Iterator[tuple[Tensor, Tensor, Share]]:
        """This rank's share of each batch, as augmented (inputs, targets), from step `start` on;
        each epoch in an order of its own."""
        ranks = team().ranks
        shift, mirror = _augmentation(self.settings, self.dataset)
        size = self.settings.batch_size
        first_epoch, skip = divmod(start, self.steps_per_epoch)
        for epoch in range(first_epoch, self.settings.epochs):
            generator = torch.Generator().manual_seed(_step_seed(self.settings.seed, -1 - epoch))
            order = torch.randperm(len(train), generator=generator).to(self.device)
            for i, batch in enumerate(order.split(_batch_sizes(len(train), size))):
                if i < skip:
                    continue
                share = share_of(len(batch), ranks)
                indices = batch[share.rows]
                inputs = as_inputs(train.inputs[indices])
                step = epoch * self.steps_per_epoch + i
                seed = _step_seed(self.settings.seed, step)
                inputs = augment(inputs, shift, mirror, seed, share.rows, of=len(batch))
                yield inputs, train.targets[indices], share
            skip = 0


def _batch_sizes(samples: int, size: int) -> list[int]:
    """Batches of `size`, and what is left; a lone last sample, of which batch norm can make
    nothing, joins the batch before it."""
    sizes = [size] * (samples // size)
    left = samples % size
    if left == 1 and sizes:
        sizes[-1] += 1
    elif left:
        sizes.append(left)
    return sizes


def learning_rate(settings: TrainSettings, step: int, total: int) -> float:
    """The schedule's learning rate for step `step` of `total`."""
    done = step / total
    if settings.schedule == "cosine":
        return settings.lr * 0.5 * (1 + math.cos(math.pi * done))
    if settings.schedule == "step":
        # Li et al. 2018: after 150, 225 and 275 of 300 epochs.
        return settings.lr * 0.1 ** sum(done >= drop for drop in (150 / 300, 225 / 300, 275 / 300))
    return settings.lr


def augment(
    inputs: Tensor,
    shift: int,
    mirror: bool,
    seed: int,
    part: slice = slice(None),
    of: int | None = None,
) -> Tensor:
    """Shift each image by up to `shift` pixels (zeros enter) and mirror half of them, as a batch.

    Args:
        inputs: (N, C, H, W) images.
        part, of: where the images are only this part of a batch `of` so many, they move as they
            would in it.
    """
    if shift == 0 and not mirror:
        return inputs
    n, channels, height, width = inputs.shape
    generator = torch.Generator().manual_seed(seed)
    drawn = of or n
    offsets = torch.randint(-shift, shift + 1, (2, drawn, 1), generator=generator)[:, part]
    offsets = offsets.to(inputs.device)
    flips = torch.rand(drawn, 1, generator=generator)[part] < (0.5 if mirror else 0.0)
    flips = flips.to(inputs.device)
    padded = F.pad(inputs, (shift,) * 4)
    rows = torch.arange(height, device=inputs.device) + shift + offsets[0]
    columns = torch.arange(width, device=inputs.device)
    columns = torch.where(flips, columns.flip(0), columns) + shift + offsets[1]
    return padded[
        torch.arange(n, device=inputs.device).view(n, 1, 1, 1),
        torch.arange(channels, device=inputs.device).view(1, channels, 1, 1),
        rows.view(n, 1, height, 1),
        columns.view(n, 1, 1, width),
    ]


@torch.inference_mode()
def evaluate(
    model: nn.Module, split: Split, *, precision: str, batch_size: int = 512
) -> tuple[float, float]:
    """(mean loss, accuracy) of `model` in eval mode over all samples of `split`."""
    model.eval()
    loss = hits = 0.0
    for inputs, targets in split.batches(batch_size):
        with arithmetic(inputs.device, precision):
            logits = model(as_inputs(inputs))
        loss += F.cross_entropy(logits.float(), targets, reduction="sum").item()
        hits += (logits.argmax(1) == targets).sum().item()
    return loss / len(split), hits / len(split)


def _augmentation(settings: TrainSettings, dataset: Dataset) -> tuple[int, bool]:
    """(shift in pixels, whether to mirror)."""
    if settings.augment == "none" or dataset.train.inputs.ndim != 4:
        return 0, False
    mirror = settings.augment == "crop-flip" or (settings.augment == "auto" and dataset.mirrors)
    return dataset.train.inputs.shape[-1] // 8, mirror


def _optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(),
            settings.lr,
            momentum=settings.momentum,
            nesterov=settings.momentum > 0,
            weight_decay=settings.weight_decay,
        )
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(model.parameters(), settings.lr, weight_decay=settings.weight_decay)


def _step_seed(seed: int, step: int, rank: int = 0) -> int:
    # Dropout draws anew at every rank.
    return (seed * 1_000_003 + step + (rank << 52)) % 2**63


def _metric(point: TrajectoryPoint) -> Metric:
    return Metric(
        point.epoch, point.lr, point.loss, point.accuracy, point.test_loss, point.test_accuracy
    )


def _save(
    run: Run, model: nn.Module, optimizer: torch.optim.Optimizer, points: list[TrajectoryPoint]
) -> None:
    """Write the newest checkpoint, then all that is needed to go on from it, then the list.

    `resume.safetensors` decides: what is not yet in it is done again after a kill.
    """
    lines = [
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(p).items()}
        for p in points
    ]
    save_tensors(run.checkpoints / points[-1].checkpoint, model.state_dict())
    state = optimizer.state_dict()["state"]
    tensors = {
        f"{index}.{name}": torch.as_tensor(value)
        for index, entries in state.items()
        for name, value in entries.items()
        if value is not None
    }
    save_tensors(run.checkpoints / "resume.safetensors", tensors, {"trajectory": json.dumps(lines)})
    write_json(run.checkpoints / "trajectory.json", lines)


def _resume(run: Run, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[TrajectoryPoint]:
    """Load the newest whole state; returns its trajectory, empty if there is none."""
    path = run.checkpoints / "resume.safetensors"
    if not path.exists():
        return []
    try:
        with safe_open(str(path), "pt") as file:
            lines = json.loads(file.metadata()["trajectory"])
    except Exception as error:  # safetensors raises its own and the system's types.
        raise IsolossError(f"{path} is damaged: {error}; delete it to train anew") from error
    write_json(run.checkpoints / "trajectory.json", lines)
    points = read_trajectory(run)
    _load(run, points[-1], model, optimizer)
    return points


def _load(
    run: Run, point: TrajectoryPoint, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Give network and optimizer their state at `point`, the newest."""
    last = run.checkpoints / point.checkpoint
    load_into(model, load_state(last), str(last))
    path = run.checkpoints / "resume.safetensors"
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_state(path).items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = tensor
    content = optimizer.state_dict()
    content["state"] = state
    optimizer.load_state_dict(content)
