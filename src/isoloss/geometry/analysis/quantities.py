"""The further quantities of a surface: losses of the same samples, kept as columns beside the loss.

Of a quantity `q` the columns are `q`, `q_stderr` and, of a classifier, `q_accuracy`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface

_OF_THE_LOSS = ("quantities", "findings", "centre")


def quantities_of(surface: Surface) -> dict[str, str]:
    """{name: title} of the quantities that a surface has columns of, in order."""
    given: Any = surface.meta.get("quantities")
    named = cast("dict[Any, Any]", given) if isinstance(given, dict) else {}
    return {str(name): str(title) for name, title in named.items() if name in surface.columns}


def of_quantity(surface: Surface, name: str) -> Surface:
    """The surface whose loss, and height, a quantity is; of the loss itself ("") as it is.

    Trajectories, whose heights are losses, do not lie on it.

    Raises:
        IsolossError: if it has no such quantity; says which it has.
    """
    if not name:
        return surface
    titles = quantities_of(surface)
    if name not in titles:
        choices = f"choose of {', '.join(titles)}" if titles else "it has none beside the loss"
        raise IsolossError(f"the surface has no quantity {name!r}: {choices}")
    nowhere = np.full(surface.shape, np.nan)
    columns = surface.columns
    # Of a class there may be no sample yet, where others have been seen.
    unseen = np.isnan(columns[name]) & np.isfinite(surface.loss)
    meta = {key: value for key, value in surface.meta.items() if key not in _OF_THE_LOSS}
    title = ", ".join(part for part in (surface.title, titles[name]) if part)
    return replace(
        surface,
        loss=columns[name],
        accuracy=columns.get(f"{name}_accuracy", nowhere),
        loss_stderr=columns.get(f"{name}_stderr", nowhere),
        count=np.where(unseen, 0, surface.count),
        meta={**meta, "quantity": titles[name], "title": title},
        spread=None,
        trajectories=(),
        earlier=(),
        columns={},
    )
