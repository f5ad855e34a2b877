"""Frames against the pictures that were looked at and found good."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.pictures.picture import draw_views
from isoloss.scene import Appearance, Camera, Marker, MarkerShape, Scene, SurfaceLayer, Texture
from isoloss.scene.files.staging import stage
from isoloss.scene.textures import TEXTURES

SIZE = (480, 300)
AXIS = np.linspace(-1, 1, 41)


def rippled(n: int = 25) -> Surface:
    """A chaotic landscape over more than two decades."""
    axis = np.linspace(-1, 1, n)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    ripples = 0.55 * np.sin(7 * x + 1) * np.cos(6 * y) + 0.25 * np.sin(11 * x - 9 * y)
    loss = 0.08 * np.exp(2.6 * np.hypot(x, y) ** 1.6 + ripples)
    return Surface.from_loss(
        axis, axis, loss, title="Rippled", explained_variance_ratio=[0.713, 0.184]
    )


def bowl(n: int = 21) -> Surface:
    """A classifier's mean over planes: accuracy, error bars and spread come with it."""
    axis = np.linspace(-1.2, 1.2, n)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    loss = 0.3 + x**2 + 1.7 * y**2 + 0.18 * np.sin(4 * x) * np.sin(5 * y)
    accuracy = np.clip(0.97 - 0.25 * (loss - loss.min()), 0.1, 1)
    error = 0.01 + 0.02 * np.abs(x)
    count = np.full(loss.shape, 256)
    spread = 0.05 + 0.4 * y**2
    return Surface(axis, axis, loss, accuracy, error, count, {"title": "Bowl"}, spread)


def altered(surface: Surface, cells: tuple[slice, slice], value: float) -> Surface:
    """`surface` with another loss in some cells."""
    loss = surface.loss.copy()
    loss[cells] = value
    return Surface.from_loss(surface.alpha, surface.beta, loss, **surface.meta)


