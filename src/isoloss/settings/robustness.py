"""What can be asked of an attack, a defense and a certification."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from isoloss.paths import is_folder
from isoloss.settings.attack_kinds import (
    CERTIFICATE,
    attack_of,
    in_words,
    offered,
    offered_in_words,
)
from isoloss.settings.base import (
    NORMS,
    SPLITS,
    Finite,
    NetworkPath,
    NetworkSettings,
    absolute,
    as_number,
    as_numbers,
    split,
)
from isoloss.settings.source import FROM_PYTHON, is_function

USUAL_EPSILONS = {
    "linf": (0.005, 0.01, 0.03, 0.1, 0.5),
    "l2": (0.1, 0.25, 0.5, 1.0, 2.0, 20.0),
}
EOT_DRAWS = 8
"""Draws of noise whose gradients are averaged at every step, where nothing else is asked for."""
VOTES = 20
"""Fresh draws that evaluate an attacked image, likewise."""
RADII = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Where certified accuracy is stated, on the [0, 1] scale."""


def _offered_in(run: str) -> Any:
    """Help and examples of a field that names attacks: those that are registered when asked."""
    return {
        "help": lambda: f"Of {offered_in_words(run)}; or package.module:function",
        "examples": lambda: (",".join(offered(run)),),
        "several": True,
        "words": lambda: in_words(offered(run)),
        "others": "package.module:function",
    }


def _denoiser(name: str) -> str:
    """A folder's path made absolute; names on the hub, and of what is shipped, stay."""
    if not name.strip():
        raise ValueError("say which: a folder, a name on the hub, or digits-denoiser")
    folder = Path(name).expanduser()
    return str(absolute(folder)) if is_folder(folder) else name


def beyond_all_images(eps: float) -> str:
    """Why there is no adversary of so large a radius in linf, in words."""
    return (
        f"--eps: images lie in [0, 1], and {eps:g} reaches beyond all of them: of 256 levels "
        f"{eps:g} are {eps:g}/255"
    )


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    """Each once, the smallest first."""
    if not values:
        raise ValueError("give at least one number")
    return tuple(sorted(set(values)))


def _words(value: Any) -> Any:
    """`"pgd square"` and `["pgd", "square"]` are `"pgd,square"`."""
    words = split(value)
    if words is None or not all(isinstance(w, str) for w in words):
        return value
    return ",".join(dict.fromkeys(words))


AnyAttacking = TypeVar("AnyAttacking", "AttackSettings", "DefendSettings")
Radius = Annotated[Finite, Field(ge=0)]
Radii = Annotated[tuple[Radius, ...], BeforeValidator(as_numbers), AfterValidator(_ascending)]
Positive = Annotated[Finite, Field(gt=0)]
Sigmas = Annotated[
    tuple[Positive, ...],
    BeforeValidator(as_numbers),
    AfterValidator(_ascending),
    Field(
        title="Noise σ",
        description="Standard deviations of the noise on the [0, 1] scale",
        examples=["0.25", "0.25 0.5 1"],
    ),
]
Queries = Annotated[
    int,
    Field(
        ge=1,
        le=1_000_000,
        title="Queries",
        description="How often Square may ask about an image",
    ),
]
Epsilon = Annotated[
    Positive | None,
    BeforeValidator(as_number),
    Field(
        title="Epsilon",
        description="Radius ε on the [0, 1] scale, for example 8/255; by default that, in L2 0.5",
        examples=["8/255", "0.1"],
    ),
]
StepSize = Annotated[
    float | None,
    Field(
        gt=0,
        allow_inf_nan=False,
        title="Step size",
        description="Length of a step on the [0, 1] scale; by default 2.5 ε / steps",
    ),
]
DenoiserName = Annotated[str, AfterValidator(_denoiser)]
Names = Annotated[str, BeforeValidator(_words), Field(min_length=1)]


