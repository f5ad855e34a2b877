"""What is used where a form's field is left to the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from isoloss.app.state.forms.subject import Subject
from isoloss.naming import short_name
from isoloss.settings.attacking import USUAL_EPSILONS
from isoloss.settings.input_probe import USUAL_EPSILON, USUAL_SIGMA
from isoloss.settings.plane_kinds import plane_kind

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Usual:
    """What is used.

    Attributes:
        text: in a few words; where nothing but the run can tell, what decides it.
        value: as settings would have it; None where that is not known.
    """

    text: str = ""
    value: Any = None


def usual(name: str, values: Values, subject: Subject) -> Usual:
    """What the field `name` comes to if it is left alone."""
    found = _USUAL.get(name)
    return found(values, subject) if found is not None else Usual()


def of_how_many(values: Values, subject: Subject) -> dict[str, str]:
    """What is read beside numbers of samples, and beside an image's: of how many."""
    count = subject.size_of(str(values.get("split", "train")))
    if count is None:
        return {}
    said = {name: f"of {count:,}" for name in ("samples", "image") if name in values}
    asked = values.get("samples")
    if isinstance(asked, int) and asked >= count:  # no more than there are
        said["samples"] = f"all {count:,}"
    return said


def _samples(values: Values, subject: Subject) -> Usual:
    count = subject.size_of(str(values.get("split", "train")))
    return Usual(f"all {count:,}" if count is not None else "all there are")


def _range(values: Values, _: Subject) -> Usual:
    kind = plane_kind(values.get("plane"))
    if kind.needs_trajectory:
        return Usual("around the trajectory")
    low, high = kind.usual_range
    return Usual(f"{low:g} to {high:g}".replace("-", "−"), kind.usual_range)


def _radius(values: Values, _: Subject) -> Usual:
    norm = str(values.get("norm", "linf"))
    if _takes_several_radii(values):
        radii = USUAL_EPSILONS[norm]
        return Usual(" ".join(f"{eps:g}" for eps in radii), radii)
    return Usual("8/255" if norm == "linf" else f"{USUAL_EPSILON[norm]:g}", USUAL_EPSILON[norm])


def _step_size(values: Values, subject: Subject) -> Usual:
    eps, steps = values.get("eps") or _radius(values, subject).value, values.get("steps")
    if isinstance(eps, str):
        above, slash, below = eps.partition("/")
        try:
            eps = float(above) / float(below) if slash else float(eps)
        except (ValueError, ZeroDivisionError):
            eps = None
    if isinstance(eps, float) and isinstance(steps, int) and steps > 0:
        return Usual(f"{2.5 * eps / steps:.3g}, 2.5 ε / steps", 2.5 * eps / steps)
    return Usual("2.5 ε / steps")


def _takes_several_radii(values: Values) -> bool:
    return "protocol" in values


def _attacks(values: Values, _: Subject) -> Usual:
    if "plane" not in values:
        return Usual()
    second = "eot" if values.get("denoiser") else "square"
    names = {"attack": "pgd", "attacks": f"pgd,{second}"}.get(values["plane"], "")
    return Usual(names, names)


def _sigma(values: Values, _: Subject) -> Usual:
    return Usual(f"{USUAL_SIGMA:g}", USUAL_SIGMA) if values.get("denoiser") else Usual("no noise")


def _batch_size(_: Values, subject: Subject) -> Usual:
    return Usual("what fits the CPU's cache" if subject.device == "cpu" else "what fits its memory")


def _network(_: Values, subject: Subject) -> Usual:
    asked = subject.trained
    if asked is None:
        return Usual("as in training")
    name = "denoiser" if asked.task == "denoiser" else asked.model
    return Usual(f"{short_name(name)}, as trained", name)


def _data(_: Values, subject: Subject) -> Usual:
    if subject.trained is None:
        return Usual("as in training")
    return Usual(f"{short_name(subject.trained.data)}, as trained", subject.trained.data)


def _image_size(values: Values, subject: Subject) -> Usual:
    if subject.data in ("digits", "cifar10"):
        return Usual("32, as they are", 32)
    if "source" in values:
        return Usual("as in training")
    return Usual("the first image's, at most 224")


def _device(_: Values, subject: Subject) -> Usual:
    return Usual(subject.device.upper() if subject.device == "cpu" else subject.device)


def _precision(values: Values, subject: Subject) -> Usual:
    if "image" in values and "height" in values:
        return Usual("fp32", "fp32")  # rounding would show as ripples
    if "checkpoints" in values:
        return Usual("fp32", "fp32")
    if "probes" in values:
        return Usual("fp32", "fp32")
    return Usual("the fastest that is accurate" if "plane" in values else "the fastest")


def _loss(values: Values, _: Subject) -> Usual:
    return Usual("cross-entropy or margin" if _takes_several_radii(values) else "cross-entropy")


def _stem(_: Values, subject: Subject) -> Usual:
    if subject.data in ("digits", "cifar10"):
        return Usual("CIFAR")
    return Usual("by the images' size")


def _denoiser(values: Values, subject: Subject) -> Usual:
    if "task" in values:
        return Usual("tiny" if subject.data == "digits" else "small")
    return Usual("none")


def _peak_rate(values: Values, subject: Subject) -> Usual:
    size = values.get("denoiser")
    size = _denoiser(values, subject).text if size == "auto" else size
    rate = {"tiny": 2e-3, "small": 1e-3, "ddpm": 2e-4}.get(str(size))
    return Usual(f"{rate:g}", rate) if rate is not None else Usual()


def _augmentation(_: Values, subject: Subject) -> Usual:
    known = {"digits": "shifts", "cifar10": "shifts and mirroring"}
    return Usual(known.get(subject.data, "shifts and mirroring"))


def _says(text: str, value: Any = None) -> Callable[[Values, Subject], Usual]:
    return lambda _, __: Usual(text, value)


_USUAL: dict[str, Callable[[Values, Subject], Usual]] = {
    "samples": _samples,
    "to": _says("needed"),
    "third": _says("needed"),
    "begin": _says("needed"),
    "directions": _says("needed"),
    "tolerance": _says("none, every sample"),
    "alpha_range": _range,
    "beta_range": _range,
    "batch_size": _batch_size,
    "points_at_once": _says("measured at the start"),
    "parameters": _says("all, or those not frozen"),
    "loss": _loss,
    "targeted": _says("none, any wrong class"),
    "eps": _radius,
    "step_size": _step_size,
    "attacks": _attacks,
    "denoiser": _denoiser,
    "sigma": _sigma,
    "purify": _says("no, one step from σ"),
    "model": _network,
    "data": _data,
    "image_size": _image_size,
    "key": _says("the only one in the file"),
    "normalization": _says("the data's"),
    "mean": _says("the normalization's"),
    "std": _says("the normalization's"),
    "device": _device,
    "precision": _precision,
    "stem": _stem,
    "augment": _augmentation,
    "order": _says("by epoch, else by name"),
    "denoiser_lr": _peak_rate,
    "largest_sigma": _says("78.7", 78.7),
}
"""What a field comes to, by its name; those of other fields are as they stand there."""
