"""Robustness runs: what they write, what a kill leaves, what the report says against them."""

import importlib
import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from pydantic import ValidationError
from safetensors.torch import load_file
from scipy import stats
from torch import nn

from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.errors import IsolossError
from isoloss.events import Metric, Progress, to_line
from isoloss.files import read_json
from isoloss.results.certificates import read_certificates
from isoloss.results.tables import read_report, read_table
from isoloss.robustness import autoattack
from isoloss.robustness.ascent.rounding import Rounded
from isoloss.robustness.attacks import pgd
from isoloss.robustness.evaluation import combination_on_block
from isoloss.robustness.evaluation.journal import Journal
from isoloss.robustness.evaluation.plan import Plan
from isoloss.robustness.evaluation.unit_work import UnitWork
from isoloss.robustness.smoothing import adaptive
from isoloss.robustness.smoothing.adaptive import StraightThrough
from isoloss.robustness.smoothing.denoiser import build_scheduler, load_denoiser, save_denoiser
from isoloss.robustness.smoothing.denoising_loss import denoising_loss
from isoloss.robustness.smoothing.purification import Purification
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing
from isoloss.robustness.smoothing.statistics import certified_radius
from isoloss.robustness.smoothing.votes import ESTIMATION, count_votes, vote
from isoloss.robustness.speed.fast_classifier import Fast
from isoloss.run import Run
from isoloss.settings import (
    AttackSettings,
    CertifySettings,
    DefendSettings,
    TrainSettings,
    explain,
)
from isoloss.work import prepare, resume

SOURCE = '''
"""A tiny network and data of the user's own."""
import torch
from torch import nn


def network(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32, num_classes),
    )


class Masked(nn.Module):
    """Sees images in nine grey levels: its gradient is zero everywhere, its robustness is not."""

    def __init__(self, num_classes):
        super().__init__()
        self.inner = network(num_classes)

    def forward(self, x):
        return self.inner((x * 8).round() / 8)


def masked(num_classes):
    return Masked(num_classes)


def nothing(num_classes):
    return nn.Sequential(network(num_classes), Nothing())


class Nothing(nn.Module):
    def forward(self, x):
        return x * float("nan")


class Spoilt(nn.Module):
    """A network that is NaN, or has no gradient or one of NaN, where images are of some kind."""

    def __init__(self, num_classes, spoil):
        super().__init__()
        self.inner = network(num_classes)
        self.spoil = spoil

    def forward(self, x):
        return self.spoil(self.inner, x)


def nan_in_noise(num_classes):
    return Spoilt(num_classes, lambda f, x: f(x) + torch.where(
        ((x < -0.2) | (x > 1.2)).flatten(1).any(1), torch.nan, 0.0)[:, None])


def nan_gradient(num_classes):
    return Spoilt(num_classes, lambda f, x: f(x) + (x * 0).sqrt().flatten(1).sum(1)[:, None])


def resizing(num_classes):
    return Spoilt(num_classes, lambda f, x: f(nn.functional.interpolate(x, size=8)))


def no_gradient(num_classes):
    return Spoilt(num_classes, lambda f, x: f(x.detach()) * 1.0)


def data():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(240) % 3
    x = torch.rand(240, 3, 8, 8, generator=generator) * 0.3 + y.view(-1, 1, 1, 1) * 0.2
    return (x[:180], y[:180]), (x[180:], y[180:])


def other_data():
    (x, y), test = data()
    return (1 - x, y), test


def five():
    (x, y), (tx, ty) = data()
    return (x, torch.arange(len(y)) % 5), (tx, torch.arange(len(ty)) % 5)


def four_classes():
    (x, y), (tx, ty) = data()
    return (x, y), (tx, torch.where(torch.arange(len(ty)) == 1, 3, ty))


def larger():
    return tuple((nn.functional.interpolate(x, size=16), y) for x, y in data())


def too_bright():
    (x, y), (tx, ty) = data()
    return (x, y), (tx * 2, ty)
'''


