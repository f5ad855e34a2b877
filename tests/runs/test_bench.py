"""The bench measures what it says it does; how fast is not for a test to say."""

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import isoloss
from isoloss import random_plane
from isoloss.bench import attack as attack_bench
from isoloss.bench import curvature as curvature_bench
from isoloss.bench import probe as bench
from isoloss.bench.attack_peers import (
    AttackPeer,
    Attempt,
    Target,
    attackers,
    cohens_certify,
    serial_eot,
)
from isoloss.bench.probe_peers import TURNS, Peer, Probed, measure_rates, rates_of
from isoloss.cli.main import main
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.errors import IsolossError
from isoloss.robustness import (
    GaussianSmoothing,
    attack,
    certified_radius,
    certify,
    clopper_pearson_interval,
)

CPU = torch.device("cpu")


@pytest.fixture
def probed():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)
    )
    images = (torch.rand(160, 3, 8, 8) * 255).byte()
    return Probed("tiny", model.eval(), images, torch.arange(160) % 4)


def test_all_peers_are_measured(probed):
    rates = measure_rates(probed, random_plane(probed.model), "fp32", CPU)
    for rate in (rates.engine, rates.floor, rates.loop, rates.loss_landscapes):
        assert rate is not None
        assert math.isfinite(rate)
        assert rate > 0


def test_the_floor_is_compared_within_a_turn():
    """A machine that gets slower from turn to turn changes the rates, not their ratio."""
    # From turn to turn: engine, floor and, in the first three, the loop.
    taken = [x for turn in range(9) for x in (5.0 * 2**turn, 4.0 * 2**turn, 7.0)[: 3 - (turn > 2)]]
    readings = iter([t for x in taken for t in (0.0, x)])
    often = Peer(lambda _: None, turns=TURNS)
    peers = {"engine": often, "floor": often, "loop": Peer(lambda _: None)}
    rates = rates_of(peers, 160, "fp32", CPU, lambda: next(readings))
    assert rates.of_floor == 0.8
    assert rates.loop == 160 / 7
    assert rates.engine == 160 / (5.0 * (2**4 + 2**5) / 2)
    assert next(readings, None) is None


def test_the_loop_computes_what_the_engine_computes(probed):
    from isoloss.bench import probe_peers

    plane = random_plane(probed.model)
    evaluator = Evaluator(probed.model, plane, probed.samples(CPU), None, CPU)
    evaluator.move_to(0.3, -0.7)
    loader = probe_peers.loader_of(probed.samples(CPU), 100)
    total = probe_peers.plain_loop(probed.model, plane, (0.3, -0.7), loader, CPU)
    assert total / 100 == pytest.approx(evaluator.mean_loss(100), rel=1e-4)


def test_a_surface_is_taken_to_one_percent(probed):
    plane = random_plane(probed.model)
    found = bench.to_one_percent(probed, plane, bench.Wanted(5, 60.0, 25), 100.0, CPU)
    assert found.finished
    assert found.precision in ("fp32", "bf16")
    assert found.checked == 25
    assert found.loop_seconds == 25 * 160 / 100
    assert 0 <= found.worst_error <= 0.011
    assert found.fewer >= 1
    assert 0 < found.coarse_seconds <= found.seconds
    cut_short = bench.to_one_percent(probed, plane, bench.Wanted(5, 0.0), 100.0, CPU)
    assert not cut_short.finished
    assert cut_short.checked == 0


def test_the_figures_come_as_json_and_as_a_table(probed, monkeypatch, capsys):
    monkeypatch.setattr(bench, "networks", lambda *_: [probed])
    bench.bench_probe([], None, bench.Wanted(3, 30.0), as_json=True)
    told = json.loads(capsys.readouterr().out)
    (row,), load = told["probe"], told["load"]
    assert load["load_before"] >= 0
    assert row["network"] == "tiny"
    rates = row["rates"][-1]
    assert rates["against_loop"] == pytest.approx(rates["engine"] / rates["loop"])
    assert row["surface"]["sooner"] > 0
    bench.bench_probe([], None, bench.Wanted(3, 1e-9), as_json=True)
    (cut_short,) = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["probe"]
    assert cut_short["surface"]["worst_error"] is None
    bench.bench_probe([], None, bench.Wanted(3, 0.0), as_json=False)
    printed = capsys.readouterr().out
    assert "of floor" in printed
    assert "tiny" in printed
    assert printed.splitlines()[-1].startswith("load before ")


