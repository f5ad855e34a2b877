"""Scrub through the epochs of two trajectories by dragging, step by keys, and play."""

import sys
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui


def scrub(d: Driver) -> None:
    workspace = d.parts.workspace
    scene, playback = workspace.scene, d.parts.playback
    d.until(lambda: d.window.frames > 4, "the first frames")
    assert [t.name for t in scene.layers[0].trajectories] == ["sgd", "adam"]
    whole = d.picture()
    assert scene.appearance.epoch is None

    # drag the slider from its right end to the left
    slider = d.ctx.item_info("//Viewport/**/##epoch").rect_full
    width = slider.max.x - slider.min.x
    y = (slider.min.y + slider.max.y) / 2
    d.ctx.mouse_move_to_pos((slider.max.x - 8, y))
    d.ctx.mouse_drag_with_delta((-0.4 * width, 0))
    epoch = scene.appearance.epoch
    assert epoch is not None
    assert 2.4 < epoch < 3.6  # of 5
    part = d.picture()
    assert (part != whole).any(axis=2).sum() > 100, "the path is still whole"
    d.shot("scrub.png")
    d.until(lambda: d.parts.steps.undoes == "epoch", "the drag to be a step")
    d.press(imgui.Key.mod_ctrl, imgui.Key.z)
    d.until(lambda: scene.appearance.epoch is None, "undo")
    assert (d.picture() == whole).all()

    # by keys from checkpoint to checkpoint
    d.press(imgui.Key.comma)
    assert scene.appearance.epoch == 4.0
    d.press(imgui.Key.comma)
    assert scene.appearance.epoch == 3.0
    d.press(imgui.Key.period)
    assert scene.appearance.epoch == 4.0

    # play from there to the end, without a loop
    d.click("//Viewport/**/loop")
    assert not playback.loop
    playback.speed = 4.0
    d.press(imgui.Key.space)
    assert playback.playing
    seen = d.until(lambda: (e := scene.appearance.epoch) and e > 4.05 and e, "the head to move")
    d.until(lambda: (scene.appearance.epoch or 5) > seen, "the head to move on")
    d.until(lambda: not playback.playing, "the end")
    assert scene.appearance.epoch is None
    d.until(lambda: d.parts.steps.undoes == "epoch", "the playing to be a step")

    # once more from the start; pause
    d.click("//Viewport/**/play")
    assert playback.playing
    d.until(lambda: 0.3 < (scene.appearance.epoch or 0) < 5, "the middle")
    d.press(imgui.Key.space)
    assert not playback.playing
    paused = scene.appearance.epoch
    painted = d.parts.viewport.painter.count
    d.ctx.yield_(10)
    assert scene.appearance.epoch == paused
    assert d.parts.viewport.painter.count <= painted + 1, "draws on while it rests"

    # with its trajectories hidden there is nothing to be played
    d.press(imgui.Key.p)
    d.until(lambda: not d.ctx.item_exists("//Viewport/**/play"), "the timeline to go")
    assert not d.parts.action("play").is_possible()
    d.press(imgui.Key.p)
    d.until(lambda: d.ctx.item_exists("//Viewport/**/play"), "the timeline")


drive(scrub, Path(sys.argv[1]))
