"""Layers, textures and the box they share."""

import matplotlib
import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.height import HeightScale
from isoloss.geometry.mesh import display_mesh
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene import Appearance, Scene, SurfaceLayer, Texture, next_texture
from isoloss.scene.colormaps import NAMES, colormap
from isoloss.scene.textures import TEXTURES
from isoloss.scene.texturing import color_scale, texture_values
from isoloss.scene.theme import THEMES

AXIS = np.linspace(-1, 1, 11)
LOSS = AXIS[:, None] ** 2 + 2 * AXIS[None, :] ** 2 + 1
COLUMNS = ("predicted", "margin", "cross_entropy", "differs")
PLAIN = SurfaceLayer("plain", Surface.from_loss(AXIS, AXIS, LOSS))
FULL = SurfaceLayer(
    "full",
    Surface(
        AXIS,
        AXIS,
        LOSS,
        1 - LOSS / 8,
        0.01 * LOSS,
        np.full(LOSS.shape, 9),
        spread=0.5 + AXIS[:, None] + 2 * AXIS**2,
        columns=dict.fromkeys(COLUMNS, LOSS),
    ),
)


def cycle(layers):
    texture, seen = Texture.HEIGHT, []
    while texture not in seen:
        seen.append(texture)
        texture = next_texture(texture, layers)
    return seen


def test_textures_cycle_and_pass_over_what_is_not_there():
    assert cycle([FULL]) == list(TEXTURES)
    absent = "accuracy", "error-bar", "spread", "differs", "class", "margin", "cross-entropy"
    assert cycle([PLAIN]) == [t for t in TEXTURES if t.name not in absent]
    assert cycle([PLAIN, FULL]) == list(TEXTURES)
    assert next_texture(Texture.HEIGHT, [PLAIN], step=-1) is Texture.WIREFRAME


def test_a_touched_layer_is_worked_out_anew_and_only_then():
    layer = SurfaceLayer("grows", PLAIN.surface)
    scale = HeightScale("linear", 0, 4)
    mesh = layer.mesh(scale)
    assert layer.mesh(scale) is mesh
    layer.surface = Surface.from_loss(AXIS, AXIS, LOSS[::-1] * 2)
    layer.touch()
    assert layer.mesh(scale) is not mesh
    assert layer.automatic_scale().hi == LOSS.max() * 2


def test_the_box_holds_all_visible_layers():
    other = SurfaceLayer("other", Surface.from_loss(AXIS + 3, AXIS / 2, LOSS + 4))
    hidden = SurfaceLayer("hidden", Surface.from_loss(AXIS * 9, AXIS, LOSS * 99))
    frame = Scene([PLAIN, other, hidden], hidden=frozenset({hidden})).frame()
    assert frame.alpha == (-1, 4)
    assert frame.beta == (-1, 1)
    assert (frame.scale.lo, frame.scale.hi) == (1, 8)
    np.testing.assert_allclose(frame.place([1.5], [0.0], [4.5]), [[0, 0, 0.45]])
    scale, offset = frame.mesh_to_world(other.mesh(frame.scale))
    np.testing.assert_allclose(offset + scale * [-1, 1, 1], [0.2, 0.5, 0.9])


def test_a_surface_sets_out_from_the_heights_that_were_displayed():
    layer = SurfaceLayer("sharpens", PLAIN.surface)
    scale, other = HeightScale("linear", 0, 4), HeightScale("linear", 0, 8)
    layer.become(PLAIN.surface)
    assert layer.approach == 1  # nothing has been displayed yet
    old = layer.mesh(scale).height
    layer.become(Surface.from_loss(AXIS, AXIS, 2 * LOSS[::-1]))
    new = display_mesh(layer.surface, other).height
    for share in (0.0, 0.3, 0.75, 1.0):
        layer.approach = share
        np.testing.assert_allclose(layer.mesh(other).height, (1 - share) * old + share * new)
    # called off half way, it goes on from where it was
    layer.become(PLAIN.surface)
    layer.approach = 0.5
    half_way = layer.mesh(other).height
    layer.become(Surface.from_loss(AXIS, AXIS, LOSS + 1))
    np.testing.assert_array_equal(layer.mesh(other).height, half_way)


def test_a_hole_has_no_way_to_go():
    loss = LOSS.copy()
    loss[5, 5] = np.nan
    layer = SurfaceLayer("mended", Surface.from_loss(AXIS, AXIS, loss))
    scale = HeightScale("linear", 0, 4)
    assert np.isnan(layer.mesh(scale).height).any()
    layer.become(PLAIN.surface)
    layer.approach = 0.1
    whole, final = layer.mesh(scale).height, PLAIN.mesh(scale).height
    assert np.isfinite(whole).all()
    middle = whole.shape[0] // 2, whole.shape[1] // 2
    assert whole[middle] == final[middle]


def test_hidden_trajectories_are_state_of_the_layer():
    short, long = (Trajectory(*np.zeros((6, n))) for n in (2, 3))
    layer = SurfaceLayer("paths", PLAIN.surface, (short, Trajectory(*np.zeros((6, 0))), long))
    assert layer.shown_trajectories == [(0, short), (2, long)]
    layer.hidden = frozenset({0})
    assert layer.shown_trajectories == [(2, long)]


