"""The numbers along the axes of the window's plots: those of pictures and figures."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import imgui, implot

from isoloss.app.state.readouts import plain
from isoloss.app.ui.widgets import em
from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale

_MOST = 7


class PlotAxes:
    """α and the loss of one plot, whatever a person has zoomed into."""

    def __init__(self) -> None:
        self._seen: tuple[tuple[float, float], tuple[float, float]] | None = None
        self._size = (0.0, 0.0)

    def set_up(
        self,
        across: tuple[float, float],
        losses: tuple[float, float],
        *,
        log: bool,
        fit: bool,
        unit: str = "",
        whole: bool = False,
    ) -> None:
        """Number both axes, between `setup_axis_limits` and `finish_set_up`.

        Args:
            across, losses: the ends of the axes where they are to `fit`, else as last seen.
            unit: stands behind the numbers of the axis upwards.
            whole: whether across there is nothing between whole numbers.
        """
        if fit or self._seen is None:
            self._seen = (across, losses)
        width, height = self._size if min(self._size) > 0 else (em(30), em(12))
        _number(
            implot.ImAxis_.x1, self._seen[0], width, lambda x: imgui.calc_text_size(x).x,
            whole=whole,
        )  # fmt: skip
        line = imgui.get_text_line_height()
        _number(implot.ImAxis_.y1, self._seen[1], height, lambda _: line, log=log, unit=unit)

    def look(self) -> None:
        """Remember how much of the axes is seen, once they are set up."""
        limits = implot.get_plot_limits(implot.ImAxis_.x1, implot.ImAxis_.y1)
        size = implot.get_plot_size()
        self._seen = ((limits.x.min, limits.x.max), (limits.y.min, limits.y.max))
        self._size = (size.x, size.y)


def _number(
    axis: implot.ImAxis_,
    ends: tuple[float, float],
    length: float,
    extent: Callable[[str], float],
    *,
    log: bool = False,
    unit: str = "",
    whole: bool = False,
) -> None:
    lo, hi = ends
    if not lo < hi:
        return
    scale = HeightScale("log" if log and lo > 0 else "linear", lo, hi)
    ticks = fitting_ticks(
        scale, _MOST, length, lambda text: extent(plain(text)), em(0.6), whole=whole
    )
    implot.setup_axis_ticks(axis, [t.value for t in ticks], [plain(t.label) + unit for t in ticks])
