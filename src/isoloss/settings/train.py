"""What can be asked of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field, model_validator

from isoloss.errors import IsolossError
from isoloss.files import read_json
from isoloss.paths import is_file
from isoloss.run_folder import RUN, is_run
from isoloss.settings.base import AUTOMATIC, STEMS, AbsolutePath, Settings, Stem, absolute
from isoloss.settings.built_in import network_names

_SIZES: Any = {
    "auto": AUTOMATIC, "tiny": "Tiny, 0.16 million", "small": "Small, 10 million",
    "ddpm": "DDPM, 36 million",
}  # fmt: skip
_AUGMENTATIONS: Any = {
    "auto": AUTOMATIC, "none": "None", "crop": "Shifts", "crop-flip": "Shifts and mirroring",
}  # fmt: skip
_OF_CLASSIFIERS: dict[str, Any] = {"only_with": {"task": ["classifier"]}}
_OF_DENOISERS: dict[str, Any] = {"only_with": {"task": ["denoiser"]}}
_OF_PATHS: dict[str, Any] = {"only_with": {"task": ["path"]}}
_BY_ITS_LOSS: dict[str, Any] = {"only_with": {"task": ["classifier", "path"]}}
_OF_DATA: dict[str, Any] = {"only_with": {"task": ["classifier", "denoiser"]}}
_OF_THE_START = ("model", "stem", "data", "image_size")
"""What a path has of the training run at its start."""


class TrainSettings(Settings):
    """Train a network and keep its trajectory."""

    kind: Literal["train"] = "train"
    task: Literal["classifier", "denoiser", "path"] = Field(
        default="classifier",
        title="Task",
        description="classifier: tell the classes apart; denoiser: a diffusion network that "
        "takes noise out of images, for denoised smoothing; path: a Bézier path of low loss "
        "between two networks",
        json_schema_extra={
            "words": {
                "classifier": "Classifier", "denoiser": "Denoiser",
                "path": "Path between two networks",
            }
        },
    )  # fmt: skip
    begin: AbsolutePath | None = Field(
        default=None,
        title="Start",
        description="The training run whose network the path begins at: its network and data are "
        "the path's",
        json_schema_extra=_OF_PATHS,
    )
    to: AbsolutePath | None = Field(
        default=None,
        title="End",
        description="The network that the path leads to: a training run or a checkpoint",
        json_schema_extra=_OF_PATHS,
    )
    align: bool = Field(
        default=False,
        title="Align",
        description="First permute the channels of the network at the end so that its weights "
        "match (Ainsworth et al. 2023)",
        json_schema_extra=_OF_PATHS,
    )
    model: str = Field(
        default="vgg11",
        title="Network",
        description=network_names(),
        min_length=1,
        examples=["vgg11", "resnet20", "resnet50", "torchvision:resnet18", "timm:resnet18"],
        json_schema_extra={"names": "network", **_OF_CLASSIFIERS},
    )
    stem: Stem = Field(
        default="auto",
        title="Stem",
        description="cifar: 3×3 first convolution and no early pooling; pooled: with the pooling, "
        "a quarter of the work; imagenet: the network as published; auto takes cifar for images "
        "up to 64 pixels",
        json_schema_extra={"words": STEMS, **_OF_CLASSIFIERS},
    )
    denoiser: Literal["auto", "tiny", "small", "ddpm"] = Field(
        default="auto",
        title="Denoiser size",
        description="tiny: 0.16 million parameters; small: 10 million; ddpm: 36 million, Ho et "
        "al.'s for CIFAR-10; auto takes tiny for digits, else small",
        json_schema_extra={"words": _SIZES, **_OF_DENOISERS},
    )
    data: str = Field(
        default="digits",
        title="Data",
        description="digits, cifar10, imagefolder:PATH, or package.module:function",
        min_length=1,
        examples=["digits", "cifar10"],
        json_schema_extra={"names": "data", **_OF_DATA},
    )
    image_size: int | None = Field(
        default=None,
        ge=8,
        le=1024,
        title="Image size",
        description="Pixels on a side that image folders are resized to; by default that of their "
        "first image, at most 224",
        json_schema_extra=_OF_DATA,
    )
    epochs: int = Field(
        default=5, ge=1, le=10_000, title="Epochs", description="Passes over the data"
    )
    batch_size: int = Field(
        default=128, ge=1, le=65_536, title="Batch size", description="Images in one step"
    )
    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        default="sgd",
        title="Optimizer",
        description="sgd is with Nesterov momentum",
        json_schema_extra={
            "words": {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"},
            **_BY_ITS_LOSS,
        },
    )
    lr: float = Field(
        default=0.05,
        gt=0,
        le=100,
        title="Learning rate",
        description="At the start of the schedule",
        json_schema_extra=_BY_ITS_LOSS,
    )
    momentum: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        title="Momentum",
        description="Nesterov momentum of SGD",
        json_schema_extra={"only_with": {"task": ["classifier", "path"], "optimizer": ["sgd"]}},
    )
    weight_decay: float = Field(
        default=5e-4,
        ge=0,
        le=10,
        title="Weight decay",
        description="L2 penalty (decoupled in AdamW)",
        json_schema_extra=_BY_ITS_LOSS,
    )
    schedule: Literal["step", "cosine", "constant"] = Field(
        default="step",
        title="Schedule",
        description="step: a tenth of the learning rate at 50 %, 75 % and 92 % of the steps "
        "(Li et al. 2018); cosine: down to zero",
        json_schema_extra={
            "words": {"step": "Steps", "cosine": "Cosine", "constant": "Constant"},
            **_BY_ITS_LOSS,
        },
    )
    denoiser_lr: float | None = Field(
        default=None,
        gt=0,
        le=1,
        title="Peak learning rate",
        description="Of a denoiser, with AdamW: reached after the first 5 % of the steps, then "
        "down to zero along a cosine; by default what suits its size, 2e-3, 1e-3 or 2e-4",
        json_schema_extra=_OF_DENOISERS,
    )
    largest_sigma: float | None = Field(
        default=None,
        gt=0,
        le=78,
        title="Largest σ",
        description="The most noise a denoiser is trained for, on the [0, 1] scale; 1 halves the "
        "work where it is to smooth with 0.25 or 0.5; by default 78.7, enough to draw images too",
        json_schema_extra=_OF_DENOISERS,
    )
    average: float = Field(
        default=0.9999,
        ge=0,
        lt=1,
        title="Average",
        description="How much of the average of the weights, which is what is kept of a denoiser, "
        "stays at each step; less at the start",
        json_schema_extra=_OF_DENOISERS,
    )
    augment: Literal["auto", "none", "crop", "crop-flip"] = Field(
        default="auto",
        title="Augmentation",
        description="Random shifts by an eighth of the image and mirroring; auto mirrors nothing "
        "where left and right matter, as in digits",
        json_schema_extra={"words": _AUGMENTATIONS, **_BY_ITS_LOSS},
    )
    noise: float = Field(
        default=0.0,
        ge=0,
        le=10,
        title="Noise σ",
        description="Standard deviation, on the [0, 1] scale, of noise that every training image "
        "gets anew, as smoothing without a denoiser needs it (Cohen et al. 2019)",
        json_schema_extra=_OF_CLASSIFIERS,
    )
    checkpoints_per_epoch: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        title="Checkpoints per epoch",
        description="How often the trajectory is sampled; 0.5 is every second epoch",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_at_the_start(cls, asked: Any) -> Any:
        """A path has network and data of the run that it begins at."""
        if not isinstance(asked, dict):
            return asked
        fields = cast("dict[str, Any]", asked)
        given = fields.get("begin")
        if not isinstance(given, str | Path) or fields.get("task") != "path":
            return fields
        own = _training_at(absolute(Path(given)))
        defaults = {name: cls.model_fields[name].default for name in _OF_THE_START}
        for name in ("model", "stem", "image_size"):
            said = fields.get(name, defaults[name])
            if said not in (defaults[name], own.get(name, said)):
                raise ValueError(
                    f"--{name.replace('_', '-')} of a path is that of its start: leave it away"
                )
        unsaid = [name for name in _OF_THE_START if fields.get(name) in (None, defaults[name])]
        return {**fields, **{name: own[name] for name in unsaid if name in own}}

    @model_validator(mode="after")
    def _a_path_has_ends(self) -> TrainSettings:
        for name, value in (("begin", self.begin), ("to", self.to)):
            if self.task == "path" and value is None:
                raise ValueError(
                    "a path is between two networks: give --begin RUN and --to RUN"
                    if name == "begin" or self.begin is None
                    else "a path leads to another network: give --to"
                )
        return self

    @model_validator(mode="after")
    def _only_what_the_task_has(self) -> TrainSettings:
        for name in self.model_fields_set:
            field = type(self).model_fields[name]
            extra: Any = field.json_schema_extra or {}
            tasks = extra.get("only_with", {}).get("task", [self.task])
            is_the_starts = self.task == "path" and name in _OF_THE_START
            if self.task in tasks or is_the_starts or getattr(self, name) == field.default:
                continue
            raise ValueError(f"--{name.replace('_', '-')} is for --task {tasks[0]}")
        return self


def _training_at(folder: Path) -> dict[str, Any]:
    """What the training run at the start of a path was asked for; nothing where it is gone.

    Raises:
        ValueError: if it is none, or no classifier's.
    """
    if is_file(folder):
        raise ValueError(
            f"a path begins at a training run, which says network and data: {folder} is a file"
        )
    if not is_run(folder):
        return {}
    try:
        asked: dict[str, Any] = read_json(folder / RUN)["settings"]
        kind, task = asked["kind"], asked.get("task", "classifier")
    except (IsolossError, LookupError, TypeError):
        return {}  # whoever opens it says what is wrong
    if kind == "import":
        raise ValueError(f"a path begins at a network that was trained here: {folder} was imported")
    if kind != "train" or task == "denoiser":
        what = task if kind == "train" else f"{kind} run"
        raise ValueError(f"a path begins at a classifier's training run: {folder} is a {what}")
    return asked
