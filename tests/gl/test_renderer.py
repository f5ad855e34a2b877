"""What the renderer keeps on the GPU, and when it brings it up to date."""

import gc

import numpy as np
import pytest
from OpenGL import GL

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.gl.annotations.decorations import nothing_of
from isoloss.gl.device import buffers
from isoloss.gl.device.context import HeadlessContext
from isoloss.gl.device.program import peeled, shared
from isoloss.gl.device.target import Target
from isoloss.gl.frame.canvas import Canvas
from isoloss.gl.frame.renderer import Renderer
from isoloss.gl.layers import surfaces
from isoloss.gl.pictures import picture as picture_module
from isoloss.gl.pictures.picture import draw_views, render
from isoloss.scene import Appearance, Camera, Scene, SurfaceLayer, Texture
from isoloss.scene.files.staging import stage

AXIS = np.linspace(-1, 1, 9)
LOSS = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 0.1


@pytest.fixture
def layer() -> SurfaceLayer:
    return SurfaceLayer("bowl", Surface.from_loss(AXIS, AXIS, LOSS))


@pytest.fixture
def target() -> Target:
    return Target(200, 120)


def test_a_growing_surface_is_redrawn_in_place(renderer, target, layer):
    scene = Scene([layer])
    renderer.draw(scene, target)
    before = target.read()
    layer.surface = Surface.from_loss(AXIS, AXIS, LOSS[::-1] + 2 * AXIS[:, None] ** 4)
    layer.touch()
    renderer.draw(scene, target)
    after = target.read()
    assert (after != before).any()
    fresh = Target(200, 120)
    Renderer().draw(Scene([layer]), fresh)
    assert (fresh.read() == after).all()


def test_an_orbiting_camera_uploads_no_geometry(renderer, target, layer, monkeypatch):
    scene = Scene([layer])
    renderer.draw(scene, target)
    sizes: list[int] = []
    upload = buffers.Buffer.upload
    monkeypatch.setattr(
        buffers.Buffer, "upload", lambda self, data: (sizes.append(data.nbytes), upload(self, data))
    )
    for _ in range(3):
        scene.camera = scene.camera.orbit(10, 3)
        renderer.draw(scene, target)
    assert max(sizes) < 20_000  # labels and the box only


def test_buffers_of_dropped_layers_are_freed(target, layer):
    renderer = Renderer()
    scene = Scene([layer])
    renderer.draw(scene, target)
    assert len(renderer._held) == 1
    del scene
    gc.collect()
    renderer.draw(Scene(), target)
    assert not renderer._held


def test_the_moving_frame_resembles_the_resting_one(renderer, layer):
    scene, target = Scene([layer]), Target(480, 300)
    renderer.draw(scene, target, moving=True)
    moving = target.read().astype(int)
    renderer.draw(scene, target)
    assert np.abs(moving - target.read()).mean() < 3


def test_the_framebuffer_drawn_to_before_is_restored(renderer, target, layer):
    from OpenGL import GL

    outer = Target(64, 64)
    outer.begin()
    bound = int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING))
    renderer.draw(Scene([layer]), target)
    assert int(GL.glGetIntegerv(GL.GL_FRAMEBUFFER_BINDING)) == bound
    assert list(GL.glGetIntegerv(GL.GL_VIEWPORT)) == [0, 0, 64, 64]
    outer.end()


def test_a_target_can_be_resized(renderer, target, layer):
    for size in ((300, 100), (1, 1), (640, 400)):
        target.resize(*size)
        renderer.draw(Scene([layer]), target)
        assert target.read().shape == (size[1], size[0], 4)


def test_a_picture_too_large_for_the_driver_is_refused(context):
    with pytest.raises(IsolossError, match="at most"):
        Target(10**6, 10)


def test_a_million_vertices(renderer, target):
    axis = np.linspace(-1, 1, 1000)
    loss = axis[:, None] ** 2 + np.abs(axis[None, :]) + 0.1 * np.sin(40 * axis)[:, None]
    scene = Scene([SurfaceLayer("large", Surface.from_loss(axis, axis, loss))])
    renderer.draw(scene, target, moving=True)
    renderer.draw(scene, target)
    assert target.read()[60, 100].max() > 0