class RobustnessSettings(NetworkSettings):
    """What attacks, defenses and certifications share: networks, images, repetitions.

    Attributes:
        is_certified: whether accuracies are certified, rather than found by attacks.
    """

    is_robustness: ClassVar[bool] = True
    is_certified: ClassVar[bool] = False
    also: tuple[NetworkPath, ...] = Field(
        default=(),
        title="Further networks",
        description="Further networks, to be compared on the same images",
        json_schema_extra={"positional": True},
    )
    split: Literal["train", "test"] = Field(
        default="test",
        title="Split",
        description="Which part of the data the images are from",
        json_schema_extra=SPLITS,
    )
    samples: int = Field(
        default=500,
        ge=1,
        title="Samples",
        description="So many images at most, drawn at random once; all combinations see the same",
    )
    seeds: int = Field(
        default=1,
        ge=1,
        le=100,
        title="Seeds",
        description="Repeat everything with so many consecutive seeds on the same images",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        title="Batch size",
        description="Images times draws of noise that go through the network together; by default "
        "what suits the device",
    )
    keep: int = Field(
        default=8,
        ge=0,
        le=10_000,
        title="Examples",
        description="So many images are kept as they are, noisy, denoised and attacked, without "
        "loss",
    )

    @property
    def sources(self) -> tuple[Path, ...]:
        """All networks."""
        return (self.source, *self.also)

    @model_validator(mode="after")
    def _each_network_once(self) -> RobustnessSettings:
        twice = [s for k, s in enumerate(self.sources) if s in self.sources[:k]]
        if twice:
            raise ValueError(f"{twice[0]} is given twice")
        return self


