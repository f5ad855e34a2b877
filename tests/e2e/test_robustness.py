"""Attack, defend and certify from the command line, with the networks that come along; and by
several processes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from isoloss.events import Log, Progress, from_line
from isoloss.results.tables import read_report, read_table
from isoloss.run import Run

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
FEW = ("--samples", "10", "--keep", "2", "--steps", "3")

USER = """
import torch
from torch import nn

def network(num_classes):
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(72, num_classes))

def data():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(200) % 3
    x = torch.rand(200, 3, 8, 8, generator=generator) * 0.5 + y.view(-1, 1, 1, 1) * 0.2
    return (x[:50], y[:50]), (x[50:], y[50:])
"""


def timeless(folder):
    """The table in words, but for how long it took."""
    return [repr(replace(row, seconds=0.0)) for row in read_table(folder / "robustness.csv")]


def test_attack_defend_certify_with_what_is_shipped(isoloss_command, tmp_path):
    done = isoloss_command(
        "attack", "digits-classifier", *FEW, "--eps", "16/255", "0.5", "--queries", "20",
        "--json", "--out", "a", check=0,
    )  # fmt: skip
    events = [from_line(line)[1] for line in done.stdout.splitlines()]
    assert any(isinstance(event, Progress) and event.stage == "attack" for event in events)
    summary = read_report(tmp_path / "a" / "report.json").summary
    assert Log(summary) in events
    assert summary.startswith("digits-classifier keeps ")
    rows = {(r.attack, r.eps): r for r in read_table(tmp_path / "a" / "robustness.csv")}
    assert rows["pgd", 0.0].correct >= 9
    assert rows["pgd", 0.5].correct == 0
    assert rows["pgd", 16 / 255].samples == 10

    done = isoloss_command(
        "defend", "digits-classifier", "--denoiser", "digits-denoiser", *FEW, "--eps", "0.1", "0.5",
        "--attacks", "transfer,bpda,eot,square", "--draws", "2", "--votes", "5", "--queries", "5",
        "--out", "d", check=0,
    )  # fmt: skip
    report = read_report(tmp_path / "d" / "report.json")
    assert report.summary in done.stderr
    rows = {(r.attack, r.eps): r for r in read_table(tmp_path / "d" / "robustness.csv")}
    assert {attack for attack, _ in rows} == {"pgd", "transfer", "bpda", "eot", "square", "worst"}
    assert rows["eot", 0.0].correct >= 5
    varied = {study["varied"] for study in report.convergence}
    assert varied == {"steps", "draws", "restarts", "queries"}
    index = json.loads((tmp_path / "d" / "examples" / "examples.json").read_text(encoding="utf-8"))
    assert len(index["files"]) == 6
    kept = load_file(tmp_path / "d" / "examples" / index["files"][-1]["file"])
    assert kept["denoised"].shape == (2, 2, 3, 32, 32)

    isoloss_command(
        "certify", "digits-classifier", "--denoiser", "digits-denoiser", "--samples", "4",
        "--keep", "0", "--draws", "310", "--pilot", "10", "--out", "c", check=0,
    )  # fmt: skip
    text = isoloss_command("info", "c", check=0).stdout
    assert "certificate digits-classifier, σ = 0.25  0: " in text
    assert "In L∞, 0.5 in L2 promises no more than 2.3/255" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["attack", "nowhere"], "there is no "),
        (["attack", "digits-classifier", "--eps", "-0.1"], "--eps: input should be greater than"),
        (["defend", "digits-classifier"], "--denoiser is missing"),
        (["defend", "digits-denoiser", "--denoiser", "digits-denoiser"], "give a classifier's run"),
    ],
)  # fmt: skip
def test_wrong_requests_leave_nothing(isoloss_command, tmp_path, words, message):
    done = isoloss_command(*words, check=2)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def made(folder):
    """An environment in which `robustuser` is found, with `net.safetensors` in the folder."""
    (folder / "robustuser.py").write_text(USER, encoding="utf-8")
    make = (
        "import torch, robustuser; from pathlib import Path; "
        "from isoloss.compute.networks.checkpoints import save_tensors; "
        "save_tensors(Path('net.safetensors'), robustuser.network(3).state_dict())"
    )
    here = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, "-c", make], cwd=folder, env=here, check=True)
    return here


def by_two(folder, here, *words):
    """Run `python WORDS` as two processes of torchrun."""
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        [sys.executable, *launch, *words],
        cwd=folder, env=here, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_two_processes_make_the_table_that_one_does_when_killed_on_the_way(
    isoloss_command, tmp_path
):
    here = made(tmp_path)
    words = (
        "-m", "isoloss", "attack", "net.safetensors", "--model", "robustuser:network",
        "--data", "robustuser:data", "--device", "cpu", "--precision", "fp32", "--steps", "40",
        "--queries", "300", "--keep", "4", "--seeds", "2", "--eps", "0.02", "0.5", "--out",
    )  # fmt: skip
    killed = subprocess.Popen(
        [sys.executable, *words, "one"], cwd=tmp_path, env=here, stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    journal = tmp_path / "one" / "outcomes" / "units.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 5:
        assert killed.poll() is None
        time.sleep(0.002)
    killed.kill()
    killed.wait()
    assert not (tmp_path / "one" / "report.json").exists()
    isoloss_command("run", "one", env={**ONE_THREAD, "PYTHONPATH": str(tmp_path)}, check=0)

    by_two(tmp_path, here, *words, "two")
    assert timeless(tmp_path / "two") == timeless(tmp_path / "one")
    run = Run.open(tmp_path / "two")
    assert run.environment["processes"] == 2
    assert any(
        isinstance(event, Log) and event.message.startswith("units: rank 0 ")
        for _, event in run.events()
    )


def test_two_processes_certify_what_one_does(isoloss_command, tmp_path):
    here = made(tmp_path)
    words = (
        "certify", "net.safetensors", "--model", "robustuser:network", "--data", "robustuser:data",
        "--device", "cpu", "--precision", "fp32", "--sigma", "0.1", "0.3", "--samples", "30",
        "--draws", "400", "--pilot", "20", "--keep", "2", "--out",
    )  # fmt: skip
    isoloss_command(*words, "one", env={**ONE_THREAD, "PYTHONPATH": str(tmp_path)}, check=0)
    by_two(tmp_path, here, "-m", "isoloss", *words, "two")
    assert timeless(tmp_path / "two") == timeless(tmp_path / "one")
    one, two = (tmp_path / name / "certificates.csv" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert Run.open(tmp_path / "two").environment["processes"] == 2
