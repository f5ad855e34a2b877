"""Fill in the form of a defense, watch its accuracies come in, and look at images it has kept."""

from drive import Driver, drive
from form_driver import FormDriver
from imgui_bundle import imgui

from isoloss.results.tables import AccuracyInterval, Curve


def defend(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    ask(d)
    followed, evaluation = watch(d)
    look(d, evaluation)
    choose_curves(d, evaluation)
    assert followed.status == "done"


def ask(d: Driver) -> None:
    """The form offers what fits, and says what is wrong."""
    form = d.parts.experiments.forms["defend"]
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.d)
    form_driver = FormDriver(d, "Defend", "source")
    assert form.wrong == "source"
    assert form.missing
    d.shot("defend_empty.png")
    form_driver.suggested("source", ["digits-classifier"], 0)
    assert form.values["source"] == "digits-classifier"
    assert form.wrong == "denoiser"

    # a wrong entry shows its error, and nothing can be started
    form_driver.typed("denoiser", "digits-classifier")
    d.until(lambda: "is a classifier: choose a denoiser" in form.error, "the error")
    d.shot("defend_wrong.png")
    offered = ["digits-denoiser", "google/ddpm-cifar10-32", "none"]
    form_driver.suggested("denoiser", offered, 0)
    d.until(lambda: form.settings is not None, f"the form to be right ({form.error})")

    form_driver.typed("eps", "0.05 -1")
    d.until(lambda: form.error.startswith("Epsilons should be greater"), "the error")
    for name, value in (
        ("eps", "0.05 0.3"),
        ("samples", 24),
        ("steps", 2),
        ("draws", 2),
        ("votes", 3),
    ):
        form_driver.typed(name, value)
    for name in ("bpda", "square", "noise", "surrogates"):
        d.click(f"source/attacks/{name}")
    assert form.values["attacks"] == "transfer,eot"
    d.click("More")
    form_driver.typed("keep", 3, table="model")
    settings = d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert settings.epsilons == (0.05, 0.3)
    assert (settings.samples, settings.keep, settings.draws, settings.votes) == (24, 3, 2, 3)
    d.shot("defend_form.png")
    d.click("//Experiments/**/start")


def watch(d: Driver):
    """The curves appear while the run is at work, and their intervals tighten."""
    workspace = d.parts.workspace
    evaluation = d.until(lambda: workspace.evaluations.shown, "the run to be shown")
    followed = evaluation.followed
    assert workspace.runs.selected is followed
    d.shot("defend_starts.png")
    d.until(lambda: len(evaluation.curves) >= 3 or followed.failure, "the first accuracies", 100)
    assert not followed.failure, followed.failure
    assert followed.status == "running"
    first: dict[tuple[Curve, float], AccuracyInterval] = {}

    def first_of_all() -> bool:
        for curve in evaluation.curves:
            for row in curve.rows:
                first.setdefault((curve.key, row.eps), row.accuracy_by("majority"))
        return len(first) == 4 * 3

    d.until(first_of_all, "those of all attacks", 100)
    assert [c.name for c in evaluation.curves] == [
        "Worst of all attacks, σ = 0.25", "PGD, undefended", "Transfer, σ = 0.25", "EOT, σ = 0.25",
    ]  # fmt: skip
    assert all(share.low <= share.accuracy <= share.high for share in first.values())
    assert all(share.high - share.low > 0.6 for share in first.values()), "of three images"
    d.until(lambda: d.parts.large_plots.robustness.plot.points, "the points")
    d.shot("defend_live.png")
    d.until(lambda: followed.status == "done", "the run to be done", 100)
    d.until(lambda: evaluation.report, "the summary")
    for curve in evaluation.curves:
        assert {row.eps for row in curve.rows} == {0, 0.05, 0.3}
        for row in curve.rows:
            assert row.samples == 24
            before, after = first[curve.key, row.eps], row.accuracy_by("majority")
            assert after.high - after.low < before.high - before.low
    assert evaluation.warnings
    assert evaluation.chance == 0.1
    d.shot("defend_done.png")
    return followed, evaluation


