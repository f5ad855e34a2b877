"""What fields of attacks, defenses and certifications are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Field

from isoloss.paths import is_folder
from isoloss.settings.attack_kinds import attack_names
from isoloss.settings.base import Finite, absolute, as_number, as_numbers, split
from isoloss.settings.source import FROM_PYTHON, is_function

EOT_DRAWS = 8
"""Draws of noise whose gradients are averaged at every step, where nothing else is asked for."""
VOTES = 20
"""Fresh draws that evaluate an attacked image, likewise."""
FEWEST_VOTES = 10
"""From so many votes on, an image that none of them gets right is left alone at larger
radii. Of fewer, chance alone would pick the images that are."""
NOT_CERTIFIED = (
    "certificates here are of noise and one step of a denoiser (Carlini et al. 2022), not of the "
    "many of a purification: give its noise as --sigma, or judge it by attacks (isoloss defend "
    "--purify)"
)
NO_DENOISER = "none"
"""Stands in place of a denoiser where a defense is the noise alone."""


def is_denoiser(named: str | None) -> TypeGuard[str]:
    """Whether that names a denoiser; else a defense is the noise alone."""
    return named not in (None, NO_DENOISER)


def _denoiser(name: str) -> str:
    """A folder's path made absolute; names on the hub, and of what is shipped, stay."""
    if not name.strip():
        raise ValueError(
            "say which: a folder, a name on the hub, package.module:function, or digits-denoiser"
        )
    if name == NO_DENOISER:
        return name
    folder = Path(name).expanduser()
    return str(absolute(folder)) if is_folder(folder) else name


def purified_name(t_star: float, steps: int, sampler: str, eta: float) -> str:
    """What tables and figures call a purification."""
    several = "s" if steps > 1 else ""
    how = "" if sampler == "ddpm" else f" of DDIM, η = {eta:g}" if eta else " of DDIM"
    return f"purified, t* = {t_star:g}, {steps} step{several}{how}"


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
OptionalDenoiser = Annotated[
    DenoiserName | None, BeforeValidator(lambda name: None if name in ("", NO_DENOISER) else name)
]
Names = Annotated[str, BeforeValidator(_words), Field(min_length=1)]
NamesOrNone = Annotated[str, BeforeValidator(lambda value: _words(value) or "none")]


def refuse_unknown(name: str, known: tuple[str, ...]) -> None:
    """Refuse what is neither the name of a `known` attack nor a function of one's own.

    Raises:
        ValueError: saying which there are.
    """
    if name not in known and not is_function(name):
        is_elsewhere = name in attack_names()
        wrong = f"{name} is not for such runs" if is_elsewhere else f"there is no attack {name!r}"
        raise ValueError(
            f"{wrong}: choose of {', '.join(known)}, or name a function of your own, "
            "package.module:function"
        )


def attacks_in(text: str) -> tuple[str, ...]:
    """The names of the attacks in a text with commas between."""
    return tuple(name.removeprefix(FROM_PYTHON) for name in text.split(",") if name)
