"""Fill in the form, train for real, see curves move, cancel, resume; a killed job is one line."""

import os
import signal
from pathlib import Path

from drive import Driver, drive

from conftest import NETWORK


def train(d: Driver) -> None:
    runs = d.parts.workspace.runs
    Path("small.py").write_text(NETWORK)
    d.until(lambda: d.window.frames > 4, "the first frames")
    form = d.parts.experiments.forms["train"]

    # what is wrong is said, and cannot be started
    d.type("//Experiments/**/epochs/##value", 0)
    d.until(lambda: form.settings is None, "the mistake to be noticed")
    assert form.wrong == "epochs"
    assert "Epochs" in form.error
    d.shot("train_wrong.png")
    d.type("//Experiments/**/epochs/##value", 9000)
    d.type("//Experiments/**/model/##value", "small:net")
    d.until(lambda: form.settings is not None, f"the form to be right ({form.error})")
    assert form.settings.epochs == 9000
    assert form.command(Path("x")).startswith("isoloss train --model small:net --epochs 9000")

    d.click("//Experiments/**/start")
    followed = d.until(lambda: runs.selected, "the run to be listed")
    assert (followed.run.folder / "run.json").exists()
    d.until(lambda: len(followed.metrics) > 3 or followed.failure, "the curves", 60)
    assert not followed.failure, followed.failure
    seen = len(followed.metrics)
    d.until(lambda: len(followed.metrics) > seen, "the curves to move", 60)
    d.shot("train.png")
    job = followed.job
    d.click("//Jobs/**/cancel")
    d.until(lambda: followed.status == "paused", "the run to be paused", 60)
    d.until(lambda: job.exit_code is not None, "the job to end")

    d.click("//Jobs/**/resume")
    d.until(lambda: followed.status == "running", "the run to be resumed", 60)
    seen = len(followed.metrics)
    os.kill(followed.job.pid, signal.SIGKILL)
    d.until(lambda: followed.status == "failed", "the death to be noticed")
    assert "killed" in followed.failure
    assert "\n" not in followed.failure
    d.until(lambda: d.ctx.item_exists("//notification##0/**/dismiss"), "a notification")
    assert any("killed" in m.text for m in d.parts.workspace.messages.lines)
    d.shot("killed.png")
    frames = d.window.frames
    d.until(lambda: d.window.frames > frames + 5, "the window to live")
    assert d.ctx.item_exists("//Jobs/**/resume")


drive(train)