@pytest.mark.parametrize("name", THEMES)
def test_paths_can_be_told_apart(name):
    theme = THEMES[name]
    colors = [theme.path_color(k) for k in range(5)]
    assert colors[0] == theme.path
    assert len(set(colors)) == 5
    assert theme.path_color(5) == colors[1]  # no sixth colour: they begin again
    outline = np.array(theme.path_casing[:3])
    assert min(np.abs(np.array(c[:3]) - outline).max() for c in colors) > 0.3


def test_spread_is_shown_where_it_is_known():
    frame = Scene([PLAIN, FULL]).frame()
    look = Appearance(texture=Texture.SPREAD)
    colors = color_scale([PLAIN, FULL], look, frame)
    assert colors is not None
    mesh = FULL.mesh(frame.scale)
    shown = colors.scale.invert(texture_values(FULL, mesh, colors, look))
    expected = np.clip(FULL.surface.spread, colors.scale.lo, colors.scale.hi)
    np.testing.assert_allclose(shown[:: mesh.steps[0], :: mesh.steps[1]], expected)


def test_a_linked_scale_replaces_the_scenes_own():
    linked = HeightScale("linear", 0, 100)
    assert Scene([PLAIN], height_scale=linked).frame().scale == linked


def test_an_empty_scene_has_a_box():
    assert Scene().frame().alpha == (-1.0, 1.0)
    nothing = Surface(AXIS, AXIS, *[np.full(LOSS.shape, np.nan)] * 3, np.zeros(LOSS.shape, int))
    assert Scene([SurfaceLayer("nothing", nothing)]).shown == []


def test_slope_is_the_length_of_the_gradient():
    look = Appearance(texture=Texture.SLOPE)
    frame = Scene([PLAIN]).frame()
    colors = color_scale([PLAIN], look, frame)
    assert colors is not None
    values = texture_values(PLAIN, PLAIN.mesh(frame.scale), colors, look)
    steps = PLAIN.mesh(frame.scale).steps
    exact = np.hypot(2 * AXIS[:, None], 4 * AXIS[None, :])
    shown = colors.scale.invert(values[:: steps[0], :: steps[1]])
    np.testing.assert_allclose(shown, np.clip(exact, colors.scale.lo, colors.scale.hi))
    assert colors.scale.lo <= 0.4  # the second smallest, one step of α from the minimum


def test_accuracy_reads_in_percent():
    colors = color_scale([FULL], Appearance(texture=Texture.ACCURACY), Scene([FULL]).frame())
    assert colors is not None
    ticks = colors.ticks()
    assert all(label.endswith(" %") for _, label in ticks)
    position, label = ticks[0]
    accuracy = float(label.removesuffix(" %")) / 100
    lo, hi = 1 - LOSS.max() / 8, 1 - LOSS.min() / 8
    assert position == pytest.approx((accuracy - lo) / (hi - lo))


def test_the_range_of_colours_can_be_set_by_hand():
    frame = Scene([PLAIN]).frame()
    colors = color_scale([PLAIN], Appearance(color_range=(1.5, 2.0)), frame)
    assert colors is not None
    values = texture_values(PLAIN, PLAIN.mesh(frame.scale), colors, Appearance())
    assert values.min() == 0
    assert values.max() == 1


def test_the_mesh_lets_the_computed_shine():
    count = np.zeros(LOSS.shape, int)
    count[:2, :2] = 1
    surface = Surface(AXIS, AXIS, np.where(count > 0, LOSS, np.nan), LOSS, 0 * LOSS, count)
    mesh = display_mesh(surface)
    assert np.isfinite(mesh.height).all()
    assert mesh.computed[0, 0] == 1
    assert mesh.computed[-1, -1] == 0


def test_triangles_leave_holes_out_and_are_counter_clockwise():
    loss = LOSS.copy()
    loss[5, 5] = np.nan
    mesh = display_mesh(Surface.from_loss(AXIS, AXIS, loss), smooth=False)
    triangles = mesh.triangles()
    assert len(triangles) == 2 * (100 - 4)
    assert 5 * 11 + 5 not in triangles
    place = np.stack(np.meshgrid(mesh.x, mesh.y, indexing="ij"), -1).reshape(-1, 2)
    a, b, c = (place[triangles[:, k]] for k in range(3))
    cross = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (cross > 0).all()
    coarse = display_mesh(PLAIN.surface, smooth=False).triangles(stride=4)
    assert set(np.unique(coarse) % 11) == {0, 4, 8, 10}


@pytest.mark.parametrize("name", NAMES)
def test_colormaps_are_smooth(name):
    colors = colormap(name).astype(int)
    assert colors.shape == (256, 3)
    assert np.abs(np.diff(colors, axis=0)).max() <= 8


def test_colormaps_are_those_of_matplotlib():
    for name in ("viridis", "cividis", "magma"):
        expected = matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3] * 255
        assert np.abs(colormap(name) - expected).max() <= 0.5
    # matplotlib's coolwarm is Moreland's table of control points, interpolated.
    expected = matplotlib.colormaps["coolwarm"](np.linspace(0, 1, 256))[:, :3] * 255
    assert np.abs(colormap("coolwarm") - expected).max() <= 5


def test_an_unknown_colormap_is_refused():
    with pytest.raises(IsolossError, match="choose one of viridis"):
        colormap("jet")
