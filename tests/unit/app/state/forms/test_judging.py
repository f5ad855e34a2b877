"""What forms show, offer and refuse before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.forms.begun import why_taken
from isoloss.app.state.forms.field_specs import fields_of
from isoloss.app.state.forms.form_memory import Entered, FormMemory
from isoloss.app.state.forms.form_watch import FormWatch
from isoloss.app.state.forms.known_names import Here
from isoloss.app.state.forms.settings_form import AtOnce, Form
from isoloss.app.state.workspace import Workspace
from isoloss.events import Failed, Log, Started
from isoloss.library.entry import Entry
from isoloss.run import Run
from isoloss.settings import KINDS, ProbeSettings, TrainSettings

pytestmark = pytest.mark.usefixtures("here")


def filled(kind: str, **values) -> Form:
    form = Form(KINDS[kind])
    for name, value in values.items():
        form.set(name, value)
    return form


# -- what will be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "field", "shown"),
    [
        ("probe", {}, "samples", "all 1,437"),
        ("probe", {"split": "test"}, "samples", "all 360"),
        ("probe", {"data": "cifar10"}, "samples", "all 50,000"),
        ("probe", {"data": "mine:load"}, "samples", "all there are"),
        ("probe", {}, "alpha_range", "−1 to 1"),
        ("probe", {"plane": "interpolate"}, "alpha_range", "−0.5 to 1.5"),
        ("probe", {"plane": "pca"}, "beta_range", "around the trajectory"),
        ("probe", {}, "data", "digits, as trained"),
        ("probe", {}, "model", "vgg11, as trained"),
        ("probe-input", {}, "attacks", "pgd"),
        ("probe-input", {"plane": "attacks"}, "attacks", "pgd,square"),
        (
            "probe-input",
            {"plane": "attacks", "denoiser": "digits-denoiser"},
            "attacks",
            "pgd,eot",
        ),
        ("probe-input", {}, "sigma", "no noise"),
        ("probe-input", {"denoiser": "digits-denoiser"}, "sigma", "0.25"),
        ("probe-input", {"eps": 0.1, "steps": 5}, "step_size", "0.05, 2.5 ε / steps"),
        ("attack", {}, "eps", "0.005 0.01 0.03 0.1 0.5"),
        ("attack", {"norm": "l2"}, "eps", "0.1 0.25 0.5 1 2 20"),
        ("attack", {}, "step_size", "2.5 ε / steps"),
    ],
)
def test_what_is_used_where_nothing_is_typed(kind, values, field, shown):
    assert filled(kind, source="runs/a", **values).verdict.usual[field].text == shown


@pytest.mark.parametrize(
    ("values", "field", "shown"),
    [
        ({}, "augment", "shifts"),
        ({"data": "cifar10"}, "augment", "shifts and mirroring"),
        ({"task": "denoiser"}, "denoiser", "tiny"),
        ({"task": "denoiser", "data": "cifar10"}, "denoiser", "small"),
        ({"task": "denoiser", "denoiser": "ddpm"}, "denoiser_lr", "0.0002"),
        ({"device": "cpu"}, "batch_size", "what fits the CPU's cache"),
    ],
)
def test_what_a_training_comes_to(values, field, shown):
    assert filled("train", **values).verdict.usual[field].text == shown


def test_samples_of_other_data_are_told_by_the_runs_that_have_seen_them():
    entry = Entry(Path("/x"), "probe", samples=(70, 30), settings={"data": "mine:load"})
    form = Form(ProbeSettings, AtOnce(Here(entries=lambda: [entry])))
    form.fill({"source": "runs/a", "data": "mine:load"})
    assert form.verdict.usual["samples"].text == "all 70"
    assert form.verdict.remarks["samples"] == "of 70"


def test_what_is_shown_as_the_default_is_what_the_settings_take():
    form = filled("probe-input", source="runs/a", plane="attacks")
    usual = form.verdict.usual
    assert form.settings.attack_names == tuple(usual["attacks"].value.split(","))
    assert form.settings.epsilon == usual["eps"].value
    assert filled("attack", source="runs/a").settings.epsilons == (
        filled("attack", source="runs/a").verdict.usual["eps"].value
    )


# -- what a run would refuse -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "wrong", "said"),
    [
        ("probe", {"source": "runs/gone"}, "source", "There is no network runs/gone"),
        ("probe", {"source": "ckpts"}, "source", "ckpts is a folder of checkpoints"),
        ("probe", {"source": "mine.py"}, "source", "mine.py is no network"),
        ("probe", {"source": "runs"}, "source", "runs is no run's folder"),
        ("attack", {"source": "timm:vgg99.x", "data": "digits"}, "source", "timm has no network"),
        (
            "attack",
            {"source": "gone.pt", "model": "vgg11", "data": "digits"},
            "source",
            "There is no checkpoint gone.pt",
        ),
        (
            "probe",
            {"source": "runs/a", "loss": "mine:cubed"},
            "loss",
            "There is no 'cubed' in mine",
        ),
        ("probe", {"source": "runs/a", "loss": "no:f"}, "loss", "There is no module no"),
        (
            "probe",
            {"source": "runs/a", "plane": "directions", "directions": "d.h5"},
            "directions",
            "There is no file d.h5",
        ),
        (
            "probe",
            {"source": "runs/a", "plane": "interpolate", "to": "b.pt"},
            "to",
            "There is no checkpoint b.pt",
        ),
        (
            "probe",
            {"source": "digits-classifier", "plane": "pca"},
            "plane",
            "A PCA plane needs at least 3 checkpoints, there are 1",
        ),
        (
            "probe-input",
            {"source": "runs/a", "image": 360},
            "image",
            "There are 360 test images: choose one from 0 to 359",
        ),
        (
            "probe-input",
            {"source": "runs/a", "image": 1437, "split": "train"},
            "image",
            "There are 1,437 training images",
        ),
        ("attack", {"source": "runs/a", "attacks": "mine:gone"}, "attacks", "There is no 'gone'"),
        ("attack", {"source": "runs/a", "also": ("runs/gone",)}, "also", "There is no network"),
        ("certify", {"source": "runs/a", "sigma": "0.25 x"}, "sigma", "Noise σ should be a number"),
        ("train", {"model": "timm:resnet19"}, "model", "timm has no network 'resnet19'"),
        ("train", {"device": "cuda:77"}, "device", "This machine has no cuda:77: choose auto"),
        ("train", {"epochs": "many"}, "epochs", "Epochs should be a whole number"),
    ],
)
def test_what_a_run_would_refuse_is_said_while_it_is_typed(kind, values, wrong, said):
    form = filled(kind, **values)
    assert form.error.startswith(said)
    assert form.wrong == wrong
    assert form.settings is None
    assert "--" not in form.error


def test_what_is_there_is_not_refused(train):
    train(Path("runs/later"), checkpoints=0)
    assert "no checkpoints yet" in filled("probe", source="runs/later").error
    entry = Entry(Path("runs/later").absolute(), "train", state="running")
    form = Form(ProbeSettings, AtOnce(Here(entries=lambda: [entry])))
    form.fill({"source": "runs/later", "plane": "pca"})
    assert form.settings is not None, "it will have some by the time it is this run's turn"
    for values in (
        {"loss": "mine:squared"},
        {"plane": "pca"},
        {"plane": "interpolate", "to": "ckpts/1.pt"},
        {"source": "ckpts/1.pt", "model": "mine:net", "data": "mine:load"},
    ):
        assert filled("probe", **{"source": "runs/a", **values}).error == "", values


def test_nothing_of_a_persons_code_is_imported():
    Path("harmful.py").write_text("raise SystemExit\ndef net(num_classes): ...\n")
    assert filled("train", model="harmful:net").error == ""
    Path("broken.py").write_text("def net(:\n")
    assert filled("train", model="broken:net").error == "broken.py is no Python: see its line 1"


# -- what is offered ---------------------------------------------------------------------------


def test_networks_come_first_then_files_then_own_code():
    entry = Entry(
        Path("runs/a").absolute(), "train", state="done", figures={"accuracy": 0.871},
        settings={"model": "vgg11", "data": "digits"}, began=1764500000.0,
    )  # fmt: skip
    form = Form(ProbeSettings, AtOnce(Here(entries=lambda: [entry])))
    offers = form.verdict.offers
    assert [(o.value, o.section) for o in offers["source"]] == [
        ("runs/a", "Trained here"),
        ("digits-classifier", "Comes with isoloss"),
        ("efficientnet_lite0", "Libraries"),
        ("ckpts/1.pt", "Files"),
        ("ckpts/2.pt", "Files"),
    ]
    assert offers["source"][0].about == f"vgg11 on digits, 87.1 %, {entry.date[:10]}"
    own = {name: [o.value for o in offers[name] if o.section == "Own code"] for name in offers}
    assert own["model"] == ["mine:net"]
    assert own["data"] == ["mine:load"]
    assert own["loss"] == ["mine:squared"]


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("train", "stem", "Automatic takes CIFAR for images up to 64 pixels"),
        ("train", "denoiser", "Automatic takes Tiny for digits, else Small"),
        ("import", "order", "Automatic takes By epoch where all files have one, else By name"),
    ],
)
def test_what_automatic_takes_is_called_as_it_is_offered(kind, name, said):
    field = next(field for field in Form(KINDS[kind]).fields if field.name == name)
    assert said in field.in_words(field.help)


def test_choices_are_called_in_words():
    for kind, model in KINDS.items():
        for field in fields_of(model):
            if field.kind in ("choice", "several"):
                assert set(field.words) == set(field.choices), (kind, field.name)
                assert len({*field.words.values()}) == len(field.words), (kind, field.name)


# -- what is remembered ------------------------------------------------------------------------


def test_what_was_last_asked_for_is_remembered():
    for kind, values in {
        "probe": {"source": "runs/a", "grid": (7, 9), "alpha_range": (-0.5, 1.0), "plane": "pca"},
        "attack": {"source": "runs/a", "eps": (0.1, 0.2), "also": ("ckpts/1.pt",)},
        "train": {"lr": 0.5},
    }.items():
        memory = FormMemory()
        memory.load()
        memory.keep(filled(kind, **values))
        memory.save()
        found = FormMemory().load()[kind].values
        assert found == values
        again = Form(KINDS[kind])
        again.fill(found)
        assert again.values == filled(kind, **values).values
    assert set(FormMemory().load()) == {"probe", "attack", "train"}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"schema": 2, "forms": {"train": {"epochs": 3}}}', '{"schema": 1}',
        '{"schema": 1, "forms": {"train": 3, "dance": {}}}',
        '{"schema": 1, "forms": {"train": {"epochs": {}, "task": "x", "lr": [1], "no": 1}}}',
        '{"schema": 1, "forms": {"probe": {"grid": [1], "also": [3], "plane": []}}}',
        '{"schema": 1, "several": {"train": {"lr": 3, "no": "1"}}, "folders": {"probe": 1}}',
    ],
)  # fmt: skip
def test_what_is_damaged_is_as_if_it_had_not_been_kept(text):
    path = FormMemory().path
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert FormMemory().load() == {}


def test_what_is_sound_beside_what_is_damaged_is_kept():
    path = FormMemory().path
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"schema": 1, "forms": {"train": {"epochs": 3, "lr": {}}}}))
    assert FormMemory().load() == {"train": Entered({"epochs": 3})}


def test_several_values_and_the_folder_are_remembered_too():
    form, memory = filled("train", epochs=4), FormMemory()
    form.set_several("lr", "0.1, 0.03")
    assert memory.keep(form, "runs/mine")
    assert not memory.keep(form, "runs/mine")
    memory.save()
    assert FormMemory().load() == {
        "train": Entered({"epochs": 4}, {"lr": "0.1, 0.03"}, "runs/mine")
    }
    form.reset()
    assert memory.keep(form)
    memory.save()
    assert FormMemory().load() == {}


# -- beside the frames -------------------------------------------------------------------------


def test_only_what_is_typed_last_is_judged():
    watch = FormWatch(Here())
    form = Form(TrainSettings, watch)
    watch.start()
    for epochs in (0, 3, 0, 4):
        form.set("epochs", epochs)
    watch.stop()
    assert form.is_judged
    assert form.settings == TrainSettings(epochs=4)


def test_a_verdict_of_what_has_changed_since_is_no_verdict():
    waiting = []

    class Later:
        def look_at(self, form, typed):
            waiting.append((form, typed))

    form = Form(TrainSettings, Later())
    form.set("epochs", 0)
    judge = AtOnce()
    for asked in waiting[:1]:
        judge.look_at(*asked)
    assert not form.is_judged
    assert form.settings is None
    judge.look_at(*waiting[1])
    assert form.wrong == "epochs"


# -- a run that is refused ---------------------------------------------------------------------


def test_why_a_run_was_refused_outlasts_a_look_that_was_under_way():
    waiting = []

    class Later:
        def look_at(self, form, typed):
            waiting.append((form, typed))

    form, judge = Form(TrainSettings, Later()), AtOnce()
    judge.look_at(*waiting.pop())
    form.look_again()
    form.refuse("--lr: too large")
    judge.look_at(*waiting.pop())
    assert form.error == "Too large"
    form.set("lr", 0.01)
    judge.look_at(*waiting.pop())
    assert form.error == ""


def test_a_folder_that_is_taken_is_said_before_anything_is_started(here):
    settings, folder = TrainSettings(), here / "runs" / "new"
    assert why_taken(folder, settings) == ""
    Run.create(folder, settings)
    assert why_taken(folder, settings) == "", "it is resumed"
    other = why_taken(folder, TrainSettings(epochs=9))
    assert other == "runs/new already holds a run with other settings: choose another folder"
    assert why_taken(here / "runs", settings) == (
        "runs exists and is not a run: choose another folder"
    )
    (here / "a file").write_text("")
    assert why_taken(here / "a file", settings).startswith("a file exists and is not a run")
    (here / "empty").mkdir()
    assert why_taken(here / "empty", settings) == ""


@pytest.mark.parametrize(
    ("events", "is_left"),
    [
        ([Started(1), Failed("--lr: too large")], False),
        ([Started(1), Started(1, "cpu"), Failed("out of memory")], True),
        ([Started(1), Log("reading"), Failed("gone")], True),
        ([Failed("killed")], True),
    ],
)
def test_a_run_that_did_nothing_is_taken_back(here, events, is_left):
    workspace = Workspace(here, Preferences(), lambda _: pytest.fail("no job is wanted"))
    form = Form(TrainSettings, workspace.forms)
    run = Run.create(here / "runs" / "new", TrainSettings())
    followed = workspace.runs.follow(run)
    workspace.begun.remember(form, followed)
    for event in events:
        run.emit(event)
    workspace.runs.update(0.0)
    assert followed.status == "failed"
    assert [message.run for message in workspace.messages.shown] == [run.folder]
    gone = workspace.begun.update(0.0)
    assert (here / "runs" / "new").exists() is is_left
    assert gone == ([] if is_left else [followed])
    assert form.error == ("" if is_left else "Too large")
    assert form.wrong == ("" if is_left else "lr")
    assert bool(workspace.messages.shown) is is_left, "it is said in one place"
    form.set("epochs", 3)
    assert form.error == ""
