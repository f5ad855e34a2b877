"""What a library knows of each run, whatever lies in its folder."""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from isoloss.events import Done, Failed, Metric, Paused, Progress, Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.library.key_figures import in_words
from isoloss.library.reading import seconds_spent, size_of
from isoloss.results.tables import Row, write_table
from isoloss.run import Run
from isoloss.settings import (
    AttackSettings,
    CertifySettings,
    DefendSettings,
    ImportSettings,
    ProbeSettings,
    TrainSettings,
)


def told(entry):
    return in_words(entry.kind, entry.figures)


def test_a_training_is_told_by_its_last_test_accuracy(begin, scanned):
    begin(
        "t",
        TrainSettings(model="timm:resnet18", data="cifar10"),
        Started(1, "cuda:0"),
        Metric(1, 0.1, 2.0, 0.3, 1.9, 0.4),
        Metric(2, 0.1, 1.0, 0.6, 0.9, 0.7125),
        Metric(2.5, 0.1, 0.9, 0.6),
        Done(63.0),
    )
    entry = scanned()["t"]
    assert (entry.kind, entry.network, entry.data) == ("train", "resnet18", "cifar10")
    assert (entry.state, entry.seconds, entry.device) == ("done", 63.0, "cuda:0")
    assert entry.figures == {"accuracy": 0.7125, "loss": 0.9, "epoch": 2.0}
    assert told(entry) == "test accuracy 71.2 %"
    assert entry.began == 1000.0


def test_what_has_no_accuracy_is_told_by_its_loss(begin, scanned):
    begin("d", TrainSettings(task="denoiser"), Metric(1, 0.1, 0.3, math.nan, 0.25))
    begin("i", ImportSettings(checkpoints=("a.pt",), model="m:net", data="m:data"))
    found = scanned()
    assert told(found["d"]) == "test loss 0.25"
    assert found["d"].network == "denoiser"
    assert told(found["i"]) == ""
    assert found["i"].network == "net"


SHAPE = ("basins", "nonconvex", "variation", "logvariation")


def surface():
    axis = np.linspace(-1, 1, 5)
    loss = axis[:, None] ** 2 + axis**2 + 0.5
    loss[0, 0] = np.inf
    return Surface.from_loss(axis, axis, loss, centre={"loss": 0.5, "accuracy": 0.9})


def test_a_probe_is_told_by_the_range_of_its_loss_and_its_centre(begin, scanned):
    begin("net", TrainSettings(model="vgg11"))
    run = begin("p", ProbeSettings(source=Path("net")), Started(1), Done(1.0))
    surface().save(run.surface_path)
    entry = scanned()["p"]
    # The corner that is ∞ does not count; the others are 2 + 0.5.
    shape = {k: entry.figures.pop(k) for k in sorted(entry.figures) if k.startswith(SHAPE)}
    assert entry.figures == {"lowest": 0.5, "highest": 2.5, "loss": 0.5, "accuracy": 0.9}
    assert (shape["basins"], shape["nonconvex"]) == (1, 0)
    assert shape["variation_low"] == shape["variation"] == shape["variation_high"] > 1
    assert told(entry) == "loss 0.5 to 2.5, centre 0.5"


def test_a_probe_is_about_the_network_and_data_of_its_training_run(begin, scanned, folder):
    begin("baseline", TrainSettings(model="resnet20", data="cifar10"))
    begin("p", ProbeSettings(source=folder / "baseline"))
    begin("elsewhere", ProbeSettings(source=folder / "gone"))
    begin("shipped", ProbeSettings(source=Path("digits-classifier")))
    found = scanned()
    known = {name: (e.network, e.data) for name, e in found.items()}
    assert known["p"] == ("resnet20", "cifar10")
    assert known["shipped"] == ("resnet20", "digits")
    assert known["elsewhere"] == ("gone", "")


def test_a_surface_that_grows_is_told_as_far_as_it_has_come(begin, scanned):
    run = begin("p", ProbeSettings(source=Path("digits-classifier")), Started(1))
    axis = np.linspace(-1, 1, 3)
    growing = GrowingSurface.create(run.growing_path, axis, axis, 10, True, {})
    assert told(scanned()["p"]) == ""
    growing.put((0, 0), 3.0, 0.5, 0.1, 4)
    growing.put((1, 1), 1.0, 0.5, 0.1, 4)
    assert told(scanned()["p"]) == "loss 1 to 3"


