"""A surface of every checkpoint is one layer: scrubbed, played, read, saved and restored."""

from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.files.session import load_session
from isoloss.scene.files.snapshot import write_document

AXIS = np.linspace(-1, 1, 41)


def written(path: Path) -> Path:
    """The surfaces of five checkpoints, at epochs 0 to 4: a bowl that deepens."""
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    names = [f"{k:04d}" for k in range(5)]
    made = [
        Surface.from_loss(
            AXIS, AXIS, 3 - 0.5 * k + (0.2 + 0.3 * k) * (a**2 + b**2) + 0.1 * np.sin(4 * a + k),
            model="net", data="digits", epoch=float(k), checkpoint=name,
        )
        for k, name in enumerate(names)
    ]  # fmt: skip
    last = made[-1]
    last.meta["earlier"] = names[:-1]
    middle = np.array([s.loss[20, 20] for s in made])
    zeros = np.zeros(5)
    path_ = Trajectory(zeros, zeros, middle, zeros, np.arange(5.0), np.full(5, 0.1))
    whole = Surface(
        AXIS, AXIS, last.loss, last.accuracy, last.loss_stderr, last.count, last.meta,
        trajectories=(path_,), earlier=tuple(made[:-1]),
    )  # fmt: skip
    return whole.save(path)


def through_time(d: Driver) -> None:
    workspace = d.parts.workspace
    scene, playback = workspace.scene, d.parts.playback
    d.until(lambda: d.window.frames > 4, "the first frames")
    (layer,) = scene.layers
    assert layer.last is not None
    assert layer.surface is layer.last
    d.until(lambda: not d.parts.viewports.is_busy, "the whole picture")
    end, scale = d.picture(), scene.frame().scale
    d.shot("through_time_end.png")

    # drag the slider to about the middle: the surface goes along
    slider = d.ctx.item_info("//Viewport/**/##epoch").rect_full
    width, y = slider.max.x - slider.min.x, (slider.min.y + slider.max.y) / 2
    d.ctx.mouse_move_to_pos((slider.max.x - 8, y))
    d.ctx.mouse_drag_with_delta((-0.4 * width, 0))
    epoch = scene.appearance.epoch
    assert epoch is not None
    assert 1.8 < epoch < 3.0
    d.until(lambda: layer.surface.meta["epoch"] == epoch, "the surface to be that of the epoch")
    assert scene.frame().scale == scale
    k = int(epoch)
    here, there = (layer.last.earlier[k].loss, (*layer.last.earlier, layer.last)[k + 1].loss)
    between = here + (epoch - k) * (there - here)
    np.testing.assert_allclose(layer.surface.loss, between, rtol=1e-12)
    assert (d.picture() != end).any(axis=2).mean() > 0.02, "the surface stayed"
    d.shot("through_time_middle.png")

    # from checkpoint to checkpoint by keys; each is as it was computed
    d.press(imgui.Key.comma)
    d.until(lambda: layer.surface is layer.last.earlier[k], "the checkpoint before")
    assert scene.heading.endswith(f"epoch {k}")

    # without its path it still has a time
    d.press(imgui.Key.p)
    d.until(lambda: not scene.appearance.trajectory, "the path to go")
    d.ctx.yield_(3)
    assert d.ctx.item_exists("//Viewport/**/play")
    d.shot("through_time_without_path.png")
    d.press(imgui.Key.p)

    # play to the end
    d.click("//Viewport/**/loop")
    playback.speed = 4.0
    d.press(imgui.Key.space)
    d.until(lambda: (layer.surface.meta["epoch"]) > k + 0.1, "the surface to move")
    d.until(lambda: not playback.playing, "the end", seconds=30)
    d.until(lambda: layer.surface is layer.last, "the last surface")
    d.until(lambda: (d.picture() == end).all(), "the picture of the end")

    # what is handed to a job that draws a movie has all of it
    folder = Path.cwd() / "snapshot"
    folder.mkdir()
    (again,) = load_session(write_document(workspace.document, folder)).layers
    assert [s.meta["epoch"] for s in again.whole.earlier] == [0, 1, 2, 3]


drive(through_time, written(Path("training.ply")))
