"""Settings with a name: those that come with the program, and a person's own.

A preset fills in what it says, and leaves all else as it is. A new one is an entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from isoloss.errors import IsolossError
from isoloss.files import as_object, read_json, write_json
from isoloss.naming import first_of
from isoloss.registry import Registry
from isoloss.settings import KINDS, AnySettings, Settings
from isoloss.settings.plane_kinds import plane_kind
from isoloss.system.user_folders import config_folder

SUBJECT = (
    "kind", "source", "also", "to", "third", "begin", "checkpoints", "model", "data", "denoiser",
    "device",
)  # fmt: skip
"""What a run is about, and where it computes: no preset says that."""


_SOME_SUBJECT = {
    "source": "digits-classifier", "checkpoints": ("a.pt",), "model": "vgg11", "data": "digits",
    "denoiser": "digits-denoiser",
}  # fmt: skip
"""With which a preset is checked, for settings are about something."""


@dataclass(frozen=True)
class Preset:
    """Settings with a name.

    Attributes:
        name: what `--preset` calls it.
        title: what the window calls it.
        help: what it is for, in one sentence without a full stop.
        values: {kind of run: {field: value}}, for every kind that it is for.
    """

    name: str
    title: str
    help: str
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


PRESETS = Registry[Preset]("preset")
register, unregister = PRESETS.register, PRESETS.unregister

_ORIGINAL = {
    "protocol": "legacy", "eps": (0.005, 0.01, 0.02, 0.04, 0.1, 0.5), "samples": 500,
}  # fmt: skip

register(Preset(
    "quick", "Quick look", "A first impression within moments, with its errors stated",
    {
        "train": {"epochs": 2, "checkpoints_per_epoch": 4.0},
        "probe": {"grid": (17, 17), "points": 101, "samples": 512},
        "sharpness": {"samples": 256, "largest": 1, "smallest": 0, "steps": 30, "probes": 8},
        "attack": {"samples": 50, "steps": 10, "queries": 50, "keep": 4},
        "defend": {"samples": 20, "steps": 5, "draws": 2, "votes": 10, "queries": 20, "keep": 4},
        "certify": {"samples": 20, "draws": 200, "pilot": 50},
    },
))  # fmt: skip
register(Preset(
    "paper", "Paper 51 × 51",
    "The surface as Li et al. (2018) draw it: all samples, filter-normalized, from −1 to 1",
    {"probe": {
        "grid": (51, 51), "normalize": "filter", "alpha_range": (-1.0, 1.0),
        "beta_range": (-1.0, 1.0), "batch_norm": "frozen", "samples": None, "tolerance": None,
    }},
))  # fmt: skip
register(Preset(
    "original", "Original experiment",
    "PGD as in the experiment that this program began with, whose reach ends at ε = 0.039",
    {
        "attack": {**_ORIGINAL, "attacks": "pgd"},
        "defend": {**_ORIGINAL, "attacks": "transfer", "sigma": (0.25,)},
    },
))  # fmt: skip
register(Preset(
    "honest", "Honest evaluation",
    "Adversaries who know of the defense, with as many steps, draws and queries as are published",
    {
        "attack": {
            "protocol": "standard", "attacks": "pgd,square,noise,surrogates", "samples": 1000,
            "steps": 100, "restarts": 5, "queries": 5000,
        },
        "defend": {
            "protocol": "standard", "attacks": "transfer,bpda,eot,square,noise,surrogates",
            "samples": 500, "steps": 50, "restarts": 1, "draws": 20, "votes": 100, "queries": 1000,
        },
    },
))  # fmt: skip
register(Preset(
    "certification", "Certification",
    "Certificates as Cohen et al. (2019) state them: 500 images, 100,000 draws, α = 0.001",
    {"certify": {
        "samples": 500, "sigma": (0.25, 0.5, 1.0), "draws": 100_000, "pilot": 100, "alpha": 0.001,
    }},
))  # fmt: skip


def presets_for(kind: str) -> list[Preset]:
    """Those for a kind of run: the program's, then the person's own."""
    return [p for p in [*PRESETS, *own_presets()] if kind in p.values]


def preset_values(kind: str, name: str) -> dict[str, Any]:
    """What a preset fills in for a kind of run.

    Raises:
        IsolossError: if there is none of this name for it.
    """
    known = {p.name: p for p in presets_for(kind)}
    if name not in known:
        there = f"choose {first_of([*known], 12)}" if known else "there is none"
        raise IsolossError(f"there is no preset {name!r} for {kind}: {there}")
    return dict(known[name].values[kind])


def own_presets() -> list[Preset]:
    """The person's own, in the order in which they were saved; those that are damaged or mean
    nothing to this version are left out."""
    found: list[Preset] = []
    for name, values in _own().items():
        known = {kind: _valid(kind, each) for kind, each in as_object(values).items()}
        if sound := {kind: each for kind, each in known.items() if each is not None}:
            found.append(Preset(name, name, "Your own", sound))
    return found


def save_preset(name: str, settings: AnySettings) -> Preset:
    """Keep what settings ask for, but for what they are about, under a name of the person's own.

    Raises:
        IsolossError: if the name is none or the program's, or the settings' folder cannot be
            written.
    """
    name = " ".join(name.split())
    if not name:
        raise IsolossError("a preset needs a name")
    if name in PRESETS:
        raise IsolossError(f"the preset {name!r} comes with the program: choose another name")
    asked = settings.model_dump(mode="json", exclude=set(SUBJECT), exclude_defaults=True)
    of_all = {**as_object(_own().get(name)), settings.kind: asked}
    write_json(_path(), {**_own(), name: of_all})
    return Preset(name, name, "Your own", of_all)


def remove_preset(name: str) -> None:
    """Forget one of the person's own."""
    write_json(_path(), {k: v for k, v in _own().items() if k != name})


def _path() -> Path:
    return config_folder() / "presets.json"


def _own() -> dict[str, Any]:
    try:
        return as_object(read_json(_path()))
    except IsolossError:
        return {}


def _valid(kind: str, values: Any) -> dict[str, Any] | None:
    """Values as the settings have them; None where one is none that they could have."""
    model: type[Settings] | None = KINDS.get(kind)
    if model is None or not isinstance(values, dict):
        return None
    given = cast("dict[str, Any]", values)
    required = {name for name, of in model.model_fields.items() if of.is_required()}
    needed = {k: v for k, v in _SOME_SUBJECT.items() if k in required}
    plane = plane_kind(given.get("plane", ""))
    needed |= {name: needed["source"] for name in ("to", "third") if plane.takes(name)}
    if given.get("task") == "path":
        needed |= {"begin": _SOME_SUBJECT["source"], "to": _SOME_SUBJECT["source"]}
    try:
        settings = model.model_validate({**needed, **given})
    except ValidationError:
        return None
    return {name: getattr(settings, name) for name in given}
