"""Run folders: created, opened, named, held; their events."""

import subprocess
import sys
from pathlib import Path

import pytest

from isoloss import IsolossError
from isoloss.event_tail import EventTail
from isoloss.events import Failed, Log
from isoloss.run import Run
from isoloss.run_names import free_folder, run_name
from isoloss.settings import ProbeSettings, TrainSettings


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
    long = ProbeSettings(source=Path(f"/r/{'☃' * 80}.pt"), model="x", data="y")
    assert len(run_name(long).encode()) < 200
    assert run_name(long).endswith("☃-random")


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
