"""A picture drawn in tiles is the picture drawn at once."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.pictures.picture import draw_views, places
from isoloss.gl.pictures.tiles import check_size, draw_tiled, tiles
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.textures import Texture


def layer() -> SurfaceLayer:
    """One with everything in it: a spike, a hole, uncomputed cells, two paths and a marker."""
    axis = np.linspace(-1, 1, 21)
    a, b = np.meshgrid(axis, axis, indexing="ij")
    loss = 0.3 + a**2 + 0.6 * b**2 + 0.2 * np.sin(5 * a)
    loss[3, 3], loss[15, 6] = 1e6, np.nan
    count = np.ones(loss.shape, np.int64)
    count[:4, 15:] = 0
    surface = Surface(
        axis, axis, loss, 1 / (1 + loss), 0.1 * loss, count, {"title": "Seams would show here"}
    )
    t = np.linspace(0, 1, 9)
    path = Trajectory(-0.8 + t, 0.7 - t, 2 - 1.6 * t, 0 * t, 9 * t, np.where(t < 0.6, 0.1, 0.01))
    other = Trajectory(0.8 - t, 0.7 - t, 2 - 1.6 * t, 0 * t, 9 * t, 0 * t + 1, {"name": "adam"})
    marker = Marker(0.5, 0.5, 0.9, "a pin")
    return SurfaceLayer("surface", surface, (path, other), markers=(marker,))


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("supersample", [1, 2])
def test_a_tiled_picture_is_the_whole_one(renderer, orthographic, supersample):
    look = Appearance(texture=Texture.BANDS, wireframe=True, contour_value=0.7)
    scene = Scene([layer()], Camera(orthographic=orthographic), look)
    size = (301, 223)
    whole = draw_tiled(renderer, scene, size, 0.8, supersample)
    tiled = draw_tiled(renderer, scene, size, 0.8, supersample, side=101 * supersample)
    assert tiled.shape == whole.shape == (223, 301, 4)
    apart = np.abs(tiled.astype(int) - whole.astype(int)).max(axis=-1)
    # Edges of triangles are rounded to a fraction of a pixel, a tile's as the whole's.
    assert (apart > 3).mean() < 2e-3
    assert apart.mean() < 0.05
    # and nowhere more than along the seams' neighbours elsewhere
    seams = apart[:, 99:103].mean(), apart[72:76].mean()
    assert max(seams) < 0.3


def test_a_transparent_picture_keeps_its_alpha_in_tiles(renderer):
    scene = Scene([layer()], appearance=Appearance(transparent=True, legend=False))
    whole = draw_tiled(renderer, scene, (200, 140), 0.75, 2)
    tiled = draw_tiled(renderer, scene, (200, 140), 0.75, 2, side=4096, area=20_000)
    assert (whole[..., 3] == 0).mean() > 0.2
    assert np.abs(whole[..., 3].astype(int) - tiled[..., 3].astype(int)).mean() < 0.05


@pytest.mark.parametrize(
    ("whole", "step", "side", "area"),
    [
        ((1600, 1000), 1, 4096, 8_400_000),
        ((30_000, 12_346), 2, 4096, 8_400_000),
        ((7, 5), 1, 2, 100),
        ((999, 3), 3, 100, 50),
    ],
)
def test_tiles_cover_every_pixel_once(whole, step, side, area):
    covered = np.zeros((whole[1] // step, whole[0] // step), np.uint8)
    for part in tiles(whole, step, side, area):
        assert part.whole == whole
        assert part.x % step == part.y % step == 0
        assert part.size[0] <= side + 2 * step
        assert part.size[1] <= side + 2 * step
        rows = slice(part.y // step, (part.y + part.size[1]) // step)
        covered[rows, part.x // step : (part.x + part.size[0]) // step] += 1
    assert (covered == 1).all()


def test_a_picture_larger_than_any_framebuffer(renderer):
    """Wider than OpenGL draws here: a part of it is compared with a small picture of the same."""
    from OpenGL import GL

    largest = int(GL.glGetIntegerv(GL.GL_MAX_RENDERBUFFER_SIZE))
    scene = Scene([layer()], appearance=Appearance(title=False, scalar_bar=False, axes=False))
    picture = draw_tiled(renderer, scene, (largest + 400, 60), 0.75)
    assert picture.shape == (60, largest + 400, 4)
    middle = picture[:, largest // 2 + 200 - 42 : largest // 2 + 200 + 42]
    small = draw_tiled(renderer, scene, (84, 60), 0.75)
    surface = np.abs(middle.astype(int) - small.astype(int))[20:40, 30:54]
    assert np.median(surface) < 6, "the middle is the small picture, but for its background"


def test_what_no_memory_holds_is_refused():
    with pytest.raises(IsolossError, match="at most 400 megapixels, and 99999x99999 are 10,000"):
        check_size((99999, 99999))
    with pytest.raises(IsolossError, match="at least 1x1"):
        check_size((0, 5))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_viewports_fill_the_picture_beside_each_other(count):
    width, height = 1001, 701
    covered = np.zeros((height, width), np.uint8)
    for x, y, w, h in places(count, (width, height)):
        covered[y : y + h, x : x + w] += 1
    assert covered.max() == 1
    assert covered.mean() == pytest.approx(1, abs=0.005)


def test_each_viewport_is_the_picture_of_its_scene(renderer):
    one, other = layer(), layer()
    scenes = [Scene([one]), Scene([other], Camera().axis_view(7))]
    together = draw_views(renderer, scenes, (401, 150), 0.75, 1)
    for scene, (x, y, w, h) in zip(scenes, places(2, (401, 150)), strict=True):
        alone = draw_views(renderer, [scene], (w, h), 0.75, 1)
        np.testing.assert_array_equal(together[y : y + h, x : x + w], alone)
