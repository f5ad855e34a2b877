"""Ask for a path between two networks in the form, then for its plane."""

from pathlib import Path

from drive import Driver, drive
from form_driver import FormDriver


def path(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    runs, form = d.parts.workspace.runs, d.parts.experiments.forms["train"]
    form.set("task", "path")
    filled = FormDriver(d, "Train", "task")
    filled.typed("begin", "runs/a")
    d.until(lambda: form.settings is None and "another network" in form.error, "what is missing")
    filled.typed("to", "runs/b")
    filled.typed("epochs", 2)
    settings = d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert (settings.model, settings.data) == ("tinyuser:network", "tinyuser:data")
    assert "--task path --begin" in form.command(Path("x"))
    d.shot("path_form.png")
    d.click("//Experiments/**/start")
    followed = d.until(lambda: runs.selected, "the run to be listed")
    d.until(lambda: followed.status == "done" or followed.failure, "its end", 150)
    assert not followed.failure, followed.failure
    d.shot("path_trained.png")
    plane(d)


def plane(d: Driver) -> None:
    """The next step is its plane, on which the path and the three networks are drawn."""
    runs, form = d.parts.workspace.runs, d.parts.experiments.forms["probe"]
    d.click("//Jobs/**/next probe")
    d.until(lambda: form.values["plane"] == "path" and form.settings, "the form of the plane")
    filled = FormDriver(d, "Probe", "source")
    for end in ("##low", "##high"):
        filled.typed("grid", 5, part=end)
    d.until(lambda: form.settings and form.settings.grid == (5, 5), "the grid")
    d.click("//Experiments/**/start")
    followed = d.until(
        lambda: next((f for f in runs.followed if f.run.settings.kind == "probe"), None), "the run"
    )
    d.until(lambda: followed.status == "done" or followed.failure, "its end", 150)
    assert not followed.failure, followed.failure
    layers = d.parts.workspace.document.layers
    drawn = d.until(lambda: layers and layers[-1].trajectories, "what is drawn on it")
    assert [len(t.alpha) for t in drawn] == [33, 3]
    d.shot("path_plane.png")


drive(path)
