"""Fill in the form of sharpness, and watch eigenvalues of every checkpoint come in."""

import math
from pathlib import Path

from drive import Driver, drive
from form_driver import FormDriver
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import open_path
from isoloss.app.state.readouts import number
from isoloss.jobs.follow import FollowedRun
from isoloss.results.sharpness_files import read_sharpness
from isoloss.run import Run

SAMPLES = 30


def sharpness(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    ask(d)
    watch(d)


def ask(d: Driver) -> None:
    form = d.parts.experiments.forms["sharpness"]
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.n)
    filled = FormDriver(d, "Sharpness", "source")
    filled.typed("source", "runs/tiny")
    filled.typed("samples", 1)
    d.until(lambda: "Samples" in form.error, "the error")
    for name, value in (("samples", SAMPLES), ("largest", 2), ("density", 6)):
        filled.typed(name, value)
    form.set("every", "checkpoint")
    settings = d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert (settings.every, settings.samples, settings.largest) == ("checkpoint", SAMPLES, 2)
    d.shot("sharpness_form.png")
    d.click("//Experiments/**/start")


def watch(d: Driver) -> None:
    """The plots come to the front, and grow until the run is done."""
    runs, plots = d.parts.workspace.runs, d.panel("Plots").sharpness
    followed = d.until(
        lambda: next((f for f in runs.followed if f.run.settings.kind == "sharpness"), None),
        "the run",
    )
    d.until(lambda: plots.charts or followed.failure, "the first eigenvalues", 150)
    assert not followed.failure, followed.failure
    d.shot("sharpness_live.png")
    d.until(lambda: followed.status == "done", "its end", 150)
    names = {"λmax", "trace", "gradient", "spectrum"}
    d.until(lambda: {chart.name for chart in plots.charts} == names, "all plots")
    last = read_sharpness(Run.open(followed.run.folder))[-1]
    chart = next(chart for chart in plots.charts if chart.name == "λmax")
    assert chart.traces[0].ys[-1] == last.largest[0].value
    assert math.isfinite(last.trace.half_width)
    d.until(lambda: d.ctx.item_exists("//Jobs/**/show"), "the run among the jobs")
    d.shot("sharpness_done.png")
    compare(d, followed)


def compare(d: Driver, followed: FollowedRun) -> None:
    """The same charts stand in a comparison."""
    library, comparison = d.parts.workspace.runs.library, d.parts.workspace.comparison
    entry = d.until(
        lambda: next((e for e in library.entries if e.folder == followed.run.folder), None),
        "the run in the library",
    )
    d.parts.compare([entry])
    charts = d.until(lambda: comparison.shown.comparison.charts, "its charts")
    assert {chart.name for chart in charts} == {"λmax", "trace", "gradient", "spectrum"}
    d.shot("sharpness_compared.png")
    beside_surface(d, followed)


def beside_surface(d: Driver, followed: FollowedRun) -> None:
    """A surface around the same network, opened, says what was found of it."""
    workspace = d.parts.workspace
    open_path(workspace, Path("runs/around"))
    layer = d.until(lambda: workspace.selected, "the surface")
    known = d.until(lambda: d.panel("Layers").sharpness.facts(layer), "what is known of it")
    last = read_sharpness(Run.open(followed.run.folder))[-1]
    assert [label for label, _ in known] == ["λmax", "Trace", "Rise"]
    assert known[0][1].startswith(number(last.largest[0].value))
    d.parts.choose_layout("Landscape")
    d.ctx.yield_(30)
    d.shot("sharpness_beside_surface.png")


drive(sharpness)
