"""The tour: six runs from the forms it fills in to what can be touched, left and gone on with."""

import sys

from drive import SECONDS, Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.tour import ATTACK, CERTIFY, DEFEND, PROBE, STEPS, TRAIN
from isoloss.app.ui.dock_nodes import rect_of
from isoloss.app.ui.spots import spot
from isoloss.geometry.rect import overlap
from isoloss.run import Run

WAIT = max(SECONDS, 300)
"""Seconds for which a run may take on a busy machine."""


def begin(d: Driver) -> None:
    """Train and probe, then leave; the next window goes on from there."""
    guide, workspace = d.parts.tour, d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.click("//Viewport/**/tour")
    d.until(lambda: guide.is_open, "the tour")

    form = d.parts.experiments.forms["train"]
    asks(d, 0)
    assert form.values["model"] == "cnn"
    d.shot("tour-1-asks.png")
    d.click("//Experiments/**/start")  # the form's own button
    d.until(lambda: guide.state.phase == "works", "the training to begin")
    d.until(lambda: workspace.runs.selected.metrics, "the curve to grow", WAIT)
    d.shot("tour-1-works.png")
    done(d, 0)
    drag_over(d, spot("loss"))
    d.until(lambda: guide.state.touched == {0}, "the drag to be noticed")
    d.shot("tour-1-done.png")
    goes_on(d, 1)

    asks(d, 1)
    d.shot("tour-2-asks.png")
    d.press(imgui.Key.enter)  # the keyboard starts it as well
    d.until(lambda: guide.state.phase == "works", "the probe to begin")
    done(d, 1)
    d.drag(60, 20)
    d.press(imgui.Key.c)
    d.until(lambda: guide.state.touched == {0, 1}, "orbit and contours to be noticed")
    d.shot("tour-2-done.png")

    goes_on(d, 2)
    d.press(imgui.Key.backspace)
    at(d, 1)
    assert guide.state.phase == "done"
    goes_on(d, 2)
    d.press(imgui.Key.escape)
    d.until(lambda: not guide.is_open, "the card to go")
    assert workspace.preferences.tour == 2


def go_on(d: Driver) -> None:
    """In another window: attack, defend, certify, compare."""
    guide, workspace = d.parts.tour, d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.until(lambda: len(workspace.runs.trained) == 1, "the library")
    if "light" in sys.argv:
        d.parts.toggle_theme()
    d.ctx.menu_click("//##MainMenuBar/Help/tour")
    asks(d, 2)
    d.shot("tour-3-asks.png")
    d.click("//Tour/**/next")
    done(d, 2)
    browser = workspace.evaluations.shown.browser
    d.until(lambda: spot("eps"), "the slider")
    d.shot("tour-3-done.png")
    move_epsilon(d)
    d.until(lambda: guide.state.touched == {0}, "ε to be moved")
    assert browser.eps == 0.1
    d.shot("tour-3-touched.png")
    goes_on(d, 3)

    asks(d, 3)
    d.click("//Tour/**/next")
    d.until(lambda: guide.state.phase == "works", "the defense to begin")
    d.shot("tour-4-works.png")
    done(d, 3)
    d.click("//Examples/next")
    d.until(lambda: 0 in guide.state.touched, "the next image")
    d.shot("tour-4-done.png")
    goes_on(d, 4)

    asks(d, 4)
    d.click("//Tour/**/next")
    done(d, 4)
    d.until(lambda: spot("radius"), "the plot")
    left, top, right, bottom = spot("radius")
    for share in (0.3, 0.42):
        d.ctx.mouse_move_to_pos((left + share * (right - left), top + 0.3 * (bottom - top)))
        d.ctx.yield_(3)
    d.until(lambda: guide.state.touched == {0}, "the radius to be moved")
    d.shot("tour-5-done.png")
    goes_on(d, 5)

    assert guide.state.phase == "done"
    both = d.until(lambda: rect_of("Compare") or spot("accuracies"), "both on one axis")
    point_into(d, both)
    d.until(lambda: guide.state.touched == {0}, "the curves to be read")
    d.shot("tour-6-done.png")
    for run in (TRAIN, PROBE, ATTACK, DEFEND, CERTIFY):
        assert Run.open(workspace.runs.folder / run).is_done
    d.click("//Tour/**/next")
    d.until(lambda: not guide.is_open, "the end of the tour")
    assert workspace.preferences.tour == 0


def at(d: Driver, index: int) -> None:
    state = d.parts.tour.state
    d.until(lambda: state.index == index, f"step {index + 1}, {STEPS[index].title}")
    d.until(lambda: d.ctx.item_exists("//Tour/**/next"), "the card")
    d.ctx.yield_(8)  # panels come to the front
    assert imgui_inside(rect_of("Tour"))


def asks(d: Driver, index: int) -> None:
    """A step has filled in its form, and the card stands clear of that."""
    at(d, index)
    state, step = d.parts.tour.state, STEPS[index]
    d.until(lambda: state.phase == "asks", "the step to be begun")
    form = d.until(lambda: spot("start"), "the button")
    assert d.parts.experiments.forms[step.kind].settings is not None
    assert not overlap(rect_of("Tour"), rect_of("Experiments")), "the card covers the form"
    assert d.parts.experiments.folder(step.kind).name == step.run
    assert form


def done(d: Driver, index: int) -> None:
    """A step's run has ended, and the card stands clear of what it has found."""
    state, step = d.parts.tour.state, STEPS[index]
    d.until(lambda: state.phase in ("done", "stopped"), f"{step.run} to be done", WAIT)
    followed = state.followed(step.run)
    assert state.phase == "done", followed and followed.failure
    d.dismiss_notifications()
    d.ctx.yield_(8)
    target = (spot(step.spot) if step.spot else None) or rect_of(step.panel)
    target = target or spot("accuracies")
    assert not overlap(rect_of("Tour"), target), "the card covers what it speaks of"
    assert step.found(state), "what it has found is told"


def goes_on(d: Driver, index: int) -> None:
    d.press(imgui.Key.enter)
    at(d, index)


def drag_over(d: Driver, rect) -> None:
    point_into(d, rect)
    d.ctx.mouse_drag_with_delta((30, 10), 0)


def point_into(d: Driver, rect) -> None:
    left, top, right, bottom = rect
    for share in (0.4, 0.5):
        d.ctx.mouse_move_to_pos((left + share * (right - left), (top + bottom) / 2))
        d.ctx.yield_(2)


def move_epsilon(d: Driver) -> None:
    _, top, right, bottom = spot("eps")
    d.ctx.mouse_move_to_pos((right - 4, (top + bottom) / 2))
    d.ctx.mouse_click(0)


def imgui_inside(rect) -> bool:
    area = imgui.get_main_viewport().size
    return rect[0] >= 0 and rect[1] >= 0 and rect[2] <= area.x and rect[3] <= area.y


drive({"begin": begin, "on": go_on}[sys.argv[1]])