def look(d: Driver, evaluation) -> None:
    """A click on a point opens its images; one steps through them, and through ε."""
    plot, browser = d.parts.large_plots.robustness.plot, evaluation.browser
    x, y, pointed = d.until(
        lambda: next(
            (p for p in plot.points if p[2].curve.attack == "eot" and p[2].row.eps == 0.3), None
        ),
        "the point",
    )
    d.ctx.mouse_move_to_pos((x, y))
    d.until(lambda: plot.pointed == pointed, "the point to be pointed at")
    d.shot("defend_pointed.png")
    d.ctx.mouse_click(0)
    d.until(lambda: d.ctx.item_exists("//Examples/next"), "the examples")
    assert (browser.attack, browser.eps, browser.sigma) == ("eot", 0.3, 0.25)
    pictures = d.panel("Examples").pictures
    d.until(lambda: len(pictures.rects) == 5, "the pictures")
    view = browser.view(evaluation.index)
    titles = [tile.title for tile in view.tiles]
    assert titles == ["Clean", "Adversarial", "Noisy", "Denoised", "Difference"]
    d.shot("example.png")
    d.click("//Examples/next")
    d.until(lambda: browser.image == 1, "the next image")
    d.press(imgui.Key.right_arrow)
    d.until(lambda: browser.image == 2, "the image after it")
    d.press(imgui.Key.down_arrow)
    d.until(lambda: browser.eps == 0.05, "the smaller ε")
    where = d.ctx.item_info("//Examples/##eps").rect_full
    d.ctx.mouse_move_to_pos((where.min.x + 4, (where.min.y + where.max.y) / 2))
    d.ctx.mouse_click(0)
    d.until(lambda: browser.eps == 0.0, "no attack")
    d.click("//Examples/##attack")
    d.click("//$FOCUSED/$$0/Transfer")
    assert browser.attack == "transfer"
    d.ctx.mouse_move_to_pos((where.max.x - 4, (where.min.y + where.max.y) / 2))
    d.ctx.mouse_click(0)
    d.until(lambda: browser.eps == 0.3, "the largest ε")
    # the wheel enlarges all of them around the cursor
    x, y, side = pictures.rects[0]
    d.ctx.mouse_move_to_pos((x + 0.9 * side, y + 0.1 * side))
    d.ctx.mouse_wheel_y(4)
    d.until(lambda: pictures.zoom > 1.5, "the pictures to be enlarged")
    assert pictures.centre[0] > 0.5 > pictures.centre[1]
    d.shot("example_enlarged.png")
    d.click("//Examples/whole")
    assert pictures.is_whole


def choose_curves(d: Driver, evaluation) -> None:
    """Curves are switched off, judged otherwise, closed and brought back by a click on the run."""
    plot = d.parts.large_plots.robustness.plot
    d.dismiss_notifications()
    d.click("//Viewport/**/curve Transfer, σ = 0.25")
    d.until(lambda: len({p[2].curve.name for p in plot.points}) == 3, "the curve to go")
    d.ctx.set_ref(d.ctx.window_info("//Viewport/curve").window)  # no wildcard finds a combo box
    d.click("##criterion")
    d.click("//$FOCUSED/$$2/Worst draw")
    assert evaluation.criterion == "worst"
    d.shot("defend_worst.png")
    d.click("//Viewport/**/close")
    d.until(lambda: not d.parts.workspace.evaluations.open, "the curves to be closed")
    d.until(lambda: d.ctx.item_exists("//Viewport/**/open"), "the welcome")
    panel = d.ctx.window_info("//Jobs").window
    d.ctx.mouse_move_to_pos((panel.pos.x + panel.size.x / 3, panel.pos.y + 60))
    d.ctx.mouse_click(0)
    again = d.until(lambda: d.parts.workspace.evaluations.shown, "the curves again")
    assert len(again.curves) == 4


drive(defend)