class AttackingSettings(RobustnessSettings):
    """How adversaries proceed."""

    norm: Literal["linf", "l2"] = Field(
        default="linf",
        title="Norm",
        description="In which the adversary is held; linf: no value of the image moves by more "
        "than ε; l2: the Euclidean length of the whole change is at most ε",
        json_schema_extra={"words": NORMS},
    )
    eps: Radii | None = Field(
        default=None,
        title="Epsilons",
        description="Radii ε on the [0, 1] scale, for example 0.01 8/255; by default "
        "0.005 0.01 0.03 0.1 0.5 in L∞, 0.1 0.25 0.5 1 2 20 in L2",
        examples=["0.005 0.01 0.03 0.1 0.5", "2/255 4/255 8/255 16/255 0.5"],
    )
    protocol: Literal["standard", "legacy"] = Field(
        default="standard",
        title="Protocol",
        description="standard: PGD with random starts, the best iterate kept (Madry et al. 2018); "
        "legacy: 5 steps of 2/255 without random start, whose reach ends at 0.039",
        json_schema_extra={"words": {"standard": "Standard", "legacy": "Legacy"}},
    )
    steps: int = Field(
        default=20,
        ge=1,
        le=100_000,
        title="Steps",
        description="Gradient steps",
        json_schema_extra={"only_with": {"protocol": ["standard"]}},
    )
    step_size: StepSize = Field(
        default=None, json_schema_extra={"only_with": {"protocol": ["standard"]}}
    )
    restarts: int = Field(
        default=1,
        ge=1,
        le=1000,
        title="Restarts",
        description="How often to begin from another random start where an image resists",
        json_schema_extra={"only_with": {"protocol": ["standard"]}},
    )

    @property
    def epsilons(self) -> tuple[float, ...]:
        """The radii above 0, the smallest first; 0, the clean accuracy, is always stated too."""
        return tuple(e for e in self.eps or USUAL_EPSILONS[self.norm] if e > 0)

    @property
    def radii(self) -> tuple[float, ...]:
        """All at which accuracy is stated, 0 first."""
        return (0.0, *self.epsilons)

    @field_validator("eps")
    @classmethod
    def _some_ball(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and value[-1] == 0:
            raise ValueError("give at least one radius above 0")
        return value

    @model_validator(mode="after")
    def _eps_is_on_the_scale_of_images(self) -> AttackingSettings:
        largest = max(self.epsilons)
        if self.norm == "linf" and largest > 1:
            raise ValueError(beyond_all_images(largest))
        return self

    @model_validator(mode="after")
    def _legacy_is_what_it_was(self) -> AttackingSettings:
        if self.protocol != "legacy":
            return self
        if self.norm != "linf":
            raise ValueError("the legacy protocol is in linf: leave --norm out")
        for name in ("steps", "step_size", "restarts"):
            if getattr(self, name) != AttackingSettings.model_fields[name].default:
                raise ValueError(
                    f"the legacy protocol has its own --{name.replace('_', '-')}: leave that out"
                )
        return self


def _possible(text: str, networks: int) -> tuple[str, ...]:
    """The attacks in a text that there can be with so many networks."""
    named = attacks_in(text)
    return tuple(n for n in named if networks > 1 or not attack_of(n).takes_several)


def _with_an_attack(settings: AnyAttacking) -> AnyAttacking:
    if not settings.attack_names:
        raise ValueError(
            f"{settings.attacks} are made on other networks: name further ones beside the first"
        )
    return settings


class AttackSettings(AttackingSettings):
    """Attack undefended networks."""

    kind: Literal["attack"] = "attack"
    attacks: Names = Field(
        default="pgd,square,noise,surrogates",
        title="Attacks",
        examples=["pgd,square", "pgd"],
        json_schema_extra=_offered_in("attack"),
    )
    queries: Queries = 500
    draws: ClassVar[int] = EOT_DRAWS
    votes: ClassVar[int] = VOTES
    is_defended: ClassVar[bool] = False
    sigma: ClassVar[tuple[float, ...]] = ()
    denoiser: ClassVar[str | None] = None

    @property
    def attack_names(self) -> tuple[str, ...]:
        """What it attacks with."""
        return _possible(self.attacks, len(self.sources))

    @field_validator("attacks")
    @classmethod
    def _known(cls, value: str) -> str:
        return _each_of(value, offered("attack"))

    _there_is_one = model_validator(mode="after")(_with_an_attack)


class DefendSettings(AttackingSettings):
    """Attack networks behind noise and a denoiser."""

    kind: Literal["defend"] = "defend"
    denoiser: DenoiserName = Field(
        title="Denoiser",
        description="A training run's folder, a folder of diffusers, a name on the hub such as "
        "google/ddpm-cifar10-32, or the name of one that is shipped",
        examples=["digits-denoiser", "google/ddpm-cifar10-32"],
    )
    sigma: Sigmas = (0.25,)
    attacks: Names = Field(
        default="transfer,bpda,eot,square,noise,surrogates",
        title="Attacks",
        examples=["transfer,bpda,eot,square", "transfer,eot"],
        json_schema_extra=_offered_in("defend"),
    )
    draws: int = Field(
        default=EOT_DRAWS,
        ge=1,
        le=100_000,
        title="EOT draws",
        description="Draws of noise whose gradients are averaged at every step",
    )
    votes: int = Field(
        default=VOTES,
        ge=1,
        le=100_000,
        title="Votes",
        description="Fresh draws of noise that evaluate an attacked image: the first alone, the "
        "majority, the worst",
    )
    queries: Queries = 100
    is_defended: ClassVar[bool] = True

    @property
    def attack_names(self) -> tuple[str, ...]:
        """What it attacks the defense with."""
        return _possible(self.attacks, len(self.sources))

    @field_validator("attacks")
    @classmethod
    def _known(cls, value: str) -> str:
        return _each_of(value, offered("defend"))

    _there_is_one = model_validator(mode="after")(_with_an_attack)


class CertifySettings(RobustnessSettings):
    """Certify networks behind noise, with or without a denoiser."""

    kind: Literal["certify"] = "certify"
    denoiser: DenoiserName | None = Field(
        default=None,
        title="Denoiser",
        description="As in a defense; without one, the network sees the noise itself (Cohen et al. "
        "2019)",
        examples=["digits-denoiser", "google/ddpm-cifar10-32"],
    )
    sigma: Sigmas = (0.25,)
    draws: int = Field(
        default=1000,
        ge=1,
        le=100_000_000,
        title="Draws",
        description="Draws of noise from which the class's probability is bounded; at σ = 0.25, "
        "1,000 reach a radius of 0.616 and 100,000 one of 0.953",
    )
    pilot: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        title="Pilot draws",
        description="Draws that choose the class beforehand",
    )
    alpha: float = Field(
        default=0.001,
        gt=0,
        lt=1,
        title="α",
        description="The probability with which a certificate may be wrong",
    )
    is_defended: ClassVar[bool] = True
    is_certified: ClassVar[bool] = True
    norm: ClassVar[Literal["l2"]] = "l2"
    epsilons: ClassVar[tuple[float, ...]] = ()
    radii: ClassVar[tuple[float, ...]] = RADII
    attack_names: ClassVar[tuple[str, ...]] = (CERTIFICATE,)


EvaluationSettings = AttackSettings | DefendSettings | CertifySettings
"""Of all robustness runs; `kind` says of which. What a kind does not let one choose stands in the
class: no σ and no denoiser of an attack, L2 and no ε of a certification."""


def _each_of(value: str, known: tuple[str, ...]) -> str:
    for name in value.split(","):
        refuse_unknown(name, known)
    return value


def refuse_unknown(name: str, known: tuple[str, ...]) -> None:
    """Refuse what is neither the name of a `known` attack nor a function of one's own.

    Raises:
        ValueError: saying which there are.
    """
    if name not in known and not is_function(name):
        raise ValueError(
            f"there is no attack {name!r}: choose of {', '.join(known)}, or name a function of "
            "your own, package.module:function"
        )


def attacks_in(text: str) -> tuple[str, ...]:
    """The names of the attacks in a text with commas between."""
    return tuple(name.removeprefix(FROM_PYTHON) for name in text.split(",") if name)
