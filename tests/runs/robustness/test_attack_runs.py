"""Attacks from the first unit to the table, the examples and the report."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import stats
from tests.runs.robustness.lab import (
    asked,
    attack,
    certify,
    defend,
    done,
    labels_and_network,
    timeless,
)

from isoloss.cli.describe import describe
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.events import Metric, to_line
from isoloss.results.tables import read_report, read_table
from isoloss.run import Run
from isoloss.settings import AttackSettings, DefendSettings, TrainSettings


def test_an_attack_leaves_a_table_with_the_exact_intervals(lab, tmp_path):
    run = done(tmp_path / "run", attack(lab, seeds=2))
    rows = read_table(run.table_path)
    assert [(r.attack, r.seed, r.eps) for r in rows] == [
        (a, s, e) for s in (0, 1) for a in ("pgd", "square", "worst") for e in (0, 0.05, 0.1, 0.5)
    ]
    for row in rows:
        exact = stats.binomtest(row.correct, row.samples).proportion_ci(0.95, "exact")
        assert row.samples == 40
        assert (row.low, row.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
        assert row.accuracy == row.correct / 40
        assert np.isnan(row.sigma)
        assert row.votes == 0
    for curve in {r.curve for r in rows}:
        counts = [r.correct for r in rows if r.curve == curve]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] == 40
        assert counts[-1] == 0 or "square" in curve
    header = run.table_path.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert header[:6] == ["network", "defense", "sigma", "attack", "norm", "eps"]


def test_the_examples_are_what_the_table_counts(lab, tmp_path):
    run = done(tmp_path / "run", attack(lab, keep=40, attacks="pgd"))
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    network, (x, y) = labels_and_network(lab)
    clean, labels = x[index["images"]], y[index["images"]]
    assert index["labels"] == labels.tolist()
    (entry,) = index["files"]
    kept = load_file(run.examples / entry["file"])
    assert entry["eps"] == [0, 0.05, 0.1, 0.5]
    rows = read_table(run.table_path)
    with torch.no_grad():
        for k, eps in enumerate(entry["eps"]):
            images = kept["images"][k]
            assert float((images - clean).abs().max()) <= eps + 1e-6
            assert float(images.min()) >= 0
            assert float(images.max()) <= 1
            logits = network(images)
            assert torch.equal(logits.argmax(1), kept["predicted"][k])
            torch.testing.assert_close(logits.softmax(1).amax(1), kept["confidence"][k])
            assert rows[k].correct == int((kept["predicted"][k] == labels).sum())


def test_masked_gradients_are_called_out(lab, tmp_path):
    run = done(tmp_path / "run", attack(lab, network="masked", file="masked"))
    report = read_report(run.report_path)
    assert {"attack-is-broken", "no-gradient", "black-box-beats-white-box"} <= {
        d.id for d in report.warnings
    }
    assert "not to be trusted" in report.summary
    rows = {(r.attack, r.eps): r for r in read_table(run.table_path)}
    (masked,) = (d for d in report.warnings if d.id == "no-gradient")
    assert masked.concerns(rows["pgd", 0.1])
    assert not masked.concerns(rows["square", 0.1])
    assert "no-gradient" in (run.folder / "report.md").read_text(encoding="utf-8")


def test_legacy_says_that_its_reach_ends_and_what_it_did(lab, tmp_path):
    settings = asked(lab, AttackSettings, protocol="legacy", attacks="pgd", eps=(0.03, 0.5))
    run = done(tmp_path / "run", settings)
    report = read_report(run.report_path)
    assert "steps-do-not-reach" in {d.id for d in report.warnings}
    assert (report.facts["steps"], report.facts["step_size"]) == (5, 2 / 255)
    assert report.facts["random_start"] is False
    text = (run.folder / "report.md").read_text(encoding="utf-8")
    assert "every ε is attacked anew" in text
    assert "counts as fooled by a larger one" not in text


def test_the_protocol_s_page_is_what_its_runs_have_found(lab, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "tools"))
    tool = importlib.import_module("robustness_protocol")
    monkeypatch.setattr(tool, "NETWORKS", ("net",))
    monkeypatch.setattr(tool, "ORIGINAL", {"net": {"σ = 0.25": ("0.1", "", "")}})
    monkeypatch.setattr(tool, "EPSILONS", (0.1, 0.5))
    monkeypatch.setattr(tool, "training", lambda effort: "some")
    few = {"samples": 20, "keep": 0}
    for name, settings in (
        ("attack", attack(lab, eps=(0.1, 0.5), **few)),
        ("legacy", asked(lab, DefendSettings, denoiser=str(lab / "den"), sigma=(0.25,), votes=9,
                         eps=(0.1, 0.5), protocol="legacy", attacks="transfer", **few)),
        ("defend", defend(lab, attacks="eot", sigma=(0.25,), **few)),
        ("certify", certify(lab, sigma=(0.25,), **few)),
    ):  # fmt: skip
        done(tmp_path / name, settings)
    page = tmp_path / "page.md"
    marks = ("<!-- cpu -->", "<!-- end of cpu -->", "<!-- cpu, certificates -->")
    page.write_text(
        f"Before\n{marks[0]}\nold\n{marks[1]}\n{marks[2]}\nold\n<!-- end of cpu, certificates -->"
        "\nafter",
        encoding="utf-8",
    )
    training = Run.create(tmp_path / "net", TrainSettings(data="digits", model="vgg11"))
    metrics = (Metric(k, 0.1, 1.0, 0.5, 1.0, share) for k, share in enumerate((0.125, 0.875)))
    text = "".join(f"{to_line(metric, float(k))}\n" for k, metric in enumerate(metrics))
    training.events_path.write_text(text, encoding="utf-8")
    report = tmp_path / "defend" / "report.json"
    unfinished = report.rename(tmp_path / "report.json")
    tool.write(page, "cpu", tmp_path)
    assert page.read_text(encoding="utf-8").startswith(f"Before\n{marks[0]}\nold\n{marks[1]}")
    unfinished.rename(report)
    tool.write(page, "cpu", tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("Before\n<!-- cpu -->\n**net**")
    assert text.endswith("<!-- end of cpu, certificates -->\nafter")
    assert "old" not in text
    rows = {(r.attack, r.eps): r for r in read_table(tmp_path / "defend" / "robustness.csv")}
    row, clean = rows["eot", 0.1], rows["eot", 0.0]
    assert f"{100 * row.accuracy:.1f} ({100 * row.low:.0f}–{100 * row.high:.0f})" in text
    assert text.count("| none | PGD |") == text.count("| σ = 0.25 | EOT, exact gradients |") == 1
    assert "| σ = 0.25 | legacy transfer, single draw |" in text
    assert f"{100 * clean.accuracy:.1f} %, which exceeds the original's 0.1 %" in text
    (certified,) = (line for line in text.splitlines() if "| net, σ = 0.25, n = 200 |" in line)
    assert certified.count(" (") == 2
    assert certified.endswith("| out of reach | out of reach |")
    assert "200 draws certify no radius beyond 0.456" in text
    assert "are right for 87.5 % (net)." in text
    assert "under EOT with fewer and more: net, steps 1: " in text


def test_two_networks_are_compared_on_the_same_images(lab, tmp_path):
    twin = lab / "twin.safetensors"
    twin.write_bytes((lab / "net.safetensors").read_bytes())
    run = done(tmp_path / "run", attack(lab, also=(twin,), attacks="pgd"))
    rows = timeless(run)
    assert len(rows) == 2 * 2 * 4
    assert [row.replace("'net'", "'twin'") for row in rows[:8]] == rows[8:]


def test_what_a_run_holds_in_a_few_lines(lab, tmp_path):
    run = done(tmp_path / "run", attack(lab, attacks="pgd"))
    text = describe(run.folder)
    assert f"attack run {run.folder}" in text
    assert "  pgd         net  0: 100.0 %" in text
    assert "  summary     net keeps " in text
    assert "of 40 images right under PGD at ε = " in text


def test_bf16_is_taken_at_the_word_of_single_precision(lab, tmp_path):
    run = done(tmp_path / "run", attack(lab, precision="bf16", keep=40, attacks="pgd"))
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    network, (_, y) = labels_and_network(lab)
    kept = load_file(run.examples / "0000.safetensors")
    rows = [row for row in read_table(run.table_path) if row.attack == "pgd"]
    for images, row in zip(kept["images"], rows, strict=True):
        with torch.no_grad():
            right = network(images).argmax(1) == y[index["images"]]
        assert int(right.sum()) == row.correct


def test_images_made_on_one_network_are_judged_by_the_other(lab, tmp_path):
    other = lab / "surrogate.safetensors"
    torch.manual_seed(3)
    weights = {name: 0.7 * t + 0.05 * torch.randn_like(t)
               for name, t in load_file(lab / "net.safetensors").items()}  # fmt: skip
    save_tensors(other, weights)
    asked = {"also": (other,), "keep": 40, "eps": (0.05, 0.3), "attacks": "pgd,noise,surrogates"}
    run = done(tmp_path / "run", attack(lab, **asked))
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    net, (x, y) = labels_and_network(lab)
    surrogate = sys.modules["labuser"].network(3)
    surrogate.load_state_dict(weights)
    networks = {"net": net.eval(), "surrogate": surrogate.eval()}
    x, y = x[index["images"]], y[index["images"]]
    rows = {(r.network, r.attack, r.eps): r for r in read_table(run.table_path)}
    assert {(n, a) for n, a, _ in rows} == {
        ("net", "transfer from surrogate"), ("surrogate", "transfer from net"),
        *((n, a) for n in networks for a in ("pgd", "noise", "worst")),
    }  # fmt: skip
    fooled_its_maker = 0
    for entry in index["files"]:
        kept = load_file(run.examples / entry["file"])["images"]
        judge, left = networks[entry["network"]], torch.ones(40, dtype=torch.bool)
        for images, eps in zip(kept, entry["eps"], strict=True):
            assert float((images - x).abs().max()) <= eps + 1e-5
            assert float(images.min()) >= 0
            assert float(images.max()) <= 1
            with torch.no_grad():
                left &= judge(images).argmax(1) == y
            assert rows[entry["network"], entry["attack"], eps].correct == int(left.sum())
        if entry["attack"].startswith("transfer from "):
            maker = networks[entry["attack"].removeprefix("transfer from ")]
            with torch.no_grad():
                fooled_its_maker += int((maker(kept[-1]).argmax(1) != y).sum())
    assert fooled_its_maker > 60, "of 80 images at ε = 0.3"
    # The report has the same as a matrix, its diagonal what PGD leaves of a network itself.
    (line,) = (
        line for line in (run.folder / "report.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| 0.3 | surrogate |")
    )  # fmt: skip
    shown = [rows["net", "transfer from surrogate", 0.3], rows["surrogate", "pgd", 0.3]]
    words = [f"{100 * r.accuracy:.1f} ({100 * r.low:.1f} to {100 * r.high:.1f})" for r in shown]
    assert line == f"| 0.3 | surrogate | {words[0]} | {words[1]} |"


def test_noise_is_as_large_as_an_adversary_may_be(lab, tmp_path):
    for norm, eps in (("linf", (0.1, 0.2)), ("l2", (1.0, 2.0))):
        run = done(tmp_path / norm, attack(lab, norm=norm, eps=eps, attacks="noise", keep=40))
        (entry,) = json.loads((run.examples / "examples.json").read_text("utf-8"))["files"]
        clean, *noisy = load_file(run.examples / entry["file"])["images"]
        for images, e in zip(noisy, eps, strict=True):
            moved = (images - clean).flatten(1)
            far = moved.abs().amax(1) if norm == "linf" else moved.norm(dim=1)
            assert float(far.max()) <= e + 1e-5
            # In so many dimensions nearly all of a ball lies at its surface; clamping takes some.
            assert float(far.median()) > (0.95 if norm == "linf" else 0.6) * e
