"""What the fields of a session file are called in the window."""

from __future__ import annotations

import re

_PLACE = re.compile(
    r"\b(?:comparison\.)?(views|layers|further|saved_views|curves|evaluations|runs|hidden)\[(\d+)\]((?:\.\w+(?:\[\d+\])?)*)"
)
_WORDS = {
    "color_range": "colour range",
    "contour_levels": "number of contours",
    "contour_value": "level",
    "height_gain": "height gain",
    "minima_persistence": "least depth",
    "markers": "pins",
    "hidden_layers": "hidden surfaces",
    "hidden_trajectories": "hidden trajectories",
    "source": "file",
    "fallback": "file",
}
_OWNERS = {
    "views": "viewport",
    "layers": "layer",
    "further": "surface of a difference",
    "saved_views": "saved view",
    "curves": "curve",
    "evaluations": "run",
    "runs": "run of the comparison",
    "hidden": "hidden run of the comparison",
}


def in_words(message: str) -> str:
    """`message` with "views[0].appearance.color_range[1]" as "colour range of viewport 1"."""
    return _PLACE.sub(_named, message)


def _named(found: re.Match[str]) -> str:
    owner, index, way = found.groups()
    whose = f"{_OWNERS[owner]} {int(index) + 1}"
    names = [name.split("[")[0] for name in way.split(".")]
    names = [name for name in names if name and name not in ("camera", "appearance")]
    what = " ".join(_WORDS.get(name, name.replace("_", " ")) for name in names)
    return f"{what} of {whose}" if what else whose
