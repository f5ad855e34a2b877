"""What can be asked of an attack and of a defense."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from isoloss.settings.attack_kinds import (
    Varied,
    attack_of,
    in_words,
    label_of,
    offered,
    offered_in_words,
)
from isoloss.settings.base import ANYTHING, NORMS, NOTHING, SCHEDULES, Finite, as_numbers
from isoloss.settings.robustness import RobustnessSettings
from isoloss.settings.robustness_fields import (
    EOT_DRAWS,
    NO_DENOISER,
    VOTES,
    DenoiserName,
    Names,
    NamesOrNone,
    Queries,
    Radii,
    Sigmas,
    StepSize,
    attacks_in,
    beyond_all_images,
    is_denoiser,
    refuse_unknown,
)
from isoloss.settings.source import is_function

USUAL_EPSILONS = {
    "linf": (0.005, 0.01, 0.03, 0.1, 0.5),
    "l2": (0.1, 0.25, 0.5, 1.0, 2.0, 20.0),
}
PURIFY_STEPS = 20
"""Of a purification, back from t*, where nothing else is asked for."""


def _offered_in(run: str) -> Any:
    """Help and examples of a field that names attacks: those that are registered when asked."""
    return {
        "help": lambda: f"Of {offered_in_words(run)}; or package.module:function",
        "examples": lambda: (",".join(offered(run)),),
        "several": True,
        "words": lambda: in_words(offered(run)),
        "label": label_of,
        "others": "package.module:function",
    }


def _fraction(value: float) -> float:
    if not 0 < value <= 1:
        raise ValueError(
            "t* is a fraction of the denoiser's steps, above 0 and at most 1: of 1,000 steps, 100 "
            f"are 0.1; it is not {value:g}"
        )
    return value


AnyAttacking = TypeVar("AnyAttacking", "AttackSettings", "DefendSettings")
Time = Annotated[Finite, AfterValidator(_fraction)]
Times = Annotated[
    tuple[Time, ...],
    BeforeValidator(as_numbers),
    Field(
        title="Purify from t*",
        description="Not one step, but noise up to t*, a fraction of the denoiser's steps in "
        "(0, 1], and several steps back (DiffPure, Nie et al. 2022); for CIFAR-10 0.1",
        examples=["0.1", "0.05 0.1 0.2"],
    ),
]


LOSSES = ("auto", "ce", "margin", "dlr")
"""What attacks by gradients climb, beside losses of one's own."""
AIMS = ("runner-up", "least-likely", "random")
"""Which classes an attack may aim at, beside one for all images."""
_CONVERGENCE: Any = {
    "several": True,
    "words": {"steps": "Steps", "draws": "Draws", "restarts": "Restarts", "queries": "Queries"},
}
_OF_STANDARD: Any = {"only_with": {"protocol": ["standard"]}}


