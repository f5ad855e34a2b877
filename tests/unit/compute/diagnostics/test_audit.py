"""bf16 is kept where a look at single precision allows it."""

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import probe, random_plane
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.diagnostics.audit import Audit, audit
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.probe import surface_probing as probing

CPU = torch.device("cpu")


def images(n):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, 3, 16, 16, generator=generator)
    return x, torch.randint(0, 4, (n,), generator=generator)


def three_layers():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2),
        nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4),
    ).eval()  # fmt: skip


def test_the_audit_takes_bf16_where_it_is_accurate(pretend_fast_bf16):
    model, data = three_layers(), images(96)
    axis = np.linspace(-1, 1, 3)
    surface = probe(model, [data], random_plane(model), axis, axis, progress=False)
    assert surface.meta["precision"] == "bf16"
    assert surface.meta["precision_audit"] == "passed"
    assert 0 < surface.meta["precision_audit_error"] <= 0.005
    exact = probe(model, [data], random_plane(model), axis, axis, progress=False, precision="fp32")
    assert exact.meta["precision_audit"] is None
    assert 0 < np.abs(surface.loss - exact.loss).max() / np.ptp(exact.loss) <= 0.02


def test_an_audit_changes_nothing_that_is_found_to_a_tolerance(pretend_fast_bf16, monkeypatch):
    """What images gave in the look before the audit is remembered after it."""
    monkeypatch.setattr(Audit, "passes", lambda *_: True)
    model, data, axis = three_layers(), images(96), np.linspace(-1, 1, 5)
    asked = {"alpha": axis, "beta": axis, "tolerance": 0.1, "progress": False}
    audited, plain = (
        probe(model, [data], random_plane(model), **asked, precision=precision)
        for precision in ("auto", "bf16")
    )
    assert audited.meta["precision_audit"] == "passed"
    np.testing.assert_array_equal(audited.count, plain.count)
    np.testing.assert_array_equal(audited.loss, plain.loss)


def test_an_audit_weighs_noise_only_against_a_tolerance():
    found = Audit(shift=0.001, noise=0.02)
    assert found.passes(None)
    assert found.passes(0.05)
    assert not found.passes(0.01)
    assert not Audit(shift=0.006, noise=0.0).passes(None)
    assert not Audit(shift=np.inf, noise=0.0).passes(0.5)


def test_the_audit_measures_shift_and_noise_as_fractions_of_the_range():
    torch.manual_seed(0)
    model, data = nn.Linear(6, 3), (torch.randn(40, 6), torch.arange(40) % 3)
    plane = random_plane(model)

    def shifted(model, batch):
        losses = nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")
        return losses + 0.3 + 0.1 * torch.arange(len(losses)) % 2

    samples = ShuffledSamples.of_batches([data], 0, CPU)
    exact, other = (Evaluator(model, plane, samples, loss, CPU) for loss in (None, shifted))
    found = audit(exact, other, [(0.0, 0.0), (1.0, 1.0)], 40, np.array([-5.0, 5.0, np.nan]))
    offsets = 0.3 + 0.1 * np.arange(40) % 2
    assert found.shift == pytest.approx(offsets.mean() / 10, rel=1e-4)
    assert found.noise == pytest.approx(offsets.std() / 10, rel=1e-4)


@pytest.mark.parametrize("larger", [False, True])
def test_a_small_network_is_not_worth_an_audit(pretend_fast_bf16, monkeypatch, larger):
    audits = []
    monkeypatch.setattr(probing, "audit", lambda *given: audits.append(given) or Audit(1.0, 0.0))
    monkeypatch.setattr(probing, "FEW", 12 * 16 + 16 * 4 + (not larger))
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4))
    data = torch.randn(20, 12), torch.arange(20) % 4
    surface = probe(model, [data], random_plane(model), [0.0, 1.0], [0.0, 1.0], progress=False)
    assert len(audits) == larger
    assert surface.meta["precision"] == "fp32"
    assert surface.meta["precision_audit"] is None


def test_the_audit_refuses_bf16_where_it_is_not(pretend_fast_bf16):
    """Large numbers that cancel: in bf16 nothing is left of them."""

    class Cancelling(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return self.head(x + 300) - self.head(x.new_full(x.shape, 300.0))

    torch.manual_seed(0)
    model, x = Cancelling(), torch.randn(64, 8)
    axis = np.linspace(-1, 1, 9)
    asked = (model, [(x, torch.arange(64) % 3)], random_plane(model), axis, axis)
    surface = probe(*asked, progress=False)
    assert surface.meta["precision"] == "fp32"
    exact = probe(*asked, progress=False, precision="fp32")
    np.testing.assert_allclose(surface.loss, exact.loss, rtol=1e-5)
