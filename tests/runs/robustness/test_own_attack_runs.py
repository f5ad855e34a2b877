"""Attacks of one's own as runs: by name on the command line, and from Python."""

import copy
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss import IsolossError
from isoloss.cli.main import main
from isoloss.compute.training.network import load_network
from isoloss.events import Progress
from isoloss.results.tables import read_report, read_table
from isoloss.robustness import Table, evaluate
from isoloss.run import Run
from isoloss.settings import AttackSettings

QUICK = {"device": "cpu", "precision": "fp32", "keep": 0, "progress": False}
OWN = '''
"""An attack of the user's own, for tests."""
import torch


def signs(model, x, y, eps):
    return (x + eps * torch.randn_like(x).sign()).clamp(0, 1)
'''


@pytest.fixture
def own_module(in_folder_of_users_module):
    (in_folder_of_users_module / "tinyattack.py").write_text(OWN, encoding="utf-8")
    yield in_folder_of_users_module
    sys.modules.pop("tinyattack", None)


@pytest.fixture
def small(one_thread):
    """A network and 40 images of which it is sure."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).eval()
    images = torch.rand(40, 3, 8, 8)
    return net, images, net(images).argmax(1)


def fgsm(model, x, y, eps):
    x = x.clone().requires_grad_()
    F.cross_entropy(model(x), y).backward()
    return (x + eps * x.grad.sign()).clamp(0, 1)


def comparable(rows):
    return [repr(replace(row, seconds=0.0)) for row in rows]


def test_python_and_the_command_line_come_to_the_same(own_module, one_thread, capsys):
    main(["train", "--model", "tinyuser:network", "--data", "tinyuser:data", "--epochs", "2",
          "--out", "net", "--device", "cpu"])  # fmt: skip
    wanted = ["--eps", "0.05", "0.2", "--steps", "3", "--queries", "5", "--samples", "12"]
    for word in ("--keep 0", "--device cpu", "--precision fp32"):
        wanted += word.split()
    names = "tinyattack:signs pgd,square"
    assert main(["attack", "net", "--attacks", names, *wanted, "--out", "run"]) == 0
    run = Run.open(own_module / "run")
    import tinyuser

    network = load_network(AttackSettings(source="net"))
    images, labels = tinyuser.data()[1]
    events = []
    table = evaluate(
        network.model, images.numpy(), labels, ["tinyattack:signs", "pgd", "square"], (0.05, 0.2),
        steps=3, queries=5, samples=12, name="net", on_event=events.append, **QUICK,
    )  # fmt: skip
    assert comparable(table.rows) == comparable(read_table(run.table_path))
    report = read_report(run.report_path)
    assert table.doubts == report.warnings
    assert table.summary == report.summary
    assert any(isinstance(event, Progress) for event in events)
    # What everybody shows of it.
    text = (run.folder / "report.md").read_text(encoding="utf-8")
    assert "net: tinyattack:signs" in text
    assert (run.folder / "figures" / "accuracy.svg").exists()
    capsys.readouterr()
    assert main(["info", "run"]) == 0
    assert "tinyattack:signs" in capsys.readouterr().out
    assert json.loads((run.folder / "run.json").read_text())["settings"]["attacks"] == (
        "tinyattack:signs,pgd,square"
    )
    # A run that was stopped comes out the same; without the module it can still be looked at.
    stopped = Run.create(own_module / "stopped", run.settings)
    lines = run.outcomes_path.read_bytes().splitlines(keepends=True)
    stopped.outcomes_path.parent.mkdir()
    stopped.outcomes_path.write_bytes(b"".join(lines[:2]))
    assert main(["run", "stopped"]) == 0
    assert comparable(read_table(stopped.table_path)) == comparable(table.rows)
    (own_module / "tinyattack.py").unlink()
    assert main(["info", "stopped"]) == 0
    assert Table.of(Run.open(own_module / "run")).summary == table.summary


def test_a_run_in_a_folder_goes_on_where_it_stopped(small, tmp_path):
    net, x, y = small
    calls = tmp_path / "calls"  # values that an attack holds are those it is known by
    calls.touch()

    def stops(model, x, y, eps):
        calls.write_text(calls.read_text() + "1")
        if calls.stat().st_size == 2:
            raise KeyboardInterrupt
        return fgsm(model, x, y, eps)

    asked = {"attacks": {"mine": stops}, "eps": 0.1, "out": tmp_path / "run", **QUICK}
    with pytest.raises(KeyboardInterrupt):
        evaluate(net, x, y, **asked)
    table = evaluate(net, x, y, **asked)
    whole = evaluate(net, x, y, {"mine": fgsm}, 0.1, **QUICK)
    assert comparable(table) == comparable(whole)
    done = calls.stat().st_size
    assert comparable(evaluate(net, x, y, **asked)) == comparable(whole)
    assert calls.stat().st_size == done
    assert (tmp_path / "run" / "figures" / "accuracy.png").exists()
    # Of other images, another network or another attack it is another run.
    with pytest.raises(IsolossError, match="data changed since"):
        evaluate(net, 1 - x, y, **asked)
    with pytest.raises(IsolossError, match="weights changed since"):
        evaluate(copy.deepcopy(net).apply(halved), x, y, **asked)
    with pytest.raises(IsolossError, match="the attack mine changed since"):
        evaluate(net, x, y, **{**asked, "attacks": {"mine": nothing}})
    # The command line looks at it, but cannot go on with it.
    assert main(["info", str(tmp_path / "run")]) == 0
    (tmp_path / "run" / "report.json").unlink()
    assert main(["run", str(tmp_path / "run")]) == 1


@torch.no_grad()
def halved(module):
    for p in module.parameters(recurse=False):
        p.mul_(0.5)


def test_tables_are_saved_drawn_and_said(small, tmp_path):
    net, x, y = small
    table = evaluate(net, x, y, {"mine": fgsm}, [0.1], name="small", **{**QUICK, "keep": 2})
    saved = read_table(table.save(tmp_path / "t.csv"))
    assert comparable(saved) == comparable(table.rows)
    figure = table.figure(tmp_path / "f.svg", width_mm=85, dpi=100)
    assert figure.get_size_inches()[0] == pytest.approx(85 / 25.4)
    assert "mine" in (tmp_path / "f.svg").read_text(encoding="utf-8")
    pixels = np.asarray(table.figure(what="examples", attack="mine", dpi=60))
    assert pixels.shape[1:] == (int(85 / 25.4 * 60), 4)
    said = repr(table).splitlines()
    assert re.fullmatch(r"small, mine  0: 100.0 % \(\d+–100\)  0.1: .*", said[0])
    assert said[1].startswith("doubt: ")
    assert [row.attack for row in table] == ["mine"] * 2 + ["worst"] * 2


def nothing(model, x, y, eps):
    return x
