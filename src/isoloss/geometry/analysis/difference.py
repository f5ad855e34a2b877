"""Where one surface lies above another: their difference, cell by cell."""

from __future__ import annotations

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.analysis.beyond_chance import with_marks
from isoloss.geometry.analysis.student import welch
from isoloss.geometry.arrays import Array
from isoloss.geometry.findings import Finding
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface

_SAME = 1e-6  # of the grid's extent: coordinates closer than that are one, in float32 too
_ALIKE = ("model", "data")
SURFACES = "surfaces"
"""The column of a mean that says of how many surfaces a cell is."""


def difference(a: Surface, b: Surface) -> Surface:
    """The surface `a` − `b` over their common grid.

    Loss and accuracy are differences, so that either may be negative. The standard error is
    √(σₐ² + σᵦ²), which holds for independent samples; where both saw the same ones it is an upper
    bound as long as their losses rise and fall together. A cell counts as computed where both are,
    from the smaller of the two numbers of samples. ∞ − ∞ is NaN.

    Where errors are known, the cells that differ beyond chance are marked (`beyond_chance`): of
    means over networks or planes (`mean_surface`) beyond what these explain, by Welch's t, whose
    standard error it then has; else beyond what samples explain.

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
    of_means = _of_means(a, b)
    error, freedom, how = of_means or (
        np.hypot(a.loss_stderr, b.loss_stderr), np.full(a.shape, np.inf),
        "standard errors over samples",
    )  # fmt: skip
    made = Surface(
        a.alpha,
        a.beta,
        where_computed(loss),
        where_computed(accuracy),
        where_computed(error),
        np.where(computed, np.minimum(a.count, b.count), 0),
        _meta(a, b),
    )
    return with_marks(made, made.loss_stderr, freedom, how) if (error > 0).any() else made


def _of_means(a: Surface, b: Surface) -> tuple[Array, Array, str] | None:
    """The standard error of a difference of two means over several surfaces, its degrees of freedom
    and how it was found; None where they are none."""
    m, n = (surface.columns.get(SURFACES) for surface in (a, b))
    if m is None or n is None or a.spread is None or b.spread is None:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        error, freedom = welch(a.spread**2 / m, b.spread**2 / n, m, n)
    return error, freedom, "Welch's t over networks or planes"


def why_not(a: Surface, b: Surface) -> str:
    """Why `a` − `b` does not exist, in one line; "" if it does."""
    apart = apart_in_grid(a, b)
    return f"a difference needs two surfaces on the same grid: {apart}" if apart else ""


def apart_in_grid(a: Surface, b: Surface) -> str:
    """In what the grids of two surfaces differ, in words; "" if they are the same."""
    if a.shape != b.shape:
        (p, q), (r, s) = a.shape, b.shape
        return f"these have {p} × {q} and {r} × {s} points"
    for name, one, other in (("α", a.alpha, b.alpha), ("β", a.beta, b.beta)):
        extent = float(one[-1] - one[0]) or 1.0
        if np.abs(one - other).max() > _SAME * extent:
            return (
                f"{name} runs from {one[0]:.4g} to {one[-1]:.4g} and from {other[0]:.4g} to "
                f"{other[-1]:.4g}"
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