def growing(surface: Surface, stride: int = 4) -> Surface:
    """`surface` as a run from coarse to fine leaves it half way."""
    count = np.zeros(surface.shape, np.int64)
    count[::stride, ::stride] = 1
    count[: surface.shape[0] // 3, ::2] = 1
    loss = np.where(count > 0, surface.loss, np.nan)
    missing = np.full(surface.shape, np.nan)
    return Surface(
        surface.alpha, surface.beta, loss, missing, 0 * missing, count, {"title": "Growing"}
    )


def path(surface: Surface, n: int = 24) -> Trajectory:
    """A path that comes down above the surface, with two drops of the learning rate."""
    t = np.linspace(0, 1, n)
    alpha = 0.85 * np.cos(2.2 * t) * (1 - t) ** 1.2
    beta = -0.8 * (1 - t) ** 1.5 * np.cos(1.1 * t)
    i = np.abs(surface.alpha[:, None] - alpha).argmin(0)
    j = np.abs(surface.beta[:, None] - beta).argmin(0)
    loss = surface.loss[i, j] * (1 + 0.5 * np.sin(np.pi * t))
    lr = np.where(t < 0.5, 0.1, np.where(t < 0.8, 0.01, 0.001))
    return Trajectory(alpha, beta, loss, np.zeros(n), t * 90, lr)


def walked(surface) -> SurfaceLayer:
    return SurfaceLayer("walked", surface, (path(surface),))


def turned(surface: Surface, degrees: float, name: str) -> Trajectory:
    """The path, starting elsewhere, with a name."""
    way, turn = path(surface), np.deg2rad(degrees)
    alpha = way.alpha * np.cos(turn) - way.beta * np.sin(turn)
    beta = way.alpha * np.sin(turn) + way.beta * np.cos(turn)
    return replace(way, alpha=alpha, beta=beta, meta={"name": name})


def walked_by_three() -> SurfaceLayer:
    surface = rippled()
    names = {"sgd": 0, "adam": 110, "a run with quite a long name indeed": 200}
    return SurfaceLayer("walked", surface, tuple(turned(surface, d, n) for n, d in names.items()))


def draw(renderer, source, **options) -> np.ndarray:
    return draw_views(renderer, [stage(source, **options).view], SIZE)


def of_an_image(layer: SurfaceLayer) -> SurfaceLayer:
    """With what a surface over images has: classes, margins, and what is outlined."""
    surface = layer.surface
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    answers = np.where(alpha > 0.4, 4.0, np.where(beta > 0.3, 17.0, 3.0))
    columns = {"predicted": answers, "margin": alpha + beta**2 - 1, "cross_entropy": alpha**2}
    diamond = [[0.8, 0], [0, 0.6], [-0.8, 0], [0, -0.6]]
    about = {
        "class_names": [*"abcdefghijklmnopqr"],
        "axes": ["PGD", "random"],
        "outlines": [
            {"name": "ε = 0.1 (L∞)", "kind": "ball", "corners": diamond},
            {"name": "[0, 1]", "kind": "cube", "corners": [[-0.5, -2], [2, -2], [2, 2], [-0.5, 2]]},
        ],
    }
    seen = replace(surface, columns=columns, meta={**surface.meta, **about})
    return SurfaceLayer(layer.name, seen, layer.trajectories)


def compared(surface: Surface) -> SurfaceLayer:
    """Its difference from itself with a slope, which is marked where it is beyond chance."""
    sloped = replace(surface, loss=surface.loss + 0.2 * surface.alpha[:, None])
    return SurfaceLayer("compared", difference(surface, sloped))


@pytest.mark.parametrize("texture", list(TEXTURES), ids=lambda t: t.name)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_textures(renderer, matches_baseline, texture, theme):
    layer = walked(bowl())
    shown = next(x for x in (layer, of_an_image(layer), compared(bowl())) if x.has(texture))
    image = draw(renderer, shown, texture=texture, theme=theme)
    matches_baseline(image, f"{texture.name}-{theme}")


@pytest.mark.parametrize("colormap", ["viridis", "cividis", "magma", "coolwarm", "terrain"])
def test_colormaps(renderer, matches_baseline, colormap):
    matches_baseline(draw(renderer, rippled(), colormap=colormap), f"colormap-{colormap}")


VIEWS = {
    "front": Camera().axis_view(1),
    "side": Camera().axis_view(3),
    "top": Camera().axis_view(7),
    "below": Camera(azimuth=40, elevation=-25),
    "behind": Camera(azimuth=150, elevation=35),
    "close": Camera(distance=2.5),
}


@pytest.mark.parametrize("view", VIEWS)
def test_views(renderer, matches_baseline, view):
    scene = Scene([walked(rippled())], VIEWS[view])
    matches_baseline(draw_views(renderer, [scene], SIZE), f"view-{view}")


def _special():
    chaos, plain = rippled(), bowl()
    few = chaos.alpha[:2], chaos.beta[:2], np.array([[1, 2], [3, 2.5]])
    return {
        "nan-hole": altered(chaos, (slice(8, 11), slice(12, 15)), np.nan),
        "inf-corner": altered(chaos, (slice(0, 4), slice(20, None)), np.inf),
        "spike": altered(plain, (slice(10, 11), slice(5, 6)), 1e6),
        "constant": altered(plain, (slice(None), slice(None)), 2.3),
        "zero": altered(plain, (slice(None), slice(None)), 0.0),
        "negative": Surface.from_loss(plain.alpha, plain.beta, plain.loss - 3),
        "all-inf": altered(plain, (slice(None), slice(None)), np.inf),
        "all-nan": altered(plain, (slice(None), slice(None)), np.nan),
        "inf-and-nan": altered(
            altered(chaos, (slice(0, 4), slice(20, None)), np.inf),
            (slice(14, 18), slice(6, 10)),
            np.nan,
        ),
        "decades": Surface.from_loss(
            plain.alpha, plain.beta, 10 ** (3 * plain.loss - 7), title="Decades"
        ),
        "single-row": Surface.from_loss([0.0], plain.beta, plain.loss[:1], title="Row"),
        "5x5": Surface.from_loss(chaos.alpha[::6], chaos.beta[::6], chaos.loss[::6, ::6]),
        "2x2": Surface.from_loss(*few),
        "5x3": Surface.from_loss(chaos.alpha[:5], chaos.beta[:3], chaos.loss[:5, :3]),
        "uneven-axes": Surface.from_loss(
            np.sign(plain.alpha) * plain.alpha**2, plain.beta**3, plain.loss
        ),
        "growing": growing(chaos),
        "computed-to-a-third": growing(chaos, stride=1000),
        "nothing-computed": Surface(
            plain.alpha, plain.beta, *[np.full(plain.shape, np.nan)] * 3, 0 * plain.count
        ),
    }


SPECIAL = _special()


@pytest.mark.parametrize("case", SPECIAL)
def test_special_surfaces(renderer, matches_baseline, case):
    matches_baseline(draw(renderer, SPECIAL[case]), f"special-{case}")


def test_empty_scene(renderer, matches_baseline):
    matches_baseline(draw_views(renderer, [Scene()], SIZE), "empty")


@pytest.mark.parametrize("setting", ["contours", "floor_contours", "trajectory", "axes"])
def test_what_is_switched_off_is_gone(renderer, setting):
    layer = walked(rippled())
    shown = draw(renderer, layer)
    assert (draw(renderer, layer, **{setting: False}) != shown).any(axis=-1).mean() > 0.002


OPTIONS = {
    "flat": {"smooth": False},
    "wire-overlay": {"wireframe": True, "contours": False},
    "gain": {"height_gain": 0.4},
    "linear": {"log_height": False},
    "epoch": {"epoch": 40.0},
    "bare": {"axes": False, "scalar_bar": False, "title": False, "floor_contours": False},
    "range": {"color_range": (0.1, 1.0), "reverse_colormap": True},
    "set-level": {"contour_levels": 3, "contour_value": 0.25},
    "set-level-slope": {"texture": Texture.SLOPE, "contour_value": 0.25, "theme": "light"},
    "spacing-linear": {"contour_spacing": "linear"},
    "spacing-log": {"contour_spacing": "log", "log_height": False},
    "linear-colors": {"log_colors": False},
    "log-colors": {"log_height": False, "log_colors": True},
    "linear-curvature": {"texture": Texture.CURVATURE, "log_colors": False},
    "no-occlusion": {"ambient_occlusion": False},
    "matte-no-occlusion": {"texture": Texture.MATTE, "theme": "light", "ambient_occlusion": False},
    "orthographic": {"orthographic": True, "elevation": 40.0},
    "close-light": {"distance": 2.6, "theme": "light"},
    "underside-light": {"elevation": -30.0, "theme": "light"},
}


@pytest.mark.parametrize("option", OPTIONS)
def test_options(renderer, matches_baseline, option):
    image = draw(renderer, walked(rippled()), **OPTIONS[option])
    matches_baseline(image, f"option-{option}")


SMALL = {"square": (220, 220), "narrow": (160, 320), "flat": (420, 140), "thumbnail": (120, 80)}


@pytest.mark.parametrize("shape", SMALL)
def test_small_pictures_keep_their_bar_and_labels(renderer, matches_baseline, shape):
    scene = stage(walked(SPECIAL["inf-and-nan"]), texture=Texture.SLOPE, contour_value=0.25).view
    matches_baseline(draw_views(renderer, [scene], SMALL[shape]), f"small-{shape}")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_spike_is_told_by_the_bar_of_any_texture(renderer, matches_baseline, theme):
    image = draw(renderer, SPECIAL["spike"], texture=Texture.CURVATURE, theme=theme)
    matches_baseline(image, f"spike-curvature-{theme}")


def test_layers_that_cross_shade_each_other(renderer, matches_baseline):
    low, high = bowl(), bowl()
    high = Surface.from_loss(high.alpha, high.beta, 4.5 - 1.4 * high.loss)
    layers = [SurfaceLayer("low", low), SurfaceLayer("high", high)]
    matches_baseline(draw(renderer, layers, theme="light"), "crossing-layers")


@pytest.mark.parametrize("orthographic", [False, True])
def test_ambient_occlusion_darkens_valleys_and_leaves_planes(renderer, orthographic):
    def brightness(loss, x, y) -> float:
        """Of a picture from above at (x, y) in [-1, 1], relative to the one without occlusion."""
        surface = Surface.from_loss(AXIS, AXIS, loss)
        look = Appearance(
            texture=Texture.MATTE, contours=False, log_height=False, axes=False, title=False
        )
        camera = Camera(0.0, 90.0, orthographic=orthographic)
        scene = Scene([SurfaceLayer("x", surface)], camera, look)
        without = Scene(scene.layers, camera, replace(look, ambient_occlusion=False))
        right, down = (int(v) for v in camera.to_pixels(np.array([[x, y, 0.3]]), SIZE)[0, :2])
        spot = slice(down - 3, down + 4), slice(right - 3, right + 4), slice(0, 3)
        shaded, plain = (draw_views(renderer, [s], SIZE)[spot].mean() for s in (scene, without))
        return shaded / plain

    groove = np.minimum(np.abs(AXIS[:, None]) * 6, 1.0) + 0 * AXIS[None, :]
    assert brightness(groove, 0.0, 0.4) < 0.92
    assert brightness(groove, 0.7, 0.4) > 0.97
    tilted = AXIS[:, None] + 0 * AXIS[None, :]
    assert brightness(tilted, 0.3, 0.4) > 0.99


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_several_trajectories_have_their_colours_and_a_legend(renderer, matches_baseline, theme):
    matches_baseline(draw(renderer, walked_by_three(), theme=theme), f"three-paths-{theme}")


def test_a_hidden_trajectory_is_not_drawn(renderer):
    three, two = walked_by_three(), walked_by_three()
    shown = draw(renderer, three)
    three.hidden = frozenset({2})
    two.trajectories = two.trajectories[:2]
    assert (draw(renderer, three) != shown).any(axis=-1).mean() > 0.002
    assert (draw(renderer, three) == draw(renderer, two)).all()
    three.hidden = frozenset()
    assert (draw(renderer, three) == shown).all()


def test_markers(renderer, matches_baseline):
    shapes = enumerate(MarkerShape)
    markers = tuple(Marker(-0.8 + 0.3 * k, 0.0, 3.0, s.name.lower(), s) for k, s in shapes)
    layer = SurfaceLayer("bowl", bowl(), markers=markers)
    matches_baseline(draw(renderer, layer), "markers")


def test_two_layers_share_one_box(renderer, matches_baseline):
    left, right = bowl(), bowl()
    left = Surface.from_loss(left.alpha - 2, left.beta, left.loss)
    right = Surface.from_loss(right.alpha + 1, right.beta, right.loss + 1)
    layers = [SurfaceLayer("left", left), SurfaceLayer("right", right)]
    matches_baseline(draw(renderer, layers), "two-layers")


def test_a_transparent_picture_has_a_background_of_nothing(renderer, matches_baseline):
    image = draw(renderer, bowl(), transparent=True)
    assert (image[:4, :4, 3] == 0).all()
    assert image[SIZE[1] // 2, SIZE[0] // 2, 3] == 255
    matches_baseline(image, "transparent")


def test_a_larger_scale_is_the_same_picture_with_more_pixels(renderer):
    scene = Scene([walked(bowl())])
    small = draw_views(renderer, [scene], SIZE, scale=0.75)
    large = draw_views(renderer, [scene], (2 * SIZE[0], 2 * SIZE[1]), scale=1.5)
    halved = large.reshape(SIZE[1], 2, SIZE[0], 2, 4).mean(axis=(1, 3))
    assert np.abs(halved - small).mean() < 2.0


def test_the_appearance_of_other_viewports_does_not_leak(renderer):
    layer = walked(bowl())
    one = Scene([layer], appearance=Appearance(texture=Texture.ACCURACY, colormap="magma"))
    other = Scene([layer], Camera(azimuth=60), Appearance(theme="light", contour_levels=5))
    first = draw_views(renderer, [one], SIZE)
    draw_views(renderer, [other], SIZE)
    assert (draw_views(renderer, [one], SIZE) == first).all()
