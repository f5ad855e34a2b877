"""A window is killed in the midst of things: jobs go on, and the next window finds all of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui

from conftest import NETWORK
from isoloss.jobs.queue import Queue
from isoloss.run import Run

STEP, VALLEY = sys.argv[1], Path(sys.argv[2])
FIRST, SECOND = (Path(f"runs/net-digits{ending}").absolute() for ending in ("", "-2"))
BAR = "//##MainMenuBar/**/"


def killed(d: Driver) -> None:
    """Begin two runs, one of which waits, look at a surface, choose a layout, and die."""
    workspace, form = d.parts.workspace, d.parts.experiments.forms["train"]
    d.until(lambda: workspace.scene.shown, "the surface")
    d.type("//Experiments/**/epochs/##value", 9000)
    d.type("//Experiments/**/model/##value", "small:net")
    d.until(lambda: form.settings is not None, f"the form to be right ({form.error})")
    for k in range(2):
        d.click("//Experiments/**/start")
        d.until(lambda k=k: len(workspace.runs.followed) == k + 1, "the run to be listed")
    followed = workspace.runs.of(FIRST)
    d.until(lambda: followed.metrics, "the first to be at work", 60)
    d.click(f"{BAR}layouts")
    d.click("//$FOCUSED/save-layout")
    d.type("//Layouts/##new", "Mine")  # and Enter
    d.until(lambda: d.parts.docking.layouts.name == "Mine", "the layout")
    d.press(imgui.Key.escape)
    d.press(imgui.Key.t)
    d.until(workspace.session.running_path().exists, "the session to be kept")
    os.kill(os.getpid(), signal.SIGKILL)


def again(d: Driver) -> None:
    """Everything is there, and goes on."""
    workspace = d.parts.workspace
    runs, form = workspace.runs, d.parts.experiments.forms["train"]
    assert (form.values["epochs"], form.values["model"]) == (9000, "small:net")
    assert d.parts.docking.layouts.name == "Mine"
    d.until(lambda: runs.of(FIRST) and runs.of(SECOND), "the runs to be found")
    first, second = runs.of(FIRST), runs.of(SECOND)
    assert (first.status, runs.place(second)) == ("running", 0)
    seen = len(first.metrics)
    d.until(lambda: len(first.metrics) > seen, "the first to go on", 60)
    d.shot("killed_again.png")
    d.press(imgui.Key.mod_ctrl, imgui.Key.p)
    d.ctx.key_chars("restore last")
    d.ctx.yield_(2)
    d.press(imgui.Key.enter)
    d.until(lambda: workspace.scene.layers, "the session")
    assert workspace.scene.layers[0].name == "valley"

    # the death of a job that another window has begun is seen, and the next has its turn
    os.kill(first.pid, signal.SIGKILL)
    d.until(lambda: first.status == "failed", "its death to be seen")
    assert "killed" in first.failure
    d.until(lambda: second.status == "running", "the next to begin", 60)
    runs.cancel(second)
    d.until(lambda: second.status == "paused", "it to stop", 60)


if STEP == "begin":
    Path("small.py").write_text(NETWORK)
    window = subprocess.run([sys.executable, __file__, "die", VALLEY])
    assert window.returncode == -signal.SIGKILL
    assert Run.open(FIRST).is_held, "the job has ended with its window"
    assert Queue().waiting == (SECOND,)
elif STEP == "die":
    drive(killed, VALLEY)
else:
    drive(again)
