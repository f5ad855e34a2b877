"""Probe with a loss of one's own, and of a part of the network, from the form."""

import sys
from pathlib import Path

import numpy as np
from drive import Driver, drive
from form_driver import FormDriver

from isoloss.app.panels.layers_panel import measured, origin

LOSSES = """
def distance(model, batch):
    inputs, labels = batch
    shares = model(inputs).softmax(1)
    return 1 - shares[range(len(labels)), labels]
"""
OURS = "model"
"""The first of the folded fields, after which their table is called."""


def own_loss(d: Driver) -> None:
    Path("losses.py").write_text(LOSSES)
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.click("//Experiments/kinds/Probe")
    form = FormDriver(d, "Probe", "source")
    form.typed("source", str(Path(sys.argv[1])))
    for end in ("##low", "##high"):
        form.typed("grid", 7, part=end)
    ask_for_the_loss(d, form)
    no_such_parameters(d, form)
    probe(d, form)


def ask_for_the_loss(d: Driver, form: FormDriver) -> None:
    """A network's own loss is folded; what is no function is said, and cannot be started."""
    asked = d.parts.experiments.forms["probe"]
    assert not d.ctx.item_exists(f"{OURS}/loss/##value")
    d.click("More")
    form.typed("loss", "distance", table=OURS)
    d.until(lambda: asked.wrong == "loss", "the mistake to be noticed")
    assert asked.error == "A loss is package.module:function, not 'distance'"
    d.shot("loss_wrong.png")
    form.typed("loss", "losses:distance", table=OURS)
    d.until(lambda: asked.settings, f"the form to be right ({asked.error})")


def no_such_parameters(d: Driver, form: FormDriver) -> None:
    """What only the run can know is told in its line."""
    form.typed("parameters", "layer9.*", table=OURS)
    followed = begun(d)
    d.until(lambda: followed.status == "failed", "the run to fail", 60)
    assert followed.failure.startswith("the network has no parameter 'layer9.*': it has 0")
    asked = d.parts.experiments.forms["probe"]
    d.until(lambda: asked.error.lower() == followed.failure.lower(), "the form to say so")
    d.until(lambda: not followed.run.folder.exists(), "nothing of the run to be left")
    d.shot("loss_no_parameters.png")


def probe(d: Driver, form: FormDriver) -> None:
    """The surface is of that loss, and says so."""
    form.typed("parameters", "4.*", table=OURS)
    followed = begun(d)
    d.until(lambda: followed.status in ("done", "failed"), "the run to be done", 60)
    assert followed.status == "done", followed.failure
    [layer] = d.until(lambda: d.parts.workspace.scene.layers, "the layer")
    d.until(lambda: "Centre" in dict(measured(layer)), "the finished surface")
    told = dict([*measured(layer), *origin(layer)])
    assert told["Loss function"] == "losses:distance"
    assert told["Parameters"].startswith("4.*")
    assert told["Centre"].startswith("train loss 0.")
    assert ((layer.surface.loss > 0) & (layer.surface.loss < 1)).all()
    assert np.isnan(layer.surface.accuracy).all()
    assert d.picture().std() > 5
    d.shot("loss_own.png")


def begun(d: Driver):
    """The run that a click on Start has begun."""
    runs = d.parts.workspace.runs
    before = runs.selected
    d.click("//Experiments/**/start")
    return d.until(lambda: runs.selected if runs.selected is not before else None, "the run")


drive(own_loss)
