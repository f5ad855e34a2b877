"""What a network loses and gets right at the centre of a surface, as `meta["centre"]` keeps it."""

from __future__ import annotations

from typing import Any, cast

from isoloss.geometry.surface import Surface


def centre_in_words(surface: Surface) -> str:
    """The loss and the accuracy at the centre, beside what its training has recorded; "" where
    nobody measured them."""
    centre: Any = surface.meta.get("centre")
    if not isinstance(centre, dict) or not _are_numbers(cast("dict[str, Any]", centre)):
        return ""
    known = cast("dict[str, Any]", centre)
    split = f"{known['split']} " if known.get("split") else ""
    words = f"{split}{_values(known)}"
    recorded: Any = known.get("recorded")
    if isinstance(recorded, dict) and _are_numbers(cast("dict[str, Any]", recorded)):
        when = " over its last steps" if known.get("split") == "train" else ""
        words += f"; its training recorded {_values(cast('dict[str, Any]', recorded))}{when}"
    return words


def _are_numbers(known: dict[str, Any]) -> bool:
    """Whether its values are such as can be said; nobody but us has to keep to it."""
    return all(isinstance(known.get(name), float | int | None) for name in ("loss", "accuracy"))


def _values(known: dict[str, Any]) -> str:
    loss, accuracy = known.get("loss"), known.get("accuracy")
    words = "loss not finite" if loss is None else f"loss {loss:.4g}"
    return words if accuracy is None else f"{words}, accuracy {100 * accuracy:.4g} %"
