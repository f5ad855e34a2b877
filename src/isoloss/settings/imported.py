"""What can be asked of an import of checkpoints that were trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BeforeValidator, Field, field_validator, model_validator

from isoloss.errors import IsolossError
from isoloss.settings.base import (
    AUTOMATIC,
    STEMS,
    AbsolutePath,
    Deviation,
    ImageSize,
    Key,
    Mean,
    Normalization,
    Settings,
    Stem,
    Targets,
    check_normalization,
)
from isoloss.settings.built_in import network_names
from isoloss.settings.checkpoint_paths import expanded
from isoloss.settings.train import TrainSettings

Order = Literal["auto", "name", "epoch", "given", "time"]
_ORDERS: Any = {
    "auto": AUTOMATIC, "name": "By name", "epoch": "By epoch", "given": "As given",
    "time": "By time",
}  # fmt: skip


def _each(given: Any) -> Any:
    """The checkpoints that paths, patterns and folders mean."""
    if isinstance(given, str | Path):
        return _meant(given)
    if not isinstance(given, list | tuple):
        return given
    return [path for each in cast("list[Any]", given) for path in _meant(each)]


def _meant(given: Any) -> list[Any]:
    try:
        return [*expanded(given)]
    except (IsolossError, TypeError, RuntimeError):
        return [given]  # whoever reads it says what is wrong


class ImportSettings(Settings):
    """Make a training run of checkpoints of one's own, with their trajectory.

    Attributes:
        task: what they are for, as of a training.
    """

    task: ClassVar[Literal["classifier"]] = "classifier"
    kind: Literal["import"] = "import"
    checkpoints: Annotated[tuple[AbsolutePath, ...], BeforeValidator(_each)] = Field(
        title="Checkpoints",
        description="Files of one training, a pattern such as ckpts/*.pt, or their folder",
        json_schema_extra={"positional": True},
    )
    model: str = Field(
        title="Network type",
        description=f"Which network they belong to: {network_names()}",
        min_length=1,
        examples=TrainSettings.model_fields["model"].examples,
        json_schema_extra={"names": "network"},
    )
    stem: Stem = Field(
        default="auto",
        title="Stem",
        description="As in training",
        json_schema_extra={"words": STEMS},
    )
    data: str = Field(
        title="Data",
        description="What the network was trained and is tested on: digits, cifar10, "
        "imagefolder:PATH, or package.module:function",
        min_length=1,
        examples=TrainSettings.model_fields["data"].examples,
        json_schema_extra={"names": "data"},
    )
    image_size: ImageSize = None
    key: Key = None
    order: Order = Field(
        default="auto",
        title="Order",
        description="name: epoch_2 before epoch_10; epoch: as the files themselves say; given: as "
        "listed here; time: as last written; auto takes epoch where all files have one, else name",
        json_schema_extra={"words": _ORDERS},
    )
    batch_size: int = Field(
        default=512, ge=1, le=65_536, title="Batch size", description="Images tested at once"
    )
    normalization: Normalization = None
    mean: Mean = None
    std: Deviation = None

    @property
    def targets(self) -> Targets:
        """Anything: the network need not classify."""
        return "any"

    @model_validator(mode="after")
    def _statistics_go_together(self) -> ImportSettings:
        check_normalization(self.normalization, self.mean, self.std)
        return self

    @field_validator("checkpoints")
    @classmethod
    def _each_once(cls, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        if not paths:
            raise ValueError("say which: files, a pattern such as ckpts/*.pt, or their folder")
        twice = [path for k, path in enumerate(paths) if path in paths[:k]]
        if twice:
            raise ValueError(f"{twice[0]} is given twice")
        return paths
