"""Frames against the pictures that were looked at and found good."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from isoloss.gl.picture import draw_picture, make_scene
from isoloss.scene import Appearance, Camera, Marker, MarkerShape, Scene, SurfaceLayer, Texture


def _landscapes():
    spec = importlib.util.spec_from_file_location(
        "landscapes", Path(__file__).with_name("landscapes.py")
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["landscapes"] = module
    spec.loader.exec_module(module)
    return module


land = _landscapes()
SIZE = (480, 300)


def walked(surface) -> SurfaceLayer:
    return SurfaceLayer("walked", surface, land.path(surface))


def draw(renderer, source, **options) -> np.ndarray:
    return draw_picture(renderer, make_scene(source, **options), SIZE)


@pytest.mark.parametrize("texture", list(Texture), ids=lambda t: t.value)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_textures(renderer, matches_baseline, texture, theme):
    image = draw(renderer, walked(land.bowl()), texture=texture, theme=theme)
    matches_baseline(image, f"{texture.value}-{theme}")


@pytest.mark.parametrize("colormap", ["viridis", "cividis", "magma", "coolwarm", "terrain"])
def test_colormaps(renderer, matches_baseline, colormap):
    matches_baseline(draw(renderer, land.rippled(), colormap=colormap), f"colormap-{colormap}")


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
    scene = Scene([walked(land.rippled())], VIEWS[view])
    matches_baseline(draw_picture(renderer, scene, SIZE), f"view-{view}")


def _special():
    rippled, bowl = land.rippled(), land.bowl()
    few = rippled.alpha[:2], rippled.beta[:2], np.array([[1, 2], [3, 2.5]])
    surface = type(rippled)
    return {
        "nan-hole": land.altered(rippled, (slice(8, 11), slice(12, 15)), np.nan),
        "inf-corner": land.altered(rippled, (slice(0, 4), slice(20, None)), np.inf),
        "spike": land.altered(bowl, (slice(10, 11), slice(5, 6)), 1e6),
        "constant": land.altered(bowl, (slice(None), slice(None)), 2.3),
        "zero": land.altered(bowl, (slice(None), slice(None)), 0.0),
        "negative": surface.from_loss(bowl.alpha, bowl.beta, bowl.loss - 3),
        "all-inf": land.altered(bowl, (slice(None), slice(None)), np.inf),
        "all-nan": land.altered(bowl, (slice(None), slice(None)), np.nan),
        "2x2": surface.from_loss(*few),
        "5x3": surface.from_loss(rippled.alpha[:5], rippled.beta[:3], rippled.loss[:5, :3]),
        "uneven-axes": surface.from_loss(
            np.sign(bowl.alpha) * bowl.alpha**2, bowl.beta**3, bowl.loss
        ),
        "growing": land.growing(rippled),
        "nothing-computed": land.growing(rippled, stride=1000),
    }


SPECIAL = _special()


@pytest.mark.parametrize("case", SPECIAL)
def test_special_surfaces(renderer, matches_baseline, case):
    matches_baseline(draw(renderer, SPECIAL[case]), f"special-{case}")


def test_empty_scene(renderer, matches_baseline):
    matches_baseline(draw_picture(renderer, Scene(), SIZE), "empty")


@pytest.mark.parametrize("setting", ["contours", "floor_contours", "trajectory", "axes"])
def test_what_is_switched_off_is_gone(renderer, setting):
    layer = walked(land.rippled())
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
}


@pytest.mark.parametrize("option", OPTIONS)
def test_options(renderer, matches_baseline, option):
    image = draw(renderer, walked(land.rippled()), **OPTIONS[option])
    matches_baseline(image, f"option-{option}")


def test_markers(renderer, matches_baseline):
    shapes = enumerate(MarkerShape)
    markers = tuple(Marker(-0.8 + 0.3 * k, 0.0, 3.0, s.name.lower(), s) for k, s in shapes)
    layer = SurfaceLayer("bowl", land.bowl(), markers=markers)
    matches_baseline(draw(renderer, layer), "markers")


def test_two_layers_share_one_box(renderer, matches_baseline):
    left, right = land.bowl(), land.bowl()
    left = type(left).from_loss(left.alpha - 2, left.beta, left.loss)
    right = type(right).from_loss(right.alpha + 1, right.beta, right.loss + 1)
    layers = [SurfaceLayer("left", left), SurfaceLayer("right", right)]
    matches_baseline(draw(renderer, layers), "two-layers")


def test_a_transparent_picture_has_a_background_of_nothing(renderer, matches_baseline):
    image = draw(renderer, land.bowl(), transparent=True)
    assert (image[:4, :4, 3] == 0).all()
    assert image[SIZE[1] // 2, SIZE[0] // 2, 3] == 255
    matches_baseline(image, "transparent")


def test_a_larger_scale_is_the_same_picture_with_more_pixels(renderer):
    scene = Scene([walked(land.bowl())])
    small = draw_picture(renderer, scene, SIZE, scale=0.75)
    large = draw_picture(renderer, scene, (2 * SIZE[0], 2 * SIZE[1]), scale=1.5)
    halved = large.reshape(SIZE[1], 2, SIZE[0], 2, 4).mean(axis=(1, 3))
    assert np.abs(halved - small).mean() < 2.0


def test_the_appearance_of_other_viewports_does_not_leak(renderer):
    layer = walked(land.bowl())
    one = Scene([layer], appearance=Appearance(texture=Texture.ACCURACY, colormap="magma"))
    other = Scene([layer], Camera(azimuth=60), Appearance(theme="light", contour_levels=5))
    first = draw_picture(renderer, one, SIZE)
    draw_picture(renderer, other, SIZE)
    assert (draw_picture(renderer, one, SIZE) == first).all()
