"""Defenses behind a function of one's own, from the command line to the report."""

import pytest

from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.results.tables import read_table
from isoloss.run import Run

DENOISERS = """
import torch
from torch import nn

network = nn.Conv2d(3, 3, 3, 1, 1, bias=False, groups=3)
nn.init.constant_(network.weight, 1 / 9)


def mean(noisy, sigma):
    return network(noisy)


def without_gradients(noisy, sigma):
    return network(noisy).detach()
"""
ASKED = ["--samples", "6", "--eps", "0.1", "--steps", "2", "--draws", "2", "--votes", "3",
         "--queries", "4", "--convergence", "none", "--device", "cpu", "--keep", "1"]  # fmt: skip


@pytest.fixture
def users(tmp_path, monkeypatch):
    (tmp_path / "owndenoisers.py").write_text(DENOISERS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_named_function_defends_and_is_said(users):
    words = ["defend", "digits-classifier", "--denoiser", "owndenoisers:mean", *ASKED]
    assert main([*words, "--attacks", "transfer,eot", "--out", "run"]) == 0
    run = Run.open(users / "run")
    rows = read_table(run.table_path)
    assert {row.attack for row in rows if row.defense == "denoised"} == {"transfer", "eot", "worst"}
    assert "denoiser    owndenoisers:mean" in describe(users / "run")
    assert len(run.environment["depends_on"]["denoiser"]) == 64
    again = ["certify", "digits-classifier", "--denoiser", "owndenoisers:mean", "--draws", "20"]
    more = ["--pilot", "5", "--samples", "2", "--device", "cpu", "--keep", "0", "--out", "c"]
    assert main([*again, *more]) == 0


def test_attacks_that_would_see_no_gradient_are_refused(users, capsys):
    words = ["defend", "digits-classifier", "--denoiser", "owndenoisers:without_gradients", *ASKED]
    assert main([*words, "--out", "run"]) != 0
    error = capsys.readouterr().err
    assert "gives no gradients for eot to follow: take others, --attacks transfer,bpda" in error
    assert not (users / "run").exists()
    assert main([*words, "--attacks", "transfer,bpda", "--out", "run"]) == 0
