"""Probe a trained network from the form: its surface grows in the window, then is finished."""

import numpy as np
from drive import Driver, drive


def probe(d: Driver) -> None:
    workspace = d.parts.workspace
    runs = workspace.runs
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.until(lambda: runs.trained, "the run in ./runs to be found")
    assert not workspace.scene.layers
    d.click("//Experiments/kinds/Probe")
    form = d.parts.experiments.forms["probe"]
    d.until(lambda: form.wrong == "source", "the form to ask for a network")
    d.click("//Experiments/**/source/suggestions")
    d.click("//$FOCUSED/choice 0")
    d.until(lambda: form.settings is not None, "the form to be right")
    # The test engine's wildcards pass over combo boxes and what is scrolled out of sight: here goes
    # the whole way.
    d.ctx.set_ref(d.ctx.window_info("//Experiments/kinds/Probe/fields").window)
    d.type("source/grid/##low", 12)
    d.type("source/grid/##high", 13)
    d.click("source/plane/##value")
    d.click("//$FOCUSED/pca")
    d.until(lambda: form.settings and form.settings.plane == "pca", "the plane")
    # paths are added and taken away
    d.click("//Experiments/**/also/add")
    d.click("//Experiments/**/also/add")
    d.click("//Experiments/**/also/$$1/suggestions")
    d.click("//$FOCUSED/choice 0")
    also = d.until(lambda: form.settings and form.settings.also, "the further trajectory")
    assert also == (runs.trained[0].folder,)
    d.shot("probe_form.png")
    for _ in range(2):
        d.click("//Experiments/**/also/$$0/remove")
    d.until(lambda: form.settings and form.settings.also == (), "the paths to be gone")
    d.click("//Experiments/**/start")
    probing = d.until(
        lambda: runs.selected if runs.selected is not runs.trained[0] else None, "run"
    )
    d.until(lambda: workspace.scene.layers, "the layer", 60)
    layer = workspace.scene.layers[0]
    d.until(lambda: probing.status == "done", "the run to be done", 60)
    d.until(lambda: layer.surface.is_complete and layer.trajectories, "the finished surface")
    assert layer.surface.shape == (12, 13)
    assert np.isfinite(layer.surface.loss).all()
    assert workspace.scene.layers == [layer]
    assert d.picture().std() > 5
    d.shot("probe.png")


drive(probe)
