"""What can be asked of a probe."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from isoloss.naming import capitalized, listed
from isoloss.settings.base import (
    NORMS,
    SCALES,
    SPLITS,
    WHERE,
    AbsolutePath,
    Grid,
    NetworkSettings,
    OwnLoss,
    Range,
    Targets,
    Where,
    absolute,
    as_number,
    as_range,
    check_has_checkpoints,
    stride_of,
)
from isoloss.settings.direction_paths import holds_a_line
from isoloss.settings.input_probe import USUAL_EPSILON, USUAL_SIGMA
from isoloss.settings.plane_kinds import (
    OF_ONES_OWN,
    PLANE_KINDS,
    PlaneKind,
    help_on_kinds,
    kinds_taking,
    plane_kind,
)
from isoloss.settings.robustness_fields import (
    Epsilon,
    Names,
    OptionalDenoiser,
    Positive,
    StepSize,
    beyond_all_images,
)
from isoloss.settings.source import trained_network

CLASS = "class:"
_QUANTITIES = ("loss", "adversarial", "denoised")
_WHICH_QUANTITIES: Any = {
    "examples": lambda: ("loss adversarial", "loss adversarial denoised", f"{CLASS}0"),
    "several": True,
    "words": lambda: _QUANTITY_WORDS,
    "others": f"{CLASS}NAME",
}
_QUANTITY_WORDS: Any = {
    "adversarial": "Adversarial, under attack", "denoised": "Denoised, behind noise",
}  # fmt: skip
_OF_ADVERSARY: Any = {"only_with": {"quantity": ["adversarial"]}}
_OF_DENOISER: Any = {"only_with": {"quantity": ["denoised"]}}
_KINDS_OF_PLANES: Any = {
    "choices": PLANE_KINDS.names, "each": help_on_kinds,
    "words": lambda: {kind.name: capitalized(kind.title) for kind in PLANE_KINDS},
}  # fmt: skip
# What not every kind of plane takes, where it was not asked for.
_UNASKED = (
    ("to", None), ("directions", None), ("rescale", "none"), ("also", ()), ("planes", 1),
    ("parameters", "auto"), ("third", None), ("beside", "random"), ("align", False),
    ("every", "network"),
)  # fmt: skip


def _known_plane(name: Any, others: ValidationInfo) -> Any:
    if isinstance(name, str) and name in PLANE_KINDS:
        return name
    source = others.data.get("source")
    if name == OF_ONES_OWN.name and source and trained_network(source).kind == "python":
        return name
    expected = listed(map(repr, PLANE_KINDS.names()), "or")
    raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})


def _only_with_kinds_that_take(option: str, **more: Any) -> Any:
    return {"only_with": {"plane": partial(kinds_taking, option)}, **more}


class ProbeSettings(NetworkSettings):
    """Evaluate loss and accuracy over a plane through a trained network's parameters."""

    leaves_surface: ClassVar[bool] = True
    kind: Literal["probe"] = "probe"
    split: Literal["train", "test"] = Field(
        default="train",
        title="Split",
        description="Which part of the data the loss is taken over",
        json_schema_extra=SPLITS,
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
    plane: Annotated[str, BeforeValidator(_known_plane)] = Field(
        default="random",
        title="Plane",
        description="Which directions lead away from the network",
        json_schema_extra=_KINDS_OF_PLANES,
    )
    to: AbsolutePath | None = Field(
        default=None,
        title="Other network",
        description="The network at the other end: a training run or a checkpoint",
        json_schema_extra=_only_with_kinds_that_take("to", then="third"),
    )
    directions: AbsolutePath | None = Field(
        default=None,
        title="Directions",
        description="A file of directions: an .h5 of tomgoldstein/loss-landscape, the run of "
        "another probe, or its plane.safetensors",
        json_schema_extra=_only_with_kinds_that_take("directions"),
    )
    rescale: Literal["none", "filter", "layer"] = Field(
        default="none",
        title="Rescale",
        description="Directions out of a file to the norm of each filter, or layer, of this "
        "network; none leaves them as they are",
        json_schema_extra=_only_with_kinds_that_take(
            "rescale", words={**SCALES, "none": "As they are"}
        ),
    )
    also: tuple[AbsolutePath, ...] = Field(
        default=(),
        title="Further runs",
        description="On a PCA plane: further training runs of the same network whose "
        "trajectories it shows too",
        json_schema_extra=_only_with_kinds_that_take("also"),
    )
    planes: int = Field(
        default=1,
        ge=1,
        le=1000,
        title="Planes",
        description="On random planes: the mean, and the spread, over so many of consecutive seeds",
        json_schema_extra=_only_with_kinds_that_take("planes"),
    )
    normalize: Literal["filter", "layer", "none"] = Field(
        default="filter",
        title="Normalization",
        description="What random directions are scaled to: the norm of each filter of the network "
        "(Li et al. 2018), of each layer, or nothing",
        json_schema_extra=_only_with_kinds_that_take("normalize", words=SCALES),
    )
    grid: Grid = Field(
        default=(25, 25),
        title="Grid",
        description="Points: N, or AxB along α and β",
        json_schema_extra=_only_with_kinds_that_take("grid"),
    )
    alpha_range: Annotated[Range | None, BeforeValidator(as_range)] = Field(
        default=None,
        title="Range of α",
        description="Low and high end along the first direction; by default −1 to 1, or on a "
        "PCA plane what holds the whole trajectory",
    )
    beta_range: Annotated[Range | None, BeforeValidator(as_range)] = Field(
        default=None,
        title="Range of β",
        description="Likewise along the second direction",
        json_schema_extra=_only_with_kinds_that_take("beta_range"),
    )
    points: int = Field(
        default=401,
        ge=2,
        le=100_001,
        title="Points",
        description="Of a line or an interpolation",
        json_schema_extra=_only_with_kinds_that_take("points"),
    )
    batch_norm: Literal["frozen", "recalibrated"] = Field(
        default="frozen",
        title="Batch norm",
        description="frozen: the statistics of the network (Li et al. 2018), between two networks "
        "those in between; recalibrated: measured anew on training samples at every point",
        json_schema_extra={"words": {"frozen": "Frozen", "recalibrated": "Recalibrated"}},
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
    parameters: str = Field(
        default="auto",
        title="Parameters",
        description="Which move: all, trainable, or names and patterns as layer4.* with blanks "
        "between them; by default all, or the trainable ones where most are frozen (LoRA)",
        json_schema_extra=_only_with_kinds_that_take("parameters"),
    )
    loss: OwnLoss = None
    per_batch: bool = Field(
        default=False,
        title="One loss for a batch",
        description="Your own loss gives one number for a batch (Dice, contrastive losses); each "
        "batch then counts as one sample, by its size",
    )
    quantity: Names | None = Field(
        default=None,
        title="Quantities",
        description="What to find at every point beside the loss: adversarial, the loss on images "
        "attacked there; denoised, that behind noise and a denoiser; class:NAME, that of one class",
        json_schema_extra=_WHICH_QUANTITIES,
    )
    norm: Literal["linf", "l2"] = Field(
        default="linf",
        title="Norm",
        description="In which the adversary is held, as in an attack",
        json_schema_extra={"words": NORMS, **_OF_ADVERSARY},
    )
    eps: Epsilon = Field(default=None, json_schema_extra=_OF_ADVERSARY)
    steps: int = Field(
        default=10,
        ge=1,
        le=1000,
        title="Steps",
        description="Of PGD from the images themselves; two for every five where it goes on from "
        "what it has made of them at the point beside",
        json_schema_extra=_OF_ADVERSARY,
    )
    step_size: StepSize = Field(default=None, json_schema_extra=_OF_ADVERSARY)
    denoiser: OptionalDenoiser = Field(
        default=None,
        title="Denoiser",
        description="What takes the noise away that an image is seen through; as in a defense",
        examples=["digits-denoiser", "google/ddpm-cifar10-32"],
        json_schema_extra=_OF_DENOISER,
    )
    sigma: Annotated[Positive, BeforeValidator(as_number)] = Field(
        default=USUAL_SIGMA,
        title="Noise σ",
        description="Standard deviation of the noise on the [0, 1] scale, of which every image has "
        "one draw, the same at all points",
        json_schema_extra=_OF_DENOISER,
    )

    third: AbsolutePath | None = Field(
        default=None,
        title="Third network",
        description="Another network that the plane goes through; --to given twice asks for both",
        json_schema_extra=_only_with_kinds_that_take("third"),
    )
    beside: Literal["random", "momentum"] = Field(
        default="random",
        title="Second direction",
        description="Beside the gradient: a random one, or the optimizer's momentum at the end of "
        "a training run",
        json_schema_extra=_only_with_kinds_that_take(
            "beside", words={"random": "Random", "momentum": "Momentum"}
        ),
    )
    align: bool = Field(
        default=False,
        title="Align",
        description="First permute the channels of the other network so that its weights match "
        "(Ainsworth et al. 2023); batch-norm statistics are then measured anew at every point",
        json_schema_extra=_only_with_kinds_that_take("align"),
    )
    every: Where = Field(
        default="network",
        title="Where",
        description="checkpoint: a surface around every checkpoint of the training, along the same "
        "two directions, which the window and movies play; a number N: around each Nth",
        json_schema_extra=_only_with_kinds_that_take("every", **WHERE),
    )

    @property
    def recalibrates(self) -> bool:
        """Whether batch-norm statistics are measured anew at every point."""
        return self.batch_norm == "recalibrated" or self.align or self.plane_kind.of_path

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is found beside the loss, by name."""
        return tuple(q for q in (self.quantity or "").split(",") if q and q != "loss")

    @property
    def epsilon(self) -> float:
        """The radius of the adversary's ball."""
        return USUAL_EPSILON[self.norm] if self.eps is None else self.eps

    @property
    def plane_kind(self) -> PlaneKind:
        """What there is to know of the kind of plane."""
        return plane_kind(self.plane)

    @property
    def is_curve(self) -> bool:
        """Whether it is one direction that is probed, not two."""
        return self.plane_kind.is_line

    @property
    def targets(self) -> Targets:
        """Anything; with a loss of the user's own the network need not classify."""
        return "any" if self.loss is None else "as given"

    @field_validator("parameters")
    @classmethod
    def _some(cls, parameters: str) -> str:
        if not parameters.strip():
            raise ValueError("say which: all, trainable, or names and patterns")
        return parameters

    @model_validator(mode="before")
    @classmethod
    def _plane_of_the_file(cls, asked: Any) -> Any:
        """Directions alone ask for the plane, or the line, that their file holds."""
        if not isinstance(asked, dict):
            return asked
        fields = cast("dict[str, Any]", asked)
        given = fields.get("directions")
        if not isinstance(given, str | Path) or "plane" in fields:
            return fields
        line = holds_a_line(absolute(Path(given)))
        kinds = [k for k in PLANE_KINDS if k.takes("directions") and k.is_line == line]
        return {**fields, "plane": kinds[0].name}

    @model_validator(mode="after")
    def _a_loss_per_batch(self) -> ProbeSettings:
        if self.per_batch and self.loss is None and not self.is_from_python:
            raise ValueError("--per-batch is for a loss of your own: give --loss")
        return self

    @field_validator("quantity")
    @classmethod
    def _known_quantities(cls, quantity: str | None) -> str | None:
        for name in (quantity or "").split(",") if quantity else ():
            if name not in _QUANTITIES and name.removeprefix(CLASS) in (name, ""):
                raise ValueError(
                    f"there is no quantity {name!r}: choose of {', '.join(_QUANTITIES)}, "
                    f"{CLASS}NAME"
                )
        return quantity

    @model_validator(mode="after")
    def _what_quantities_need(self) -> ProbeSettings:
        if not self.quantities or self.is_from_python:
            return self
        for option, unasked in (
            ("tolerance", None), ("planes", 1), ("per_batch", False), ("every", "network"),
        ):  # fmt: skip
            if getattr(self, option) != unasked:
                raise ValueError(
                    f"--quantity is found on every sample at every point of one plane: leave "
                    f"--{option.replace('_', '-')} away"
                )
        if "denoised" in self.quantities and self.denoiser is None:
            raise ValueError("denoised images need a denoiser: give --denoiser")
        if self.norm == "linf" and self.epsilon > 1:
            raise ValueError(beyond_all_images(self.epsilon))
        return self

    @model_validator(mode="after")
    def _what_the_plane_needs(self) -> ProbeSettings:
        if self.is_from_python:
            return self  # what a plane needs is at hand too
        if self.plane_kind.takes("to") and self.to is None:
            raise ValueError(f"to {self.plane}, say where to: give --to")
        if self.plane_kind.takes("third") and self.third is None:
            raise ValueError("a plane goes through three networks: give --to twice")
        if self.plane_kind.takes("directions") and self.directions is None:
            raise ValueError("say which file holds them: give --directions")
        for option, unasked in _UNASKED:
            if getattr(self, option) != unasked and not self.plane_kind.takes(option):
                kinds = " or ".join(f"--plane {name}" for name in kinds_taking(option))
                raise ValueError(f"--{option} is for {kinds}")
        if self.plane_kind.needs_trajectory and self.networks[0].kind == "checkpoint":
            raise ValueError(
                f"a {self.plane} plane needs a training run's folder with its trajectory"
            )
        if stride_of(self.every):
            check_has_checkpoints(self.networks, self.every)
            if self.planes > 1:
                raise ValueError(f"--every {self.every} is for one plane: leave --planes away")
        return self
