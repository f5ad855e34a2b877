"""The command line's options: those of the settings, and what is said of wrong ones."""

import argparse
import json
import shlex
from pathlib import Path

import pytest

from isoloss.cli.main import main
from isoloss.cli.options import add_options, settings_from
from isoloss.cli.parser import Parser
from isoloss.settings import (
    KINDS,
    AttackSettings,
    CertifySettings,
    DefendSettings,
    ProbeSettings,
    TrainSettings,
    parse_settings,
)
from isoloss.settings.text import command_line, help_of

LONG = "y" * 300


def options_of(kind):
    parser = Parser()
    add_options(parser, KINDS[kind])
    return parser


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_an_option_with_words(kind):
    text = options_of(kind).format_help().lower()
    for name, field in KINDS[kind].model_fields.items():
        if name != "kind":
            assert field.title
            assert help_of(field)
            assert name.replace("_", "-") in text or name in text


@pytest.mark.parametrize(
    "settings",
    [
        TrainSettings(model="timm:resnet18", epochs=2, lr=1 / 3, optimizer="adam"),
        ProbeSettings(source=Path("/tmp/x y"), grid=(7, 9), alpha_range=(-1e-5, 2), plane="pca"),
        ProbeSettings(source=Path("/a.pt"), model="vgg11", data="digits", samples=5),
        AttackSettings(source="/a", also=("/b", "/c d"), eps="2/255 0.5", attacks="square pgd"),
        DefendSettings(source="digits-classifier", denoiser="a/b", sigma=(0.5, 0.25), norm="l2"),
        CertifySettings(source="/a", sigma="1", alpha=0.01, draws=10**6),
    ],
)
def test_the_command_line_asks_for_the_same(settings):
    words = shlex.split(command_line(settings, Path("out")))
    assert words[:2] == ["isoloss", settings.kind]
    assert words[-2:] == ["--out", "out"]
    parsed = options_of(settings.kind).parse_args(words[2:-2])
    assert settings_from(type(settings), parsed) == settings
    assert parse_settings(json.loads(settings.model_dump_json())) == settings


@pytest.mark.parametrize(
    "words",
    [
        "--attacks pgd square --eps 0.1 0.2",
        "--attacks pgd,square --eps 0.1,0.2",
        "--attacks pgd --attacks square --eps 0.1 --eps 0.2",
        "--attacks pgd, square --eps 0.1, 0.2",
    ],
)
def test_lists_take_blanks_commas_and_themselves_again(words):
    parsed = options_of("attack").parse_args(["digits-classifier", *words.split()])
    settings = settings_from(AttackSettings, parsed)
    assert (settings.attacks, settings.eps) == ("pgd,square", (0.1, 0.2))


@pytest.mark.parametrize("given", [["a", "b"], ["a", "--also", "b"]])
def test_several_values_may_be_given_together_or_one_by_one(given):
    parser = argparse.ArgumentParser()
    add_options(parser, ProbeSettings)
    parsed = parser.parse_args(["run", "--plane", "pca", "--also", *given])
    assert settings_from(ProbeSettings, parsed).also == (Path.cwd() / "a", Path.cwd() / "b")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--epochs", "0"], "--epochs"),
        (["train", "--epochs", "many"], "--epochs"),
        (["train", "--optimizer", "lbfgs"], "--optimizer"),
        (["train", "--lr", "nan"], "--lr"),
        (["train", "--model", "nosuchnet", "--device", "cpu"], "no network 'nosuchnet'"),
        (["probe", "nowhere"], "there is no "),
        (["probe", "~nosuchuser/x"], "home folder"),
        (["probe", "x.pt"], "--model"),
        (["probe", "x.pt", "--model", "vgg11", "--data", "digits"], "no checkpoint"),
        (["probe", "nowhere", "--grid", "1"], "--grid"),
        (["probe", "nowhere", "--grid", "5x"], "--grid"),
        (
            ["probe", "nowhere", "--range", "1", "-1"],
            "isoloss: --range: the range must run from low to high, not from 1 to -1\n",
        ),
        (
            ["probe", "nowhere", "--range", "0", "1", "--beta-range", "1e-3", "-2e9"],
            "--beta-range: the range must run from low to high, not from 0.001 to -2e+09",
        ),
        (["probe", "nowhere", "--range", "0", "x"], "--range: input should be a number"),
        (["probe"], "say which network: a run, a checkpoint or"),
        *(
            (words, "there is no file or folder ")
            for words in (
                ["run", "nowhere"],
                ["info", "nowhere"],
                ["export", "nowhere", "--out", "x.npz"],
                ["render", "nowhere.ply", "--out", "x.png"],
                ["render", "nowhere", "nowhere else", "--out", "x.png"],
                ["render", "nowhere", "--what", "maps", "--out", "x.png"],
                ["probe", "nowhere"],
                ["attack", "nowhere", "nowhere2"],
                ["certify", "nowhere"],
                ["train", "--data", "imagefolder:nowhere"],
            )
        ),
        (["render", "x.ply", "--out", "nowhere/x.png"], "cannot write nowhere/x.png: there is no"),
        (["export", "x.ply", "--out", "nowhere/x.npz"], "cannot write nowhere/x.npz: there is no"),
        (["render", "nowhere.ply", "--out", "x.png", "--size", "big"], "--size"),
        (["view", "nowhere.ply"], "there is no file or folder "),
        (["dance"], "dance"),
        *(
            (words, "too long")
            for words in (
                ["info", LONG],
                ["run", LONG],
                ["view", LONG],
                ["render", LONG, "--out", "x.png"],
                ["train", "--data", "digits", "--model", "vgg11", "--out", LONG],
                ["import", LONG, "--model", "vgg11", "--data", "digits"],
                ["certify", LONG],
                ["attack", LONG + ".pt", "--model", "vgg11", "--data", "digits"],
                ["train", "--data", f"imagefolder:{LONG}"],
                ["demo", "--headless", "--out", LONG],
            )
        ),
    ],
)
def test_wrong_requests_get_one_line_and_code_2(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(words)
    except SystemExit as left:  # argparse leaves so
        code = left.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("isoloss: ")
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.iterdir()) == []