class AttackingSettings(RobustnessSettings):
    """How adversaries proceed."""

    before: ClassVar[dict[str, Any]] = {"loss": "ce", "convergence": "steps,draws"}

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
        json_schema_extra=_OF_STANDARD,
    )
    step_size: StepSize = Field(default=None, json_schema_extra=_OF_STANDARD)
    restarts: int = Field(
        default=1,
        ge=1,
        le=1000,
        title="Restarts",
        description="How often to begin from another random start where an image resists",
        json_schema_extra=_OF_STANDARD,
    )
    loss: str = Field(
        default="auto",
        title="Loss",
        description="What attacks by gradients climb: auto, cross-entropy, and the margin where it "
        "has rounded to 0; ce, margin, dlr; or of your own, package.module:function of logits and "
        "classes",
        examples=list(LOSSES),
        json_schema_extra=_OF_STANDARD,
    )
    targeted: str | None = Field(
        default=None,
        title="Target class",
        description="Attacks by gradients aim at a class: its number, runner-up, least-likely or "
        "random. What counts is any wrong class; images of the class itself are not attacked",
        examples=list(AIMS),
        json_schema_extra=_OF_STANDARD,
    )
    schedule: Literal["constant", "linear", "cosine", "halving"] = Field(
        default="constant",
        title="Schedule",
        description="How steps get shorter: linear and cosine, to 0; halving, where an image "
        "stalls, from twice ε on (Croce, Hein 2020)",
        json_schema_extra={"words": SCHEDULES, **_OF_STANDARD},
    )
    momentum: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Momentum",
        description="Fraction of what gradients have added up to that is kept at a step; MI-FGSM "
        "(Dong et al. 2018) keeps all, 1",
        json_schema_extra=_OF_STANDARD,
    )
    convergence: NamesOrNone = Field(
        default=",".join(get_args(Varied)),
        title="Convergence",
        description="Of what the strongest attacks are also given more and less, on a few images, "
        "to see whether they have converged: steps, draws, restarts, queries; or none",
        examples=["steps,restarts", "none"],
        json_schema_extra=_CONVERGENCE,
    )

    @property
    def studied(self) -> tuple[str, ...]:
        """In what convergence is studied."""
        return tuple(word for word in self.convergence.split(",") if word != "none")

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
        for name, field in type(self).model_fields.items():
            extra: Any = field.json_schema_extra or {}
            is_other = name != "loss" and getattr(self, name) != field.default
            if is_other and extra.get("only_with") == _OF_STANDARD["only_with"]:
                raise ValueError(
                    f"the legacy protocol has its own --{name.replace('_', '-')}: leave that out"
                )
        if self.loss not in ("auto", "ce"):
            raise ValueError("the legacy protocol climbs the cross-entropy: leave --loss out")
        return self

    @field_validator("convergence")
    @classmethod
    def _some_of_what_varies(cls, value: str) -> str:
        if value == "none":
            return value
        for word in value.split(","):
            if word not in get_args(Varied):
                raise ValueError(
                    f"convergence is not studied in {word!r}: choose of "
                    f"{', '.join(get_args(Varied))}, or none"
                )
        return value

    @field_validator("loss")
    @classmethod
    def _some_loss(cls, value: str) -> str:
        if value not in LOSSES and not is_function(value):
            raise ValueError(
                f"there is no loss {value!r}: choose of {', '.join(LOSSES)}, or name a function of "
                "your own, package.module:function"
            )
        return value

    @field_validator("targeted")
    @classmethod
    def _some_aim(cls, value: str | None) -> str | None:
        if value is not None and value not in AIMS and not value.isdecimal():
            raise ValueError(
                f"one aims at a class, not at {value!r}: give its number, or {', '.join(AIMS)}"
            )
        return value


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

    before: ClassVar[dict[str, Any]] = {**AttackingSettings.before, "attacks": "pgd,square"}

    kind: Literal["attack"] = "attack"
    attacks: Names = Field(
        default="pgd,square,noise,surrogates",
        title="Attacks",
        examples=["pgd,square", "pgd"],
        json_schema_extra=_offered_in("attack"),
    )
    queries: Queries = 500
    iterate: ClassVar[Literal["last", "fresh"]] = "last"
    draws_by: ClassVar[Literal["even", "doubt"]] = "even"
    draws: ClassVar[int] = EOT_DRAWS
    votes: ClassVar[int] = VOTES
    is_defended: ClassVar[bool] = False
    sigma: ClassVar[tuple[float, ...]] = ()
    purify: ClassVar[tuple[float, ...]] = ()
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

    before: ClassVar[dict[str, Any]] = {
        **AttackingSettings.before, "attacks": "transfer,bpda,eot,square",
    }  # fmt: skip

    kind: Literal["defend"] = "defend"
    denoiser: DenoiserName = Field(
        title="Denoiser",
        description="A training run's folder, a folder of diffusers, a name on the hub, one that "
        "is shipped, or package.module:function; none: the network sees the noise itself",
        examples=["digits-denoiser", "google/ddpm-cifar10-32", NO_DENOISER],
    )
    sigma: Sigmas = Field(default=(0.25,), json_schema_extra={"only_with": {"purify": [NOTHING]}})
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
    iterate: Literal["last", "fresh"] = Field(
        default="last",
        title="Iterate",
        description="Which iterate of EOT and BPDA is taken: last; fresh, of the last and those "
        "that seemed best on the way the one that most fresh draws get wrong",
        json_schema_extra={
            "words": {"last": "The last", "fresh": "The best by fresh draws"}, **_OF_STANDARD,
        },
    )  # fmt: skip
    draws_by: Literal["even", "doubt"] = Field(
        default="even",
        title="Draws go",
        description="even: as many draws to every image at every step; doubt: as many altogether, "
        "and more where they leave the gradient's signs uncertain",
        json_schema_extra={
            "words": {"even": "Evenly", "doubt": "Where signs are uncertain"}, **_OF_STANDARD,
        },
    )  # fmt: skip
    purify: Times = ()
    purify_steps: int = Field(
        default=PURIFY_STEPS,
        ge=1,
        le=100_000,
        title="Purify steps",
        description="Steps of the way back from t*, evenly spaced",
        json_schema_extra={"only_with": {"purify": [ANYTHING]}},
    )
    purify_sampler: Literal["ddpm", "ddim"] = Field(
        default="ddpm",
        title="Sampler",
        description="How each step goes: ddpm draws noise (ancestral), ddim draws as much as η",
        json_schema_extra={
            "only_with": {"purify": [ANYTHING]},
            "words": {"ddpm": "DDPM, ancestral", "ddim": "DDIM"},
        },
    )
    purify_eta: float = Field(
        default=0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="η",
        description="How much of DDPM's noise each step of DDIM draws; 0 draws none",
        json_schema_extra={"only_with": {"purify": [ANYTHING], "purify_sampler": ["ddim"]}},
    )
    is_defended: ClassVar[bool] = True

    @field_validator("purify")
    @classmethod
    def _each_once(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted(set(value)))

    @property
    def attack_names(self) -> tuple[str, ...]:
        """What it attacks the defense with: without a denoiser, of the usual ones those that do
        not go around one."""
        names = _possible(self.attacks, len(self.sources))
        is_denoised = is_denoiser(self.denoiser)
        return tuple(n for n in names if is_denoised or not attack_of(n).needs_denoiser)

    @field_validator("attacks")
    @classmethod
    def _known(cls, value: str) -> str:
        return _each_of(value, offered("defend"))

    @model_validator(mode="after")
    def _only_what_there_is_to_go_around(self) -> DefendSettings:
        if is_denoiser(self.denoiser):
            return self
        if self.attacks != DefendSettings.model_fields["attacks"].default:
            for name in attacks_in(self.attacks):
                if attack_of(name).needs_denoiser:
                    raise ValueError(f"--attacks: there is no denoiser for {name} to attack")
        if self.purify:
            raise ValueError("--purify: a denoiser takes the noise away, and there is none")
        return self

    _there_is_one = model_validator(mode="after")(_with_an_attack)


def _each_of(value: str, known: tuple[str, ...]) -> str:
    for name in value.split(","):
        refuse_unknown(name, known)
    return value
