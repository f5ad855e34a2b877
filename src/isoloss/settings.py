"""What can be asked for: one model per kind of run.

These models are the single source for the command line, the panel's forms, `run.json` and their
validation: a field added here appears in all four. A field's `title` is its label, its
`description` the help and the tooltip.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from isoloss.errors import IsolossError

Precision = Literal["auto", "fp32", "tf32", "bf16"]
Stem = Literal["auto", "cifar", "imagenet"]


def _grid(value: Any) -> Any:
    """`25` or `"25"` is 25×25; `"25x13"` is 25 points along α and 13 along β."""
    if isinstance(value, int):
        return (value, value)
    if isinstance(value, str):
        parts = value.lower().replace("×", "x").split("x")
        try:
            numbers = tuple(int(p) for p in parts)
        except ValueError as error:
            raise ValueError("a grid is N or AxB, for example 25 or 25x13") from error
        return numbers * 2 if len(numbers) == 1 else numbers
    return value


def _range(value: Any) -> Any:
    """`"-1 1"` or `"-1, 1"` is the range from −1 to 1."""
    if isinstance(value, str):
        parts = value.replace(",", " ").split()
        return tuple(parts) if parts else None
    return value


def _increasing(value: tuple[float, float]) -> tuple[float, float]:
    if not value[0] < value[1]:
        raise ValueError(f"the range must run from low to high, not from {value[0]} to {value[1]}")
    return value


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # "~nobody"
        raise ValueError(f"there is no home folder for {path}") from error


Axis = Annotated[int, Field(ge=2, le=2001)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Grid = Annotated[tuple[Axis, Axis], BeforeValidator(_grid)]
Range = Annotated[tuple[Finite, Finite], AfterValidator(_increasing)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseModel):
    """What every kind of run can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    device: str = Field(
        default="auto",
        title="Device",
        description="Where to compute: auto, cpu, cuda, cuda:1, mps",
        pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
    )
    precision: Precision = Field(
        default="auto",
        title="Precision",
        description="bf16 computes the matrix products in half the bits, tf32 (NVIDIA GPUs) in 19; "
        "auto takes what the hardware is fast in (and, when probing, what a check against fp32 "
        "finds accurate)",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**31, title="Seed", description="Seed of everything random"
    )


class TrainSettings(Settings):
    """Train a network and keep its trajectory."""

    kind: Literal["train"] = "train"
    model: str = Field(
        default="vgg11",
        title="Network",
        description="resnet50, vgg11, torchvision:NAME, timm:NAME, or package.module:function",
        min_length=1,
        examples=["vgg11", "resnet50", "torchvision:resnet18", "timm:resnet18"],
        json_schema_extra={"names": "network"},
    )
    stem: Stem = Field(
        default="auto",
        title="Stem",
        description="cifar: 3×3 first convolution and no early pooling; imagenet: the network as "
        "published; auto takes cifar for images up to 64 pixels",
    )
    data: str = Field(
        default="digits",
        title="Data",
        description="digits, cifar10, imagefolder:PATH, or package.module:function",
        min_length=1,
        examples=["digits", "cifar10"],
        json_schema_extra={"names": "data"},
    )
    image_size: int | None = Field(
        default=None,
        ge=8,
        le=1024,
        title="Image size",
        description="Pixels on a side that image folders are resized to; by default that of their "
        "first image, at most 224",
    )
    epochs: int = Field(
        default=5, ge=1, le=10_000, title="Epochs", description="Passes over the data"
    )
    batch_size: int = Field(
        default=128, ge=1, le=65_536, title="Batch size", description="Images in one step"
    )
    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        default="sgd", title="Optimizer", description="sgd is with Nesterov momentum"
    )
    lr: float = Field(
        default=0.05,
        gt=0,
        le=100,
        title="Learning rate",
        description="At the start of the schedule",
    )
    momentum: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        title="Momentum",
        description="Nesterov momentum of sgd",
        json_schema_extra={"only_with": {"optimizer": ["sgd"]}},
    )
    weight_decay: float = Field(
        default=5e-4,
        ge=0,
        le=10,
        title="Weight decay",
        description="L2 penalty (decoupled in adamw)",
    )
    schedule: Literal["step", "cosine", "constant"] = Field(
        default="step",
        title="Schedule",
        description="step: a tenth of the learning rate at 50 %, 75 % and 92 % of the steps "
        "(Li et al. 2018); cosine: down to zero",
    )
    augment: Literal["auto", "none", "crop", "crop-flip"] = Field(
        default="auto",
        title="Augmentation",
        description="Random shifts by an eighth of the image and mirroring; auto mirrors nothing "
        "where left and right matter, as in digits",
    )
    checkpoints_per_epoch: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        title="Checkpoints per epoch",
        description="How often the trajectory is sampled; 0.5 is every second epoch",
    )