def row(attack, eps, accuracy, sigma=math.nan, norm="linf", network="a"):
    return Row(network, "none", sigma, attack, norm, eps, 0, 8, 4, accuracy, 0.0, 1.0)


@pytest.mark.parametrize(
    ("settings", "rows", "said"),
    [
        # The strongest attack, at the ε nearest to 8/255 ≈ 0.031.
        (
            AttackSettings(source=Path("n"), data="digits", model="vgg11"),
            [
                *(row("pgd", eps, a) for eps, a in ((0, 0.9), (0.03, 0.4), (0.3, 0.0))),
                row("square", 0.03, 0.2),
                row("pgd", 0.03, 0.01, network="b"),
            ],
            "20.0 % at ε 0.03",
        ),
        # Of defenses the best, each by its strongest attack; in L2 at the ε nearest to 0.5.
        (
            DefendSettings(source=Path("n"), data="digits", model="vgg11", denoiser="x"),
            [
                *(row("eot", 0.6, a, s, "l2") for a, s in ((0.5, 0.25), (0.6, 0.5))),
                *(row("square", 0.6, a, s, "l2") for a, s in ((0.1, 0.25), (0.3, 0.5))),
                row("eot", 2.0, 0.9, 0.5, "l2"),
            ],
            "30.0 % at ε 0.6",
        ),
        # The share certified at 0.25, the mean over seeds.
        (
            CertifySettings(source=Path("n"), data="digits", model="vgg11"),
            [
                row("certificate", r, a, 0.25, "l2")
                for r, a in ((0, 0.9), (0.25, 0.6), (0.25, 0.8), (0.5, 0.1))
            ],
            "70.0 % certified at 0.25",
        ),
        (
            AttackSettings(source=Path("n"), data="digits", model="vgg11"),
            [row("pgd", 0, 0.875)],
            "87.5 % clean",
        ),
    ],
)
def test_evaluations_are_told_at_the_usual_radius(begin, scanned, settings, rows, said):
    run = begin("e", settings)
    write_table(run.table_path, rows)
    assert told(scanned()["e"]) == said


def test_states_are_those_of_followed_runs(begin, scanned):
    begin("waiting")
    begin("paused", None, Started(1), Paused())
    begin("failed", None, Started(1), Failed("no memory"))
    begin("killed", None, Started(1), Progress("train", 1, 2, 1.0))
    run = begin("running", None, Started(1))
    with run.lock():
        found = scanned()
    states = {name: entry.state for name, entry in found.items()}
    assert states == {n: n for n in ("waiting", "paused", "failed", "running")} | {
        "killed": "paused"
    }
    assert found["failed"].problem == "no memory"


def _not_json(folder):
    (folder / "run.json").write_text("{")


def _not_utf8(folder):
    (folder / "run.json").write_bytes(b'"\xff\xfe"')


def _deep(folder):
    (folder / "run.json").write_text("[" * 100_000)


def _huge(folder):
    with (folder / "run.json").open("wb") as file:
        file.truncate(1 << 33)


def _a_folder(folder):
    (folder / "run.json").unlink()
    (folder / "run.json").mkdir()


def _a_pipe(folder):
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")


def _a_broken_link(folder):
    (folder / "run.json").unlink()
    (folder / "run.json").symlink_to(folder / "run.json")


def _begun_and_not_described(folder):
    (folder / "run.json").unlink()
    (folder / "job.log").write_text("")


def _of_another_program(folder):
    (folder / "run.json").write_text('{"schema": "x"}')


def _newer(folder):
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**content, "schema": 99}))


