"""Large surfaces: shortcuts while things move, none in what is shown at rest."""

import itertools
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from isoloss.geometry import simplify
from isoloss.geometry.mesh import display_mesh
from isoloss.geometry.surface import Surface
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.target import Target
from isoloss.gl.frame.canvas import QUIET, Canvas
from isoloss.gl.frame.detail import LADDER, DetailControl
from isoloss.gl.layers import contour_buffers
from isoloss.gl.layers.contour_buffers import ContourBuffers
from isoloss.gl.layers.overlays import contour_segments
from isoloss.gl.layers.surfaces import PART, SurfaceBuffers, resolution_of
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.theme import THEMES

SIZE = (200, 120)


def waves(rows: int, columns: int, hole: bool = False) -> Surface:
    alpha, beta = np.linspace(-1, 1, rows), np.linspace(-1, 1, columns)
    loss = np.cos(7 * alpha)[:, None] * np.sin(5 * beta)[None, :] + alpha[:, None] ** 2 + 2
    if hole:
        loss[rows // 3 : rows // 2, columns // 2] = np.nan
    return Surface.from_loss(alpha, beta, loss)


@pytest.fixture(scope="module")
def large() -> Surface:
    return waves(420, 390, hole=True)


@pytest.fixture
def canvas(renderer):
    made = Canvas(renderer)
    yield made
    made.free()


def area(mesh, triangles) -> float:
    """Of the triangles as seen from above."""
    x, y = np.broadcast_arrays(mesh.x[:, None], mesh.y[None, :])
    corners = np.stack([x, y], axis=-1).reshape(-1, 2)[triangles]
    (ux, uy), (vx, vy) = ((corners[:, k] - corners[:, 0]).T for k in (1, 2))
    return float((ux * vy - uy * vx).sum() / 2)


@pytest.mark.parametrize("stride", [1, 2, 3, 7, 50, 1000])
def test_coarser_triangles_cover_the_whole_surface(stride):
    mesh = display_mesh(waves(120, 91), smooth=False)
    assert area(mesh, mesh.triangles(stride)) == pytest.approx(4.0)


@pytest.mark.parametrize("stride", [1, 2, 5, 9])
def test_coarser_triangles_have_no_corner_without_a_height(large, stride):
    mesh = display_mesh(large)
    heights = mesh.height.ravel()[mesh.triangles(stride)]
    assert np.isnan(mesh.height).any()
    assert np.isfinite(heights).all()


def test_the_parts_of_a_surface_are_all_of_it(context, large):
    buffers = SurfaceBuffers()
    buffers.upload_shape(display_mesh(large))
    for budget in (40, 10**6):
        parts = buffers.parts(budget)
        assert parts[0].start == 0
        assert all(a.stop == b.start for a, b in pairwise(parts))
        assert all((part.stop - part.start) % 3 == 0 for part in parts)
        assert max(part.stop - part.start for part in parts) <= 3 * PART
    mesh = display_mesh(large)
    assert parts[-1].stop == mesh.triangles().size
    buffers.free()


@pytest.fixture
def contours(context):
    """Buffers, and the records last uploaded to each of their two batches."""
    buffers, uploaded = ContourBuffers(), {}
    for name in ("quick", "batch"):
        batch = getattr(buffers, name)
        batch.upload = lambda records, name=name: uploaded.update({name: records})
    yield buffers, uploaded
    buffers.free()


def test_contours_level_by_level_are_those_made_at_once(contours, large):
    buffers, uploaded = contours
    mesh, levels = display_mesh(large), (np.arange(6) + 1) / 7
    colors = np.random.default_rng(0).random((6, 4))
    buffers.update(mesh, levels, colors)
    assert set(uploaded) == {"quick"}  # coarse lines are there at once
    assert sum(1 for _ in buffers.complete()) == 6
    assert (uploaded["batch"] == contour_segments(mesh, levels, colors)).all()
    assert sum(1 for _ in buffers.complete()) == 0


def test_known_contours_are_not_worked_out_again(contours, large):
    buffers, uploaded = contours
    mesh, levels, colors = display_mesh(large), (np.arange(6) + 1) / 7, np.ones((6, 4))
    buffers.update(mesh, levels, colors)
    for _ in buffers.complete():
        pass
    buffers.update(mesh, levels[::2], 0.5 * colors[::2])
    assert sum(1 for _ in buffers.complete()) == 0
    assert (uploaded["batch"] == contour_segments(mesh, levels[::2], 0.5 * colors[::2])).all()
    other = display_mesh(waves(210, 230))
    buffers.update(other, levels, colors)
    assert sum(1 for _ in buffers.complete()) == 6
    assert (uploaded["batch"] == contour_segments(other, levels, colors)).all()


def test_viewports_share_the_contours_of_a_mesh(contours, large):
    first, uploaded = contours
    mesh, levels, colors = display_mesh(large), (np.arange(6) + 1) / 7, np.ones((6, 4))
    first.update(mesh, levels, colors)
    assert sum(1 for _ in first.complete()) == 6
    second = ContourBuffers()
    shown = []
    second.batch.upload = shown.append
    second.update(mesh, levels, colors)
    assert sum(1 for _ in second.complete()) == 0
    assert (shown[0] == uploaded["batch"]).all()
    second.free()


def test_a_simplified_picture_is_the_one_of_all_triangles(renderer, monkeypatch):
    monkeypatch.setattr(renderer, "is_software", True)
    pictures, counts = [], []
    for fewest in (40_000, 10**9):
        monkeypatch.setattr(simplify, "FEWEST", fewest)
        scene = Scene([SurfaceLayer("large", waves(420, 390, hole=True))])
        target = Target(300, 200)
        renderer.draw(scene, target)
        pictures.append(target.read().astype(int))
        (held,) = renderer._held.values()
        resolution = resolution_of(*_view(scene, held))
        counts.append(held.buffers.surface.parts(10**6, resolution)[-1].stop)
        target.free()
    assert counts[0] < 0.7 * counts[1]
    off = np.abs(pictures[0] - pictures[1]).max(axis=-1)
    assert off.mean() < 0.1
    assert np.quantile(off, 0.995) <= 2


def _view(scene, held):
    look = THEMES[scene.appearance.theme]
    return View(scene.camera, (300, 200), 1.0, look), held.buffers.placed


def test_coarse_contours_lie_where_the_true_ones_do(contours, large):
    buffers, uploaded = contours
    mesh = display_mesh(large)
    buffers.update(mesh, np.array([0.4]), np.ones((1, 4)))
    quick, true = uploaded["quick"], contour_segments(mesh, np.array([0.4]), np.ones((1, 4)))
    places = quick["start"].astype(float)
    assert np.abs(mesh.height_at(places[:, 0], places[:, 1]) - 0.4).max() < 0.01
    assert 0.15 * len(true) < len(quick) < 0.35 * len(true)


def test_coarse_contours_of_levels_passed_before_are_known_and_close_ones_stay_apart(
    contours, large, monkeypatch
):
    buffers, uploaded = contours
    mesh, found = display_mesh(large), []
    ends = contour_buffers.contour_ends
    monkeypatch.setattr(
        contour_buffers, "contour_ends", lambda *rest: found.append(rest[1]) or ends(*rest)
    )
    for count in range(10, 60):
        buffers.update(mesh, (np.arange(count) + 1) / (count + 1), np.ones((count, 4)))
    assert len(found) == len(set(found)) <= contour_buffers.QUICK_STEPS
    close = 0.4 + np.arange(5) * 1e-3
    buffers.update(mesh, close, np.ones((5, 4)))
    heights = uploaded["quick"]["start"][:, 2]
    assert np.unique(heights).tolist() == close.astype(np.float32).tolist()


def test_the_whole_picture_in_pieces_is_the_one_drawn_at_once(canvas, renderer, large):
    scene = Scene([SurfaceLayer("large", large)])
    canvas.draw(scene, SIZE, 1.0)
    before = canvas.pixels().astype(int)
    scene.camera = scene.camera.orbit(40, 5)
    canvas.whole_seconds = np.inf  # however fast this machine is
    canvas.draw(scene, SIZE, 1.0)
    assert canvas.is_busy
    pieces = 0
    while canvas.is_busy:
        canvas.draw_piece()
        pieces += 1
    assert pieces > 10
    target = Target(*SIZE)
    renderer.draw(scene, target)
    assert (canvas.pixels() == target.read()).all()
    assert np.abs(canvas.pixels() - before).mean() > 1  # the camera has moved
    target.free()


def test_a_change_throws_what_was_begun_away(canvas, renderer, large):
    scene = Scene([SurfaceLayer("large", large)])
    canvas.whole_seconds = np.inf
    canvas.draw(scene, SIZE, 1.0)
    for _ in range(5):
        canvas.draw_piece()
    scene.camera = scene.camera.orbit(90, 0)
    scene.appearance = replace(scene.appearance, contour_levels=5)
    canvas.draw(scene, SIZE, 1.0)
    target = Target(*SIZE)
    renderer.draw(scene, target)
    assert (canvas.pixels() == target.read()).all()
    target.free()


def test_quick_pictures_resemble_the_whole_one(canvas):
    scene = Scene([SurfaceLayer("large", waves(400, 400))])
    whole = None
    for step in range(len(LADDER)):
        canvas.detail_control = DetailControl(step)
        canvas.draw_quickly(scene, (400, 250), 1.0)
        detail = LADDER[step]
        assert canvas._quick.size == (round(400 * detail.fraction), round(250 * detail.fraction))
        if detail.fraction == 1.0:
            quick = canvas._quick.read().astype(int)
            whole = canvas.pixels() if whole is None else whole
            assert np.abs(quick - whole).mean() < 3


def test_the_whole_picture_waits_until_changes_cease(canvas, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    scene = Scene([SurfaceLayer("small", waves(9, 9))])
    canvas.whole_seconds = np.inf
    canvas.draw(scene, SIZE, 1.0)
    for _ in range(3):
        now[0] += 0.5 * QUIET
        canvas.draw(scene, SIZE, 1.0)
        assert not canvas.go_on(np.inf)
    now[0] += QUIET
    assert canvas.go_on(np.inf)
    assert not canvas.is_busy
    assert not canvas.go_on(np.inf)
    now[0] += 100 * QUIET
    canvas.whole_seconds = np.inf
    canvas.draw(scene, SIZE, 1.0)
    # A change that comes alone is not waited for, but for what is left of the quick picture.
    assert canvas.go_on(np.inf) or canvas.go_on(np.inf)


def in_slices(monkeypatch):
    """Each look at the clock comes a hundredth of a second after the one before."""
    now = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: 0.01 * next(now))


def test_the_first_quick_picture_comes_in_slices(renderer, monkeypatch):
    scene = Scene([SurfaceLayer("small", waves(9, 9))])
    first, again = Canvas(renderer), Canvas(renderer)
    for made in (first, again):
        made.whole_seconds = np.inf
        made.detail_control = DetailControl(len(LADDER) - 1)
    again.draw_quickly(scene, SIZE, 1.0)
    in_slices(monkeypatch)
    first.draw(scene, SIZE, 1.0)
    frames = 0
    while first.is_hurrying:
        assert first.texture == 0
        assert first.patches == (0, [])
        assert not first.go_on()
        frames += 1
    assert frames > 3
    assert (first._quick.read() == again._quick.read()).all()
    assert first.texture == first._quick.texture
    assert first.patches[1] == again.patches[1]
    scene.camera = scene.camera.orbit(9, 0)
    first.draw(scene, SIZE, 1.0)  # what moves is drawn at once
    assert not first.is_hurrying
    first.free()
    again.free()


def test_changes_do_not_keep_the_first_picture_from_coming(canvas, monkeypatch):
    scene = Scene([SurfaceLayer("small", waves(9, 9))])
    canvas.whole_seconds = np.inf
    in_slices(monkeypatch)
    for _ in range(12):
        scene.camera = scene.camera.orbit(3, 0)
        canvas.draw(scene, SIZE, 1.0)
    assert canvas.texture == canvas._quick.texture


def cost(step: int, machine: float) -> float:
    detail = LADDER[step]
    return machine * (0.2 + detail.fraction**2 + (detail.points / 200) ** 2)


@pytest.mark.parametrize("machine", [0.001, 0.004, 0.008, 0.02])
@pytest.mark.parametrize("begin", [0, 5, len(LADDER) - 1])
def test_the_detail_settles_at_the_finest_detail_there_is_time_for(machine, begin):
    control = DetailControl(begin, target=0.015)
    for _ in range(400):
        control.took(cost(control.step, machine))
    settled = control.step
    assert cost(settled, machine) <= 1.2 * control.target or settled == len(LADDER) - 1
    assert settled == 0 or cost(settled - 2, machine) > 0.75 * control.target or settled < 2


def test_the_detail_does_not_waver():
    control, steps = DetailControl(5, target=0.015), []
    generator = np.random.default_rng(1)
    for _ in range(1500):
        control.took(cost(control.step, 0.006) * generator.uniform(0.9, 1.25))
        steps.append(control.step)
    assert np.count_nonzero(np.diff(steps[100:])) <= 24


def test_a_single_slow_picture_changes_little():
    control = DetailControl(5, target=0.015)
    for _ in range(30):
        control.took(0.013)
    before = control.step
    control.took(0.5)
    assert control.step <= before + 1
