"""Finished, failed and damaged robustness runs: opened in every way, chosen, kept, and mended."""

import sys
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui
from open import drop

from isoloss.app.state.opening.opener import open_path, samples
from isoloss.events import Done
from isoloss.run import Run
from isoloss.settings import AttackSettings, TrainSettings

DEFENDED, CERTIFIED = Path(sys.argv[1]), Path(sys.argv[2])


def evaluations(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    open_in_every_way(d)
    choose(d)
    save_a_figure(d)
    session(d)
    damaged(d)
    failed(d)
    fill_in(d)


def open_in_every_way(d: Driver) -> None:
    """The command line has opened one; another by dropping its table, by the dialog again."""
    evaluations = d.parts.workspace.evaluations
    assert [e.name for e in evaluations.open] == ["defended"]
    d.until(lambda: len(d.parts.large_plots.robustness.plot.points) == 9, "the points")
    d.shot("opened.png")
    drop(str(CERTIFIED / "robustness.csv"))
    d.until(lambda: [e.name for e in evaluations.open] == ["defended", "certified"], "the other")
    assert evaluations.shown.name == "certified"
    d.until(lambda: len(d.parts.large_plots.robustness.plot.points) == 8, "its points")
    d.shot("certified.png")
    d.click("//Viewport/**/close")
    d.until(lambda: len(evaluations.open) == 1, "it to be closed")
    d.press(imgui.Key.mod_ctrl, imgui.Key.o)
    d.type("//Open/**/##path", str(CERTIFIED))
    d.until(lambda: len(evaluations.open) == 2, "it to be opened again")


def choose(d: Driver) -> None:
    """Among those that are open; beside a surface they have a panel of their own."""
    workspace = d.parts.workspace
    in_panel(d, "//Viewport/curve")
    d.click("##run")
    d.click("//$FOCUSED/$$0/defended")
    assert workspace.evaluations.shown.name == "defended"
    open_path(workspace, samples()[0])
    d.until(lambda: workspace.scene.shown, "the surface")
    d.press(imgui.Key.mod_ctrl, imgui.Key._0)
    d.press(imgui.Key.mod_ctrl, imgui.Key._0)
    d.until(lambda: len(d.panel("Robustness").plot.points) == 9, "the points in the panel")
    d.shot("beside.png")
    d.click("//Robustness/examples")
    d.until(lambda: len(d.panel("Examples").pictures.rects) == 5, "the pictures")
    d.click("//Examples/**/image 2")
    assert workspace.evaluations.shown.browser.image == 2
    d.click("//Layers/**/remove")


def save_a_figure(d: Driver) -> None:
    """A process of its own draws it; the window stays free."""
    d.click("//Viewport/**/figure")
    d.until(lambda: d.ctx.item_exists("//Save figure/Save"), "the dialog")
    d.shot("figure_dialog.png")
    d.type("//Save figure/**/##path", "defended")  # and Enter
    d.until(lambda: Path("defended.svg").exists(), "the figure", 60)
    d.until(lambda: not d.parts.renderings.active, "the job to end")
    assert "</svg>" in Path("defended.svg").read_text(encoding="utf-8")


def in_panel(d: Driver, name: str) -> None:
    d.until(lambda: d.ctx.window_info(name).window, name)
    d.ctx.set_ref(d.ctx.window_info(name).window)


def session(d: Driver) -> None:
    """What is open comes back with the session."""
    workspace = d.parts.workspace
    d.press(imgui.Key.mod_ctrl, imgui.Key.s)
    d.until(lambda: d.ctx.item_exists("//Save session/Save"), "the dialog")
    d.type("//Save session/**/##path", "both")  # and Enter
    d.until(lambda: workspace.session.name == "both", "the session to be saved")
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.w)
    d.until(lambda: not workspace.evaluations.open, "all to be closed")
    open_path(workspace, Path("both.isoloss"))
    d.until(lambda: len(workspace.evaluations.open) == 2, "both runs")


def damaged(d: Driver) -> None:
    """Files that are half written or lie: a message each, and the window lives."""
    workspace = d.parts.workspace
    shown = workspace.evaluations.of(DEFENDED)
    workspace.evaluations.shown = shown
    whole = shown.curves
    for path in (DEFENDED / "robustness.csv", DEFENDED / "examples" / "examples.json"):
        before = path.read_bytes()
        for content in (before[: len(before) // 2], b"\x00\xff{", b""):
            version = workspace.messages.version
            path.write_bytes(content)
            d.until(
                lambda version=version: workspace.messages.version > version, f"word of {path.name}"
            )
            assert path.name in workspace.messages.lines[-1].text
        d.ctx.yield_(3)
        d.shot(f"damaged_{path.stem}.png")
        path.write_bytes(before)
        d.until(lambda: not shown.problems, "it to be read again")
    assert [c.key for c in shown.curves] == [c.key for c in whole]
    # pictures that are not there
    d.parts.show_examples(shown)
    pictures = DEFENDED / "examples" / "0001.safetensors"
    pictures.write_bytes(pictures.read_bytes()[:300])
    shown.browser = type(shown.browser)()
    frames = d.window.frames
    d.until(lambda: d.window.frames > frames + 5, "further frames")
    d.shot("no_pictures.png")


def failed(d: Driver) -> None:
    """A network that is not there is refused in the form; a run whose network has gone fails with
    one line, in its panel too."""
    workspace = d.parts.workspace
    form = d.parts.experiments.forms["attack"]
    d.click("//Experiments/kinds/Attack")
    in_panel(d, "//Experiments/kinds/Attack/fields")
    d.type("source/source/##value", "nowhere")
    d.until(lambda: "There is no network nowhere" in form.error, "the form to refuse it")
    assert form.settings is None
    run = Run.create(Path("runs/nowhere"), AttackSettings(source=Path("nowhere")))
    workspace.resume_and_show([run])
    followed = d.until(lambda: workspace.runs.selected, "the run to start")
    assert workspace.evaluations.shown.followed is followed
    d.until(lambda: followed.status == "failed", "its failure", 100)
    assert "nowhere" in followed.failure
    assert "\n" not in followed.failure
    d.ctx.yield_(3)
    d.shot("failed.png")


def fill_in(d: Driver) -> None:
    """From a training run to the form of a defense, with a denoiser for its data."""
    run = Run.create(Path("runs/mine"), TrainSettings(data="digits"))
    run.emit(Done(1.0))
    run.checkpoints.mkdir()
    (run.checkpoints / "0000.safetensors").touch()
    d.parts.docking.bring_to_front("Runs")
    d.type("//Runs/##words", "name:mine")
    d.until(lambda: d.parts.workspace.table.shown, "the run to be found")
    d.choose_of_first_run("use defend")
    form = d.parts.experiments.forms["defend"]
    d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert form.settings.source == run.folder
    assert form.settings.denoiser == "digits-denoiser"
    d.shot("filled_in.png")


drive(evaluations, DEFENDED)