def _of_a_kind_to_come(folder):
    content = json.loads((folder / "run.json").read_text())
    content["settings"] = {"kind": "input-space", "image": 12}
    (folder / "run.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_not_json, "not valid JSON"),
        (_not_utf8, "not valid JSON"),
        (_deep, "not valid JSON"),
        (_huge, "too large"),
        (_a_folder, "is a folder, not a file"),
        (_a_pipe, "is no file"),
        (_a_broken_link, "no run.json"),
        (_begun_and_not_described, "no run.json"),
        (_of_another_program, "does not describe a run"),
        (_newer, "newer isoloss"),
        (_of_a_kind_to_come, "input-space"),
    ],
)
def test_a_damaged_run_is_listed_with_the_reason(begin, scanned, folder, damage, reason):
    begin("good", None, Done(1.0))
    begin("bad", None, Done(1.0))
    damage(folder / "bad")
    found = scanned()
    assert found["good"].state == "done"
    assert found["bad"].state == "damaged"
    assert reason in found["bad"].problem
    assert "\n" not in found["bad"].problem


def test_what_a_run_of_an_unknown_kind_asked_for_is_still_told(begin, scanned, folder):
    begin("new")
    _of_a_kind_to_come(folder / "new")
    entry = scanned()["new"]
    assert (entry.kind, entry.settings) == ("input-space", {"image": 12})


@pytest.mark.parametrize("name", ["events.jsonl", "about.json", "surface.ply", "robustness.csv"])
def test_a_pipe_or_nonsense_in_place_of_a_file_stops_no_scan(begin, scanned, folder, name):
    begin("p", ProbeSettings(source=Path("digits-classifier")))
    begin("a", AttackSettings(source=Path("digits-classifier")))
    for run in ("p", "a"):
        (folder / run / name).unlink(missing_ok=True)
        os.mkfifo(folder / run / name)
    done = threading.Thread(target=scanned, daemon=True)
    done.start()
    done.join(20)
    assert not done.is_alive(), "the scan waits for a pipe"
    for run in ("p", "a"):
        (folder / run / name).unlink()
        (folder / run / name).write_bytes(b"\x00nonsense\xff\n")
    assert {e.figures == {} for e in scanned().values()} == {True}


def test_all_processes_of_a_run_are_in_what_it_took(begin, scanned):
    first = [Started(1), *[Progress("train", k, 9, 1.0) for k in range(4)], Paused()]
    run = begin("r", None, *first, Started(2), Progress("train", 5, 9, 1.0), Done(2.0))
    assert seconds_spent(run) == scanned()["r"].seconds == 5.0 + 2.0


def test_of_very_many_events_the_first_and_the_last_are_read(begin, scanned):
    curve = [Metric(k / 100, 0.1, 1.0, 0.5, 1.0, k / 30_000) for k in range(15_000)]
    run = begin("long", None, Started(1, "cpu"), *curve, Done(5.0), at=5000.0)
    assert run.events_path.stat().st_size > 2 << 20
    entry = scanned()["long"]
    assert (entry.began, entry.device, entry.state) == (5000.0, "cpu", "done")
    assert entry.figures["accuracy"] == 14_999 / 30_000


def test_the_size_is_that_of_all_files_and_links_are_not_followed(begin, scanned, tmp_path):
    run = begin("r")
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    (run.checkpoints / "deep").mkdir(parents=True)
    (run.checkpoints / "deep" / "0000.safetensors").write_bytes(b"x" * 5000)
    (run.folder / "link").symlink_to(tmp_path / "large")
    (run.folder / "loop").symlink_to(run.folder)
    files = [f for f in run.folder.rglob("*") if f.is_file() and not f.is_symlink()]
    assert size_of(run.folder) == sum(f.stat().st_size for f in files)
    assert scanned()["r"].size == size_of(run.folder) < 100_000


def test_a_run_copied_from_elsewhere_is_listed_like_any_other(begin, scanned, folder, tmp_path):
    begin("net", TrainSettings(model="resnet50", data="cifar10"), Done(1.0), at=2000.0)
    begin("p", ProbeSettings(source=folder / "net"), Done(1.0))
    shutil.copytree(folder, tmp_path / "copied" / "job-17")
    shutil.rmtree(folder)
    found = scanned(tmp_path / "copied")
    assert (found["net"].began, found["net"].state) == (2000.0, "done")
    assert (found["p"].network, found["p"].data) == ("resnet50", "cifar10")
    assert Run.open(found["p"].folder).settings.source == tmp_path / "copied/job-17/net"
