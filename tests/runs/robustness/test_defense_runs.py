"""Defenses: smoothing and purification, attacked from the first unit to the report."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.runs.robustness.lab import certify, defend, done, labels_and_network, timeless

from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.errors import IsolossError
from isoloss.results.tables import read_report, read_table
from isoloss.robustness.ascent.rounding import Rounded
from isoloss.robustness.attacks import pgd
from isoloss.robustness.evaluation import combination_on_block
from isoloss.robustness.smoothing import adaptive
from isoloss.robustness.smoothing.adaptive import StraightThrough
from isoloss.robustness.smoothing.denoiser import load_denoiser, save_denoiser
from isoloss.robustness.smoothing.purification import Purification
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing
from isoloss.robustness.smoothing.votes import vote
from isoloss.robustness.speed.fast_classifier import Fast
from isoloss.run import Run
from isoloss.work import prepare, resume


def test_a_defense_is_judged_by_single_draw_majority_and_worst(lab, tmp_path):
    run = done(tmp_path / "run", defend(lab, keep=40, attacks="transfer,eot"))
    rows = {(r.attack, r.eps): r for r in read_table(run.table_path)}
    assert set(rows) == {(a, e) for a in ("pgd", "transfer", "eot", "worst") for e in (0, 0.1, 0.5)}
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    network, (_, y) = labels_and_network(lab)
    labels = y[index["images"]]
    defense = DenoisedSmoothing(network, *load_denoiser(lab / "den"), 0.2)
    for entry in index["files"]:
        if entry["defense"] == "none":
            continue
        kept = load_file(run.examples / entry["file"])
        for k, eps in enumerate(entry["eps"]):
            votes = vote(defense, kept["images"][k], labels, index["images"], 9, seed=0)
            row = rows["eot" if entry["attack"] == "clean" else entry["attack"], eps]
            counted = [int(v.sum()) for v in (votes.majority, votes.single, votes.always)]
            assert counted == [row.correct, row.single_correct, row.worst_correct]
            assert torch.equal(kept["predicted"][k] == labels, votes.single)
            noise = (kept["noisy"][k] - kept["images"][k]) / 0.2
            assert abs(float(noise.std()) - 1) < 0.05
            with torch.no_grad():
                torch.testing.assert_close(defense.denoise(kept["noisy"][k]), kept["denoised"][k])
    assert rows["pgd", 0.1].votes == 0
    assert rows["eot", 0.1].votes == 9
    assert rows["eot", 0.5].correct == 0


PURIFIED = "purified, t* = 0.2, 3 steps"


def test_a_purified_network_is_judged_likewise_and_named_everywhere(lab, tmp_path):
    run = done(tmp_path / "run", defend(
        lab, keep=12, samples=12, sigma=(0.25,), purify=0.2, purify_steps=3, attacks="bpda,eot",
    ))  # fmt: skip
    rows = {(r.attack, r.eps): r for r in read_table(run.table_path)}
    assert {r.defense for r in rows.values()} == {"none", PURIFIED}
    unet, scheduler = load_denoiser(lab / "den")
    alpha = float((1 - scheduler.betas.double())[:200].prod())
    sigma = float(np.sqrt((1 - alpha) / alpha) / 2)
    network, (_, y) = labels_and_network(lab)
    defense = Purification(network, unet, scheduler, 0.2, 3)
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    labels = y[index["images"]]
    for entry in index["files"]:
        if entry["defense"] == "none":
            continue
        assert (entry["defense"], entry["sigma"]) == (PURIFIED, pytest.approx(sigma, rel=1e-3))
        kept = load_file(run.examples / entry["file"])
        for k, eps in enumerate(entry["eps"]):
            votes = vote(defense, kept["images"][k], labels, index["images"], 9, seed=0)
            row = rows["eot" if entry["attack"] == "clean" else entry["attack"], eps]
            counted = [int(v.sum()) for v in (votes.majority, votes.single, votes.always)]
            assert counted == [row.correct, row.single_correct, row.worst_correct]
            assert torch.equal(kept["predicted"][k] == labels, votes.single)
            with torch.no_grad():
                answers = network(kept["denoised"][k]).argmax(1)
            assert torch.equal(answers, kept["predicted"][k])
    assert rows["eot", 0.5].correct == 0
    report = run.report_text_path.read_text(encoding="utf-8")
    assert f"net, {PURIFIED}: EOT, exact gradients" in report
    assert f"Behind the defense ({PURIFIED}), net keeps" in report
    assert f"- defense: {PURIFIED} (σ = {sigma:.4g})" in report
    assert f"| net, {PURIFIED}, eot | 0.1 | draws |" in report
    assert PURIFIED in describe(run.folder)


def test_a_killed_purification_ends_as_it_would_have(lab, tmp_path):
    settings = defend(
        lab, samples=4, keep=2, purify=(0.1, 0.3), purify_steps=2, purify_sampler="ddim",
        purify_eta=0.5, attacks="eot", steps=1, draws=1, votes=2, eps=(0.1,),
    )  # fmt: skip
    whole = done(tmp_path / "whole", settings)
    names = {r.defense for r in read_table(whole.table_path)}
    how = "2 steps of DDIM, η = 0.5"
    assert names == {"none", f"purified, t* = 0.1, {how}", f"purified, t* = 0.3, {how}"}
    run = Run.create(tmp_path / "run", settings)
    for k, _ in enumerate(resume(run)):
        if k == 6:
            break
    list(resume(Run.open(run.folder)))
    assert timeless(run) == timeless(whole)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--purify", "100"], "--purify: t* is a fraction of the denoiser's steps"),
        (["--purify", "0.1", "--sigma", "0.25"], "--sigma is for runs without --purify"),
        (["--purify-steps", "5"], "--purify-steps is for --purify"),
        (["--purify", "0.1", "--purify-eta", "1"], "--purify-eta is for --purify-sampler ddim"),
        (["--purify", "0.001", "--purify-steps", "5"], "t* = 0.001 is 1 of the denoiser's 1000"),
        (["--purify", "0.1", "0.1001"], "t* = 0.1 and 0.1001 are the same step of the denoiser"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_purification_that_cannot_be_is_refused(lab, tmp_path, capsys, words, message):
    arguments = [
        "defend", str(lab / "net.safetensors"), "--model", "labuser:network", "--data",
        "labuser:data", "--denoiser", str(lab / "den"), "--out", str(tmp_path / "run"), *words,
    ]  # fmt: skip
    assert main(arguments) != 0
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "robustness.csv").exists()


def test_each_attack_of_a_defense_sees_what_its_name_says(lab, tmp_path, monkeypatch):
    through, plain, rounded = {}, [], []
    ascent, attack_plain = adaptive.expected_ascent, pgd.climbed
    counted = combination_on_block.count_votes

    def spy_through(target, *args, **kwargs):
        kind = "bpda" if isinstance(target, StraightThrough) else "eot"
        through[kind] = target
        return ascent(target, *args, **kwargs)

    def spy_plain(target, x, y, eps, protocol, *args, **kwargs):
        plain.append((target, protocol.keep_best))
        return attack_plain(target, x, y, eps, protocol, *args, **kwargs)

    def spy_counted(target, images, *args, **kwargs):
        rounded.append(images)
        return counted(target, images, *args, **kwargs)

    monkeypatch.setattr(adaptive, "expected_ascent", spy_through)
    monkeypatch.setattr(pgd, "climbed", spy_plain)
    monkeypatch.setattr(combination_on_block, "count_votes", spy_counted)
    done(tmp_path / "run", defend(lab, attacks="transfer,bpda,eot", keep=0, samples=8))
    assert set(through) == {"bpda", "eot"}
    # In the exact one the clamp, which kills gradients, is left out; denoised values show it.
    noisy = 2 + torch.zeros(1, 3, 8, 8)
    assert through["eot"].denoise(noisy).max() > 1 >= through["bpda"].defense.denoise(noisy).max()
    # The undefended network is what transferred images are made for, and they go to the end.
    assert {(type(target), keep_best) for target, keep_best in plain} == {
        (Fast, False), (Fast, True), (Rounded, True)
    }  # fmt: skip
    for images in rounded:
        torch.testing.assert_close(images * 255, (images * 255).round(), rtol=0, atol=1e-4)


def test_a_denoiser_that_does_not_denoise_is_refused_before_anything_is_written(lab, tmp_path):
    unet, scheduler = load_denoiser(lab / "den")
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter.zero_()
    save_denoiser(tmp_path / "untrained", unet, scheduler)
    for kind in (defend, certify):
        with pytest.raises(IsolossError, match="does not denoise these images"):
            prepare(kind(lab, denoiser=str(tmp_path / "untrained")))


def test_the_summary_of_a_defense_names_every_network(lab, tmp_path):
    (tmp_path / "twin").mkdir()
    twin = tmp_path / "twin" / "other.safetensors"
    twin.write_bytes((lab / "net.safetensors").read_bytes())
    for kind in (defend, certify):
        run = done(tmp_path / kind.__name__, kind(lab, also=(twin,), samples=3, keep=0))
        said = read_report(run.report_path).summary
        assert "net " in said
        assert "other " in said


def test_networks_behind_one_denoiser_share_its_work(lab, tmp_path, monkeypatch):
    few = {"keep": 0, "samples": 12}
    other = lab / "other.safetensors"
    weights = load_file(lab / "net.safetensors")
    save_tensors(other, {name: 0.7 * tensor for name, tensor in weights.items()})
    denoised = []
    real = DenoisedSmoothing.denoise

    def counted(self, noisy):
        denoised.append(len(noisy))
        return real(self, noisy)

    monkeypatch.setattr(DenoisedSmoothing, "denoise", counted)
    alone = []
    for file in ("net", "other"):
        run = done(tmp_path / file, certify(lab, source=lab / f"{file}.safetensors", **few))
        alone += timeless(run)
    checks = 16  # images on which a run tries first the denoiser, then all behind it
    for_each = (sum(denoised) - 2 * checks) / 2
    denoised.clear()
    both = done(tmp_path / "both", certify(lab, also=(other,), **few))
    assert timeless(both) == alone
    assert sum(denoised) - checks == for_each
    # Killed between two networks' units, the second is done again by itself.
    lines = both.outcomes_path.read_text(encoding="utf-8").splitlines(keepends=True)
    killed = Run.create(tmp_path / "killed", certify(lab, also=(other,), **few))
    killed.outcomes_path.parent.mkdir()
    killed.outcomes_path.write_text("".join(lines[:1]), encoding="utf-8")
    list(resume(killed))
    assert timeless(killed) == alone


def test_behind_a_defense_square_needs_no_gradient(lab, tmp_path):
    settings = defend(lab, network="no_gradient", file="masked", attacks="square", samples=8)
    run = done(tmp_path / "run", settings)
    rows = read_table(run.table_path)
    assert {(row.defense, row.attack) for row in rows} == {
        (defense, attack) for defense in ("none", "denoised") for attack in ("square", "worst")
    }  # fmt: skip
    assert "no-adaptive-attack" in {warning.id for warning in read_report(run.report_path).warnings}
