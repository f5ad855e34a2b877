"""What colours, levels and notes say: against formulas worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.derivatives import second_derivatives
from isoloss.geometry.height import HeightScale, SignedScale
from isoloss.geometry.mesh import INFINITE, NOT_A_NUMBER, display_mesh
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import Tick
from isoloss.gl.annotations.notes import Extent, notes
from isoloss.scene import Appearance, Scene, SurfaceLayer, Texture
from isoloss.scene.levels import (
    band_edges,
    contour_heights,
    contour_levels,
    own_height,
    read_at,
)
from isoloss.scene.scene import Frame
from isoloss.scene.textures import texture_named
from isoloss.scene.texturing import color_scale, field_values
from isoloss.scene.theme import THEMES

UNEVEN = np.array([-1.0, -0.7, -0.1, 0.0, 0.4, 1.0])
AXIS = np.linspace(-1, 1, 9)


def layer_of(loss, alpha=AXIS, beta=AXIS) -> SurfaceLayer:
    return SurfaceLayer("x", Surface.from_loss(alpha, beta, loss))


def colors_of(layer, **look):
    scene = Scene([layer], appearance=Appearance(**look))
    return color_scale([layer], scene.appearance, scene.frame())


def colors_of_scene(scene, appearance):
    return color_scale(scene.layers, appearance, scene.frame())


def test_curvature_is_the_laplacian_on_axes_of_any_spacing():
    x, y = UNEVEN[:, None], AXIS[None, :]
    loss = 3 * x**2 - 5 * y**2 + x * y + 2 * x + 40
    curvature = field_values(layer_of(loss, UNEVEN), Texture.CURVATURE)
    np.testing.assert_allclose(curvature, np.full(loss.shape, 6.0 - 10.0), atol=1e-9)


def test_curvature_beside_a_hole_is_that_of_the_nearest_parabola():
    loss = (AXIS[:, None] ** 2 + 2 * AXIS[None, :] ** 2) * 1.0
    loss[4, 4] = np.nan
    curvature = field_values(layer_of(loss), Texture.CURVATURE)
    assert np.isnan(curvature[4, 4])
    np.testing.assert_allclose(np.delete(curvature.ravel(), 4 * 9 + 4), 6.0, atol=1e-9)


@pytest.mark.parametrize("points", [1, 2])
def test_two_points_have_no_curvature(points):
    assert (second_derivatives(np.arange(points) * 1.0, np.ones((points, 3))) == 0).all()


@pytest.mark.parametrize("scale", [SignedScale(40.0, 0.5), SignedScale(3.0, 3000.0)])
def test_a_signed_scale_is_odd_around_its_middle_and_inverts(scale):
    values = np.linspace(-scale.most, scale.most, 13)
    heights = scale.apply(values)
    assert heights[[0, 6, 12]].tolist() == pytest.approx([0, 0.5, 1])
    np.testing.assert_allclose(heights + heights[::-1], 1)
    np.testing.assert_allclose(scale.invert(heights), values, atol=1e-9 * scale.most)
    assert (np.diff(heights) > 0).all()
    ticks = [t.value for t in scale.ticks()]
    assert 0.0 in ticks
    assert ticks == sorted(ticks)
    assert max(map(abs, ticks)) <= scale.most


def test_a_signed_scale_is_linear_unless_magnitudes_span_decades():
    even = SignedScale.automatic(np.linspace(-2, 5, 99))
    assert even.kind == "linear"
    assert even.most == 5
    np.testing.assert_allclose(even.apply([2.5, -2.5]), [0.75, 0.25], atol=1e-6)
    wide = SignedScale.automatic(np.geomspace(1e-3, 1e3, 99) * (-1.0) ** np.arange(99))
    assert wide.kind == "log"
    assert SignedScale.automatic(np.linspace(-2, 5, 99), log=True).kind == "log"


@pytest.mark.parametrize("values", [[], [np.nan], [0.0, 0.0], [np.inf, 1.0], [1e300, -1e-300]])
def test_odd_values_still_give_a_signed_scale(values):
    scale = SignedScale.automatic(values)
    assert scale.apply(0.0) == 0.5
    assert scale.ticks()


def test_colours_are_logarithmic_on_demand():
    layer = layer_of(1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2)
    assert colors_of(layer).scale.kind == "linear"
    assert colors_of(layer, log_colors=True).scale.kind == "log"
    assert Scene([layer], appearance=Appearance(log_colors=True)).frame().scale.kind == "linear"


def test_the_bar_says_where_values_lie_beyond_its_ends():
    loss = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
    assert not colors_of(layer_of(loss)).above
    spiked = loss.copy()
    spiked[4, 4] = 1e6
    colors = colors_of(layer_of(spiked))
    assert (colors.below, colors.above) == (False, True)
    ranged = colors_of(layer_of(loss), color_range=(1.5, 2.0))
    assert (ranged.below, ranged.above) == (True, True)


def test_levels_are_spaced_as_asked():
    frame = Frame((-1, 1), (-1, 1), HeightScale("log", 0.01, 100.0))

    def levels(spacing):
        look = Appearance(contour_levels=3, contour_spacing=spacing)
        return frame.scale.invert(contour_heights(look, frame))

    np.testing.assert_allclose(levels("height"), [0.1, 1, 10], rtol=1e-6)
    np.testing.assert_allclose(levels("log"), [0.1, 1, 10], rtol=1e-6)
    np.testing.assert_allclose(levels("linear"), [25, 50, 75], rtol=1e-6)
    even = Frame((-1, 1), (-1, 1), HeightScale("linear", 0, 10))
    heights = contour_heights(Appearance(contour_levels=4), even)
    assert even.scale.invert(heights).tolist() == pytest.approx([2, 4, 6, 8])
    straight = Frame((-1, 1), (-1, 1), HeightScale("linear", 1.0, 81.0))
    look = Appearance(contour_levels=5, contour_spacing="log")
    found = straight.scale.invert(contour_heights(look, straight))
    np.testing.assert_allclose(found, [2, 5, 10, 20, 50], rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "height"), [(None, None), (0.005, None), (1.0, 0.5), (200, None)]
)
def test_the_level_set_by_hand_is_shown_within_the_scale(value, height):
    frame = Frame((-1, 1), (-1, 1), HeightScale("log", 0.01, 100.0))
    assert own_height(Appearance(contour_value=value), frame) == pytest.approx(height)


def test_infinite_cells_are_holes_of_their_own_kind():
    loss = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
    loss[0, 0], loss[8, 8], loss[4, 4] = np.inf, -np.inf, np.nan
    mesh = display_mesh(Surface.from_loss(AXIS, AXIS, loss), smooth=False)
    assert np.isnan(mesh.height[[0, 8, 4], [0, 8, 4]]).all()
    expected = np.zeros((8, 8))
    expected[0, 0] = expected[7, 7] = INFINITE
    expected[3:5, 3:5] = NOT_A_NUMBER
    assert (mesh.holes == expected).all()
    assert (mesh.clamped == 0).all()
    fine = display_mesh(Surface.from_loss(AXIS, AXIS, loss))
    whole = np.isfinite(fine.height)
    cells = whole[:-1, :-1] & whole[1:, :-1] & whole[1:, 1:] & whole[:-1, 1:]
    assert ((fine.holes == 0) == cells).all()


def test_what_lies_beyond_the_heights_is_marked_on_both_sides():
    loss = 1 + AXIS[:, None] + 0 * AXIS[None, :]
    mesh = display_mesh(
        Surface.from_loss(AXIS, AXIS, loss), HeightScale("linear", 0.4, 1.6), smooth=False
    )
    assert (mesh.clamped[:, 0] == [-1, -1, 0, 0, 0, 0, 0, 1, 1]).all()


def test_notes_name_what_the_colours_do_not():
    loss = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
    loss[0, 0], loss[1, 7], loss[4, 4] = np.inf, np.nan, 1e6
    surface = Surface.from_loss(AXIS, AXIS, loss)
    surface.count[2, 2] = 0
    scene = Scene([SurfaceLayer("x", surface)])

    def texts(**look):
        chosen = Appearance(**look)
        extent = Extent.of(scene.layers)
        colors = colors_of_scene(scene, chosen)
        found = notes(extent, chosen.texture, colors, chosen, scene.frame(), THEMES["dark"])
        return [note.text for note in found]

    assert texts() == ["infinite", "NaN", "pending"]
    assert texts(contour_value=1.5)[0] == "1.5"
    top = float(f"{scene.frame().scale.hi:.3g}")
    assert texts(texture=Texture.SLOPE)[:2] == ["lines: loss", f"loss > {top:g}: clamped"]
    without = texts(texture=Texture.SLOPE, contours=False, floor_contours=False)
    assert without[0] == f"loss > {top:g}: clamped"


def test_notes_on_differences_say_so():
    a, b = (
        SurfaceLayer(name, Surface.from_loss(AXIS, AXIS, 1 + AXIS[:, None] ** k + AXIS**2))
        for k, name in ((2, "a"), (3, "b"))
    )
    scene = Scene([SurfaceLayer("a − b", difference(a.surface, b.surface), derived=(a, b))])
    chosen = Appearance(texture=Texture.SLOPE, contour_value=0.1)
    found = notes(
        Extent.of(scene.layers),
        chosen.texture,
        colors_of_scene(scene, chosen),
        chosen,
        scene.frame(),
        THEMES["dark"],
    )
    assert [note.text for note in found[:2]] == ["lines: Δ loss", "Δ loss 0.1"]


@pytest.mark.parametrize(
    ("scale", "count", "levels"),
    [
        (HeightScale("linear", 0.0, 1.0), 14, [round(0.05 * k, 2) for k in range(1, 20)]),
        (HeightScale("linear", 0.02, 4.4), 20, [round(0.2 * k, 1) for k in range(1, 22)]),
        (HeightScale("log", 2e-6, 3e4), 14, [10.0**k for k in range(-5, 5)]),
        (HeightScale("log", 0.11, 230.0), 10, [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200]),
        (HeightScale("linear", 615850.0, 615865.0), 15, [615850.0 + k for k in range(1, 15)]),
    ],
)
def test_levels_are_round_and_about_as_many_as_asked(scale, count, levels):
    found = contour_levels(Appearance(contour_levels=count), Frame((-1, 1), (-1, 1), scale))
    assert [tick.value for tick in found] == levels
    assert len({tick.label for tick in found}) == len(found)


def test_the_number_of_levels_is_about_the_one_asked_for():
    rng = np.random.default_rng(7)
    for _ in range(500):
        count, lo = int(rng.integers(5, 60)), 10 ** rng.uniform(-6, 6)
        kind = "log" if rng.random() < 0.5 else "linear"
        frame = Frame((-1, 1), (-1, 1), HeightScale(kind, lo, lo * 10 ** rng.uniform(0.1, 9)))
        found = contour_levels(Appearance(contour_levels=count), frame)
        assert count / 2 <= len(found) <= 2 * count, (count, frame.scale)


def test_bands_end_at_levels_and_the_bar_is_read_there():
    loss = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
    layer, look = layer_of(np.exp(loss**2)), Appearance(texture=Texture.BANDS)
    frame = Scene([layer], appearance=look).frame()
    colors = color_scale([layer], look, frame)
    edges = band_edges(look, frame, colors)
    np.testing.assert_allclose([at for at, _ in edges], contour_heights(look, frame), atol=1e-8)
    levels = [tick for _, tick in edges]
    read = read_at(levels, colors.scale, 6)
    assert 2 <= len(read) <= 10
    assert {tick.value for tick in read} <= {tick.value for tick in levels}
    odd = [Tick(v, str(v)) for v in (3.0, 7.0, 11.0, 15.0)]
    assert read_at(odd, HeightScale("linear", 0.0, 20.0), 2) == odd[::2]
    fifths = [Tick(v / 5, f"{v / 5:g}") for v in range(-6, 9)]
    read = [tick.value for tick in read_at(fifths, HeightScale("linear", -1.3, 1.7), 8)]
    assert read == [-1.2, -0.8, -0.4, 0.0, 0.4, 0.8, 1.2, 1.6], "not -1, 0 and 1 alone"


@pytest.mark.parametrize("name", ["height", "slope", "curvature", "accuracy"])
def test_colours_of_a_surface_through_time_mean_the_same_at_all_times(name):
    bowl = AXIS[:, None] ** 2 + AXIS**2
    every = [
        replace(
            Surface.from_loss(AXIS, AXIS, 1 + (k + 1) * bowl, epoch=float(k)),
            accuracy=0.2 * k + 0.05 * bowl,
        )
        for k in range(3)
    ]
    layer = SurfaceLayer("training", replace(every[-1], earlier=tuple(every[:-1])))
    scales = []
    for epoch in (0.0, 0.7, 1.0, None):
        layer.go_to(epoch, False)
        scales.append(colors_of(layer, texture=texture_named(name)).scale)
    assert len(set(scales)) == 1
    lone = [SurfaceLayer("one", one) for one in every]
    tops = [colors_of(one, texture=texture_named(name)).scale.hi for one in lone]
    assert scales[0].hi == pytest.approx(max(tops), rel=0.05)
