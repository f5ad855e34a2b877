"""Forms: every field of the settings models, checked as it is typed."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from isoloss.app.state.forms.field_specs import fields_of
from isoloss.app.state.forms.settings_form import Form
from isoloss.cli.options import add_options, settings_from
from isoloss.settings import KINDS, ImportSettings, ProbeSettings, Settings, TrainSettings

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("model", KINDS.values())
def test_every_field_has_a_row_with_label_and_help(model):
    rows = fields_of(model)
    assert {r.name for r in rows} == set(model.model_fields) - {"kind"}
    assert all(r.label and r.help for r in rows)
    assert [r.name for r in rows if r.section == "Compute"] == ["device", "precision", "seed"]
    sections = [r.section for r in rows]
    assert sections == sorted(sections, key=["", "More", "Compute"].index)


def test_kinds_of_fields():
    kinds = {r.name: r for r in fields_of(ProbeSettings)}
    assert kinds["source"].kind == "path"
    assert kinds["source"].required
    assert kinds["plane"].kind == "choice"
    named = ("random", "pca", "line", "interpolate", "directions", "direction")
    assert kinds["plane"].choices == (*named, "hessian", "gradient", "three", "path", "along")
    assert kinds["to"].kind == "path"
    assert not kinds["to"].optional
    assert kinds["also"].kind == "paths"
    assert kinds["grid"].kind == "grid"
    assert kinds["alpha_range"].kind == "range"
    assert kinds["alpha_range"].optional
    assert kinds["samples"].kind == "integer"
    assert kinds["samples"].optional
    assert kinds["samples"].bounds == "at least 1"
    train = {r.name: r for r in fields_of(TrainSettings)}
    assert train["lr"].kind == "number"
    assert train["lr"].bounds == "above 0, at most 100"
    assert "resnet50" in train["model"].choices


def test_a_fresh_train_form_can_be_started():
    form = Form(TrainSettings)
    assert form.settings == TrainSettings()
    assert form.error == ""


def test_what_is_missing_is_asked_for():
    form = Form(ProbeSettings)
    assert form.settings is None
    assert form.missing
    assert form.wrong == "source"
    assert form.command(Path("out")) == ""


def test_a_mistake_is_named_by_its_label():
    form = Form(TrainSettings)
    form.set("epochs", 0)
    assert form.settings is None
    assert not form.missing
    assert form.wrong == "epochs"
    assert form.error.startswith("Epochs should be greater than or equal to 1")
    form.set("epochs", 3)
    assert form.settings == TrainSettings(epochs=3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model", "resnet55", "There is no network 'resnet55'"),
        ("data", "mnist", "There is no data set 'mnist'"),
        ("data", "imagefolder:nowhere", "There is no folder nowhere"),
    ],
)
def test_an_unknown_name_is_marked_as_it_is_typed(name, value, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    form = Form(TrainSettings)
    form.set(name, value)
    assert form.settings is None
    assert form.wrong == name
    assert form.error.startswith(message)
    assert form.command(Path("out")) == ""
    form.set(name, {"model": "timm:resnet18", "data": "mine:load"}[name])
    assert form.settings is not None
    assert form.error == ""


def test_an_unknown_network_type_is_marked_but_none_is_fine():
    form = Form(ProbeSettings)
    form.set("source", "runs/a")
    assert form.settings is not None
    form.set("model", "resnet55")
    assert form.wrong == "model"
    form.set("model", None)
    assert form.settings is not None


def test_a_mistake_between_fields_is_told():
    form = Form(ProbeSettings)
    form.set("source", "weights.pt")
    assert form.settings is None
    assert "network type" in form.error
    assert "--" not in form.error


def test_ranges_must_increase():
    form = Form(ProbeSettings)
    form.set("source", "runs/a")
    form.set("alpha_range", (1.0, -1.0))
    assert form.wrong == "alpha_range"
    form.set("alpha_range", (-1.0, 2.0))
    assert form.settings is not None
    assert form.settings.alpha_range == (-1.0, 2.0)


def test_the_command_line_asks_for_the_same(train):
    train(Path("a folder/run"))
    form = Form(ProbeSettings)
    changes = {
        "source": "a folder/run",
        "plane": "pca",
        "grid": (7, 9),
        "samples": 50,
        "alpha_range": (-0.5, 1.0),
        "seed": 3,
    }
    for name, value in changes.items():
        form.set(name, value)
    words = shlex.split(form.command(Path("runs/x y")))
    assert words[:2] == ["isoloss", "probe"]
    parser = argparse.ArgumentParser()
    add_options(parser, ProbeSettings)
    parser.add_argument("--out")
    namespace = parser.parse_args(words[2:])
    assert namespace.out == "runs/x y"
    assert settings_from(ProbeSettings, namespace) == form.settings


def test_blank_paths_are_not_asked_for(train):
    train(Path("runs/b c"))
    form = Form(ProbeSettings)
    for name, value in {"source": "runs/a", "plane": "pca", "also": ("runs/b c", " ")}.items():
        form.set(name, value)
    assert form.settings is not None
    assert form.settings.also == (Path("runs/b c").absolute(),)
    assert form.settings.to is None
    words = shlex.split(form.command(Path("out")))
    assert words[words.index("--also") + 1] == "runs/b c"
    form.set("also", ())
    assert "--also" not in form.command(Path("out"))


def test_an_import_asks_for_its_checkpoints_with_a_line_to_type_them_into():
    form = Form(ImportSettings)
    assert form.values["checkpoints"] == ("",)
    assert (form.wrong, form.missing) == ("checkpoints", True)
    assert form.error.startswith("Checkpoints are needed: files of one training")
    for name, value in {
        "checkpoints": ("ckpts/*.pt", ""), "model": "mine:net", "data": "digits",
    }.items():  # fmt: skip
        assert form.settings is None
        form.set(name, value)
    words = shlex.split(form.command(Path("runs/mine")))
    assert words[:2] == ["isoloss", "import"]
    assert words[2:4] == ["ckpts/1.pt", "ckpts/2.pt"]


def test_a_loss_of_ones_own_is_folded_until_something_is_wrong_with_it():
    form = Form(ProbeSettings)
    assert {"parameters", "loss", "per_batch", "key"} <= {r.name for r in form.sections["More"]}
    form.set("source", "runs/a")
    for value in ("", "squared", "losses:", ":squared", "my losses:squared"):
        form.set("loss", value)
        assert form.wrong == "loss"
        but = f", not {value!r}" if value else ""
        assert form.error == f"A loss is package.module:function{but}"
    form.set("loss", "mine:squared")
    form.set("per_batch", True)
    assert "--loss mine:squared --per-batch" in form.command(Path("out"))
    form.set("loss", None)
    assert form.wrong == "loss"
    assert "--" not in form.error


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("probe", "key", "Say which"),
        ("attack", "attacks", "Say which"),
        ("probe", "parameters", "Say which: all, trainable, or names and patterns"),
    ],
)
def test_what_is_left_empty_is_asked_for_in_words(kind, name, said):
    form = Form(KINDS[kind])
    form.set("source", "runs/a")
    form.set(name, "")
    assert (form.wrong, form.error) == (name, said)


class Meal(Settings):
    """Settings of which some matter only with others."""

    kind: str = "meal"
    course: Literal["soup", "cake"] = "soup"
    salt: int = Field(default=3, json_schema_extra={"only_with": {"course": ["soup"]}})
    candles: int = Field(default=0, le=9, json_schema_extra={"only_with": {"course": ["cake"]}})


def test_what_does_not_matter_is_hidden_and_stays_at_its_default():
    form = Form(Meal)

    def shown() -> set[str]:
        return {f.name for f in form.fields if form.matters(f) and f.section != "Compute"}

    assert shown() == {"course", "salt"}
    form.set("salt", 5)
    form.set("course", "cake")
    assert shown() == {"course", "candles"}
    assert form.settings == Meal(course="cake")  # and not with salt=5
    form.set("candles", 10)
    assert form.wrong == "candles"
    form.set("course", "soup")
    assert form.settings == Meal(salt=5)


def test_reset():
    form = Form(TrainSettings)
    form.set("model", "resnet50")
    assert form.settings == TrainSettings(model="resnet50")
    form.reset()
    assert form.settings == TrainSettings()
