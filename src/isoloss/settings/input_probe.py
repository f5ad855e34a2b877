"""What can be asked of a probe of the space of images: a plane through one of them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from isoloss.settings.attack_kinds import attack_of, in_words, label_of, offered
from isoloss.settings.base import (
    NORMS,
    SPLITS,
    Grid,
    NetworkSettings,
    Range,
    as_number,
    as_range,
)
from isoloss.settings.robustness_fields import (
    Epsilon,
    Names,
    OptionalDenoiser,
    Positive,
    Queries,
    StepSize,
    attacks_in,
    beyond_all_images,
    refuse_unknown,
)

USUAL_EPSILON = {"linf": 8 / 255, "l2": 0.5}
USUAL_SIGMA = 0.25
_PLANES: Any = {"attack": "Along an attack", "attacks": "Along two attacks", "random": "Random"}
_ATTACKS: Any = {
    "help": lambda: (
        f"Whose directions: {', '.join(_offered())} or package.module:function. By default pgd, "
        "then square, behind a denoiser eot"
    ),
    "examples": lambda: ("pgd", "square", "pgd,square"),
    "several": True,
    "words": lambda: in_words(_offered()),
    "label": label_of,
    "others": "package.module:function",
    "only_with": {"plane": ["attack", "attacks"]},
}


class InputProbeSettings(NetworkSettings):
    """Evaluate a trained network over a plane through an image, undefended and behind a defense."""

    leaves_surface: ClassVar[bool] = True
    verb: ClassVar[str] = "probe --space input"
    kind: Literal["probe-input"] = "probe-input"
    image: int = Field(
        default=0, ge=0, title="Image", description="Its place in the split, from 0 on"
    )
    split: Literal["train", "test"] = Field(
        default="test",
        title="Split",
        description="Which part of the data the image is from",
        json_schema_extra=SPLITS,
    )
    plane: Literal["attack", "attacks", "random"] = Field(
        default="attack",
        title="Plane",
        description="attack: the direction from the image to what an attack makes of it, and a "
        "random one; attacks: those of two attacks; random: two random ones",
        json_schema_extra={"words": _PLANES},
    )
    attacks: Names | None = Field(default=None, title="Attacks", json_schema_extra=_ATTACKS)
    norm: Literal["linf", "l2"] = Field(
        default="linf",
        title="Norm",
        description="In which the adversary is held, as in an attack",
        json_schema_extra={"words": NORMS},
    )
    eps: Epsilon = None
    steps: int = Field(
        default=20, ge=1, le=1000, title="Steps", description="Of an attack by gradients"
    )
    step_size: StepSize = None
    queries: Queries = 500
    height: Literal["loss", "margin"] = Field(
        default="loss",
        title="Height",
        description="loss: the cross-entropy; margin: by how much the logit of the best other "
        "class leads, above 0 where the image is misclassified",
        json_schema_extra={"words": {"loss": "Cross-entropy", "margin": "Margin"}},
    )
    denoiser: OptionalDenoiser = Field(
        default=None,
        title="Denoiser",
        description="Show the network behind noise and this denoiser too, on the same plane; as in "
        "a defense",
        examples=["digits-denoiser", "google/ddpm-cifar10-32"],
    )
    sigma: Annotated[Positive | None, BeforeValidator(as_number)] = Field(
        default=None,
        title="Noise σ",
        description="Standard deviation of the noise on the [0, 1] scale; by default 0.25 with a "
        "denoiser. Without one the network sees the noise itself",
    )
    draws: int = Field(
        default=20,
        ge=1,
        le=100_000,
        title="Draws",
        description="Of noise, the same ones at every point, over which the defended surface is "
        "the mean; 1 shows a single frozen draw",
    )
    grid: Grid = Field(
        default=(51, 51), title="Grid", description="Points: N, or AxB along α and β"
    )
    alpha_range: Annotated[Range, BeforeValidator(as_range)] = Field(
        default=(-1.5, 1.5),
        title="Range of α",
        description="Low and high end along the first direction; an attack's own image is at 1",
    )
    beta_range: Annotated[Range, BeforeValidator(as_range)] = Field(
        default=(-1.5, 1.5), title="Range of β", description="Likewise along the second direction"
    )
    clamp: bool = Field(
        default=False,
        title="Clamp to [0, 1]",
        description="Clamp what lies outside, as images have no such values; the plane is then "
        "folded where it leaves [0, 1]",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        title="Batch size",
        description="Points times draws that go through the network together; by default what "
        "suits the device",
    )

    @property
    def epsilon(self) -> float:
        """The radius of the adversary's ball."""
        return USUAL_EPSILON[self.norm] if self.eps is None else self.eps

    @property
    def noise(self) -> float | None:
        """The standard deviation of a defense's noise; None where there is no defense."""
        return self.sigma or (None if self.denoiser is None else USUAL_SIGMA)

    @property
    def attack_names(self) -> tuple[str, ...]:
        """The attacks that have a direction in the plane, in order."""
        second = "square" if self.denoiser is None else "eot"
        usual = {"attack": "pgd", "attacks": f"pgd,{second}", "random": ""}[self.plane]
        asked = "" if self.plane == "random" else self.attacks
        return attacks_in(asked or usual)

    @field_validator("attacks")
    @classmethod
    def _known(cls, attacks: str | None) -> str | None:
        for name in attacks.split(",") if attacks else ():
            refuse_unknown(name, _offered())
        return attacks

    @model_validator(mode="after")
    def _fits(self) -> InputProbeSettings:
        wanted = {"attack": 1, "attacks": 2, "random": 0}[self.plane]
        named = attacks_in(self.attacks or "")
        if named and len(named) != wanted:
            takes = ("none", "one", "two")[wanted]
            raise ValueError(f"--attacks: the plane {self.plane!r} takes {takes} of them")
        if self.denoiser is None:
            for name in self.attack_names:
                if name in offered("defend") and name not in offered("attack"):
                    raise ValueError(f"--attacks: {name} attacks a defense: give --denoiser")
        if self.norm == "linf" and self.epsilon > 1:
            raise ValueError(beyond_all_images(self.epsilon))
        return self


def beyond_the_data(split: str, images: int) -> str:
    """Why there is no image of some place in a split of so many."""
    return f"--image: there are {images:,} {split} images, from 0 to {images - 1}"


def _offered() -> tuple[str, ...]:
    """The names of all attacks whose direction can be shown."""
    names = dict.fromkeys((*offered("attack"), *offered("defend")))
    kinds = map(attack_of, names)
    return tuple(k.name for k in kinds if not (k.is_baseline or k.takes_several))