def make(folder, module):
    """Write trained networks and a denoiser, `den/`, to a folder."""
    (x, y), _ = module.data()
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = module.network(3)
        unet = UNet2DModel(
            sample_size=8, in_channels=3, out_channels=3, block_out_channels=(8, 8),
            layers_per_block=1, down_block_types=("DownBlock2D",) * 2,
            up_block_types=("UpBlock2D",) * 2, norm_num_groups=4,
        )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    save_tensors(folder / "net.safetensors", network.state_dict())
    inside = {f"inner.{k}": v for k, v in network.state_dict().items()}
    save_tensors(folder / "masked.safetensors", inside)
    inside = {f"0.{k}": v for k, v in network.state_dict().items()}
    save_tensors(folder / "nothing.safetensors", inside)
    scheduler = build_scheduler()
    optimizer = torch.optim.Adam(unet.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    for step in range(60):
        some = x[step % 5 * 32 :][:32]
        optimizer.zero_grad()
        denoising_loss(unet, scheduler.alphas_cumprod, some, generator).backward()
        optimizer.step()
    save_denoiser(folder / "den", unet.eval(), scheduler)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with `labuser.py`, networks and a denoiser."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "labuser.py").write_text(SOURCE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "labuser", raising=False)
        importlib.invalidate_caches()
        make(folder, importlib.import_module("labuser"))
        yield folder
        sys.modules.pop("labuser", None)


def asked(lab, kind, network="network", file="net", **others):
    common = {"source": lab / f"{file}.safetensors", "model": f"labuser:{network}",
              "data": "labuser:data", "device": "cpu", "precision": "fp32", "samples": 40,
              "keep": 3}  # fmt: skip
    return kind(**(common | others))


def attack(lab, **others):
    given = {"eps": (0.05, 0.1, 0.5), "steps": 5, "queries": 50, "attacks": "pgd,square"}
    return asked(lab, AttackSettings, **(given | others))


def defend(lab, **others):
    given = {"eps": (0.1, 0.5), "steps": 3, "queries": 10, "draws": 2, "votes": 9, "sigma": (0.2,),
             "attacks": "transfer,bpda,eot,square", "denoiser": str(lab / "den")}  # fmt: skip
    return asked(lab, DefendSettings, **(given | others))


def certify(lab, **others):
    given = {"sigma": (0.2,), "denoiser": str(lab / "den"), "draws": 200, "pilot": 10}
    return asked(lab, CertifySettings, **(given | others))


def done(folder, settings):
    run = Run.create(folder, settings)
    list(resume(run))
    assert run.is_done
    return run


def timeless(run):
    """The table in words, but for how long it took."""
    return [repr(replace(row, seconds=0.0)) for row in read_table(run.table_path)]


def labels_and_network(lab):
    module = sys.modules["labuser"]
    network = module.network(3)
    network.load_state_dict(load_state(lab / "net.safetensors"))
    return network.eval(), module.data()[1]


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


def test_a_certification_of_a_purification_is_refused_with_its_reason(capsys):
    assert main(["certify", "digits-classifier", "--purify", "0.1"]) != 0
    assert "not of the many of a purification" in capsys.readouterr().err


def test_certified_accuracies_are_cohens(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, sigma=(0.2, 0.5), samples=20))
    outcomes = Journal(run.outcomes_path).outcomes
    rows = [r for r in read_table(run.table_path) if r.sigma == 0.5]
    found = [o for unit, o in outcomes.items() if unit[1] == 1]
    labels, predicted, radii, successes = (
        np.concatenate([getattr(o, name) for o in found])
        for name in ("labels", "predicted", "radius", "successes")
    )
    assert len(labels) == 20
    for k, radius, answer in zip(successes, radii, predicted, strict=True):
        expected = certified_radius(int(k), 200, 0.5)
        assert (radius, answer < 0) == (expected or 0.0, expected is None)
    for row in rows:
        assert row.norm == "l2"
        assert row.correct == ((predicted == labels) & (radii >= row.eps)).sum()
        assert row.abstained == (predicted < 0).sum()
    report = read_report(run.report_path)
    assert {d.sigma for d in report.warnings if d.id == "radius-out-of-reach"} == {0.2, 0.5}
    assert "In L∞" in report.summary


