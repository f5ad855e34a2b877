"""An oracle for planes through networks of any kind: torch alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F


def _losses(model, plane, alpha, beta, inputs, targets):
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    moved = {k: tensors[k] for k in tensors if k in plane.delta}
    before = {k: t.detach().clone() for k, t in moved.items()}
    losses = np.zeros((len(alpha), len(beta)))
    with torch.no_grad():
        for i, a in enumerate(alpha):
            for j, b in enumerate(beta):
                for k, tensor in moved.items():
                    steps = (a * plane.delta[k], b * plane.eta[k])
                    kind = torch.complex128 if tensor.is_complex() else torch.float64
                    tensor.copy_(sum((s.to(kind) for s in steps), plane.origin[k].to(kind)))
                losses[i, j] = F.cross_entropy(model(inputs).double(), targets)
        for k, tensor in moved.items():
            tensor.copy_(before[k])
    return losses


@pytest.fixture
def losses_by_torch():
    """(A, B) mean cross-entropies of a network whose own tensors are put on a plane, one point
    after the other, and put back: `losses_by_torch(model, plane, alpha, beta, inputs, targets)`."""
    return _losses


@pytest.fixture
def pretend_fast_bf16(monkeypatch):
    """A machine on which bf16 is worth an audit for every network."""
    from isoloss.compute.probe import surface_probing

    monkeypatch.setattr(surface_probing, "reduced_precisions", lambda _: ["bf16"])
    monkeypatch.setattr(surface_probing, "FEW", 0)
