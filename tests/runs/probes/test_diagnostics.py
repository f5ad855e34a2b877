"""What probes say of themselves, beside their surfaces."""

import pytest
from tests.runs.probes.asking import asked

import isoloss
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.run import Run
from isoloss.work import resume


def found(run, what):
    (finding,) = (f for f in isoloss.load(run.folder).meta["findings"] if f["what"] == what)
    return finding["level"], finding["message"]


@pytest.mark.parametrize(
    "changes",
    [
        {"plane": "pca"}, {"plane": "pca", "tolerance": 0.1}, {}, {"tolerance": 0.1},
        {"grid": (5, 5)}, {"grid": (5, 5), "samples": 20}, {"grid": (5, 5), "tolerance": 0.1},
        {"grid": (3, 3), "planes": 2, "samples": 20},
    ],
)  # fmt: skip
def test_diagnostics_compare_every_probe_with_the_network_itself(trained, changes, monkeypatch):
    healthy = Run.create(trained.folder.parent / "healthy", asked(trained, **changes))
    list(resume(healthy))
    level, message = found(healthy, "centre")
    assert level == "ok"
    assert "the network's own" in message
    # What evaluates the surface is somewhere else than it says.
    move = Evaluator.move_to
    monkeypatch.setattr(Evaluator, "move_to", lambda self, a, b: move(self, a + 2.0, b - 2.0))
    sick = Run.create(trained.folder.parent / "sick", asked(trained, **changes))
    list(resume(sick))
    assert found(sick, "centre")[0] == "warning"


@pytest.mark.parametrize("changes", [{"plane": "pca"}, {"grid": (5, 5)}, {"samples": 1}])
def test_diagnostics_allow_for_looking_at_a_part_of_the_samples(trained, changes, monkeypatch):
    monkeypatch.setattr("isoloss.compute.diagnostics.origin.ENOUGH", 20)
    run = Run.create(trained.folder.parent / "part", asked(trained, **changes))
    list(resume(run))
    assert found(run, "centre")[0] == "ok"


def test_diagnostics_know_what_recalibration_does_to_the_centre(trained):
    asks = asked(trained, batch_norm="recalibrated", grid=(3, 3))
    run = Run.create(trained.folder.parent / "recalibrated", asks)
    list(resume(run))
    level, message = found(run, "centre")
    assert level == "note"
    assert "--batch-norm frozen" in message


def test_the_findings_lie_beside_the_surface(trained):
    run = Run.create(trained.folder.parent / "raw", asked(trained, normalize="none"))
    events = list(resume(run))
    findings = isoloss.load(run.folder).meta["findings"]
    assert {"what", "level", "message"} == set(findings[0])
    raised = [f for f in findings if f["level"] != "ok"]
    assert raised
    said = " ".join(getattr(e, "message", "") for e in events)
    assert all(f["message"] in said for f in raised)