class ProbeSettings(Settings):
    """Evaluate loss and accuracy over a plane through a trained network's parameters."""

    kind: Literal["probe"] = "probe"
    source: AbsolutePath = Field(
        title="Network",
        description="A training run's folder, or a checkpoint (.safetensors, .pt, .pth)",
        json_schema_extra={"positional": True},
    )
    model: str | None = Field(
        default=None,
        title="Network type",
        description="Which network a checkpoint file belongs to (a training run knows its own)",
        json_schema_extra={"names": "network"},
    )
    stem: Stem = Field(
        default="auto", title="Stem", description="As in training; for checkpoint files"
    )
    data: str | None = Field(
        default=None,
        title="Data",
        description="Other data than the network was trained on; needed with checkpoint files",
        json_schema_extra={"names": "data"},
    )
    image_size: int | None = Field(
        default=None, ge=8, le=1024, title="Image size", description="As in training"
    )
    split: Literal["train", "test"] = Field(
        default="train", title="Split", description="Which part of the data the loss is taken over"
    )
    samples: int | None = Field(
        default=None,
        ge=1,
        title="Samples",
        description="Evaluate on at most this many samples, drawn at random once; by default on "
        "all",
    )
    tolerance: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        title="Tolerance",
        description="Stop when the error is below this share of the surface's range everywhere, "
        "for example 0.01; by default all samples are evaluated at every point",
    )
    plane: Literal["random", "pca", "line", "interpolate"] = Field(
        default="random",
        title="Plane",
        description="random: two filter-normalized directions; pca: the trajectory's two leading "
        "principal components (Li et al. 2018); line: one random direction; interpolate: the line "
        "to another network",
    )
    to: AbsolutePath | None = Field(
        default=None,
        title="Other network",
        description="The network at the other end of interpolate: a training run or a checkpoint",
        json_schema_extra={"only_with": {"plane": ["interpolate"]}},
    )
    also: tuple[AbsolutePath, ...] = Field(
        default=(),
        title="Also",
        description="With pca: further training runs of the same network whose trajectories the "
        "plane shows too",
        json_schema_extra={"only_with": {"plane": ["pca"]}},
    )
    planes: int = Field(
        default=1,
        ge=1,
        le=1000,
        title="Planes",
        description="With random: the mean, and the spread, over so many planes of consecutive "
        "seeds",
        json_schema_extra={"only_with": {"plane": ["random"]}},
    )
    normalize: Literal["filter", "layer", "none"] = Field(
        default="filter",
        title="Normalization",
        description="What random directions are scaled to: the norm of each filter of the network "
        "(Li et al. 2018), of each layer, or nothing",
        json_schema_extra={"only_with": {"plane": ["random", "line"]}},
    )
    grid: Grid = Field(
        default=(25, 25),
        title="Grid",
        description="Points: N, or AxB along α and β",
        json_schema_extra={"only_with": {"plane": ["random", "pca"]}},
    )
    alpha_range: Annotated[Range | None, BeforeValidator(_range)] = Field(
        default=None,
        title="Range of α",
        description="Low and high end along the first direction; by default −1 to 1, or with pca "
        "what holds the whole trajectory",
    )
    beta_range: Annotated[Range | None, BeforeValidator(_range)] = Field(
        default=None,
        title="Range of β",
        description="Likewise along the second direction",
        json_schema_extra={"only_with": {"plane": ["random", "pca"]}},
    )
    points: int = Field(
        default=401,
        ge=2,
        le=100_001,
        title="Points",
        description="Of a line or an interpolation",
        json_schema_extra={"only_with": {"plane": ["line", "interpolate"]}},
    )
    batch_norm: Literal["frozen", "recalibrated"] = Field(
        default="frozen",
        title="Batch norm",
        description="frozen: the statistics of the network (Li et al. 2018); recalibrated: "
        "measured anew on training samples at every point",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        title="Batch size",
        description="Samples evaluated at once; by default what suits the device",
    )
    points_at_once: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        title="Points at once",
        description="Grid points evaluated together, which small networks may gain from; by "
        "default measured at the start",
    )

    @property
    def is_curve(self) -> bool:
        """Whether it is one direction that is probed, not two."""
        return self.plane in ("line", "interpolate")

    @model_validator(mode="after")
    def _what_the_plane_needs(self) -> ProbeSettings:
        if (self.plane == "interpolate") != (self.to is not None):
            raise ValueError(
                "to interpolate, say where to: give --to"
                if self.to is None
                else "--to is for --plane interpolate"
            )
        if self.also and self.plane != "pca":
            raise ValueError("--also is for --plane pca")
        if self.planes > 1 and self.plane != "random":
            raise ValueError("--planes is for --plane random")
        return self

    @model_validator(mode="after")
    def _checkpoint_files_need_more(self) -> ProbeSettings:
        if self.source.suffix in CHECKPOINT_SUFFIXES:
            for name in ("model", "data"):
                if getattr(self, name) is None:
                    raise ValueError(
                        f"a checkpoint file does not say what it belongs to: give --{name}"
                    )
            if self.plane == "pca":
                raise ValueError("a pca plane needs a training run's folder with its trajectory")
        return self


CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth")

AnySettings = TrainSettings | ProbeSettings
_adapter: TypeAdapter[AnySettings] = TypeAdapter(
    Annotated[TrainSettings | ProbeSettings, Field(discriminator="kind")]
)
KINDS: dict[str, type[TrainSettings] | type[ProbeSettings]] = {
    str(model.model_fields["kind"].default): model for model in get_args(AnySettings)
}


def parse_settings(content: Any) -> AnySettings:
    """The settings that `content`, as read from JSON, describes.

    Raises:
        IsolossError: naming the first field that is wrong.
    """
    try:
        return _adapter.validate_python(content)
    except ValidationError as error:
        raise IsolossError(explain(error)) from error


def explain(error: ValidationError) -> str:
    """One line on the first thing that is wrong: the option as typed, and why."""
    first = error.errors()[0]
    place = [str(p) for p in first["loc"] if p not in KINDS]
    message = str(first["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if not place:
        return message
    name = "--" + place[0].replace("_", "-")
    return (
        f"{name}: {message} (got {first['input']!r})" if len(place) == 1 else f"{name}: {message}"
    )