def test_without_a_denoiser_the_network_sees_the_noise(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, denoiser=None, samples=6, draws=50))
    assert {r.defense for r in read_table(run.table_path)} == {"noise"}
    entry = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))["files"][0]
    kept = load_file(run.examples / entry["file"])
    assert torch.equal(kept["noisy"], kept["denoised"])


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (attack, {"samples": 36}),
        (defend, {"samples": 12, "attacks": "transfer,eot", "steps": 1, "draws": 1}),
        (certify, {"samples": 36}),
    ],
)
def test_a_run_stopped_in_every_unit_ends_with_the_same_table(
    lab, tmp_path, monkeypatch, kind, given
):
    settings = kind(lab, **given)
    whole = done(tmp_path / "whole", settings)
    run = Run.create(tmp_path / "stopped", settings)
    do = UnitWork.result
    left = 0

    def impatient(self, unit):
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return do(self, unit)

    monkeypatch.setattr(UnitWork, "result", impatient)
    prepared, stops = prepare(settings), 0
    while not run.is_done:
        left = 1
        try:
            list(resume(run, prepared))
        except KeyboardInterrupt:
            stops += 1
    units = Journal(whole.outcomes_path).outcomes
    assert stops >= len(units) - 1
    assert len(run.outcomes_path.read_text(encoding="utf-8").splitlines()) == len(units)
    assert timeless(run) == timeless(whole)
    assert (run.folder / "report.md").exists()
    mine, theirs = (json.loads(r.report_path.read_text(encoding="utf-8")) for r in (run, whole))
    assert mine == theirs


def test_a_line_that_a_kill_cut_short_is_done_again(lab, tmp_path):
    settings = attack(lab, attacks="pgd", samples=36)
    run = done(tmp_path / "run", settings)
    table, content = timeless(run), run.outcomes_path.read_bytes()
    for length in (0, 1, content.index(b"\n") - 1, content.index(b"\n"), len(content) - 7):
        run.report_path.unlink()
        run.outcomes_path.write_bytes(content[:length])
        list(resume(run))
        assert run.is_done
        assert timeless(run) == table


def test_lines_about_images_that_are_not_the_unit_s_are_done_again(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, samples=4, keep=0, draws=1000))
    before = timeless(run)
    lines = run.outcomes_path.read_text(encoding="utf-8").splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    records[0]["images"] = records[3]["images"]  # as of a version with other blocks
    content = "".join(json.dumps(record) + "\n" for record in records)
    run.outcomes_path.write_text(content, encoding="utf-8")
    run.report_path.unlink()
    list(resume(run))
    assert timeless(run) == before
    assert len(run.outcomes_path.read_text(encoding="utf-8").splitlines()) == 5


def test_few_votes_do_not_choose_which_images_are_attacked_no_more(lab, tmp_path, monkeypatch):
    carried = []
    sweep_as_it_is = combination_on_block.randomized_sweep

    def spy(*args, carry):
        carried.append(carry)
        return sweep_as_it_is(*args, carry=carry)

    monkeypatch.setattr(combination_on_block, "randomized_sweep", spy)
    for votes in (1, 10):
        settings = defend(lab, votes=votes, attacks="transfer", samples=4, keep=0)
        done(tmp_path / str(votes), settings)
    assert carried == [False] * 2 + [True] * 2


def test_a_kept_example_that_is_lost_is_made_again(lab, tmp_path):
    run = done(tmp_path / "run", attack(lab, attacks="pgd"))
    kept = load_file(run.examples / "0000.safetensors")
    (run.examples / "0000.safetensors").unlink()
    run.report_path.unlink()
    list(resume(run))
    again = load_file(run.examples / "0000.safetensors")
    assert all(torch.equal(kept[name], again[name]) for name in kept)


def test_first_rows_come_early_with_wide_intervals(lab, tmp_path):
    run = Run.create(tmp_path / "run", attack(lab))
    seen = []
    for event in resume(run, replace(prepare(run.settings), table_every=0.0)):
        if isinstance(event, Progress) and run.table_path.exists():
            seen.append(read_table(run.table_path))
    assert min(r.samples for r in seen[0]) == 3
    assert {r.samples for r in seen[-1]} == {40}
    first, last = (rows[-1].high - rows[-1].low for rows in (seen[0], seen[-1]))
    assert first > 2 * last


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


