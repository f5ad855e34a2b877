"""Which terms of the glossary a field, a fact, a finding or an attack is about."""

from __future__ import annotations

from isoloss.app.state.glossary import BY_TERM, Explanation
from isoloss.naming import capitalized
from isoloss.settings.attack_kinds import attack_of
from isoloss.settings.plane_kinds import plane_kind

OF_FIELD = {
    "plane": ("PCA plane", "Random plane", "Hessian plane"),
    "to": ("Interpolation",),
    "third": ("Plane of three networks",),
    "align": ("Alignment", "Barrier"),
    "beside": ("Gradient plane",),
    "directions": ("Plane of given directions",),
    "rescale": ("Filter normalization",),
    "planes": ("Several planes",),
    "normalize": ("Filter normalization",),
    "batch_norm": ("Batch norm",),
    "tolerance": ("Tolerance",),
    "precision": ("Precision",),
    "train schedule": ("Learning-rate drops",),
    "checkpoints_per_epoch": ("Trajectory",),
    "eps": ("ε",),
    "sigma": ("σ",),
    "image": ("Plane of images",),
    "height": ("Margin",),
    "attacks": ("PGD", "EOT", "BPDA"),
    "denoiser": ("Denoised smoothing",),
    "purify": ("Purification",),
    "alpha": ("Certified radius",),
    "radii": ("Certified radius",),
}
"""The terms that a form's field is about, by the field's name; before it the kind of form, where it
means another thing in others."""

_OF_FACT = {
    "Variance": ("Explained variance",),
    "Off-plane": ("Off-plane distance",),
    "Spread": ("Spread",),
    "Error": ("Standard error",),
    "Persistence": ("Persistence",),
    "λmax": ("Sharpness",),
    "Trace": ("Sharpness",),
    "Rise": ("Sharpness",),
}
_OF_FINDING = {
    "normalization": ("Filter normalization",),
    "trajectory": ("Off-plane distance",),
    "standard error": ("Standard error",),
    "precision": ("Precision",),
    "gradient masking": ("Gradient masking",),
    "minimum": ("Sharpness",),
}


def of_field(name: str, kind: str = "") -> list[Explanation]:
    """The terms that the field `name` is about, in the form of a kind of run."""
    terms = OF_FIELD.get(f"{kind} {name}") or OF_FIELD.get(name, ())
    return [BY_TERM[term] for term in terms]


def of_fact(label: str, value: str) -> list[Explanation]:
    """The terms that one of the layers panel's facts is about."""
    label = capitalized(label.removeprefix("Δ "))
    if label == "Plane":
        return [BY_TERM.get(capitalized(plane_kind(value).title), BY_TERM["Plane"])]
    return [BY_TERM[term] for term in _OF_FACT.get(label, ())]


def of_finding(what: str) -> list[Explanation]:
    """The terms that a finding is about, by its first words."""
    return [BY_TERM[term] for term in _OF_FINDING.get(what, ())]


def of_attack(name: str, is_defended: bool = False) -> list[Explanation]:
    """The terms that the curve of an attack is about."""
    terms = (*attack_of(name).terms, *(("σ",) if is_defended else ()))
    return [BY_TERM[term] for term in terms]
