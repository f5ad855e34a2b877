"""What all settings models share: their base, the types of their fields, their errors in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from isoloss.settings.built_in import PACKAGED_NETWORKS
from isoloss.settings.source import Source, is_function, network_type, trained_network
from isoloss.shortening import cited

Precision = Literal["auto", "fp32", "tf32", "bf16"]
Stem = Literal["auto", "cifar", "pooled", "imagenet"]
AUTOMATIC = "Automatic"
STEMS: Any = {
    "auto": AUTOMATIC, "cifar": "CIFAR, 3 × 3", "pooled": "CIFAR with pooling",
    "imagenet": "ImageNet, as published",
}  # fmt: skip
PRECISIONS: Any = {
    "auto": AUTOMATIC, "fp32": "fp32, 32 bits", "tf32": "tf32, 19 bits", "bf16": "bf16, 16 bits",
}  # fmt: skip
SPLITS: Any = {"words": {"train": "Training", "test": "Test"}}
NORMS: Any = {"linf": "L∞, each value", "l2": "L2, Euclidean"}
NORMALIZATIONS: Any = {
    "data": "Of the data", "none": "None", "imagenet": "ImageNet", "cifar10": "CIFAR-10",
    "network": "As its library says",
}  # fmt: skip
SCHEDULES: Any = {
    "constant": "Constant", "linear": "Linear to 0", "cosine": "Cosine to 0",
    "halving": "Halved where it stalls",
}  # fmt: skip
WHERE: Any = {
    "words": {
        "network": "The trained network", "checkpoint": "Every checkpoint",
        "2": "Every second checkpoint", "5": "Every fifth checkpoint",
        "10": "Every tenth checkpoint",
    },
    "examples": lambda: ("2", "5", "10"),
}  # fmt: skip
SCALES: Any = {"filter": "To each filter", "layer": "To each layer", "none": "None"}
"""Choices in the words of the window."""
ANYTHING, NOTHING = "…", "-"
"""In place of the values of another field without which one changes nothing: any, none."""
_WHOLE, _NUMBER = "input should be a whole number", "input should be a number"
_PLAINLY = {
    "int_parsing": _WHOLE, "int_from_float": _WHOLE, "int_type": _WHOLE,
    "float_parsing": _NUMBER, "float_type": _NUMBER,
}  # fmt: skip
"""What is wrong in words of our own, by the type of an error."""
Targets = Literal["classes", "any", "as given"]
"""What the targets of data may be: "classes" where nothing else will do; "any" for a probe; "as
given" where a loss of the user's own is to see what the user gives, be they classes or not."""


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


def as_range(value: Any) -> Any:
    """`"-1 1"` or `"-1, 1"` is the range from −1 to 1."""
    if isinstance(value, str):
        parts = value.replace(",", " ").split()
        return tuple(parts) if parts else None
    return value


def as_numbers(value: Any) -> Any:
    """`"0.01, 8/255"` is a list of two numbers; so is what a command line gives word by word."""
    if isinstance(value, int | float):
        return (value,)
    words = split(value)
    return value if words is None else tuple(map(as_number, words))


def as_number(word: Any) -> Any:
    """`"8/255"` as the number that it is; all else as it is."""
    if not isinstance(word, str) or "/" not in word:
        return word
    above, _, below = word.partition("/")
    try:
        return float(above) / float(below)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{word!r} is no number") from error


def split(value: Any) -> list[Any] | None:
    """The items of a text with blanks or commas between, or of a list of such texts and of items;
    None for anything else."""
    if isinstance(value, str):
        return list(value.replace(",", " ").split())
    if not isinstance(value, list | tuple):
        return None
    items = cast(list[Any], value)
    return [part for item in items for part in (split(item) or [item])]


def _increasing(value: tuple[float, float]) -> tuple[float, float]:
    if not value[0] < value[1]:
        low, high = value
        raise ValueError(f"the range must run from low to high, not from {low:g} to {high:g}")
    return value


