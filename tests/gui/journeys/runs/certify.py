"""Fill in the form of a certification and watch its certified accuracies come in."""

from drive import Driver, drive
from form_driver import FormDriver
from imgui_bundle import imgui

from isoloss.results.certificates import farthest_radius
from isoloss.run import Run

DRAWS, IMAGES = 60, 12


def certify(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    ask(d)
    evaluation = watch(d)
    look(d, evaluation)


def ask(d: Driver) -> None:
    """The denoiser may be left out; it is not here."""
    form = d.parts.experiments.forms["certify"]
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.c)
    form_driver = FormDriver(d, "Certify", "source")
    form_driver.suggested("source", ["digits-classifier", "efficientnet_lite0"], 0)
    assert d.until(lambda: form.settings, f"the form to be right ({form.error})").denoiser is None
    form_driver.typed("denoiser", "digits-denoiser")
    form_driver.typed("draws", 0)
    d.until(lambda: form.error.startswith("Draws should be greater"), "the error")
    for name, value in (("draws", DRAWS), ("samples", IMAGES)):
        form_driver.typed(name, value)
    settings = d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert (settings.denoiser, settings.draws, settings.samples) == (
        "digits-denoiser", DRAWS, IMAGES,
    )  # fmt: skip
    d.shot("certify_form.png")
    d.click("//Experiments/**/start")


def watch(d: Driver):
    """The curve falls with the radius, and is nothing where no number of draws reaches."""
    evaluation = d.until(lambda: d.parts.workspace.evaluations.shown, "the run to be shown")
    followed = evaluation.followed
    d.until(lambda: evaluation.curves or followed.failure, "the first certificates", 100)
    assert not followed.failure, followed.failure
    d.shot("certify_live.png")
    d.until(lambda: followed.status == "done" and evaluation.report, "the summary", 100)
    [curve] = evaluation.curves
    shares = {row.eps: row.accuracy for row in curve.rows}
    assert all(row.samples == IMAGES for row in curve.rows)
    falling = [shares[radius] for radius in sorted(shares)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 0.5
    farthest = farthest_radius(0.25, DRAWS, 0.001)
    assert all(share == 0 for radius, share in shares.items() if radius > farthest)
    d.shot("certify_done.png")
    return evaluation


def look(d: Driver, evaluation) -> None:
    """A click on a point opens the images that were certified."""
    plot = d.parts.large_plots.robustness.plot
    x, y, _ = d.until(lambda: next(iter(plot.points), None), "the points")
    d.ctx.mouse_move_to_pos((x, y))
    d.until(lambda: plot.pointed, "the point to be pointed at")
    d.ctx.mouse_click(0)
    d.until(lambda: d.ctx.item_exists("//Examples/next"), "the examples")
    d.until(lambda: d.panel("Examples").pictures.rects, "the pictures")
    d.shot("certify_example.png")
    done = Run.open(evaluation.followed.run.folder)
    assert done.is_done
    assert done.settings.draws == DRAWS


drive(certify)
