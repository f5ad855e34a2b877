"""Run folders, events, settings and the command line's options."""

import argparse
import json
import math
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from isoloss import IsolossError
from isoloss.cli.main import main
from isoloss.cli.options import add_options, settings_from
from isoloss.cli.parser import Parser
from isoloss.events import Done, Failed, Log, Metric, Paused, Progress, Started, from_line, to_line
from isoloss.files import write_atomic
from isoloss.jobs.follow import FollowedRun
from isoloss.run import EventTail, Run, free_folder, run_name
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


@pytest.mark.parametrize(
    "event",
    [
        Started(7, "cpu"), Progress("probe", 3, 9, 1.5, "cells"), Metric(1.5, 0.1, math.nan, 0.5),
        Log("Grüße\n{}"), Done(1.25), Paused(), Failed("why"),
    ],
)  # fmt: skip
def test_events_survive_their_line(event):
    line = to_line(event, 12.5)
    assert "\n" not in line
    json.loads(line, parse_constant=lambda c: pytest.fail(f"{c} is not JSON"))
    time, back = from_line(line)
    assert time == 12.5
    assert repr(back) == repr(event)


@pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"event": "x", "time": 1}', '{"event": 3}',
                                  '{"event": "done", "time": "x"}', "[" * 10_000,
                                  '{"event": "started", "time": 1, "pid": "all"}',
                                  '{"event": "metric", "time": 1, "epoch": "x"}'])  # fmt: skip
def test_damaged_lines_are_passed_over(line):
    assert from_line(line) is None


def test_a_tail_gives_whole_lines_once(tmp_path):
    run = Run.create(tmp_path / "r", TrainSettings())
    tail = EventTail(run.events_path)
    assert tail.read() == []
    run.emit(Log("a"))
    with run.events_path.open("a") as file:
        file.write('{"event": "log", "ti')
    assert [e for _, e in tail.read()] == [Log("a")]
    with run.events_path.open("a") as file:
        file.write('me": 1, "message": "b"}\n')
    assert [e for _, e in tail.read()] == [Log("b")]
    assert tail.read() == []


def test_a_run_is_created_once_and_reused(tmp_path):
    settings = TrainSettings(epochs=3)
    run = Run.create(tmp_path / "r", settings)
    assert Run.create(tmp_path / "r", settings) == run == Run.open(tmp_path / "r")
    with pytest.raises(IsolossError, match="other settings"):
        Run.create(tmp_path / "r", TrainSettings(epochs=4))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(IsolossError, match="not a run"):
        Run.create(tmp_path / "full", settings)
    assert free_folder(tmp_path, "r") == tmp_path / "r-2"


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", "nonsense", '{"schema": 1}', '{"schema": 99, "settings": {}}',
        '{"schema": 1, "settings": {"kind": "cook"}}', '{"schema": 1, "settings": 3}',
        '{"schema": 1, "settings": {"kind": "train", "epochs": -1}}',
        '{"schema": 1, "settings": {"kind": "train", "colour": "red"}}', "[" * 50_000,
    ],
)  # fmt: skip
def test_a_damaged_run_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(IsolossError) as caught:
        Run.open(tmp_path)
    assert "\n" not in str(caught.value)
    assert "run.json" in str(caught.value)


def test_a_line_cut_short_does_not_swallow_the_next(tmp_path):
    run = Run.create(tmp_path / "r", TrainSettings())
    run.emit(Log("one\u2028line"))
    with run.events_path.open("ab") as file:
        file.write(b'{"event": "progress", "time')
    run.emit(Failed("no space"))
    assert [e for _, e in run.events()] == [Log("one\u2028line"), Failed("no space")]


@pytest.mark.parametrize(
    ("model", "data", "name"),
    [
        ("vgg11", "digits", "vgg11-digits"),
        ("timm:resnet18", "imagefolder:/data/birds/", "resnet18-birds"),
        ("my.models:wide", r"imagefolder:C:\data\birds", "wide-birds"),
    ],
)
def test_runs_are_named_for_what_they_do(model, data, name):
    assert run_name(TrainSettings(model=model, data=data)) == name


