"""From their forms: an attack, noise without a denoiser, a purification, certificates at own
radii."""

import sys
from collections.abc import Iterable

from drive import Driver, drive
from form_driver import FormDriver

from isoloss.run import Run

IMAGES = 4
Values = Iterable[tuple[str, str | int]]


def defenses(d: Driver) -> None:
    d.until(lambda: d.window.frames > 4, "the first frames")
    if "light" in sys.argv:
        d.parts.toggle_theme()
    attack(d)
    noise_alone(d)
    purification(d)
    certificates(d)


def attack(d: Driver) -> None:
    """The margin is climbed, at the runner-up; convergence is not studied."""
    form = asked(d, "Attack", (("eps", "0.1"), ("steps", 2), ("samples", IMAGES)))
    for name in ("square", "surrogates"):
        d.click(f"source/attacks/{name}")
    more(d)
    typed(d, "Attack", (("loss", "margin"), ("targeted", "runner-up"), ("momentum", "1")))
    assert form.wrong == ""
    without_convergence(d)
    settings = d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert (settings.loss, settings.targeted, settings.momentum) == ("margin", "runner-up", 1)
    assert settings.convergence == "none"
    d.shot("attack_form.png")
    evaluation = run(d, "attack")
    names = [curve.name for curve in evaluation.curves]
    assert names == ["Worst of all attacks", "PGD", "Random noise"]


def noise_alone(d: Driver) -> None:
    """What goes around a denoiser is refused where there is none, if it is asked for."""
    small = ("eps", "0.1"), ("steps", 2), ("samples", IMAGES), ("draws", 2), ("votes", 3)
    form = asked(d, "Defend", (("denoiser", "none"), *small))
    settings = d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert "bpda" not in settings.attack_names
    for name in ("square", "noise", "surrogates"):
        d.click(f"source/attacks/{name}")
    d.until(lambda: "There is no denoiser for bpda to attack" in form.error, "the error")
    assert form.wrong == "attacks"
    d.click("source/attacks/bpda")
    more(d)
    without_convergence(d)
    d.until(lambda: form.settings, f"the form to be right ({form.error})")
    d.shot("noise_form.png")
    evaluation = run(d, "noise")
    names = [curve.name for curve in evaluation.curves]
    assert names == [
        "Worst of all attacks, noise alone, σ = 0.25", "PGD, undefended",
        "Transfer, noise alone, σ = 0.25", "EOT, noise alone, σ = 0.25",
    ]  # fmt: skip


def purification(d: Driver) -> None:
    """Its fields are there once it is asked for, and σ is then gone."""
    form = d.parts.experiments.forms["defend"]
    fields = {field.name: field for field in form.fields}
    typed(d, "Defend", (("denoiser", "digits-denoiser"),))
    for name in ("transfer", "bpda"):
        d.click(f"source/attacks/{name}")
    assert form.matters(fields["sigma"])
    assert not d.ctx.item_exists("source/purify_steps/##value")
    typed(d, "Defend", (("purify", "0.1"), ("purify_steps", 2)))
    assert not form.matters(fields["sigma"])
    assert not d.ctx.item_exists("source/sigma/##value")
    settings = d.until(lambda: form.settings, f"the form to be right ({form.error})")
    assert (settings.purify, settings.purify_steps) == ((0.1,), 2)
    d.shot("purify_form.png")
    evaluation = run(d, "purify")
    assert [curve.name for curve in evaluation.curves] == [
        "Worst of all attacks, purified, t* = 0.1, 2 steps", "PGD, undefended",
        "BPDA, purified, t* = 0.1, 2 steps", "EOT, purified, t* = 0.1, 2 steps",
    ]  # fmt: skip


def certificates(d: Driver) -> None:
    form = asked(d, "Certify", (("draws", 60), ("samples", IMAGES)))
    more(d)
    typed(d, "Certify", (("radii", "0.1 0.2 -1"),))
    d.until(lambda: form.error.startswith("Radii should be"), "the error")
    typed(d, "Certify", (("radii", "0.1 0.2"),))
    d.until(lambda: form.settings, f"the form to be right ({form.error})")
    evaluation = run(d, "certify")
    (curve,) = evaluation.curves
    assert [row.eps for row in curve.rows] == [0.0, 0.1, 0.2]
    assert "average certified radius" in evaluation.report.summary


def asked(d: Driver, title: str, values: Values):
    """A form, brought to the front and filled in for the small network that is shipped."""
    d.parts.experiments.show(title.lower())
    d.parts.docking.bring_to_front("Experiments")
    d.settle()
    typed(d, title, (("source", "digits-classifier"), *values))
    return d.parts.experiments.forms[title.lower()]


def typed(d: Driver, title: str, values: Values) -> None:
    """Type into fields, in whichever of the tables they are."""
    driver = FormDriver(d, title, "source")
    rare = {f.name for f in d.parts.experiments.forms[title.lower()].sections["More"]}
    for name, value in values:
        driver.typed(name, value, table="model" if name in rare else "")
    form = d.parts.experiments.forms[title.lower()]
    d.until(lambda: form.is_judged, "the form to be looked at")


def more(d: Driver) -> None:
    """Unfold what few people change, if it is not."""
    if not d.ctx.item_exists("model/stem"):
        d.click("More")
        d.ctx.yield_(3)


def without_convergence(d: Driver) -> None:
    """Take all ticks away; nothing is then studied."""
    for name in ("steps", "draws", "restarts", "queries"):
        d.click(f"model/convergence/{name}")


def run(d: Driver, name: str):
    """Start what the form asks for, and see it through."""
    evaluations = d.parts.workspace.evaluations
    before = evaluations.shown
    d.click("//Experiments/**/start")
    d.until(lambda: evaluations.shown is not before, "the run to be shown")
    evaluation = evaluations.shown
    followed = evaluation.followed
    d.until(lambda: followed.status == "done" or followed.failure, "the run to be done", 200)
    assert not followed.failure, followed.failure
    d.until(lambda: evaluation.report and evaluation.curves, "the summary")
    d.dismiss_notifications()
    d.ctx.yield_(10)
    d.shot(f"{name}_done.png")
    assert Run.open(followed.run.folder).is_done
    return evaluation


drive(defenses)