def test_certificates_are_kept_image_by_image_whatever_is_kept_of_examples(lab, tmp_path):
    settings = certify(lab, samples=5, keep=3, draws=1000)
    assert Plan.of(settings, 5).blocks == tuple((k, k + 1) for k in range(5))
    run = done(tmp_path / "run", settings)
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    order = [
        outcome.images[0] for _, outcome in sorted(Journal(run.outcomes_path).outcomes.items())
    ]
    assert index["images"] == order[:3]
    kept = load_file(run.examples / index["files"][0]["file"])
    assert kept["images"].shape == (1, 3, 3, 8, 8)


def test_the_summary_of_a_defense_names_every_network(lab, tmp_path):
    (tmp_path / "twin").mkdir()
    twin = tmp_path / "twin" / "other.safetensors"
    twin.write_bytes((lab / "net.safetensors").read_bytes())
    for kind in (defend, certify):
        run = done(tmp_path / kind.__name__, kind(lab, also=(twin,), samples=3, keep=0))
        said = read_report(run.report_path).summary
        assert "net " in said
        assert "other " in said


def test_the_protocol_s_page_is_what_its_runs_have_found(lab, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "tools"))
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


def test_autoattack_stays_in_the_ball_and_fools_where_there_is_no_gradient(lab):
    module = sys.modules["labuser"]
    torch.manual_seed(0)
    network = module.masked(5).eval()
    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.no_grad():
        y = network(x).argmax(1)
    before = torch.get_rng_state()
    found = autoattack(network, x, y, 0.6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(before, torch.get_rng_state())
    assert float((found.images - x).abs().max()) <= 0.6 + 1e-6
    with torch.no_grad():
        assert torch.equal(network(found.images).argmax(1) != y, found.fooled)
    assert found.fooled.any()


@pytest.fixture
def brief(monkeypatch):
    """AutoAttack and its parts with few steps and queries."""
    for module in ("apgd", "fab", "autoattack"):
        monkeypatch.setattr(f"isoloss.robustness.attacks.{module}.STEPS", 8)
    monkeypatch.setattr("isoloss.robustness.attacks.autoattack.QUERIES", 20)


@pytest.mark.usefixtures("brief")
def test_autoattack_is_an_attack_of_a_run(lab, tmp_path):
    torch.manual_seed(0)
    network = sys.modules["labuser"].network(5)
    save_tensors(lab / "five.safetensors", network.state_dict())
    settings = attack(
        lab, attacks="autoattack", data="labuser:five", file="five", eps=(0.01, 0.5), samples=20
    )
    run = done(tmp_path / "run", settings)
    counts = {row.eps: row.correct for row in read_table(run.table_path)}
    assert counts[0] >= counts[0.01] >= counts[0.5] == 0
    assert counts[0] > 0
    kept = load_file(run.examples / "0000.safetensors")["images"]
    for images, eps in zip(kept, (0.0, 0.01, 0.5), strict=True):
        assert float((images - kept[0]).abs().max()) <= eps + 1e-6
    facts = read_json(run.report_path)["facts"]
    assert not {"steps", "restarts", "loss", "queries"} & {*facts}  # which it takes from nobody
    report = run.report_text_path.read_text(encoding="utf-8")
    assert "for AutoAttack those of its authors hold" in report
    assert "the worst of all attacks counts" not in report  # of one attack there is none


def five(lab, **others):
    torch.manual_seed(0)
    network = sys.modules["labuser"].network(5)
    save_tensors(lab / "five.safetensors", network.state_dict())
    return attack(lab, data="labuser:five", file="five", samples=12, eps=(0.02, 0.05), **others)


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_parts_of_autoattack_are_attacks_of_a_run(lab, tmp_path, norm):
    names = ("apgd_ce", "apgd_dlr", "apgd_t", "fab_t", "autoattack")
    run = done(tmp_path / "run", five(lab, attacks=",".join(names), norm=norm, keep=4))
    counts = {(row.attack, row.eps): row.correct for row in read_table(run.table_path)}
    for name in names:
        assert counts[name, 0.0] >= counts[name, 0.02] >= counts[name, 0.05]
        assert counts["autoattack", 0.05] <= counts[name, 0.05]
    report = (run.folder / "report.md").read_text(encoding="utf-8")
    assert all(name in report for name in ("APGD-CE", "APGD-DLR", "APGD-T", "FAB-T", "AutoAttack"))


@pytest.mark.usefixtures("brief")
def test_behind_a_defense_auto_pgd_goes_by_the_mean_over_draws(lab, tmp_path):
    settings = defend(lab, attacks="transfer,apgd_ce", eps=(0.5,), samples=12)
    run = done(tmp_path / "run", settings)
    counts = {(row.attack, row.eps): row.correct for row in read_table(run.table_path)}
    assert counts["apgd_ce", 0.5] < counts["apgd_ce", 0.0]


@pytest.mark.usefixtures("brief")
def test_a_run_begun_with_another_autoattack_goes_on_and_says_so(lab, tmp_path):
    run = Run.create(tmp_path / "run", five(lab, attacks="autoattack", keep=2))
    for _ in zip(resume(run), range(6), strict=False):
        pass
    lines = run.outcomes_path.read_text(encoding="utf-8").splitlines()
    assert lines
    depends_on = dict(run.environment["depends_on"])
    assert depends_on.pop("the attack autoattack") == "as published"
    run.record_environment(depends_on=depends_on)
    said = [str(getattr(event, "text", event)) for event in resume(run)]
    assert run.is_done
    assert run.outcomes_path.read_text(encoding="utf-8").splitlines()[: len(lines)] == lines
    assert any("begun with an earlier autoattack" in text for text in said)
    again = [str(event) for event in resume(run)]
    assert not any("begun with an earlier" in text for text in again)


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (attack, {"eps": (-0.1,)}, "--eps: input should be greater than or equal to 0"),
        (attack, {"eps": (0.0,)}, "--eps: give at least one radius above 0"),
        (attack, {"eps": (0.1, 8.0)}, "8 reaches beyond all of them: of 256 levels 8 are 8/255"),
        (attack, {"eps": "1/x"}, "'1/x' is no number"),
        (attack, {"attacks": "pgd,fgsm"}, "there is no attack 'fgsm': choose of pgd, square"),
        (attack, {"attacks": "bpda"}, "bpda is not for such runs: choose of pgd, square"),
        (defend, {"attacks": "fab_t"}, "fab_t is not for such runs: choose of transfer, bpda"),
        (attack, {"targeted": "3"}, "knows no class 3: it has 0 to 2"),
        (defend, {"targeted": "9" * 20}, f"knows no class {'9' * 20}: it has 0 to 2"),
        (attack, {"protocol": "legacy", "steps": 7}, "the legacy protocol has its own --steps"),
        (attack, {"protocol": "legacy", "norm": "l2", "steps": 20}, "legacy protocol is in linf"),
        (attack, {"model": None}, "a checkpoint file does not say what it belongs to: give --mode"),
        (attack, {"data": "labuser:too_bright"}, "images must lie in [0, 1], these reach from"),
        (attack, {"network": "nothing", "file": "nothing"}, "the network gives NaN for 8 of 8"),
        (
            attack,
            {"attacks": "autoattack"},
            "autoattack is for 4 classes and more, the data have 3: take apgd_ce, fab_t and",
        ),
        (
            attack,
            {"attacks": "pgd,apgd_t"},
            "apgd_t is for 4 classes and more, the data have 3: take apgd_ce or fab_t",
        ),
        (attack, {"loss": "math:sqrt"}, "the loss failed: TypeError"),
        (attack, {"loss": "torch:dot"}, "the loss failed: RuntimeError"),
        (defend, {"loss": "torch:numel"}, "the loss failed: TypeError"),
        (attack, {"loss": "torch.nn.functional:cross_entropy"}, "a loss gives (8,) floats for 8"),
        (attack, {"loss": "dlr", "targeted": "1"}, "aimed at a class is for 4 classes and more"),
        (defend, {"denoiser": "nowhere"}, "there is no denoiser nowhere: give its folder"),
        (defend, {"denoiser": " "}, "--denoiser: say which: a folder, a name on the hub"),
        (defend, {"sigma": (80.0,)}, "σ = 80 is outside the denoiser's schedule"),
        (defend, {"sigma": (0.0,)}, "--sigma: input should be greater than 0"),
        (certify, {"data": "digits"}, "is of another architecture: 5.weight is (3, 32), not (10"),
    ],
)
def test_wrong_requests_are_refused_in_one_line(lab, tmp_path, kind, wrong, message):
    folder = tmp_path / "run"

    def ask():
        try:
            settings = kind(lab, **wrong)
        except ValidationError as error:
            raise IsolossError(explain(error)) from error
        prepared = prepare(settings)
        list(resume(Run.create(folder, settings), prepared))

    with pytest.raises(IsolossError) as caught:
        ask()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not folder.exists()