def test_a_probe_is_named_for_its_source():
    assert run_name(ProbeSettings(source=Path("/r/r50-lr0.05"))) == "r50-lr0.05-random"
    assert run_name(ProbeSettings(source=Path("/r/a.pt"), model="x", data="y")) == "a-random"


def test_a_run_is_held_by_one_process(tmp_path):
    run = Run.create(tmp_path / "r", TrainSettings())
    code = (
        "import sys; from pathlib import Path; from isoloss.run import Run\n"
        f"with Run.open(Path({str(run.folder)!r})).lock():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert run.is_held
        with pytest.raises(IsolossError, match="another process"), run.lock():
            pass
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert not run.is_held


def test_following_tells_what_a_run_does(tmp_path):
    run = Run.create(tmp_path / "r", TrainSettings())
    followed = FollowedRun(run)
    assert followed.status == "waiting"
    assert not followed.refresh()
    run.emit(Started(1, "cpu"))
    for epoch in (0, 1, 2, 1, 2):  # stopped after 2, resumed from 1
        run.emit(Metric(epoch, 0.1, 1 / (1 + epoch), 0.5))
    run.emit(Progress("train", 5, 10, 2.0, "steps"))
    assert followed.refresh()
    assert followed.status == "running"
    assert [m.epoch for m in followed.metrics] == [0, 1, 2]
    assert followed.progress is not None
    assert (followed.progress.fraction, followed.progress.eta) == (0.5, 2.5)
    run.emit(Failed("no disk"))
    followed.refresh()
    assert (followed.status, followed.failure) == ("failed", "no disk")
    # Nobody holds it: whoever had said "running" was killed.
    run.emit(Started(1, "cpu"))
    assert FollowedRun(run).status == "paused"


def test_a_run_that_another_process_takes_up_is_followed_on(tmp_path):
    run = Run.create(tmp_path / "r", TrainSettings())

    class Killed:
        folders = (run.folder,)
        exit_code = -9

    run.emit(Started(1, "cpu"))
    followed = FollowedRun(run, Killed())
    assert followed.status == "failed"
    assert "signal 9" in followed.failure
    run.emit(Started(2, "cpu"))
    followed.refresh()
    assert followed.status == "running"
    run.emit(Done(1.0))
    followed.refresh()
    assert (followed.status, followed.failure) == ("done", "")


def test_a_queued_run_says_what_it_waits_for(tmp_path):
    runs = [Run.create(tmp_path / n, TrainSettings()) for n in ("first", "second")]

    class Queue:
        folders = tuple(r.folder for r in runs)
        exit_code = None

    followed = [FollowedRun(r, Queue()) for r in runs]
    assert [f.waits_for for f in followed] == ["", "first"]
    runs[1].emit(Started(1, "cpu"))
    followed[1].refresh()
    assert followed[1].waits_for == ""


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


def test_the_command_line_leaves_out_what_changes_nothing():
    settings = ProbeSettings(source=Path("/a"), plane="line", grid=(51, 51), points=9)
    words = command_line(settings, Path("out"))
    assert "--points 9" in words
    assert "--grid" not in words


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
        (["probe", "nowhere", "--range", "1", "-1"], "--alpha-range"),
        (["probe"], "SOURCE"),
        (["run", "nowhere"], "there is no "),
        (["info", "nowhere"], "no file or run folder"),
        (["render", "nowhere.ply", "--out", "x.png"], "no file or run folder"),
        (["render", "nowhere.ply", "--out", "x.png", "--size", "big"], "--size"),
        (["view", "nowhere.ply"], "no file or run folder"),
        (["dance"], "dance"),
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


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = write_atomic(tmp_path / "a" / "b.txt", lambda p: p.write_text("old"))

    def full(target):
        target.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(IsolossError, match="No space left"):
        write_atomic(path, full)
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    with pytest.raises(IsolossError, match="cannot write"):
        write_atomic(path / "c.txt", lambda p: p.write_text("x"))


def test_importing_isoloss_or_asking_for_help_loads_no_torch_and_no_opengl():
    code = (
        "import sys, isoloss, isoloss.cli.main\n"
        "try: isoloss.cli.main.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'OpenGL', 'imgui_bundle', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
