"""Titles and names in figures: verbatim, in whatever is asked for, and apart from all else."""

import warnings
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

import isoloss
from isoloss.figures.paper import Print
from isoloss.figures.plane.contour_figure import contour_figure
from isoloss.figures.plane.curve_figure import curve_figure
from isoloss.figures.sheet import Sheet, write_figure
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.appearance import Appearance
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.textures import Texture

AXIS = np.linspace(-1, 1, 5)
TITLES = ("a$\\b$", "$\\alpha^2$ 50 % & <b>", "_x_1 $ y", "cost $5 of $x_{1", "損失 🏔 दृश्य")
LONG = "resnet50_cbam on imagefolder, mean of five random planes, filters normalized, epoch 90"


def surface(title="") -> Surface:
    return Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2, title=title)


def scene_of(title) -> Scene:
    return Scene([SurfaceLayer("a", surface(title))], appearance=Appearance(theme="light"))


def path(name):
    return Trajectory(AXIS, AXIS / 2, AXIS**2, 0 * AXIS, np.arange(5.0), AXIS + 2, {"name": name})


def texts_of(file) -> list[str]:
    tag = "{http://www.w3.org/2000/svg}text"
    return ["".join(node.itertext()) for node in ElementTree.parse(file).iter(tag)]


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_verbatim_and_nothing_is_warned_of(title, tmp_path):
    sheet = Sheet(300, None, 8, 40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = contour_figure([scene_of(title)], sheet, Print())
        for suffix in ("svg", "pdf"):  # and as pixels, each time
            write_figure(figure, tmp_path / f"a.{suffix}", sheet, transparent=False)
    assert title in texts_of(tmp_path / "a.svg")


def test_letters_that_no_font_has_are_named_once_and_other_signs_are_not(capsys):
    isoloss.render(surface("\U00012000 🏔 \U00012000"), figure=True, dpi=40)
    assert capsys.readouterr().err.count("\U00012000") == 1
    isoloss.render(surface("🏔 θ"), figure=True, dpi=40)
    assert capsys.readouterr().err == ""


def boxes(figure, texts):
    """Of the texts of a figure that begin so, in pixels; all texts where none is said."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    FigureCanvasAgg(figure).draw()
    drawn = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    return {t: t.get_window_extent() for t in drawn if not texts or t.get_text() in texts}


@pytest.mark.parametrize(
    ("title", "size"),
    [
        (LONG, None), (LONG, (300, 200)), (LONG, (4000, 1000)), ("M" * 60, (900, 1600)),
        ("one\ntwo", (300, 200)), ("a\nb\nc\nd", (4000, 1000)), ("i" * 300, None),
        ("損失" * 40, (900, 1600)),
    ],
)  # fmt: skip
def test_titles_fit_on_every_page(title, size):
    print_ = Print()
    sheet = Sheet.paper(size, 1.0, print_)
    figure = contour_figure([scene_of(title)], sheet, print_)
    width, height = figure.get_size_inches() * figure.dpi
    found = boxes(figure, ())
    at_left = [t for t in found if t.get_fontsize() == pytest.approx(1.15 * sheet.em)]
    assert 1 <= len(at_left) <= 3
    for text in at_left:
        box = found[text]
        assert box.x0 >= 0
        assert box.x1 <= width + 1
        assert box.y1 <= height + 1
        assert not any(box.overlaps(found[t]) for t in found if t not in at_left)
    assert not any(found[a].overlaps(found[b]) for a, b in combinations(at_left, 2))


@pytest.mark.parametrize("title", ["short", LONG, "a$\\b$", "one\ntwo"])
@pytest.mark.parametrize("size", [(1250, 780), (500, 780)])
def test_the_title_of_a_curve_fits_above_it(title, size):
    curve = Surface.from_loss(AXIS, [0.0], AXIS[:, None] ** 2)
    sheet = Sheet.screen(size, 1.0)
    figure = curve_figure(curve, sheet, Appearance(), title)
    found = boxes(figure, ())
    heading = [t for t in found if t.get_fontsize() == pytest.approx(1.3 * sheet.em)]
    assert "".join(t.get_text() for t in heading).replace(" ", "") in title.replace(
        " ", ""
    ).replace("\n", "")
    for text in heading:
        assert found[text].x1 <= size[0]
        assert not any(found[text].overlaps(found[t]) for t in found if t is not text)


def test_a_path_is_in_the_legend_whatever_its_name_begins_with(tmp_path):
    layer = SurfaceLayer("a", surface(), (path("_a$1"), path("b\tc")))
    isoloss.render(Scene([layer]), tmp_path / "a.svg")
    assert {"_a$1", "b c"} <= set(texts_of(tmp_path / "a.svg"))


def test_a_title_of_two_lines_stays_in_the_picture_in_space(tmp_path):
    one = isoloss.render(surface("one"), size=(320, 200), supersample=1)
    two = isoloss.render(surface("one\ntwo"), size=(320, 200), supersample=1)
    changed = np.argwhere(np.abs(one.astype(int) - two).max(axis=-1) > 60)
    assert len(changed) > 10
    assert changed[:, 0].min() > 20
    assert changed[:, 0].max() < 60


@pytest.mark.parametrize(
    ("plane", "given", "ratio"),
    [
        ("pca", None, 0.25), ("random", None, 1.0), ("random", True, 0.25), ("pca", False, 1.0),
    ],
)  # fmt: skip
def test_a_pca_plane_is_true_to_scale(plane, given, ratio):
    wide = Surface.from_loss(4 * AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2, plane=plane)
    look = Appearance(theme="light", equal_aspect=given)
    scene = Scene([SurfaceLayer("a", wide)], appearance=look)
    (axes, _) = contour_figure([scene], Sheet(300, None, 8, 72), Print()).axes
    box = axes.get_window_extent()
    assert box.height / box.width == pytest.approx(ratio)
    assert axes.get_xlim() == (-4, 4)
    assert axes.get_ylim() == (-1, 1)


def test_colours_of_another_quantity_than_the_lines_say_so():
    layer = SurfaceLayer("a", surface())

    def titles(**look):
        scene = Scene([layer], appearance=Appearance(theme="light", **look))
        _, bar = contour_figure([scene], Sheet(300, None, 8, 72), Print()).axes
        return [text.get_text() for text in bar.texts]

    assert "lines: loss" in titles(texture=Texture.SLOPE)
    assert "lines: loss" not in titles(texture=Texture.SLOPE, contours=False)
    assert "lines: loss" not in titles()


def test_signs_are_explained_in_a_figure_if_asked_for():
    def legend(**look):
        layer = SurfaceLayer("a", surface(), (path("x"), path("y")))
        scene = Scene([layer], appearance=Appearance(theme="light", **look))
        figure = contour_figure([scene], Sheet(300, None, 8, 72), Print())
        return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]

    assert legend() == ["x", "y"]
    assert legend(signs=True) == ["x", "y", "first checkpoint", "checkpoint", "last checkpoint"]
