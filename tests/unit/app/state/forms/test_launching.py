"""Forms that repeat a run, hold a preset, ask for a sweep, and are told what it takes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from isoloss.app.panels.forms.form_fields import shown_value
from isoloss.app.panels.forms.preset_row import holds
from isoloss.app.state.forms.foresight import Foresight
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.messages import Messages
from isoloss.cli.main import main
from isoloss.errors import IsolossError
from isoloss.library.entry import Entry
from isoloss.library.library import Library
from isoloss.run import Run
from isoloss.settings import (
    KINDS,
    AttackSettings,
    DefendSettings,
    ImportSettings,
    ProbeSettings,
    TrainSettings,
)
from isoloss.settings.presets import PRESETS, preset_values

SOURCE = Path("digits-classifier")
pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    "asked",
    [
        lambda: TrainSettings(model="resnet20", epochs=3, image_size=16),
        lambda: TrainSettings(task="denoiser", denoiser_lr=1e-3),
        lambda: ImportSettings(
            checkpoints=("ckpts/1.pt", "ckpts/2.pt"), model="vgg11", data="digits"
        ),
        lambda: ProbeSettings(source="runs/a", grid=(5, 7), alpha_range=(-0.5, 1), plane="pca"),
        lambda: ProbeSettings(source=SOURCE, plane="interpolate", to="runs/a"),
        lambda: AttackSettings(source=SOURCE, eps=(0.1, 8 / 255), attacks="pgd"),
        lambda: DefendSettings(source=SOURCE, denoiser="digits-denoiser", sigma=(0.25, 0.5)),
    ],
)
def test_a_run_is_repeated_as_it_was_asked_for(asked):
    settings = asked()
    form = Form(KINDS[settings.kind])
    form.repeat(settings)
    assert form.error == ""
    assert form.settings == settings
    assert not any(form.differs(field) for field in form.fields)


def test_what_is_changed_since_is_marked():
    form = Form(TrainSettings)
    form.repeat(TrainSettings(epochs=3))
    form.set("lr", 0.5)
    assert [f.name for f in form.fields if form.differs(f)] == ["lr"]
    form.set("lr", 0.05)
    assert not any(map(form.differs, form.fields))
    form.reset()
    form.set("lr", 0.5)
    assert not any(map(form.differs, form.fields)), "nothing is repeated any more"


@pytest.mark.parametrize("name", PRESETS.names())
def test_a_preset_fills_in_what_it_says(name):
    for kind, values in PRESETS.get(name).values.items():
        form = Form(KINDS[kind])
        form.set("seed", 7)
        form.fill(values)
        assert form.values["seed"] == 7
        assert holds(form, values)
        field = next(f for f in form.fields if f.name in values and form.matters(f))
        form.set(field.name, field.default)
        assert holds(form, values) is (values[field.name] == field.default)


def asked_again(form, monkeypatch, tmp_path):
    """What the command line that a form shows asks for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("isoloss.work.prepare", lambda settings: None)
    found = []
    monkeypatch.setattr(
        "isoloss.cli.run_verbs.resume_runs", lambda runs, **_: found.extend(runs) or 0
    )
    assert main(shlex.split(form.command(tmp_path / "out"))[1:]) == 0
    return [run.settings for run in found]


@pytest.mark.parametrize(
    ("kind", "given", "several"),
    [
        ("train", {"epochs": 2}, {"lr": "0.1, 0.01", "seed": "0..2"}),
        ("train", {}, {"augment": "none,crop"}),
        (
            "attack",
            {"source": "digits-classifier"},
            {"attacks": "pgd; pgd,square", "eps": "0.1;0.2"},
        ),
        ("probe", {"source": "digits-classifier"}, {"grid": "5,7x9"}),
    ],
)
def test_several_values_ask_for_a_run_each(kind, given, several, monkeypatch, tmp_path):
    form = Form(KINDS[kind])
    for name, value in given.items():
        form.set(name, value)
    for name, text in several.items():
        form.set_several(name, text)
    assert form.error == ""
    assert len(form.runs) > 1
    assert asked_again(form, monkeypatch, tmp_path) == [run.settings for run in form.runs]


@pytest.mark.parametrize(
    ("several", "wrong", "message"),
    [
        ({"lr": ""}, "lr", "Give several values, for example 0.1, 0.01 or 0..4"),
        ({"lr": "0.1,high"}, "lr", "Learning rate should be a number"),
        ({"lr": "0.1,0.10"}, "lr", "ask for the same run"),
        ({"seed": "0..9999"}, "seed", "at most 1,000 runs"),
    ],
)
def test_what_is_wrong_with_several_values_is_said_at_their_field(several, wrong, message):
    form = Form(TrainSettings)
    for name, text in several.items():
        form.set_several(name, text)
    assert (form.settings, form.runs) == (None, ())
    assert form.wrong == wrong
    assert message in form.error
    form.set_several(wrong, None)
    assert form.settings == TrainSettings()


