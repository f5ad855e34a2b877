"""AutoAttack and its parts as attacks of runs."""

import sys

import pytest
import torch
from safetensors.torch import load_file
from tests.runs.robustness.lab import attack, defend, done

from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.files import read_json
from isoloss.results.tables import read_table
from isoloss.robustness import autoattack
from isoloss.run import Run
from isoloss.work import resume


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