DEFENSE = ("--denoiser", "den", "--sigma", "0.2")
LARGER = ("masked", "--model", "labuser:resizing", "--data", "labuser:larger")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["attack", "--eps", "-0.1"], "--eps: input should be greater than or equal to 0"),
        (["attack", "--data", "labuser:too_bright"], "images must lie in [0, 1], these reach"),
        (["attack", "--data", "labuser:four_classes"], "(3, 32), not (4, 32)"),
        (["attack", "nothing", "--model", "labuser:nothing"], "gives NaN for 8 of 8 images"),
        (["attack", "masked", "--model", "labuser:no_gradient"], "no gradient reaches the images"),
        (["attack", "masked", "--model", "labuser:nan_gradient"], "is not finite for 8 of 8"),
        (["defend", *LARGER, *DEFENSE], "the denoiser is for 8×8 images"),
        (["defend", *DEFENSE[:2], "--sigma", "99"], "σ = 99 is outside the denoiser's schedule"),
        (["defend", "masked", "--model", "labuser:no_gradient", *DEFENSE], "no gradient reaches"),
        (["certify", *DEFENSE[:2], "--sigma", "99"], "σ = 99 is outside the denoiser's schedule"),
        (["certify", *LARGER, *DEFENSE], "the denoiser is for 8×8 images"),
        (
            ["certify", "masked", "--model", "labuser:nan_in_noise", "--sigma", "0.9"],
            "the network gives NaN for",
        ),
    ],
)
def test_what_the_command_line_refuses_leaves_nothing(
    lab, tmp_path, monkeypatch, capsys, words, message
):
    monkeypatch.chdir(lab)
    command, *rest = words
    source = rest.pop(0) if rest[0] in ("nothing", "masked") else "net"
    usual = {"--model": "labuser:network", "--data": "labuser:data", "--samples": "12"}
    for name, value in usual.items():
        rest += [] if name in rest else [name, value]
    out = tmp_path / "run"
    with suppress(SystemExit):
        assert main([command, f"{source}.safetensors", *rest, "--out", str(out)]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not out.exists()


def test_behind_a_defense_square_needs_no_gradient(lab, tmp_path):
    settings = defend(lab, network="no_gradient", file="masked", attacks="square", samples=8)
    run = done(tmp_path / "run", settings)
    rows = read_table(run.table_path)
    assert {(row.defense, row.attack) for row in rows} == {
        (defense, attack) for defense in ("none", "denoised") for attack in ("square", "worst")
    }  # fmt: skip
    assert "no-adaptive-attack" in {warning.id for warning in read_report(run.report_path).warnings}


def test_a_certification_says_what_predict_would(lab, tmp_path):
    run = done(tmp_path / "run", certify(lab, draws=40, sigma=(2.0,)))
    found = read_certificates(run.certificates_path)
    (combination,) = Plan.of(run.settings, 40).combinations
    evaluation = prepare(run.settings)
    defense = evaluation.setup.defense(combination.network, 2.0)
    counts = count_votes(
        defense, evaluation.setup.images[:], evaluation.setup.indices, 0, 40, purpose=ESTIMATION
    )
    for one, votes in zip(found, counts, strict=True):
        first, second = votes.sort(descending=True).values[:2].tolist()
        sure = stats.binomtest(first, first + second, 0.5).pvalue <= 0.001
        assert one.answer == (int(votes.argmax()) if sure else -1)
    right, abstains = (
        sum(k) for k in zip(*((c.answer == c.label, c.answer < 0) for c in found), strict=True)
    )
    assert 0 < abstains < 40
    assert (run.folder / "report.md").read_text(encoding="utf-8").count(
        f"| net, σ = 2 | {100 * right / 40:.1f} ("
    ) == 1


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