def absolute(path: Path) -> Path:
    """`path` from the root, its ~ replaced."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # "~nobody"
        raise ValueError(f"there is no home folder for {path}") from error


def _network(path: Path) -> Path:
    """A path made absolute; what is no path stays as it is."""
    named = trained_network(path).kind in ("published", "shipped", "python")
    return path if named else absolute(path)


Axis = Annotated[int, Field(ge=2, le=2001)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Grid = Annotated[tuple[Axis, Axis], BeforeValidator(_grid)]
Range = Annotated[tuple[Finite, Finite], AfterValidator(_increasing)]
AbsolutePath = Annotated[Path, AfterValidator(absolute)]
NetworkPath = Annotated[Path, AfterValidator(_network)]
ImageSize = Annotated[
    int | None, Field(ge=8, le=1024, title="Image size", description="As in training")
]
Key = Annotated[
    str | None,
    Field(
        min_length=1,
        title="Key",
        description="Which network to take of a checkpoint file that holds several, for example "
        "ema",
    ),
]


Normalization = Annotated[
    Literal["data", "none", "imagenet", "cifar10", "network"] | None,
    Field(
        title="Normalization",
        description="By what a checkpoint's images are normalized: data, by theirs; network, as "
        "its library says; none, imagenet, cifar10. By default data, of your own networks none",
        json_schema_extra={"words": NORMALIZATIONS},
    ),
]
_Channels = Annotated[
    Annotated[tuple[Finite, ...], Field(min_length=1, max_length=64)] | None,
    BeforeValidator(as_numbers),
]
Mean = Annotated[
    _Channels,
    Field(
        title="Mean",
        description="Of each channel on the [0, 1] scale, in place of --normalization",
        examples=["0.4914 0.4822 0.4465"],
    ),
]
Deviation = Annotated[
    _Channels,
    Field(title="Std", description="Likewise", examples=["0.247 0.2435 0.2616"]),
]


def _a_function(loss: str | None) -> str | None:
    if loss is not None and not is_function(loss):
        but = f", not {loss!r}" if loss.strip() else ""
        raise ValueError(f"a loss is package.module:function{but}")
    return loss


OwnLoss = Annotated[
    str | None,
    Field(
        title="Loss",
        description="A loss of your own, package.module:function: loss(network, batch) gives one "
        "value for each sample; by default cross-entropy, or the loss that the network returns",
    ),
    AfterValidator(_a_function),
]


def check_normalization(
    normalization: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
) -> None:
    """Refuse statistics that do not go together.

    Raises:
        ValueError: saying which.
    """
    if (mean is None) != (std is None) or len(mean or ()) != len(std or ()):
        raise ValueError("--mean and --std go together, each with a value for every channel")
    if mean is not None and normalization is not None:
        raise ValueError("--normalization says what to subtract: leave --mean and --std out")
    if std is not None and min(std) <= 0:
        raise ValueError("--std: standard deviations are above 0")


class Settings(BaseModel):
    """What every kind of run can be asked for.

    Attributes:
        is_robustness: whether it is an attack, a defense or a certification.
        is_from_python: whether it is about what a script has at hand, and can go on only there.
        leaves_surface: whether what comes out is a surface or a curve.
        measures_curvature: whether what comes out are eigenvalues and the like.
        before: what was done before there was a field, of those whose default is something else:
            what a run that does not have them was begun with.
        verb: how the command line asks for it, where that is not its kind alone.
    """

    is_robustness: ClassVar[bool] = False
    is_from_python: ClassVar[bool] = False
    leaves_surface: ClassVar[bool] = False
    measures_curvature: ClassVar[bool] = False
    verb: ClassVar[str] = ""
    before: ClassVar[dict[str, Any]] = {}
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
        json_schema_extra={"words": PRECISIONS},
    )
    seed: int = Field(
        default=0, ge=0, lt=2**31, title="Seed", description="Seed of everything random"
    )

    @property
    def targets(self) -> Targets:
        """What the targets of its data may be."""
        return "classes"


class NetworkSettings(Settings):
    """What all runs about trained networks share: which, and what belongs to it."""

    source: NetworkPath = Field(
        title="Network",
        description="A training run's folder, a checkpoint (a file, or Hugging Face's folder), or "
        "the name of a shipped or published network (efficientnet_lite0, timm:NAME.TAG)",
        examples=[*PACKAGED_NETWORKS],
        json_schema_extra={"positional": True},
    )
    model: str | None = Field(
        default=None,
        title="Network type",
        description="Which network a checkpoint file belongs to (a training run knows its own)",
        json_schema_extra={"names": "network"},
    )
    stem: Stem = Field(
        default="auto",
        title="Stem",
        description="As in training; for checkpoint files",
        json_schema_extra={"words": STEMS},
    )
    data: str | None = Field(
        default=None,
        title="Data",
        description="Other data than the network was trained on; needed with checkpoint files",
        json_schema_extra={"names": "data"},
    )
    image_size: ImageSize = None
    key: Key = None
    normalization: Normalization = None
    mean: Mean = None
    std: Deviation = None

    @model_validator(mode="before")
    @classmethod
    def _published_by_its_type(cls, values: Any) -> Any:
        """What is published brings its weights: its type alone says which network is meant."""
        given = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
        named: Any = given.get("model")
        is_alone = isinstance(named, str) and "source" not in given
        if not is_alone or network_type(named).kind != "published":
            return cast("Any", values)
        return {**given, "source": named, "model": None}

    @property
    def sources(self) -> tuple[Path, ...]:
        """All networks it is about."""
        return (self.source,)

    @property
    def networks(self) -> tuple[Source, ...]:
        """What each of `sources` means."""
        return tuple(map(trained_network, self.sources))

    @property
    def is_from_python(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether it is about a network that a script has at hand."""
        return self.networks[0].kind == "python"

    @property
    def architecture(self) -> Source | None:
        """What `model` means."""
        return None if self.model is None else network_type(self.model)

    @model_validator(mode="after")
    def _checkpoint_files_need_more(self) -> NetworkSettings:
        kinds = {network.kind for network in self.networks}
        if "checkpoint" in kinds:
            for name in ("model", "data"):
                if getattr(self, name) is None:
                    raise ValueError(
                        f"a checkpoint file does not say what it belongs to: give --{name}"
                    )
        if self.data is None and "published" in kinds:
            raise ValueError("a published network does not bring images: give --data")
        if (self.normalization or self.mean or self.std) and "checkpoint" not in kinds:
            raise ValueError(
                "--normalization, --mean and --std are for checkpoint files: runs and published "
                "networks know their own"
            )
        check_normalization(self.normalization, self.mean, self.std)
        return self


