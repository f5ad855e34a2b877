"""What a network loses and gets right at the centre of a surface, as `meta["centre"]` keeps it."""

from __future__ import annotations

from typing import Any, cast

from isoloss.geometry.surface import Surface
from isoloss.shortening import brief


def centre_in_words(surface: Surface) -> str:
    """The loss and the accuracy at the centre, beside what its training has recorded; "" where
    nobody measured them."""
    centre = _measured(surface.meta.get("centre"))
    if centre is None:
        return ""
    split = f"{centre['split']} " if centre.get("split") else ""
    height = brief(surface.meta.get("quantity") or "loss")
    words = f"{split}{_values(centre, height)}"
    recorded = _measured(centre.get("recorded"))
    if recorded is not None:
        when = " over its last steps" if centre.get("split") == "train" else ""
        words += f"; its training recorded {_values(recorded, height)}{when}"
    return words


def _measured(said: Any) -> dict[str, Any] | None:
    """What a file says, where its values are such as can be told; nobody but us keeps to it."""
    if not isinstance(said, dict):
        return None
    known = cast("dict[str, Any]", said)
    numbers = (known.get(name) for name in ("loss", "accuracy"))
    return known if all(isinstance(n, float | int | None) for n in numbers) else None


def _values(known: dict[str, Any], height: str) -> str:
    loss, accuracy = known.get("loss"), known.get("accuracy")
    value = "not finite" if loss is None else f"{loss:.4g}".replace("-", "−")
    words = f"{height} {value}"
    return words if accuracy is None else f"{words}, accuracy {100 * accuracy:.4g} %"
