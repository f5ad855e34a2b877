"""The forms of attacks, defenses and certifications: what they need, offer and refuse."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.forms.field_specs import fields_of
from isoloss.app.state.forms.form_memory import FormMemory
from isoloss.app.state.forms.known_names import problem_with_classifier, problem_with_denoiser
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.forms.trained import all_trained, data_of, denoiser_for, suitable
from isoloss.app.state.workspace import Workspace
from isoloss.events import Done
from isoloss.run import Run
from isoloss.settings import KINDS, AttackSettings, CertifySettings, DefendSettings, TrainSettings
from isoloss.shipped import shipped_settings

CLASSIFIER, DENOISER = "digits-classifier", "digits-denoiser"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    for name, settings in {
        "vgg": TrainSettings(data="cifar10"),
        "small": TrainSettings(task="denoiser", data="cifar10", denoiser="small"),
        "net": TrainSettings(model="resnet20"),
    }.items():
        Run.create(tmp_path / "runs" / name, settings).emit(Done(1.0))
    found = Workspace(tmp_path, Preferences(), lambda _: pytest.fail("no job is wanted"))
    found.update()
    return found


@pytest.mark.parametrize("model", KINDS.values())
def test_what_is_needed_comes_first(model):
    rows = fields_of(model)
    needed = [r.name for r in rows if model.model_fields[r.name].is_required()]
    assert [r.name for r in rows][: len(needed)] == needed
    assert [r.required for r in rows] == sorted((r.required for r in rows), reverse=True)


def test_each_thing_that_is_missing_is_asked_for_in_turn():
    form = Form(DefendSettings)
    assert (form.wrong, form.missing) == ("source", True)
    form.set("source", CLASSIFIER)
    assert (form.wrong, form.missing) == ("denoiser", True)
    form.set("denoiser", DENOISER)
    assert form.settings == DefendSettings(source=Path(CLASSIFIER), denoiser=DENOISER)
    certify = Form(CertifySettings)
    certify.set("source", CLASSIFIER)
    assert certify.settings is not None


def test_what_is_left_alone_is_said():
    form = Form(AttackSettings)
    form.set("source", CLASSIFIER)
    said = {name: form.verdict.usual[name].text for name in ("loss", "targeted")}
    assert said == {"loss": "cross-entropy or margin", "targeted": "none, any wrong class"}
    rows = {row.name: row for row in form.fields}
    assert rows["targeted"].label == "Target class"
    assert rows["convergence"].choices == ("steps", "draws", "restarts", "queries")
    form.set("convergence", "")  # all of them unticked
    assert form.settings is not None
    assert form.settings.convergence == "none"
    assert "--convergence none" in form.command(Path("out"))


def test_lists_of_numbers_are_typed_as_text():
    form = Form(AttackSettings)
    form.set("source", CLASSIFIER)
    form.set("eps", "0.01, 8/255 0.5")
    assert form.settings.epsilons == (0.01, 8 / 255, 0.5)
    eps = next(f for f in form.fields if f.name == "eps")
    assert eps.kind == "numbers"
    assert eps.optional
    for example in eps.choices:
        form.set("eps", example)
        assert form.settings is not None, example
    form.set("eps", "0.01 x")
    assert form.wrong == "eps"
    assert form.error.startswith("Epsilons")
    form.set("eps", "0.01 -1")
    assert form.error.startswith("Epsilons")
    assert "--" not in form.error


@pytest.mark.parametrize("kind", ["attack", "defend", "certify", "probe"])
def test_a_denoiser_is_no_classifier(kind):
    form = Form(KINDS[kind])
    form.set("source", DENOISER)
    if kind == "defend":
        form.set("denoiser", DENOISER)
    assert form.settings is None
    assert form.wrong == "source"
    assert "is a denoiser: choose a classifier" in form.error


def test_a_further_network_is_looked_at_too():
    form = Form(AttackSettings)
    form.set("source", CLASSIFIER)
    form.set("also", (DENOISER,))
    assert form.wrong == "also"


def test_names_of_denoisers(workspace):
    assert problem_with_denoiser(DENOISER) == ""
    assert problem_with_denoiser("google/ddpm-cifar10-32") == ""
    assert problem_with_denoiser("runs/small") == ""
    assert "is a classifier" in problem_with_denoiser("runs/vgg")
    assert "is a classifier" in problem_with_denoiser(CLASSIFIER)
    assert "There is no denoiser" in problem_with_denoiser("nonsense")
    assert "There is no denoiser" in problem_with_denoiser("~nobody-here/x y")
    Path("unet").mkdir()
    assert problem_with_denoiser("unet") == ""
    assert problem_with_classifier("runs/vgg") == "runs/vgg has no checkpoints yet: resume it first"
    assert "There is no network not/yet/there" in problem_with_classifier("not/yet/there")
    assert "is a denoiser" in problem_with_classifier("runs/small")


def test_what_is_offered_has_the_right_task(workspace):
    trained = all_trained(workspace.runs.trained)
    assert {t.value for t in trained if t.task == "classifier"} == {
        "runs/vgg", "runs/net", CLASSIFIER,
    }  # fmt: skip
    networks = [t.value for t in suitable(trained, "classifier")]
    denoisers = [t.value for t in suitable(trained, "denoiser")]
    assert networks[-1] == CLASSIFIER
    assert denoisers == ["runs/small", DENOISER]
    on_digits = [t.value for t in suitable(trained, "denoiser", "digits")]
    assert on_digits == [DENOISER, "runs/small"]
    about = {t.value: t.about for t in trained}
    today = date.today().isoformat()
    assert about["runs/small"] == f"small denoiser on cifar10, {today}"
    assert about["runs/net"] == f"resnet20 on digits, {today}"
    assert about[DENOISER] == "tiny denoiser on digits"
    assert about[CLASSIFIER] == "resnet20 on digits, 99.4 %"


def test_a_denoiser_is_found_for_the_data(workspace):
    trained = all_trained(workspace.runs.trained)
    assert denoiser_for(trained, "cifar10") == "runs/small"
    assert denoiser_for(trained, "digits") == DENOISER
    assert denoiser_for(trained, "imagefolder:x") == ""
    assert data_of("runs/vgg") == "cifar10"
    assert data_of(CLASSIFIER) == "digits"
    assert data_of("nowhere") == data_of("") == data_of("~nobody-here") == ""


def test_what_is_shipped_says_its_task():
    tasks = {name: asked["task"] for name, asked in shipped_settings().items()}
    assert tasks[CLASSIFIER] == "classifier"
    assert tasks[DENOISER] == "denoiser"


def test_what_few_people_change_is_folded_until_it_is_needed():
    form = Form(DefendSettings)
    assert [f.name for f in form.sections[""]] == [
        "source", "denoiser", "also", "samples", "norm", "eps", "steps", "sigma", "attacks",
        "draws", "votes", "purify", "purify_steps",
    ]  # fmt: skip
    folded = {f.name for f in form.sections["More"]}
    form.set("denoiser", DENOISER)
    for source, asked in (("net.pt", "model"), ("timm:vgg11.tv_in1k", "data")):
        form.set("source", source)
        assert form.wrong == asked
        assert asked in folded
    assert form.error.endswith("give its data")
    assert not any(map(form.is_changed, form.sections["More"]))
    form.set("seeds", 3)
    assert [f.name for f in form.sections["More"] if form.is_changed(f)] == ["seeds"]
    assert "More" not in Form(TrainSettings).sections
    assert all(not f.required for kind in KINDS.values() for f in Form(kind).fields if f.section)


def test_a_purification_takes_the_place_of_the_noise():
    form = Form(DefendSettings)
    shown = lambda: {f.name for f in form.fields if form.matters(f)}  # noqa: E731
    ours = {"purify_steps", "purify_sampler"}
    assert "sigma" in shown()
    assert not ours & shown()
    form.set("purify", "0.1")
    assert ours <= shown()
    assert not {"sigma", "purify_eta"} & shown()
    form.set("purify_sampler", "ddim")
    assert "purify_eta" in shown()
    form.set("source", CLASSIFIER)
    form.set("denoiser", DENOISER)
    form.set("purify", "100")
    assert form.wrong == "purify"
    assert "of 1,000 steps, 100 are 0.1" in form.error


def test_errors_of_several_fields_name_those_as_the_form_does():
    form = Form(AttackSettings)
    form.set("source", CLASSIFIER)
    form.set("protocol", "legacy")
    form.set("norm", "l2")
    assert form.error == "The legacy protocol is in linf: leave Norm out"
    assert form.wrong == "norm"


@pytest.mark.parametrize(
    ("model", "typed"),
    [
        (AttackSettings, {"loss": "margin", "targeted": "3", "schedule": "cosine", "momentum": 1.0,
                          "convergence": ""}),
        (DefendSettings, {"denoiser": DENOISER, "purify": (0.05, 0.1), "purify_steps": 3,
                          "purify_sampler": "ddim", "purify_eta": 0.5, "iterate": "fresh",
                          "draws_by": "doubt"}),
        (CertifySettings, {"radii": (0.1, 0.2), "sigma": (0.25, 0.5)}),
        (TrainSettings, {"noise": 0.25}),
    ],
)  # fmt: skip
def test_what_stands_in_a_form_stands_there_in_the_next_window(model, typed, monkeypatch, tmp_path):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path))
    form, memory = Form(model), FormMemory()
    form.fill(typed | ({"source": CLASSIFIER} if "source" in form.values else {}))
    assert form.settings is not None, form.error
    memory.keep(form, None)
    memory.save()
    found = Form(model)
    found.fill(FormMemory().load()[form.kind].values)
    assert found.settings == form.settings
    assert {name: found.values[name] for name in typed} == typed