@pytest.mark.parametrize(
    ("name", "typed", "values"),
    [
        ("lr", "0.1, 0.01", [0.1, 0.01]),
        ("epochs", "1..3", [1, 2, 3]),
        ("seed", "0,1,2", [0, 1, 2]),
        ("batch_size", "100; 200", [100, 200]),
    ],
)
def test_several_numbers_typed_into_a_field_ask_for_a_run_each(name, typed, values):
    form = Form(TrainSettings)
    form.set(name, typed)
    assert form.error == ""
    assert [getattr(run.settings, name) for run in form.runs] == values
    assert shlex.split(form.command(Path("x")))[-1] == f"{name}={typed.replace(' ', '')}"
    form.leave(next(field for field in form.fields if field.name == name))
    assert form.several == {name: typed}
    assert [getattr(run.settings, name) for run in form.runs] == values


@pytest.mark.parametrize(("name", "typed"), [("lr", "0,5"), ("epochs", "1,000")])
def test_what_is_one_number_elsewhere_is_not_several(name, typed):
    form = Form(TrainSettings)
    form.set(name, typed)
    assert (form.wrong, form.settings) == (name, None)
    form.leave(next(field for field in form.fields if field.name == name))
    assert (form.values[name], form.several) == (typed, {})


def test_several_values_go_where_the_form_is_filled_in_anew():
    form = Form(TrainSettings)
    form.set_several("lr", "0.1, 0.01")
    form.set_several("seed", "0..2")
    form.fill({"lr": 0.02})
    assert form.several == {"seed": "0..2"}
    form.repeat(TrainSettings(epochs=2))
    assert (form.several, form.runs, form.settings) == ({}, (), TrainSettings(epochs=2))


def test_paths_are_said_as_one_types_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    form = Form(KINDS["attack"])
    run = tmp_path / "runs" / "a"
    form.repeat(AttackSettings(source=str(run), also=(run / "b", Path("/elsewhere/c"))))
    assert form.values["source"] == "runs/a"
    assert form.values["also"] == ("runs/a/b", "/elsewhere/c")
    assert not any(map(form.differs, form.fields))


def test_a_value_is_taken_along_when_it_becomes_several():
    assert [shown_value(v) for v in (0.05, (5, 7), (0.25, 0.5), None, "pgd")] == [
        "0.05", "5x7", "0.25 0.5", "", "pgd"
    ]  # fmt: skip


class Trial:
    """A trial that ends when the test says so."""

    def __init__(self, words):
        self.words, self.is_done, self.found, self.problem = words, False, None, ""

    def cancel(self):
        self.is_done = True


@pytest.fixture
def foresight(tmp_path):
    return Foresight(Library([tmp_path]), Messages(tmp_path), Trial)


def test_what_runs_take_is_told_from_the_library(foresight):
    asked = TrainSettings(model="resnet20", epochs=2)
    assert foresight.of([asked]) is None
    foresight._library.entries = (
        Entry(
            Path("/before"), "train", "resnet20", "digits", state="done", seconds=60.0,
            settings=json.loads(asked.model_dump_json(exclude={"kind"})), memory=10**9,
        ),
    )  # fmt: skip
    foresight._library.version += 1
    more = asked.model_copy(update={"epochs": 6})
    assert foresight.of([asked, more]).in_words == "about 4 min, 1 GB"
    assert foresight.of([asked, TrainSettings(model="vgg11")]) is None


def test_a_trial_tells_what_the_library_cannot(foresight):
    asked = ProbeSettings(source=SOURCE, grid=(9, 9), samples=100)
    foresight.begin_trials([asked])
    assert foresight.trial.words[:4] == ["probe", "digits-classifier", "--samples", "100"]
    assert not foresight.update()
    foresight.trial.is_done, foresight.trial.found = True, (90.0, 5 * 10**8)
    assert foresight.update()
    assert foresight.of([asked]).in_words == "about 2 min, 500 MB"
    assert foresight.of([asked.model_copy(update={"grid": (8, 8)})]) is None


def test_each_run_of_a_sweep_is_tried(foresight):
    runs = [TrainSettings(model=model) for model in ("cnn", "vgg11")]
    foresight.begin_trials(runs)
    for seconds in (60.0, 180.0):
        assert foresight.of(runs) is None
        foresight.trial.is_done, foresight.trial.found = True, (seconds, 10**9)
        assert foresight.update()
    assert foresight.trial is None
    assert foresight.of(runs).in_words == "about 4 min, 1 GB"
    foresight.begin_trials(runs)
    foresight.cancel()
    assert not foresight.update()


def test_a_trial_that_fails_is_one_notification(foresight):
    foresight.begin_trials([TrainSettings()])
    foresight.trial.is_done, foresight.trial.problem = True, "out of memory"
    assert foresight.update()
    assert "out of memory" in foresight._messages.lines[-1].text
    assert foresight.trial is None

    def spawn(words):
        raise IsolossError("no more processes")

    foresight._spawn = spawn
    foresight.begin_trials([TrainSettings()])
    assert foresight.trial is None


def test_what_the_library_tells_of_this_version_is_what_it_asks(tmp_path):
    """An entry's settings are those of its run, whatever it was asked for with."""
    settings = AttackSettings(source=SOURCE, eps=(0.1,))
    Run.create(tmp_path / "r", settings)
    library = Library([tmp_path])
    library.scan()
    form = Form(AttackSettings)
    form.fill({**preset_values("attack", "quick"), **library.entries[0].settings})
    assert form.settings is None or form.settings.samples == settings.samples
