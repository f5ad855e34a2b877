"""What all figures have in common: the font, the colours, how they are written."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.paper import COLUMN, Print
from isoloss.files import write_atomic
from isoloss.fonts import fallback_files
from isoloss.geometry.arrays import Pixels
from isoloss.geometry.ticks import Tick
from isoloss.naming import drawable
from isoloss.resources import font_file
from isoloss.scene.theme import Theme
from isoloss.shortening import in_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


POINTS, MILLIMETRES = 72.0, 25.4  # an inch
PREVIEW = 100.0
"""Pixels an inch of what is returned beside a vector graphic."""
TEXT = 8.0
"""Points: the size of text in a paper's figures."""
VECTOR = (".svg", ".pdf")
"""The suffixes of vector graphics."""

_FAITHFUL: dict[Any, Any] = {"text.parse_math": False}
"""A dollar is a dollar."""
EDITABLE: dict[Any, Any] = _FAITHFUL | {
    "svg.fonttype": "none",
    "svg.hashsalt": "isoloss",
    "pdf.fonttype": 42,
    "path.simplify": False,
}
"""Text stays text: to be found, copied and edited."""


@dataclass(frozen=True)
class Sheet:
    """What a figure is drawn on; lengths are in points, 1/72 inch.

    Attributes:
        width: of the figure.
        height: of the figure; None where the figure may choose.
        em: the size of ordinary text.
        dpi: pixels an inch, where it becomes pixels.
    """

    width: float
    height: float | None
    em: float
    dpi: float

    @property
    def unit(self) -> float:
        """The width of a thin line: the 14th part of the text's size, as in our other pictures."""
        return self.em / 14

    @classmethod
    def screen(cls, size: tuple[int, int], scale: float) -> Sheet:
        """So many pixels; text and lines as in our other pictures."""
        return cls(float(size[0]), float(size[1]), 14.0 * scale, POINTS)

    @classmethod
    def paper(cls, size: tuple[int, int] | None, scale: float, print_: Print) -> Sheet:
        """As wide as asked for, text as in a paper; of `size` only the shape counts then."""
        if print_.width_mm is not None or size is None:
            width = (print_.width_mm or COLUMN) / MILLIMETRES * POINTS
        else:
            width = size[0] / print_.dpi * POINTS
        height = None if size is None else width * size[1] / size[0]
        return cls(width, height, TEXT * scale, print_.dpi)


def style(theme: Theme, sheet: Sheet) -> dict[Any, Any]:
    """Settings of matplotlib for figures on `sheet`."""
    em, unit = sheet.em, sheet.unit
    return (
        _FAITHFUL
        | {
            "font.family": _fonts(),
            "font.size": em,
            "axes.unicode_minus": True,
            "axes.linewidth": unit,
            "axes.facecolor": "none",
            "axes.edgecolor": theme.box,
            "axes.labelcolor": theme.ink,
            "axes.labelpad": 0.6 * em,
            "axes.labelsize": 1.1 * em,
            "grid.color": theme.grid,
            "grid.linewidth": unit,
            "hatch.linewidth": unit,
            "text.color": theme.ink,
        }
        | {
            f"{axis}tick.{name}": value
            for axis in "xy"
            for name, value in (
                ("color", theme.box),
                ("labelcolor", theme.quiet_ink),
                ("major.size", 0.35 * em),
                ("major.width", unit),
            )
        }
    )


def fitting_scale(size: Sequence[int]) -> float:
    """The size of text and lines that suits a picture of (width, height) pixels."""
    return max(0.75, min(size[0] / 1250, size[1] / 780))


@contextmanager
def styled(theme: Theme, sheet: Sheet) -> Iterator[None]:
    """Figures made within have our `style`; what no font has becomes a box without a word."""
    import matplotlib

    with matplotlib.rc_context(style(theme, sheet)), _boxes():
        yield


@contextmanager
def as_written() -> Iterator[None]:
    """Figures drawn or saved within look as those in files."""
    import matplotlib

    with matplotlib.rc_context(EDITABLE), _boxes():
        yield


@contextmanager
def _boxes() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


@cache
def _fonts() -> list[str]:
    """The family names of the fonts of our other pictures, made known to matplotlib."""
    from matplotlib import font_manager

    own, families = font_file(), list[str]()
    for file in (*([own] if own else []), *fallback_files()):
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # a broken font is none
            font_manager.fontManager.addfont(str(file))
            families.append(font_manager.FontProperties(fname=str(file)).get_name())
    return [*families, "DejaVu Sans", "sans-serif"]


def text_width(figure: Figure, text: str, size: float) -> float:
    """How wide a line of text is, in points."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    if not text:
        return 0.0
    canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else None
    canvas = canvas or FigureCanvasAgg(figure)
    artist = Text(0, 0, text, fontsize=size, figure=figure)
    return artist.get_window_extent(canvas.get_renderer()).width * 72 / figure.dpi


def fitted_lines(figure: Figure, text: str, most: int, width: float, size: float) -> list[str]:
    """`text` in at most so many lines that are `width` points wide, its middle left out if need
    be."""
    return in_lines(text, most, lambda part: text_width(figure, part, size) <= width)


def add_legend(owner: Axes | Figure, handles: Sequence[Any], **look: Any) -> None:
    """A legend with the labels of `handles`, whatever they begin with."""
    names = [drawable(str(handle.get_label())) for handle in handles]
    # matplotlib leaves out what begins with "_", so that names come later.
    legend = owner.legend(handles=list(handles), labels=["name"] * len(names), **look)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def set_ticks(axis: Axis, ticks: list[Tick]) -> None:
    """The same numbers, written the same way, as on the axes of our other pictures."""
    axis.set_ticks([t.value for t in ticks], [t.label for t in ticks])
    axis.set_ticks([], minor=True)


def draw_background(figure: Figure, theme: Theme) -> None:
    """The gradient of the other pictures."""
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), zorder=-10)
    axes.set_axis_off()
    fraction = np.linspace(0, 1, 256)[:, None, None]
    top, bottom = (np.array(c[:3]) for c in (theme.background_top, theme.background_bottom))
    axes.imshow(top + fraction * (bottom - top), aspect="auto", interpolation="bilinear")


def write_figure(figure: Figure, path: Path | None, sheet: Sheet, transparent: bool) -> Pixels:
    """Write `figure` as the suffix of `path` says, whole or not at all.

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    if transparent:
        figure.patch.set_alpha(0.0)
    kind = path.suffix.lower().removeprefix(".") if path is not None else ""
    figure.set_dpi(min(sheet.dpi, PREVIEW) if kind in ("svg", "pdf") else sheet.dpi)
    canvas = FigureCanvasAgg(figure)
    with as_written():
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba()).copy()
    if path is not None and kind == "png":
        dots = (sheet.dpi, sheet.dpi)
        write_atomic(path, lambda p: Image.fromarray(pixels).save(p, format="PNG", dpi=dots))
    elif path is not None:
        # Without the hour it was made at, so that the same figure is the same file.
        when: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
        written = io.BytesIO()
        with as_written():
            figure.savefig(written, format=kind, metadata={"Creator": "isoloss"} | when)
        write_atomic(path, lambda p: p.write_bytes(written.getvalue()))
    return pixels
