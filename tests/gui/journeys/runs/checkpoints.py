"""Checkpoints of one's own become a training run by the form, which is then probed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from form_driver import FormDriver

from conftest import NETWORK
from isoloss.app.state.opening.opener import open_path

TRAINED_ELSEWHERE = """
import torch
import small

torch.manual_seed(0)
net = small.net(10)
for epoch in (0, 2, 4, 10):
    saved = {f"module.{name}": value for name, value in net.state_dict().items()}
    torch.save({"epoch": epoch, "state_dict": saved}, f"ckpts/epoch_{epoch}.pt")
    for weight in net.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
"""


def checkpoints(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    Path("small.py").write_text(NETWORK)
    Path("ckpts").mkdir()
    subprocess.run([sys.executable, "-c", TRAINED_ELSEWHERE], check=True)
    assert not open_path(d.parts.workspace, Path("ckpts"))
    assert "import the checkpoints" in d.parts.workspace.messages.lines[-1].text
    d.shot("import_told.png")
    probe(d, bring_in(d))


def bring_in(d: Driver):
    """The form asks for what it needs, one after the other; the curves are those of all."""
    d.click("//Experiments/kinds/Import")
    asked = d.parts.experiments.forms["import"]
    form = FormDriver(d, "Import", "checkpoints")
    assert (asked.wrong, asked.missing) == ("checkpoints", True)
    form.typed("checkpoints", "ckpts/*.pt", part="$$0/##value")
    assert (asked.wrong, asked.missing) == ("model", True)
    form.typed("model", "small:net")
    form.suggested("data", ["digits", "cifar10", "sample-photos"], 0)
    d.until(lambda: asked.settings, f"the form to be right ({asked.error})")
    d.shot("import_form.png")
    d.click("//Experiments/**/start")
    followed = d.until(lambda: d.parts.workspace.runs.selected, "the run")
    d.until(lambda: followed.status in ("done", "failed"), "the run to be done", 60)
    assert followed.status == "done", followed.failure
    assert [m.epoch for m in followed.metrics] == [0, 2, 4, 10]
    d.shot("import_done.png")
    return followed


def probe(d: Driver, imported) -> None:
    """What was imported is used like what was trained here."""
    d.click("//Jobs/**/use")
    d.click("//$FOCUSED/probe")
    asked = d.parts.experiments.forms["probe"]
    d.until(lambda: asked.settings, "the form to be filled in")
    form = FormDriver(d, "Probe", "source")
    for end in ("##low", "##high"):
        form.typed("grid", 7, part=end)
    d.click("source/plane/##value")
    d.click("//$FOCUSED/pca")
    d.until(lambda: asked.settings and asked.settings.plane == "pca", "the plane")
    d.click("//Experiments/**/start")
    runs = d.parts.workspace.runs
    probing = d.until(lambda: runs.selected if runs.selected is not imported else None, "the run")
    d.until(lambda: probing.status in ("done", "failed"), "the run to be done", 60)
    assert probing.status == "done", probing.failure
    [layer] = d.until(lambda: d.parts.workspace.scene.layers, "the layer")
    [path] = d.until(lambda: layer.trajectories, "the trajectory")
    assert list(path.epoch) == [0, 2, 4, 10]
    assert np.isfinite(path.loss).all()
    assert d.parts.playback.span == (0, 10)
    d.shot("import_probed.png")


drive(checkpoints)