def test_titles_in_any_script_are_drawn(renderer, target, layer):
    scene = Scene([layer], title="損失 ландшафт ∇θ ‖x‖₂ 🙂 10⁻⁷ " + "ÄÖÜ" * 60)
    renderer.draw(scene, target, scale=2.5)
    assert target.read()[..., 3].min() == 255


def test_rendering_writes_a_png_and_returns_its_pixels(context, tmp_path, layer):
    from PIL import Image

    out = tmp_path / "new folder" / "x.png"
    image = render(layer.surface, out, size=(160, 100), theme="light", azimuth=10)
    context.make_current()
    assert image.shape == (100, 160, 4)
    assert image.dtype == np.uint8
    assert (np.asarray(Image.open(out)) == image).all()
    assert [p.name for p in out.parent.iterdir()] == ["x.png"]


def test_a_run_folder_comes_with_its_trajectory(tmp_path, layer):
    layer.surface.save(tmp_path / "surface.ply")
    scene = stage(tmp_path).view
    assert scene.layers[0].source == tmp_path
    assert np.allclose(scene.layers[0].surface.loss, LOSS)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"textur": "height"}, "no option"), ({"texture": "wood"}, "choose one of height, accuracy")],
)
def test_wrong_options_are_named(layer, options, message):
    with pytest.raises(IsolossError, match=message):
        stage(layer.surface, **options)


def test_an_unknown_colormap_is_named(renderer, layer):
    scene = Scene([layer], appearance=Appearance(colormap="jet"))
    with pytest.raises(IsolossError, match="no colormap 'jet'"):
        draw_views(renderer, [scene], (100, 60))


def test_a_texture_no_layer_has_falls_back_to_the_height(renderer, layer):
    wanted = Scene([layer], appearance=Appearance(texture=Texture.ACCURACY))
    pictures = [draw_views(renderer, [s], (200, 120)) for s in (wanted, Scene([layer]))]
    assert (pictures[0] == pictures[1]).all()


def test_without_egl_one_line_says_what_to_install(monkeypatch):
    from isoloss.gl.device import context as module

    def missing(*_: object) -> None:
        raise OSError("libEGL.so.1: cannot open shared object file\nsecond line")

    monkeypatch.setenv("PYOPENGL_PLATFORM", "egl")
    monkeypatch.setattr(module, "open_context", missing)
    with pytest.raises(IsolossError, match=r"libEGL.*apt install libegl1") as caught:
        module.HeadlessContext()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "part",
    [
        "frame.background.BackgroundPass.draw",
        "layers.layer_buffers.overlays.layer_marks",
        "frame.ssao.OcclusionPass.fill",
        "layers.surfaces.SurfacePass.draw",
        "annotations.decorations.Decorations.draw",
    ],
)
def test_a_drawing_that_fails_leaves_the_context_to_the_next(part, target, layer, monkeypatch):
    def fails(*_args, **_options):
        raise ValueError("a defect")

    def bound() -> list[object]:
        names = (GL.GL_DRAW_FRAMEBUFFER_BINDING, GL.GL_READ_FRAMEBUFFER_BINDING)
        names += (GL.GL_CURRENT_PROGRAM, GL.GL_VERTEX_ARRAY_BINDING)
        names += (GL.GL_DEPTH_TEST, GL.GL_DEPTH_WRITEMASK, GL.GL_SCISSOR_TEST)
        return [*(int(GL.glGetIntegerv(n)) for n in names), *GL.glGetIntegerv(GL.GL_VIEWPORT)]

    GL.glViewport(3, 5, 70, 30)
    renderer, scene = Renderer(), Scene([layer])
    renderer.draw(Scene([layer], appearance=Appearance(ambient_occlusion=False)), target)
    before = bound()
    with monkeypatch.context() as broken:
        broken.setattr(f"isoloss.gl.{part}", fails)
        with pytest.raises(ValueError, match="a defect"):
            renderer.draw(scene, target)
    assert bound() == before
    renderer.draw(scene, target)
    fresh = Target(200, 120)
    Renderer().draw(scene, fresh)
    assert (target.read() == fresh.read()).all()


