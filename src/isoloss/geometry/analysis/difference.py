"""Where one surface lies above another: their difference, cell by cell."""

from __future__ import annotations

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.findings import Finding
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface

_SAME = 1e-6  # of the grid's extent: coordinates closer than that are one, in float32 too
_ALIKE = ("model", "data")


def difference(a: Surface, b: Surface) -> Surface:
    """The surface `a` − `b` over their common grid.

    Loss and accuracy are differences, so that either may be negative. The standard error is
    √(σₐ² + σᵦ²), which holds for independent samples; where both saw the same ones it is an upper
    bound as long as their losses rise and fall together. A cell counts as computed where both are,
    from the smaller of the two numbers of samples. ∞ − ∞ is NaN.

    Raises:
        IsolossError: the grids differ.
    """
    refusal = why_not(a, b)
    if refusal:
        raise IsolossError(refusal)
    computed = a.computed & b.computed

    def where_computed(values: Array) -> Array:
        return np.where(computed, values, np.nan)

    with np.errstate(invalid="ignore"):
        loss, accuracy = a.loss - b.loss, a.accuracy - b.accuracy
    return Surface(
        a.alpha,
        a.beta,
        where_computed(loss),
        where_computed(accuracy),
        where_computed(np.hypot(a.loss_stderr, b.loss_stderr)),
        np.where(computed, np.minimum(a.count, b.count), 0),
        _meta(a, b),
    )


def why_not(a: Surface, b: Surface) -> str:
    """Why `a` − `b` does not exist, in one line; "" if it does."""
    if a.shape != b.shape:
        (p, q), (r, s) = a.shape, b.shape
        return (
            f"a difference needs two surfaces on the same grid: these have {p} × {q} and "
            f"{r} × {s} points"
        )
    for name, one, other in (("α", a.alpha, b.alpha), ("β", a.beta, b.beta)):
        extent = float(one[-1] - one[0]) or 1.0
        if np.abs(one - other).max() > _SAME * extent:
            return (
                f"a difference needs two surfaces on the same grid: {name} runs from "
                f"{one[0]:.4g} to {one[-1]:.4g} and from {other[0]:.4g} to {other[-1]:.4g}"
            )
    return ""


def plane_of(surface: Surface) -> tuple[object, ...] | None:
    """What tells the plane of a surface from others; None where that is not known.

    The cosine of its two directions is recorded to the last digit: no two planes have the same one
    by chance, and directions that were taken from another run have that run's.
    """
    meta = surface.meta
    if "plane" not in meta or "cosine" not in meta:
        return None
    planes = meta.get("planes") or 1
    if meta["cosine"]:
        return planes, meta["cosine"]
    ratios = meta.get("explained_variance_ratio") or ()
    return planes, meta["plane"], meta["cosine"], tuple(ratios)


def planes_differ(surfaces: list[Surface]) -> bool:
    """Whether some of `surfaces` are known to lie in different planes: α and β of one then mean
    other directions than those of the other."""
    known = {plane for plane in map(plane_of, surfaces) if plane is not None}
    return len(known) > 1


def centred_scale(loss: Array) -> HeightScale:
    """The linear scale from −m to m that shows differences: zero in its middle, spikes aside."""
    values = np.abs(loss[np.isfinite(loss)])
    # As if seen from zero: what is far out on either side alone does not stretch the scale.
    most = HeightScale.automatic(np.append(values, 0.0), log=False).hi if values.any() else 1.0
    return HeightScale("linear", -most, most)


def automatic_scale(surface: Surface, log: bool | None = None) -> HeightScale:
    """The scale of the heights of a surface, in the window, figures and files alike."""
    known = surface.loss[surface.computed]
    return centred_scale(known) if surface.is_difference else HeightScale.automatic(known, log)


def _meta(a: Surface, b: Surface) -> dict[str, object]:
    """What the two have in common, and a warning where the comparison misleads."""
    meta: dict[str, object] = {
        name: a.meta[name] for name in _ALIKE if name in a.meta and a.meta[name] == b.meta.get(name)
    }
    meta["difference"] = True
    if planes_differ([a, b]):
        warning = Finding(
            "warning",
            "planes",
            "the two surfaces lie in different planes: the same α and β are different networks in "
            "each; compare shapes, not points",
        )
        return {**meta, "findings": [warning.plain()]}
    if plane_of(a) is not None and plane_of(a) == plane_of(b):
        keys = ("plane", "planes", "cosine", "explained_variance_ratio")
        meta |= {name: a.meta[name] for name in keys if name in a.meta}
    return meta
