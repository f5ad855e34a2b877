"""Figures: the right levels at the right places, the right words, the right size on paper."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isoloss
from isoloss.errors import IsolossError
from isoloss.figures.contours import contour_figure
from isoloss.figures.print import Print
from isoloss.figures.style import Sheet
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.document import Document
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.staging import stage

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
    document = stage(bowl(), theme="light", contour_levels=7, contour_value=2.0)
    figure = contour_figure(document.shown_views, Sheet(300, None, 8, 72), Print(fill=False))
    axes = figure.axes[0]
    scale = document.view.frame().scale
    (lines,) = (c for c in axes.collections if len(c.get_paths()) == 8)
    levels = scale.invert(lines.levels)
    even = scale.lo + (scale.hi - scale.lo) * np.arange(1, 8) / 8
    np.testing.assert_allclose(levels, np.sort([*even, 2.0]))
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
        document.view.frame().scale.invert(lines.levels), [1e-2, 1, 1e2], rtol=0.6
    )
    steps = np.diff(np.log10(document.view.frame().scale.invert(lines.levels)))
    np.testing.assert_allclose(steps, steps[0])
    areas = figure.axes[0].collections[0]
    bar = [patch.get_facecolor() for patch in figure.axes[1].patches]
    np.testing.assert_allclose(areas.get_facecolor(), bar, err_msg="bar and areas differ")
    from isoloss.scene.colormaps import colormap

    wanted = colormap("magma")[np.rint(np.array([1, 3, 5, 7]) / 8 * 255).astype(int)] / 255
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


@pytest.mark.parametrize(
    ("surface", "told"),
    [
        ([bowl(), bowl()], "several are shown"),
        (Surface.from_loss(AXIS, AXIS, np.full((21, 21), np.nan)), "none is shown"),
        (Surface.from_loss(AXIS[:1], AXIS, np.ones((1, 21))), "thinner than 2×2"),
    ],
)
def test_what_has_no_contours_is_told(surface, told):
    with pytest.raises(IsolossError, match=told):
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
