"""Settings with a name: the program's and a person's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isoloss.cli.main import main
from isoloss.errors import IsolossError
from isoloss.settings import KINDS, AttackSettings, ProbeSettings, TrainSettings
from isoloss.settings.presets import (
    PRESETS,
    own_presets,
    preset_values,
    presets_for,
    remove_preset,
    save_preset,
)

SUBJECT = {
    "source": "digits-classifier",
    "checkpoints": ("a.pt",),
    "model": "vgg11",
    "data": "digits",
    "denoiser": "digits-denoiser",
}


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, preset.name) for preset in PRESETS for kind in preset.values]
)
def test_the_presets_that_ship_can_be_asked_for(kind, name):
    model, values = KINDS[kind], preset_values(kind, name)
    subject = {} if kind == "train" else SUBJECT
    subject = {k: v for k, v in subject.items() if k in model.model_fields}
    settings = model.model_validate({**subject, **values})
    assert {k: getattr(settings, k) for k in values} == values


def test_what_the_papers_say():
    paper = preset_values("probe", "paper")
    assert (paper["grid"], paper["alpha_range"], paper["normalize"]) == (
        (51, 51), (-1.0, 1.0), "filter"
    )  # fmt: skip
    cohen = preset_values("certify", "certification")
    assert (cohen["samples"], cohen["draws"], cohen["pilot"], cohen["alpha"]) == (
        500, 100_000, 100, 0.001
    )  # fmt: skip


def test_ones_own_are_kept_without_what_they_are_about(config):
    probe = ProbeSettings(source=Path("digits-classifier"), grid=(31, 31), plane="pca")
    save_preset("  My   PCA ", probe)
    save_preset("My PCA", TrainSettings(model="resnet20", lr=0.3))
    assert preset_values("probe", "My PCA") == {"grid": (31, 31), "plane": "pca"}
    assert preset_values("train", "My PCA") == {"lr": 0.3}
    assert [p.name for p in presets_for("probe")][-1] == "My PCA"
    remove_preset("My PCA")
    assert own_presets() == []


@pytest.mark.parametrize("name", ["", "  ", "paper"])
def test_names_that_none_of_ones_own_can_have(name):
    with pytest.raises(IsolossError, match="name"):
        save_preset(name, TrainSettings())


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"x": 3}',
        '{"x": {"probe": {"grid": "many"}}}',
        '{"x": {"probe": {"no_such_field": 1}}}',
        '{"x": {"no_such_kind": {}}}',
        '{"x": {"attack": {"protocol": "legacy", "norm": "l2"}}}',
    ],
)
def test_what_is_damaged_or_of_another_version_is_left_out(config, content):
    (config / "presets.json").write_text(content)
    assert own_presets() == []


def test_a_preset_to_interpolate_keeps_the_plane(config):
    save_preset("line", ProbeSettings(source=Path("a"), plane="interpolate", to=Path("b")))
    assert preset_values("probe", "line") == {"plane": "interpolate"}


def asked(monkeypatch, tmp_path, *words):
    """The settings of the runs that a command line begins."""
    found = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("isoloss.work.prepare", lambda settings: None)

    def resume_runs(runs, **_):
        found.extend(run.settings for run in runs)
        return 0

    monkeypatch.setattr("isoloss.cli.run_verbs.resume_runs", resume_runs)
    assert main(words) == 0
    return found


def test_the_command_line_goes_before_the_preset(monkeypatch, tmp_path):
    words = [
        "attack",
        "digits-classifier",
        "--preset",
        "original",
        "--samples",
        "9",
        "--eps",
        "0.2",
    ]
    (settings,) = asked(monkeypatch, tmp_path, *words)
    assert isinstance(settings, AttackSettings)
    assert (settings.protocol, settings.samples, settings.eps) == ("legacy", 9, (0.2,))


def test_what_a_preset_says_of_another_plane_disturbs_nothing(monkeypatch, tmp_path):
    words = ["probe", "digits-classifier", "--preset", "paper", "--plane", "line"]
    (settings,) = asked(monkeypatch, tmp_path, *words)
    assert (settings.plane, settings.points) == ("line", 401)


def test_a_preset_that_is_none_is_one_line(capsys):
    assert main(["probe", "digits-classifier", "--preset", "honest"]) == 2
    assert "there is no preset 'honest' for probe: choose quick, paper" in capsys.readouterr().err


def test_a_sweep_begins_a_run_for_each_combination(monkeypatch, tmp_path):
    words = ["train", "--epochs", "3", "--sweep", "lr=0.1,0.01", "seed=0..2"]
    settings = asked(monkeypatch, tmp_path, *words)
    assert [(s.epochs, s.lr, s.seed) for s in settings] == [
        (3, lr, seed) for lr in (0.1, 0.01) for seed in (0, 1, 2)
    ]
    folders = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert folders[0] == "vgg11-digits-lr0.01-seed0"
    assert len(folders) == 6
    asked(monkeypatch, tmp_path, *words)
    assert (tmp_path / "runs" / "vgg11-digits-2-lr0.1-seed2").is_dir()


def test_an_estimate_begins_nothing(monkeypatch, tmp_path, capsys):
    from isoloss.library.estimate import Estimate

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("isoloss.work.tried", lambda s: Estimate(60.0 * s.epochs, 10**9))
    assert main(["train", "--sweep", "epochs=2,8", "--estimate"]) == 0
    assert capsys.readouterr().out == "2 runs, about 10 min, 1 GB\n"
    assert main(["train", "--epochs", "1", "--estimate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"seconds": 60.0, "memory": 10**9}
    assert not (tmp_path / "runs").exists()
