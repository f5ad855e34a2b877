"""Runs end: cancelled, at once, done; what comes next is offered, and the desktop is told."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import glfw_utils  # noqa: F401, before glfw: it brings a GLFW of its own

import glfw  # isort: skip

from conftest import NETWORK
from isoloss.app.ui import desktop

SAID = Path("said.txt").absolute()


def stand_in_for_the_desktop() -> None:
    """A program that is called as the desktop's own, and writes down what it is to show."""
    program = Path("bin/notify-send").absolute()
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nshift 3\nprintf "%s: %s\\n" "$@" >> {SAID}\n')
    program.chmod(0o755)
    os.environ["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def said() -> str:
    return SAID.read_text() if SAID.exists() else ""


def on_the_windows_thread(d: Driver, act: Callable[[], object]) -> None:
    """What GLFW allows on no other."""
    update, done = d.parts.renderings.update, []

    def and_act() -> None:
        d.parts.renderings.update = update
        done.append(act())
        update()

    d.parts.renderings.update = and_act
    d.until(lambda: done, "the next frame")


def place(d: Driver, name: str) -> tuple[float, float, float, float]:
    """Where a button of the only job is."""
    d.until(lambda: d.ctx.item_exists(f"//Jobs/**/{name}"), f"the button {name}")
    rect = d.ctx.item_info(f"//Jobs/**/{name}").rect_full
    return rect.min.x, rect.min.y, rect.max.x, rect.max.y


def ending(d: Driver) -> None:
    workspace = d.parts.workspace
    runs, form = workspace.runs, d.parts.experiments.forms["train"]
    Path("small.py").write_text(NETWORK)
    d.until(lambda: d.window.frames > 4, "the first frames")
    is_looked_at = desktop.is_looked_at
    d.until(is_looked_at, "the window to be in front")
    desktop.is_looked_at = lambda: False
    d.type("//Experiments/**/model/##value", "small:net")
    d.type("//Experiments/**/epochs/##value", 9000)
    form.set("checkpoints_per_epoch", 0.001)
    d.until(lambda: form.settings is not None, f"the form to be right ({form.error})")
    d.click("//Experiments/**/start")
    followed = d.until(lambda: runs.selected, "the run to be listed")
    d.until(lambda: followed.progress, "it to be at work", 60)

    # a job that does not stop: what it is asked is seen at once, and no button has moved
    before = place(d, "cancel"), place(d, "reveal")
    os.kill(followed.job.pid, signal.SIGSTOP)
    d.click("//Jobs/**/cancel")
    assert followed.is_asked_to_stop
    assert (place(d, "end"), place(d, "reveal")) == before
    d.shot("cancelling.png")
    d.click("//Jobs/**/end")
    d.until(lambda: d.ctx.item_exists("//$FOCUSED/end now"), "the question")
    d.shot("end_at_once.png")
    d.click("//$FOCUSED/end now")
    d.until(lambda: followed.status == "paused", "its end to be seen")
    assert (place(d, "resume"), place(d, "reveal")) == before
    d.shot("paused.png")

    # one that is asked to stop keeps its steps, between two checkpoints that are far apart
    last = followed.progress
    d.click("//Jobs/**/resume")
    more = d.until(lambda: followed.progress is not last and followed.progress, "more", 60)
    d.click("//Jobs/**/cancel")
    d.until(lambda: followed.status == "paused", "it to be paused", 60)
    assert followed.run.stopped_path.exists()
    last = followed.progress
    d.click("//Jobs/**/resume")
    d.until(lambda: followed.progress is not last, "its progress", 60)
    assert followed.progress.done >= last.done >= more.done > 0
    os.kill(followed.job.pid, signal.SIGKILL)
    d.until(lambda: followed.status == "failed", "its death to be seen")
    d.until(lambda: "killed" in said(), "the desktop to be told")
    d.click("//Jobs/**/forget")

    # what is done offers what comes next
    d.type("//Experiments/**/epochs/##value", 1)
    form.set("checkpoints_per_epoch", 1)
    d.click("//Experiments/**/start")
    trained = d.until(lambda: runs.selected, "the second run to be listed")
    d.until(lambda: trained.status == "done", "it to be done", 60)
    d.until(lambda: d.ctx.item_exists("//notification##0/next probe"), "the offer")
    d.shot("offered.png")
    d.click("//notification##0/next probe")
    source = f"runs/{trained.run.name}"
    d.until(lambda: d.parts.experiments.forms["probe"].values["source"] == source, "the form")
    d.click("//Jobs/**/next attack")
    d.until(lambda: d.parts.experiments.forms["attack"].values["source"] == source, "the other")
    d.until(lambda: f"isoloss: {trained.run.name} is done" in said(), "the desktop to be told")
    d.parts.toggle_theme()
    d.shot("offered_light.png")

    # a person who looks at the window is not told twice, nor who does not want to
    desktop.is_looked_at = is_looked_at
    told = said()
    workspace.messages.say("looked at", urgent=True)
    d.until(lambda: not workspace.messages.urgent, "it to be passed over")
    on_the_windows_thread(d, lambda: glfw.hide_window(desktop.glfw_window()))
    d.until(lambda: not is_looked_at(), "the window to be out of sight")
    d.parts.action("desktop-notifications").run()
    workspace.messages.say("not wanted", urgent=True)
    d.until(lambda: not workspace.messages.urgent, "it to be passed over")
    d.parts.action("desktop-notifications").run()
    workspace.messages.say("wanted", urgent=True)
    d.until(lambda: said() == f"{told}isoloss: wanted\n", "what is wanted, and nothing else")


stand_in_for_the_desktop()
drive(ending)