class OneOfPyHessians:
    """In its place: all it finds is known."""

    def __init__(self, model, criterion, dataloader, cuda):
        assert not model.training
        assert sum(len(targets) for _, targets in dataloader) == 160
        self.asked = []

    def dataloader_hv_product(self, vector):
        return vector, vector

    def eigenvalues(self, maxIter, tol):  # as it calls them
        for value in (1.0, 2.0, 3.0):
            self.dataloader_hv_product(value)
        return [3.0], [None]

    def trace(self, maxIter, tol):
        self.asked.append(maxIter)
        return [1.0, 3.0] * (maxIter // 2)


def test_curvature_is_measured_beside_pyhessian(probed, monkeypatch, capsys):
    monkeypatch.setattr(curvature_bench, "networks", lambda *_: [probed])
    monkeypatch.setitem(sys.modules, "pyhessian", SimpleNamespace(hessian=OneOfPyHessians))
    assert main(["bench", "curvature", "--json", "--budget", "0"]) == 0
    [row] = json.loads(capsys.readouterr().out)["curvature"]
    own, peer = row["isoloss"], row["peer"]
    assert (peer["eigenvalue"], peer["trace"], peer["probes"]) == (3.0, 2.0, 10)
    assert peer["stderr"] == pytest.approx((10 / 9) ** 0.5 / 10**0.5)
    assert row["ratios"]["trace"] == peer["trace_seconds"] / own["trace_seconds"]
    assert own["error"] <= 1e-3
    assert 0 < own["within_seconds"] <= own["eigenvalue_seconds"]
    assert peer["within_seconds"] is None
    assert "eigenvalue_at_equal_error" not in row["ratios"]
    at_equal_error = row["ratios"]["trace"] * (peer["stderr"] / own["stderr"]) ** 2
    assert row["ratios"]["trace_at_equal_error"] == pytest.approx(at_equal_error)
    assert own["stderr"] <= peer["stderr"]
    found = isoloss.sharpness(
        probed.model, [(probed.images.float() / 255, probed.targets)], device="cpu", progress=False
    )
    assert own["eigenvalue"] == pytest.approx(found.largest[0].value, rel=2e-3)
    low, high = found.trace.interval
    assert low - 4 * own["stderr"] <= own["trace"] <= high + 4 * own["stderr"]


@pytest.mark.parametrize(
    ("values", "since"),
    [([1, 5, 4, 4], 3), ([4, 5, 4.001], 3), ([4, 4, 4.1], None), ([4, 4], 1), ([], None)],
)
def test_a_value_counts_from_when_it_stays_near(values, since):
    steps = [(float(k), float(v)) for k, v in enumerate(values, 1)]
    assert curvature_bench._within(steps, 4.0) == since


def test_without_pyhessian_it_is_measured_alone(probed, monkeypatch, capsys):
    monkeypatch.setattr(curvature_bench, "networks", lambda *_: [probed])
    monkeypatch.setitem(sys.modules, "pyhessian", None)
    curvature_bench.bench_curvature([], None, 60.0, as_json=False)
    printed = capsys.readouterr()
    assert "PyHessian is not installed" in printed.err
    assert "isoloss    λmax" in printed.out
    assert "times as fast" not in printed.out


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"grid": 1}, "at least 2 points"),
        ({"budget": -1.0}, "seconds"),
        ({"grid": 3, "checked": 10}, "of 9 cells 10"),
    ],
)
def test_what_cannot_be_measured_is_refused(asked, words):
    with pytest.raises(IsolossError, match=words):
        bench.Wanted(**asked)


def test_a_network_is_measured_on_images():
    with pytest.raises(IsolossError, match="at least 1 image"):
        next(bench.networks([], 0, CPU))


def test_runs_may_be_named_together_or_one_by_one(monkeypatch):
    asked = []
    monkeypatch.setattr(bench, "bench_probe", lambda runs, *_, **__: asked.append(runs))
    for given in (["--run", "a", "b"], ["--run", "a", "--run", "b"], []):
        assert main(["bench", "probe", *given]) == 0
    assert asked == [[Path("a"), Path("b")], [Path("a"), Path("b")], []]


@pytest.fixture
def target():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(1568, 4)
    ).eval()
    images = torch.rand(24, 3, 16, 16)
    return Target("tiny", model, images, model(images).argmax(1), CPU)


def after(peer, target):
    torch.manual_seed(5)
    return peer.work(target.images, target.labels)