def explain(error: ValidationError, kinds: Iterable[str], typed: Mapping[str, str]) -> str:
    """One line on the first thing that is wrong: the option as typed, and why.

    Args:
        kinds: names of kinds of runs, which are no options.
        typed: {field: the option by which it was given}, where that is another than its own.
    """
    first = error.errors()[0]
    place = [str(p) for p in first["loc"] if p not in [*kinds]]
    message = cited(str(first["msg"]).removeprefix("Value error, "))
    message = message[:1].lower() + message[1:]
    if not place:
        return message
    name = "--" + typed.get(place[0], place[0]).replace("_", "-")
    if first["type"] == "missing":
        network = "say which network: a run, a checkpoint or the name of a published one"
        return network if name == "--source" else f"{name} is missing"
    if first["type"] in ("string_too_short", "too_short"):
        return f"{name}: say which"
    message = _PLAINLY.get(first["type"], re.sub(r" for <class '[^']*'>", "", message))
    given = cited(repr(first["input"]))
    # Of several values the message has said which.
    said = isinstance(first["input"], list | tuple)
    return f"{name}: {message}" + ("" if said else f" (got {given})")


def _as_where(value: Any) -> Any:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if value in ("network", "checkpoint") or (type(value) is int and value >= 1):
        return value
    raise ValueError("give network, checkpoint, or a number N, for each Nth checkpoint")


Where = Annotated[Literal["network", "checkpoint"] | int, BeforeValidator(_as_where)]


def stride_of(every: Where) -> int:
    """1 for every checkpoint, 2 for every second; 0 for the trained network alone."""
    return every if isinstance(every, int) else int(every == "checkpoint")


def check_has_checkpoints(networks: Iterable[Source], every: Where) -> None:
    """Refuse networks of which nobody has the checkpoints of their training."""
    if any(network.kind not in ("run", "shipped") for network in networks):
        raise ValueError(
            f"--every {every} needs a training run's folder: make one of checkpoints with "
            "'isoloss import'"
        )
