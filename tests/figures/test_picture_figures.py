"""Figures: the right levels at the right places, the right words, the right size on paper."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import isoloss
from isoloss.errors import IsolossError
from isoloss.figures.paper import Print
from isoloss.figures.plane.contour_figure import contour_figure
from isoloss.figures.plane.curve_figure import curve_figure
from isoloss.figures.plane.level_labels import Labels
from isoloss.figures.sheet import Sheet
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.appearance import Appearance
from isoloss.scene.document import Document
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.textures import Texture
from isoloss.scene.theme import THEMES

AXIS = np.linspace(-1, 1, 21)
MILLIMETRE = 72 / 25.4


def bowl(**meta: object) -> SurfaceLayer:
    """α² + 4β² + 1, whose contours are ellipses."""
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    surface = Surface.from_loss(AXIS, AXIS, a**2 + 4 * b**2 + 1, **meta)
    t = np.linspace(0, 1, 11)
    lr = np.where(np.arange(11) < 6, 0.1, 0.01)
    path = Trajectory(-0.9 + 0.9 * t, 0.9 - 0.9 * t, 5 - 4 * t, 0 * t, 10 * t, lr)
    return SurfaceLayer("bowl", surface, (path,), markers=(Marker(0.5, -0.5, 2.25, "my pin"),))


def texts(path: Path) -> list[str]:
    """All that is written in an SVG, as text."""
    found = ET.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text")
    return [" ".join("".join(element.itertext()).split()) for element in found]


def test_an_svg_says_what_the_picture_says(tmp_path):
    ratios = [0.871, 0.083, 0.01]
    layer = bowl(model="vgg11", data="digits", plane="pca", explained_variance_ratio=ratios)
    isoloss.render(layer, tmp_path / "x.svg", minima=True, theme="light")
    written = texts(tmp_path / "x.svg")
    for wanted in (
        "vgg11 on digits, PCA plane", "α (PC1, 87.1 %)", "β (PC2, 8.3 %)", "loss", "epoch 0",
        "epoch 10", "learning rate drop", "trajectory", "minimum", "my pin", "−0.5",
    ):  # fmt: skip
        assert wanted in written, wanted
    assert "1" in written, "the loss of the minimum"
    assert "Roboto" in (tmp_path / "x.svg").read_text("utf-8")
    isoloss.render(layer, tmp_path / "bare.svg", overlays=False, trajectory=False)
    assert texts(tmp_path / "bare.svg") == []


def test_contours_lie_where_the_loss_is_their_level():
    document = stage(bowl(), theme="light", contour_levels=8, contour_value=2.0)
    figure = contour_figure(document.shown_views, Sheet(300, None, 8, 72), Print(fill=False))
    axes = figure.axes[0]
    scale = document.view.frame().scale
    (lines,) = (c for c in axes.collections if len(c.get_paths()) == 9)
    levels = scale.invert(lines.levels)
    np.testing.assert_allclose(levels, np.arange(1.5, 6, 0.5))
    for level, path in zip(levels, lines.get_paths(), strict=True):
        a, b = path.vertices[~np.isnan(path.vertices[:, 0])].T
        np.testing.assert_allclose(a**2 + 4 * b**2 + 1, level, atol=0.02)
    assert axes.get_xlim() == (-1, 1)


def test_logarithmic_levels_and_the_colours_between_them():
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    surface = Surface.from_loss(AXIS, AXIS, 10 ** (2 * (a + b)))
    document = stage(surface, theme="light", contour_levels=3, colormap="magma")
    figure = contour_figure(document.shown_views, Sheet(300, None, 8, 72), Print())
    lines = figure.axes[0].collections[1]
    np.testing.assert_allclose(
        document.view.frame().scale.invert(lines.levels), [1e-3, 1, 1e3], rtol=1e-6
    )
    areas = figure.axes[0].collections[0]
    bar = [patch.get_facecolor() for patch in figure.axes[1].patches]
    np.testing.assert_allclose(areas.get_facecolor(), bar, err_msg="bar and areas differ")
    from isoloss.scene.colormaps import colormap

    middles = (np.array([0, 1, 4, 7]) + np.array([1, 4, 7, 8])) / 16
    wanted = colormap("magma")[np.rint(middles * 255).astype(int)] / 255
    np.testing.assert_allclose(areas.get_facecolor()[:, :3], wanted)


@pytest.mark.parametrize("width", [85.0, 178.0])
def test_a_figure_has_the_width_it_was_given(tmp_path, width):
    isoloss.render(bowl(), tmp_path / "x.svg", print_=Print(width_mm=width))
    svg = ET.parse(tmp_path / "x.svg").getroot()
    assert float(svg.attrib["width"].removesuffix("pt")) == pytest.approx(width * MILLIMETRE)
    assert "font-size: 8px" in (tmp_path / "x.svg").read_text("utf-8"), "8 points, as in a paper"
    print_ = Print(width_mm=width, dpi=100)
    pixels = isoloss.render(bowl(), tmp_path / "x.png", figure=True, print_=print_)
    assert pixels.shape[1] == pytest.approx(width / 25.4 * 100, abs=1)
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == pixels.shape[1::-1]
        assert picture.info["dpi"] == pytest.approx((100, 100), rel=1e-3)


def test_a_size_in_pixels_is_met():
    pixels = isoloss.render(bowl(), size=(640, 500), figure=True, print_=Print(dpi=150))
    assert pixels.shape == (500, 640, 4)
    clear = isoloss.render(bowl(), figure=True, transparent=True)
    assert clear[0, 0, 3] == 0
    assert (isoloss.render(bowl(), figure=True, theme="light")[0, 0] == 255).all()
    dark = isoloss.render(bowl(), figure=True, theme="dark")[0, 0]
    assert dark[3] == 255
    assert dark[:3].max() < 80


def test_a_pdf_embeds_its_fonts_as_text(tmp_path):
    isoloss.render(bowl(), tmp_path / "x.pdf")
    content = (tmp_path / "x.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert re.search(rb"/FontFile2", content), "TrueType, not outlines"
    assert b"/Type3" not in content


def test_the_same_figure_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        for suffix in ("svg", "pdf"):
            isoloss.render(bowl(), tmp_path / f"{name}.{suffix}")
    for suffix in ("svg", "pdf"):
        a, b = (tmp_path / f"{name}.{suffix}" for name in ("a", "b"))
        assert a.read_bytes() == b.read_bytes()


def test_two_viewports_are_two_plots_on_one_scale(tmp_path):
    document = Document()
    low, high = bowl(title="low"), bowl(title="high")
    high.surface = Surface.from_loss(AXIS, AXIS, 3 * high.surface.loss, title="high")
    document.add(low)
    document.add(high)
    document.arrange(2)
    isoloss.render(document, tmp_path / "x.svg", print_=Print(width_mm=178))
    written = texts(tmp_path / "x.svg")
    assert {"low", "high"} <= set(written)
    figure = contour_figure(
        stage(document, theme="light").shown_views, Sheet(500, None, 8, 72), Print()
    )
    bars = [[t.get_text() for t in axes.get_yticklabels()] for axes in figure.axes[1::2]]
    assert bars[0] == bars[1]


def test_the_path_ends_at_the_epoch_that_is_shown():
    document = stage(bowl(), theme="light", epoch=4.5)
    figure = contour_figure(document.shown_views, Sheet(300, None, 8, 72), Print())
    ends = [line.get_xydata()[-1] for line in figure.axes[0].lines[:2]]
    np.testing.assert_allclose(ends, [[-0.9 + 0.9 * 0.45, 0.9 - 0.9 * 0.45]] * 2)
    assert "epoch 4.5" in [t.get_text() for t in figure.axes[0].texts]


def test_holes_spikes_and_what_is_not_computed_yet():
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    loss = a**2 + b**2
    loss[4, 4], loss[12, 15] = np.nan, 1e9
    count = np.ones(loss.shape, np.int64)
    count[15:, :4] = 0
    nan = np.full(loss.shape, np.nan)
    surface = Surface(AXIS, AXIS, loss, nan, 0 * loss, count)
    figure = contour_figure(
        stage(surface, theme="light").shown_views, Sheet(300, None, 8, 72), Print()
    )
    hatched = [c for c in figure.axes[0].collections if any(getattr(c, "hatches", []) or [])]
    assert len(hatched) == 1, "what lies above the scale is marked"
    assert isoloss.render(surface, figure=True).shape[2] == 4


def figure_of(source: object, print_: Print | None = None, **options: object):
    """The figure of one surface, 300 points wide."""
    document = stage(source, theme="light", **options)
    return contour_figure(document.shown_views, Sheet(300, None, 8, 72), print_ or Print())


def legend_of(axes) -> list[str]:
    """The entries of the legend above a plot."""
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_what_the_colours_do_not_tell_is_told_beside_them():
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    loss = 1 + a**2 + b**2
    plain = figure_of(Surface.from_loss(AXIS, AXIS, loss))
    assert legend_of(plain.axes[0]) == []
    assert [t.get_text() for t in plain.axes[1].texts] == ["loss"]
    loss[12, 15], loss[4, 4], loss[4, 10:12] = 1e6, np.nan, np.inf
    surface = Surface.from_loss(AXIS, AXIS, loss)
    plot, bar = figure_of(surface).axes
    top = number_label(stage(surface).view.frame().scale.hi)
    assert legend_of(plot) == [f"> {top}: clamped, up to 10⁶", "infinite", "NaN"]
    assert [t.get_text() for t in bar.texts] == [f"> {top}\nclamped", "loss"]
    arrow = next(p for p in bar.patches if p.get_gid() == "beyond")
    assert arrow.get_hatch(), "as what it stands for"
    assert arrow.get_xy()[:, 1].max() > 1, "it points on, over the end of the bar"
    holes = {p.get_gid(): p for p in plot.patches}
    assert holes["infinite"].get_hatch()
    assert not holes["NaN"].get_hatch()
    for sign, i, j in (("infinite", 4, 11), ("NaN", 4, 4)):
        assert holes[sign].get_path().contains_point((AXIS[i] + 0.01, AXIS[j] + 0.01)), sign


def test_a_figure_shows_the_texture_that_is_asked_for():
    layer = bowl()
    rising = np.broadcast_to(np.linspace(0.1, 0.9, 21)[:, None], (21, 21))
    layer.surface = replace(layer.surface, accuracy=rising.copy())
    plot, bar = figure_of(layer, texture="accuracy").axes
    assert bar.texts[-1].get_text() == "accuracy"
    assert all(t.get_text().endswith(" %") for t in bar.get_yticklabels())
    areas = max(plot.collections, key=lambda c: len(c.get_paths()))
    assert len(areas.get_paths()) == 64
    ends = [path.get_extents().x0 for path in areas.get_paths()]
    assert ends == sorted(ends), "the colours rise with α, as the accuracy does"
    assert any("2" in t.get_text() for t in plot.texts), "the lines tell their loss"
    # Lines alone have no areas that could show it.
    assert figure_of(layer, Print(fill=False), texture="accuracy").axes[1].texts[-1].get_text() == (
        "loss"
    )


@pytest.mark.parametrize(
    ("texture", "print_", "message"),
    [
        ("matte", Print(), "has no matte: texture may be height, accuracy"),
        ("wireframe", Print(), "has no wireframe"),
        ("slope", Print(fill=False), "lines alone show no slope"),
        ("accuracy", Print(), "no accuracy in bowl"),
    ],
)
def test_a_texture_that_a_figure_does_not_have_is_refused(texture, print_, message):
    with pytest.raises(IsolossError, match=message):
        isoloss.render(bowl(), figure=True, texture=texture, print_=print_)


def test_the_legend_lists_what_is_drawn():
    assert "learning rate drop" in legend_of(figure_of(bowl()).axes[0])
    assert legend_of(figure_of(bowl(), epoch=4.5).axes[0]) == ["trajectory"]


def test_a_label_leaves_the_path_free():
    layer = bowl()
    # Up and back to the right: the end's label would best be over its own path.
    alpha, beta = np.array([-0.9, -0.2, 0.0]), np.array([0.8, -0.8, -0.2])
    path = Trajectory(alpha, beta, 0 * alpha, 0 * alpha, np.arange(3.0), 0 * alpha)
    plot = figure_of(replace(layer, trajectories=(path,), markers=())).axes[0]
    plot.figure.canvas.draw()
    label = next(t for t in plot.texts if t.get_text() == "epoch 2").get_window_extent()
    line = plot.transData.transform(np.column_stack([alpha, beta]))
    steps = np.linspace(0, 2, 400)
    x, y = (np.interp(steps, np.arange(3), c) for c in line.T)
    crossed = (label.x0 < x) & (x < label.x1) & (label.y0 < y) & (y < label.y1)
    assert not crossed.any()


@pytest.mark.parametrize(
    ("surface", "message"),
    [
        ([bowl(), bowl()], "is of one surface, not of 2: draw each by itself"),
        (Surface.from_loss(AXIS, AXIS, np.full((21, 21), np.nan)), "has no value that can be"),
        (Surface.from_loss(AXIS[:1], AXIS, np.ones((1, 21))), "thinner than 2×2"),
    ],
)
def test_what_has_no_contours_is_told(surface, message):
    with pytest.raises(IsolossError, match=message):
        isoloss.render(surface, figure=True)


def test_a_constant_loss_has_no_lines_but_a_figure():
    flat = Surface.from_loss(AXIS, AXIS, np.ones((21, 21)))
    assert isoloss.render(flat, figure=True).std() > 1


def test_a_curve_becomes_svg_and_pdf_too(tmp_path):
    curve = Surface.from_loss(AXIS, np.zeros(1), (1 + AXIS**2)[:, None], plane="line", model="net")
    isoloss.render(curve, tmp_path / "x.svg", print_=Print(width_mm=85))
    assert {"net, random line", "α", "loss"} <= set(texts(tmp_path / "x.svg"))
    isoloss.render(curve, tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("wrong", [{"width_mm": 5}, {"dpi": 1e9}])
def test_impossible_paper_is_refused(wrong):
    with pytest.raises(IsolossError, match="must be from 20 to"):
        Print(**wrong)


def test_a_legend_is_as_terse_as_the_narrowest_plot_demands():
    """Tried a second time, with a narrower plot, it does not become long again."""
    loss = np.exp(3 * (AXIS[:, None] ** 2 + AXIS[None, :] ** 2))
    loss[0, 0] = 1e20
    for side in (0.4, 4 / 7, 0.8):
        surface = Surface.from_loss(35 * AXIS, 35 * side * AXIS, loss)
        scene = stage(surface, texture=Texture.CURVATURE, equal_aspect=True).view
        for height in (None, 170):
            size = None if height is None else (500, height)
            figure = contour_figure([scene], Sheet.paper(size, 1.0, Print()), Print())
            plot = next(axes for axes in figure.axes if axes.get_legend())
            said = [text.get_text() for text in plot.get_legend().get_texts()]
            assert said == ["loss clamped above"]


def test_numbers_beside_a_text_leave_a_gap():
    """An epoch right of another would be read as its last digit."""
    figure = Figure(figsize=(4, 4))
    axes = figure.add_axes((0, 0, 1, 1))
    labels = Labels(axes, Sheet.paper(None, 1.0, Print()), THEMES["light"])
    for k in range(30):
        labels.add("8", 0.5 + 0.001 * k, 0.5, (1.0, 0.0))
    rects = labels._taken
    assert len(rects) > 4
    for one, other in combinations(rects, 2):
        if one[1] < other[3] and other[1] < one[3]:
            assert max(one[0], other[0]) - min(one[2], other[2]) > 0.3 * labels._size


@pytest.mark.parametrize("most", [5e-322, 3e-310, 1.5e308])
def test_curves_of_the_smallest_and_largest_losses_have_a_shape_and_numbers(most):
    loss = most * (AXIS**2 - 0.5 if most > 1 else AXIS**2 + 1)
    curve = Surface.from_loss(AXIS, np.zeros(1), loss[:, None])
    figure = curve_figure(curve, Sheet.screen((600, 400), 1.0), Appearance(), "")
    figure.canvas.draw()
    axes = next(axes for axes in figure.axes if axes.get_lines())
    (lo, hi), drawn = axes.get_ylim(), axes.get_lines()[0].get_ydata()
    assert np.ptp(drawn) > 0.8 * (hi - lo)
    places = [text.get_window_extent().y0 for text in axes.get_yticklabels()]
    assert len(places) > 2
    assert np.diff(places).min() > 10


def test_what_is_outlined_on_a_surface_is_outlined_in_its_figure():
    ball = {"name": "ε = 0.1 (L∞)", "kind": "ball", "corners": [[0.5, 0], [0, 0.5], [-3, 0]]}
    layer = bowl(outlines=[ball], axes=["PGD", "random"])
    (path,) = layer.trajectories
    layer.trajectories = (replace(path, meta={"name": "PGD", "counted": "step"}),)
    plot = figure_of(layer, epoch=4.5).axes[0]
    assert legend_of(plot) == ["PGD", "ε = 0.1 (L∞)"]
    (line,) = (line for line in plot.lines if line.get_gid() == "ball")
    np.testing.assert_array_equal(line.get_xydata(), [[0.5, 0], [0, 0.5], [-3, 0], [0.5, 0]])
    assert plot.get_xlim() == (-1, 1), "what lies beyond the surface does not widen it"
    assert plot.get_xlabel() == "α (PGD)"
    assert "step 0" in [text.get_text() for text in plot.texts]
    without = figure_of(layer, trajectory=False).axes[0]
    assert [line for line in without.lines if line.get_gid() == "ball"] == []
