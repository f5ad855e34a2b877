"""Where a network looks, across ε: its last features, the gates of CBAM, the attention of
transformer blocks, each with how far it has moved from where it is for the clean image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.figures.robustness.accuracy import set_radius_axis
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.gallery import Caption, Cell, Gallery, gallery_figure
from isoloss.figures.robustness.run_results import RunResults
from isoloss.figures.robustness.saved_images import SavedImages, Shot, read_saved_images
from isoloss.figures.robustness.strips import answer, radius_header
from isoloss.figures.sheet import Sheet
from isoloss.geometry.ticks import number_label
from isoloss.results.radii import NORMS, radius_label
from isoloss.scene.appearance import Appearance
from isoloss.scene.colormaps import colormap
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isoloss.figures.figure import Figure

Map = NDArray[np.float32]

COLORMAP = "magma"
LAST = "last features"


def map_figure(
    run: RunResults, choice: Choice, sheet: Sheet, appearance: Appearance, heading: str
) -> Figure:
    """The figure of `maps`.

    Raises:
        IsolossError: if the run has saved no images, or its network has no maps.
    """
    gallery = maps(read_saved_images(run, choice), run, choice, appearance, heading)
    return gallery_figure(gallery, sheet, appearance)


def maps(
    saved: SavedImages, run: RunResults, choice: Choice, appearance: Appearance, heading: str = ""
) -> Gallery:
    """One image: what is classified at each ε in a column, and each map in a row below it.

    A row's colours go from 0 to its largest value. Gates over channels are curves, the channels
    sorted by the clean gate. At the right is the drift of all saved images, of this one in bold.

    Raises:
        IsolossError: if the network has no maps.
    """
    names = sorted(saved.maps, key=_rank)
    if not names:
        raise IsolossError(
            f"{run.name} has saved no maps of {saved.file.network}: it has no places to look "
            "at, or was run by an older isoloss"
        )
    k = saved.place(choice.image)
    theme = THEMES[appearance.theme]
    shots = [saved.shot(eps, k) for eps in saved.eps]
    lines = len(names)
    title = f"{saved.title}, image {saved.index.images[k]}, {saved.index.label_in_title(k)}"
    return Gallery(
        heading or (title if appearance.title else ""),
        f"ε in {NORMS[saved.file.norm]}",
        [radius_header(float(e)) for e in saved.eps],
        [classified(shots[0]), *map(map_label, names)],
        [
            [Cell(shown(shot), answer(shot, theme)) for shot in shots],
            *(_row(name, shots) for name in names),
        ],
        saved.warnings(run),
        _note(saved, run),
        (
            None,
            *(
                Drift(saved.eps, saved.drift(name), k, is_lowest=row == lines - 1)
                for row, name in enumerate(names)
            ),
        ),
        "drift",
    )


def _rank(name: str) -> tuple[Any, ...]:
    """Last features first, then by kind; stages in the order of their numbers."""
    kind, _, module = name.partition(": ")
    kinds = (LAST, "attention", "spatial gate", "channel gate")
    place = kinds.index(kind) if kind in kinds else len(kinds)
    parts = re.split(r"(\d+)", module)
    return place, [int(p) if p.isdigit() else p for p in parts]


def classified(shot: Shot) -> str:
    """What the picture that the network is shown is."""
    if shot.denoised is not None:
        return "denoised"
    return "noisy" if shot.noisy is not None else "image"


def shown(shot: Shot) -> Map:
    """(H, W, C) what the network is shown."""
    picture = shot.denoised if shot.denoised is not None else shot.noisy
    return np.clip(shot.attacked if picture is None else picture, 0, 1)


def map_label(name: str) -> str:
    """ "channel gate: layer3.5.cbam" is "layer3 channels": the stage says enough."""
    kind, _, module = name.partition(": ")
    if not module:
        return name
    parts = [part for part in module.split(".") if part not in ("cbam", "attn")]
    words = {"channel gate": "channels", "spatial gate": "places"}
    return f"{'.'.join(parts)} {words.get(kind, kind)}"


def heat(values: Map, largest: float) -> Map:
    """(h, w, 3) the colours of a map from 0 to `largest`; NaN is grey."""
    fraction = np.clip(np.nan_to_num(values / largest if largest > 0 else 0 * values), 0, 1)
    colors = colormap(COLORMAP)[np.rint(255 * fraction).astype(np.int64)] / 255
    return np.where(np.isnan(values)[..., None], 0.5, colors).astype(np.float32)


def _row(name: str, shots: Sequence[Shot]) -> list[Cell]:
    largest = max(float(np.nanmax(shot.maps[name])) for shot in shots)
    clean = shots[0].maps[name]
    order = np.argsort(clean, kind="stable") if clean.ndim == 1 else None
    cells: list[Cell] = []
    for shot in shots:
        values = shot.maps[name]
        caption = Caption((drift_label(shot.drift[name]),))
        if order is not None:
            cells.append(Cell(Gates(values[order], clean[order], largest), caption))
        else:
            cells.append(Cell(heat(values, largest), caption))
    return cells


def drift_label(drift: float) -> str:
    """As it is printed below a map."""
    return "0" if abs(drift) < 1e-7 else number_label(drift, 2)


@dataclass(frozen=True)
class Gates:
    """The gates over channels, sorted by the clean ones.

    Attributes:
        values, clean: (C,).
        largest: of the row.
    """

    values: Map
    clean: Map
    largest: float

    @property
    def top(self) -> float:
        """Where the axis ends."""
        return 1.06 * self.largest if self.largest > 0 else 1.0

    def __call__(self, axes: Axes, sheet: Sheet, theme: Theme) -> None:
        """Draw them into a plot."""
        count, unit = len(self.values), sheet.unit
        channels = np.arange(count)
        axes.plot(
            channels, self.values, lw=0, marker="o", markersize=1.3 * unit, markeredgewidth=0,
            color=theme.further_paths[0], gid="gates", rasterized=count > 300,
        )  # fmt: skip
        axes.plot(channels, self.clean, color=theme.ink, lw=1.2 * unit, gid="clean gates")
        axes.set_xlim(-0.02 * count, 1.02 * count)
        axes.set_ylim(-0.04 * self.largest, self.top)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_linewidth(0.6 * unit)


@dataclass(frozen=True)
class Drift:
    """The drift of one image, thick, and of the others, against ε on the axis of accuracies.

    Attributes:
        drift: (E, K) of all saved images.
        k: which image it is.
        is_lowest: whether its axis is named.
    """

    eps: tuple[float, ...]
    drift: Map
    k: int
    is_lowest: bool

    @property
    def top(self) -> float:
        """The largest of all."""
        return float(np.nanmax(self.drift))

    def __call__(self, axes: Axes, sheet: Sheet, theme: Theme) -> None:
        """Draw it into a plot."""
        eps, drift, unit = np.array(self.eps), self.drift, sheet.unit
        for column in range(drift.shape[1]):
            if column != self.k:
                axes.plot(
                    eps, drift[:, column], color=theme.quiet_ink, alpha=0.45, lw=0.8 * unit,
                    gid="drift of another",
                )  # fmt: skip
        axes.plot(
            eps, drift[:, self.k], color=theme.further_paths[1], lw=1.7 * unit, marker="o",
            markersize=4 * unit, gid="drift", clip_on=False, zorder=5,
        )  # fmt: skip
        set_radius_axis(axes, eps)
        top = self.top
        axes.set_ylim(0, 1.06 * top if top > 0 else 1)
        ticks = [0.0, top] if top > 0 else [0.0]
        axes.set_yticks(ticks, [number_label(t, 2) for t in ticks], fontsize=0.8 * sheet.em)
        labels = [radius_label(float(e)) for e in eps]
        labelled = {0, len(eps) - 1} if self.is_lowest else set()
        axes.set_xticks(eps, [t if j in labelled else "" for j, t in enumerate(labels)])
        axes.set_xticks([], minor=True)
        axes.tick_params(axis="x", labelsize=0.8 * sheet.em)
        axes.spines[["top", "right"]].set_visible(False)
        if self.is_lowest:
            axes.set_xlabel("ε", labelpad=0.1 * sheet.em, fontsize=0.9 * sheet.em)


def _note(saved: SavedImages, run: RunResults) -> str:
    words = ["Below each map its drift: 1 − cosine to the clean image's"]
    if any(stack.ndim == 1 for stack in saved.shot(saved.eps[0], 0).maps.values()):
        words.append("channels: gates sorted by the clean ones (line)")
    words.append("of each stage the last block; colours from 0 to the row's largest")
    words.append("grey: the other saved images")
    if not run.is_finished:
        words.append("the run is not finished, and not checked yet")
    return "; ".join(words) + "."