def test_a_picture_that_fails_leaves_the_one_before(layer, monkeypatch):
    canvas, scene = Canvas(), Scene([layer])
    canvas.draw(scene, (200, 120), 1.0, seconds=np.inf)
    whole = canvas.pixels()
    with monkeypatch.context() as broken:
        broken.setattr("isoloss.gl.layers.surfaces.SurfacePass.draw", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            canvas.draw_quickly(scene, (200, 120), 1.0)
    assert not canvas.is_busy
    assert (canvas.pixels() == whole).all()
    canvas.draw_quickly(scene, (200, 120), 1.0)
    assert (canvas.pixels() == whole).all()


def test_values_none_of_which_is_a_number_are_not_waited_for():
    nothing = np.full(LOSS.shape, np.nan)
    computed = SurfaceLayer("computed", Surface.from_loss(AXIS, AXIS, nothing))
    counts = np.zeros(LOSS.shape, np.int64)
    growing = Surface(AXIS, AXIS, nothing, nothing, nothing, counts)
    assert nothing_of([computed]) == "No value is a number"
    assert nothing_of([computed, SurfaceLayer("growing", growing)]).startswith("Waiting")


def test_a_surface_that_layers_share_is_drawn_once(renderer, layer):
    again = SurfaceLayer("again", layer.surface)
    other = SurfaceLayer("other", Surface.from_loss(AXIS, AXIS, LOSS[::-1] + 0.5))

    def drawn(*layers: SurfaceLayer) -> np.ndarray:
        return draw_views(renderer, [stage(layers, title="Same").view], (240, 150), supersample=1)

    assert (drawn(layer, again) == drawn(layer)).all()
    assert (drawn(layer, again, other) == drawn(layer, other)).all()
    assert (drawn(layer, other) != drawn(layer)).any()


def test_renderers_of_a_context_share_their_programs_and_a_new_context_knows_none(context):
    assert shared("line") is shared("line")
    assert peeled("line") is peeled("line") is not shared("line")
    before = shared("line")
    with HeadlessContext():
        assert shared("line") is not before
    context.make_current()
    assert shared("line") is before


def test_drawing_and_freeing_leaves_no_textures_or_programs(target, layer):
    def alive() -> list[int]:
        """The names of what there is: drivers give the smallest that are free."""
        names = range(1, 4000)
        return [sum(map(is_one, names)) for is_one in (GL.glIsTexture, GL.glIsProgram)]

    def draw() -> None:
        renderer = Renderer()
        layer.opacity = 0.5
        renderer.draw(Scene([layer]), target)
        renderer.free()

    draw()
    before = alive()
    draw()
    assert alive() == before


@pytest.mark.parametrize("moving", [False, True])
def test_seen_from_above_a_surface_has_no_highlight(renderer, layer, moving, monkeypatch):
    """It would be a spot of a colour that stands for another height."""
    scene = Scene([layer])
    differ = []
    for elevation in (90.0, 40.0):
        scene.camera = Camera(azimuth=0.0, elevation=elevation)
        pictures = []
        for gloss in (surfaces.gloss, lambda _: 1.0):
            monkeypatch.setattr(surfaces, "gloss", gloss)
            target = Target(300, 200)
            renderer.draw(scene, target, moving=moving)
            pictures.append(target.read().astype(int))
            target.free()
        monkeypatch.undo()
        differ.append(np.abs(pictures[0] - pictures[1]).max())
    assert differ[0] > 5
    assert differ[1] == 0


def test_a_picture_from_any_side_shows_the_whole_box(context, layer, monkeypatch):
    drawn = []
    monkeypatch.setattr(picture_module, "draw_views", lambda _, views, *__: drawn.append(*views))
    size, options = (900, 560), {"azimuth": 135.0, "elevation": 75.0}
    for more in ({}, {"distance": 3.0}):
        render(layer, size=size, **options, **more)
    whole, closer = drawn
    places = whole.camera.to_pixels(whole.frame().corners, size)[:, :2]
    assert ((places > 0) & (places < size)).all()
    assert closer.camera.distance == 3.0
