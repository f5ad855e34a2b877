"""What a training run has recorded: one point for each checkpoint."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from isoloss.errors import IsolossError
from isoloss.events import Metric
from isoloss.files import read_json
from isoloss.paths import exists
from isoloss.run import Run


@dataclass(frozen=True)
class TrajectoryPoint:
    """One checkpoint of a trajectory, a line of `trajectory.json`.

    `loss` and `accuracy` are means over the training steps since the checkpoint before (for the
    first: over one batch before training); `test_*` are over the whole test split. A denoiser's
    accuracies are NaN; so is `noisy_accuracy`, on the test images with the noise of the training,
    where that has none.
    """

    checkpoint: str
    epoch: float
    step: int
    lr: float
    loss: float
    accuracy: float
    test_loss: float
    test_accuracy: float
    noisy_accuracy: float = math.nan

    @property
    def metric(self) -> Metric:
        """The point as the training curves have it."""
        return Metric(
            self.epoch, self.lr, self.loss, self.accuracy, self.test_loss, self.test_accuracy,
            self.noisy_accuracy,
        )  # fmt: skip


_points = TypeAdapter(list[TrajectoryPoint])


def to_lines(points: list[TrajectoryPoint]) -> list[dict[str, Any]]:
    """The points as JSON has them: NaN becomes null, and is left out of a field with a default."""
    return [
        {
            field.name: None if _is_nan(value) else value
            for field in fields(point)
            if not _is_nan(value := getattr(point, field.name)) or field.default is MISSING
        }
        for point in points
    ]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def from_lines(lines: Any, origin: object) -> list[TrajectoryPoint]:
    """The points that `to_lines` gave; `origin` names the file in messages.

    Raises:
        IsolossError: if it is damaged.
    """
    try:
        known: list[dict[str, Any]] = [
            {k: math.nan if v is None else v for k, v in line.items()} for line in lines
        ]
        return _points.validate_python(known)
    except ValidationError as error:
        first = error.errors()[0]
        line, *field = first["loc"]
        what = f"checkpoint {line}, {' '.join(map(str, field))}: {first['msg']}"
        raise IsolossError(f"{origin} is damaged: {what}") from error
    except (TypeError, AttributeError) as error:
        raise IsolossError(f"{origin} is damaged: it is no list of checkpoints") from error


def read_trajectory(run: Run) -> list[TrajectoryPoint]:
    """The checkpoints of a training run, in order; empty if there are none yet."""
    path = run.points_path
    return from_lines(read_json(path), path) if exists(path) else []
