"""A surface: the values of a loss over a grid of (α, β)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import number_label, range_label
from isoloss.geometry.trajectory import Trajectory
from isoloss.naming import printable, short_name
from isoloss.shortening import brief
from isoloss.shown.itself import ShowsItself

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRIDS = ("loss", "accuracy", "loss_stderr", "count")
"""The values that every surface has, in the order of its fields."""
FINEST = 1e-12
"""The smallest step of an axis, as a fraction of its range."""
ROUNDING = 1e-6
"""So far beyond its range an accuracy may lie."""
LARGEST = 1e30
"""The largest coordinate: what single precision, in which it is drawn, can hold."""


@dataclass(frozen=True, repr=False)
class Surface(ShowsItself, by="isoloss.notebook.surfaces"):
    """Values over the grid θ* + alpha[i]·δ + beta[j]·η.

    Attributes:
        alpha: (A,) float64, strictly increasing coordinates along δ.
        beta: (B,) float64, strictly increasing coordinates along η.
        loss: (A, B) float64, mean loss; `loss[i, j]` belongs to `alpha[i], beta[j]`. NaN and ±inf
            are results like any other; cells with `count == 0` have not been computed.
        accuracy: (A, B) float64 in [0, 1], NaN where the model is not a classifier.
        loss_stderr: (A, B) float64, standard error of `loss` as an estimate of the mean over the
            chosen data: 0 once all of it was seen.
        count: (A, B) int64, samples seen; 0 means not computed.
        meta: what made it (JSON-compatible), e.g. model, data, plane, seed, precision, versions.
        spread: (A, B) float64, the standard deviation of the mean loss over an ensemble of random
            planes; None where there was only one.
        trajectories: what is shown upon it: the paths of training runs, its own first.
        columns: {name: (A, B) float64} further values of its cells, by names that are words.
        earlier: the surfaces around the checkpoints before, on the same grid, the first first; of
            each `meta` has the "epoch" and the "checkpoint".

    With a single β it is a curve: the loss along one direction.
    """

    alpha: Array
    beta: Array
    loss: Array
    accuracy: Array
    loss_stderr: Array
    count: NDArray[np.int64]
    meta: dict[str, Any] = field(default_factory=dict[str, Any])
    spread: Array | None = None
    trajectories: tuple[Trajectory, ...] = ()
    columns: dict[str, Array] = field(default_factory=dict[str, Array])
    earlier: tuple[Surface, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.alpha), len(self.beta))
        for name, values in grids_of(self).items():
            if values.shape != shape:
                raise IsolossError(f"{name} has shape {values.shape}, the grid has {shape}")
        for name in ("alpha", "beta"):
            axis = getattr(self, name)
            if not (np.isfinite(axis).all() and (np.diff(axis) > 0).all()):
                raise IsolossError(f"{name} must be finite and strictly increasing")
            if np.abs(axis).max(initial=0) > LARGEST:
                raise IsolossError(f"{name} goes beyond ±{LARGEST:g}")
            if len(axis) > 1:
                range_ = axis[-1] - axis[0]
                if not np.diff(axis).min() > max(FINEST * range_, 1 / LARGEST):
                    raise IsolossError(f"{name} has steps too small to be told apart")

    def __repr__(self) -> str:
        about = f" of {brief(self.title)}" if self.title else ""
        points = f"{self.shape[0]} points" if self.is_curve else "{}×{} points".format(*self.shape)
        said = [points] if self.loss.size else []
        axes = {"α": self.alpha, "β": self.beta} if not self.is_curve else {"α": self.alpha}
        said += [f"{name} {range_label(a[0], a[-1])}" for name, a in axes.items() if len(a)]
        values = self.loss[self.computed]
        known = values[np.isfinite(values)]
        if len(known):
            quantity = brief(self.meta.get("quantity") or "loss")
            said.append(f"{quantity} {range_label(known.min(), known.max())}")
        lacking = {"not computed": self.loss.size - len(values)}
        lacking["not finite"] = len(values) - len(known)
        said += [f"{count:,} {why}" for why, count in lacking.items() if count]
        if count := len(self.earlier):
            said.append(f"{count} of earlier checkpoints")
        if count := len(self.trajectories):
            said.append("a trajectory" if count == 1 else f"{count} trajectories")
        kind = "Curve" if self.is_curve else "Surface"
        return f"<{kind}{about}: {', '.join(said) or 'no points'}>"

    @property
    def shape(self) -> tuple[int, int]:
        """(A, B), the numbers of grid points along α and β."""
        return self.loss.shape[0], self.loss.shape[1]

    @property
    def is_curve(self) -> bool:
        """Whether it runs along one direction only."""
        return len(self.beta) == 1

    @property
    def computed(self) -> NDArray[np.bool_]:
        """(A, B) bool: where a result exists, be it NaN or inf."""
        return self.count > 0

    @property
    def is_complete(self) -> bool:
        """Whether every cell has been computed."""
        return bool(self.computed.all())

    @property
    def is_difference(self) -> bool:
        """Whether its values are those of one surface less those of another."""
        return self.meta.get("difference") is True

    @property
    def explained_variance(self) -> tuple[float, float] | None:
        """The shares in [0, 1] of a trajectory's variance along α and β; None where no PCA plane
        says them."""
        said: Any = self.meta.get("explained_variance_ratio")
        shares = cast("list[Any]", said[:2]) if isinstance(said, list | tuple) else []
        if len(shares) < 2 or not all(isinstance(x, int | float) and 0 <= x <= 1 for x in shares):
            return None
        return float(shares[0]), float(shares[1])

    @property
    def title(self) -> str:
        """A heading for pictures, from what made it: "vgg11 on digits, PCA plane"."""
        # Settings take a tenth of a second to import, which nobody needs who reads a surface.
        from isoloss.settings.plane_kinds import plane_kind

        given = self.meta.get("title")
        if given:
            return printable(given)
        model, data = (short_name(str(self.meta.get(k) or "")) for k in ("model", "data"))
        plane = plane_kind(self.meta.get("plane")).title
        planes = self.meta.get("planes")
        if plane and isinstance(planes, int) and planes > 1:
            plane = f"mean of {planes} {plane}s"
        epoch: Any = self.meta.get("epoch")
        when = f"epoch {number_label(float(epoch))}" if isinstance(epoch, int | float) else ""
        subject = f"{model} on {data}" if model and data else model
        return printable(", ".join(part for part in (subject, plane, when) if part))

    @classmethod
    def from_loss(cls, alpha: Array, beta: Array, loss: Array, **meta: Any) -> Surface:
        """A surface of which only the loss is known; every cell counts as one exact sample."""
        loss = np.asarray(loss, np.float64)
        return cls(
            np.asarray(alpha, np.float64),
            np.asarray(beta, np.float64),
            loss,
            np.full(loss.shape, np.nan),
            np.zeros(loss.shape),
            np.ones(loss.shape, np.int64),
            meta,
        )

    def figure(
        self, *, in_space: bool = False, width_mm: float = 140.0, dpi: float = 150.0, **options: Any
    ) -> Figure:
        """A `matplotlib.figure.Figure` of it, in the colours of the window, to go on with: its
        contours with trajectories and scalar bar; of a curve the curve.

        Args:
            in_space: seen from the side, as in the window, instead of from above.
            width_mm: how wide it is on paper, in millimetres.
            dpi: pixels an inch.
            options: as those of `isoloss.render`: texture, theme ("light" unless given), title,
                colormap, contours (their number, or False), azimuth, elevation, …; of contours in
                the plane also fill (False draws lines alone) and line_labels.

        Raises:
            IsolossError: there is nothing to draw, or an option does not exist or does not fit.
        """
        sized = {"in_space": in_space, "width_mm": width_mm, "dpi": dpi}
        return self._what_shows_it().figure(self, **sized, **options)

    def save(self, path: str | Path) -> Path:
        """Write the surface; the suffix chooses the format: .ply, .npz, .vts or .csv.

        A curve has no mesh: it is written as .npz or .csv. `geometry.files.formats` lists them.
        Beside what can be read again, as x.ply, its trajectories are x-trajectory.ply and
        x-trajectory-NAME.ply, and the surfaces of earlier checkpoints x-0007.ply, …. Folders that
        are missing are made.
        """
        from isoloss.geometry.files.formats import save_surface

        return save_surface(self, Path(path))


def grids_of(surface: Surface) -> dict[str, NDArray[Any]]:
    """All values (A, B) by name, as files keep them: the spread only where there is one."""
    names = GRIDS if surface.spread is None else (*GRIDS, "spread")
    return {name: getattr(surface, name) for name in names} | surface.columns


def check_values(surface: Surface) -> None:
    """Refuse values that cannot be, however they came into a file.

    Raises:
        IsolossError: naming them.
    """
    least = -1.0 if surface.is_difference else 0.0
    accuracy = surface.accuracy
    outside = (accuracy < least - ROUNDING) | (accuracy > 1 + ROUNDING)
    if outside.any():
        raise IsolossError(
            f"some of its accuracies, as {accuracy[outside][0]:.4g}, are no shares from 0 to 1"
        )
    for name in ("count", "loss_stderr", "spread"):
        values: NDArray[Any] | None = getattr(surface, name)
        if values is not None and (values < 0).any():
            raise IsolossError(f"some of its values of {name} are negative")
