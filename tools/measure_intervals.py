"""How often intervals of 95 % hold what all samples give: of eigenvalues, trace, rise and barrier.

Two small networks are trained on digits. Of many random orders some of the training images are
seen, and each interval is held against the value of all images: `python tools/measure_intervals.py
[--orders N] [--seen N]`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import isoloss
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.geometry.analysis.barrier import barrier_of

EPOCHS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--seen", type=int, default=300)
    asked = parser.parse_args()
    train = load_dataset("digits").train
    data = [(as_inputs(train.inputs).mean(1).flatten(1), train.targets)]
    networks = [trained(data[0], seed) for seed in (0, 1)]
    exact = {
        **curvature_of(networks[0], data), **barrier_between(*networks, data),
        **of_hessian(networks[0], *data[0]),
    }  # fmt: skip
    held, widths, began = Counter(), Counter(), time.monotonic()
    for seed in range(asked.orders):
        some = {"samples": asked.seen, "seed": seed}
        found = {
            **curvature_of(networks[0], data, **some),
            **barrier_between(*networks, data, **some),
        }
        for name, (low, high) in found.items():
            middle = sum(exact[name]) / 2
            held[name] += low <= middle <= high
            widths[name] += (high - low) / 2 / asked.orders
    shares = {name: round(count / asked.orders, 4) for name, count in held.items()}
    print(json.dumps({
        "orders": asked.orders, "seen": asked.seen, "of": len(train), "held": shares,
        "exact": {name: float(np.mean(ends)) for name, ends in exact.items()},
        "half_width": dict(widths), "seconds": round(time.monotonic() - began, 1),
        "error_of_shares": round(math.sqrt(0.95 * 0.05 / asked.orders), 4),
    }))  # fmt: skip


def trained(data: tuple[torch.Tensor, torch.Tensor], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    inputs, targets = data
    model = nn.Sequential(nn.Linear(inputs.shape[1], 10), nn.Tanh(), nn.Linear(10, 10))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[chosen]), targets[chosen]).backward()
            optimizer.step()
    return model.eval()


def curvature_of(model, data, **some):
    """{name: the ends of its interval}."""
    found = isoloss.sharpness(
        model, data, largest=2, smallest=0, device="cpu", progress=False, **some
    )
    return {
        "λ1": found.largest[0].interval,
        "λ2": found.largest[1].interval,
        "trace": found.trace.interval,
        "gradient": found.gradient_norm.interval,
        "rise at most": found.rise_at_most.interval,
    }


def of_hessian(model, inputs, targets):
    """Eigenvalues and trace by torch alone, as intervals of no width."""
    named = dict(model.named_parameters())
    sizes = [p.numel() for p in named.values()]

    def loss(flat):
        parts = zip(named.items(), flat.split(sizes), strict=True)
        tensors = {name: part.view(p.shape) for (name, p), part in parts}
        return F.cross_entropy(torch.func.functional_call(model, tensors, (inputs,)), targets)

    flat = torch.cat([p.detach().flatten() for p in named.values()])
    matrix = torch.autograd.functional.hessian(loss, flat).double()
    values = torch.linalg.eigvalsh(matrix)
    found = {"λ1": values[-1], "λ2": values[-2], "trace": matrix.trace()}
    return {name: (float(value), float(value)) for name, value in found.items()}


def barrier_between(one, other, data, **some):
    line = isoloss.interpolation(one, one, other)
    quiet = {"device": "cpu", "progress": False, "alpha": np.linspace(0, 1, 11)}
    found = barrier_of(isoloss.probe(one, data, line, **quiet, **some))
    return {"barrier": (found.low, found.high)}


if __name__ == "__main__":
    main()