def test_all_attackers_go_the_same_way(target):
    peers = list(attackers(target, Attempt(0.03, 4), 8))
    named = {(c.name, c.precision): c for c in peers}
    theirs = after(named["torchattacks", "fp32"], target)
    assert float((theirs - target.images).abs().max()) == pytest.approx(0.03, abs=1e-6)
    for name in ("foolbox", "isoloss"):
        found = after(named[name, "fp32"], target)
        # A gradient of nearly nothing may have either sign after other roundings.
        assert float(((found - theirs).abs() > 1e-5).float().mean()) < 0.002
    leaving = after(named["isoloss, successes leave", "fp32"], target)
    fooled = [target.model(x).argmax(1) != target.labels for x in (theirs, leaving)]
    assert 0 < int(fooled[0].sum()) <= int(fooled[1].sum())


def test_the_loop_over_draws_is_pgd_where_there_is_no_noise(target):
    calm = GaussianSmoothing(target.model, 0.0)
    attempt = Attempt(0.03, 4, 3)
    torch.manual_seed(5)
    looped = serial_eot(calm, target.images, target.labels, attempt)
    torch.manual_seed(5)
    climbed = attack(
        target.model, target.images, target.labels, 0.03, attempt.protocol(leaving=False)
    ).images
    assert float(((looped - climbed).abs() > 1e-5).float().mean()) < 0.002


def test_certifying_image_by_image_gives_the_same_certificates(target):
    # So little noise that every draw gives the same class.
    defense = GaussianSmoothing(target.model, 1e-6)
    ours = list(certify(defense, target.images, range(24), 10, 50))
    for image, certificate in zip(target.images, ours, strict=True):
        assert cohens_certify(defense, image, 10, 50, 16) == (
            certificate.predicted, certificate.radius,
        )  # fmt: skip
    assert ours[0].radius == certified_radius(50, 50, 1e-6)


def test_contestants_take_turns_and_are_compared_with_the_first_other(target, monkeypatch):
    turns = []
    clock = {"peer": 3.0, "own": 1.0, "poor": 2.0}

    def made(name, share):
        def work(x, y):
            turns.append((name, len(x)))
            return torch.arange(len(x)) < share * len(x)

        return AttackPeer(name, "fp32", name != "peer", 8, work)

    monkeypatch.setattr(attack_bench, "timed", lambda work, _: (work(), clock[turns[-1][0]]))
    gone = AttackPeer("gone", "fp32", False, 8, None, "pip install gone")
    field = [gone, made("peer", 0.75), made("own", 0.7), made("poor", 0.1)]
    found = attack_bench.compare("what", "steps/s", "fooled", field, target, 10, 60.0, lambda x: x)
    whole = [name for name, n in turns if n == 24]
    assert whole == ["peer", "own", "poor"] * 3
    missing, peer, own, poor = found.rows
    assert missing.rate is None
    assert missing.instead == "pip install gone"
    assert (peer.rate, own.rate) == (24 * 10 / 3, 24 * 10 / 1)
    assert (peer.ratio, own.ratio, poor.ratio) == (1, 3, 1.5)
    assert (peer.found, own.found, poor.found) == (18, 17, 3)
    assert (own.low, own.high) == clopper_pearson_interval(17, 24)
    assert own.agrees
    assert not poor.agrees


def test_attacks_and_certificates_are_measured_and_told(target, monkeypatch, capsys):
    probed = Probed("tiny", target.model, (target.images * 255).byte(), target.labels)
    monkeypatch.setattr(attack_bench, "networks", lambda *_: [probed])
    for name, value in (("EOT_STEPS", 1), ("DRAWS", 2), ("PILOT", 2), ("ESTIMATES", 8),
                        ("VOTES", 1), ("ROUNDS", 1), ("TRAINED_STEPS", 1)):  # fmt: skip
        monkeypatch.setattr(attack_bench, name, value)
    monkeypatch.setattr(attack_bench, "SIZE", "tiny")
    measured = attack_bench.measure(target, 2, 1.0, 4, None)
    monkeypatch.setattr(attack_bench, "measure", lambda *_: measured)
    attack_bench.bench_attack([], 8, 2, 1.0, None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    (found,), load = told["attack"], told["load"]
    assert load["load_before"] >= 0
    assert found["network"] == "tiny"
    assert [c["unit"] for c in found["comparisons"]] == [
        "image-steps/s", "image-steps/s", "image-draw-steps/s", "draws/s"
    ]  # fmt: skip
    for comparison in found["comparisons"]:
        assert comparison["rows"][0]["ratio"] == 1
        for row in comparison["rows"]:
            assert row["rate"] > 0
            assert row["low"] <= row["found"] / comparison["images"] <= row["high"]
    attack_bench.bench_attack([], 8, 2, 1.0, None, as_json=False)
    printed = capsys.readouterr().out
    assert "torchattacks" in printed
    assert "image-steps/s" in printed
    assert printed.splitlines()[-1].startswith("load before ")
