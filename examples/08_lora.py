"""Adapters: the landscape of LoRA, in which the network itself stays frozen.

A classifier knows the digits 0 to 4; peft adds low-rank adapters (Hu et al. 2022) and trains them
on 5 to 9. Where most of a network is frozen, planes move what is trainable, and say so;
`parameters=` chooses otherwise.
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from sklearn.datasets import load_digits
from torch import Tensor, nn

import isoloss


class Classifier(nn.Module):
    """Three layers, named so that adapters can be put on them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 128), nn.Linear(128, 128)
        self.head = nn.Linear(128, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))))


def train(model: nn.Module, x: Tensor, y: Tensor, lr: float) -> None:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr)
    for _ in range(150):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def main() -> None:
    torch.manual_seed(0)
    x, y = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
    x = x.float() / 16
    known, fresh = y < 5, y >= 5
    base = Classifier()
    train(base, x[known], y[known], 0.003)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["first", "second", "head"])
    model = get_peft_model(copy.deepcopy(base), config)
    train(model, x[fresh], y[fresh] - 5, 0.01)

    axis = np.linspace(-1, 1, 25)
    batch = [(x[fresh], y[fresh] - 5)]
    adapters = isoloss.random_plane(model, seed=0)  # what is trainable
    everything = isoloss.random_plane(model, seed=0, parameters="all")
    for name, plane in (("adapters", adapters), ("all", everything)):
        surface = isoloss.probe(model, batch, plane, axis, axis)
        surface.meta["title"] = f"LoRA on digits, {name} moved"
        surface.save(f"lora-{name}.ply")
        isoloss.render(surface, f"lora-{name}.png")
        moved = sum(t.numel() for t in plane.delta.values() if t.any())
        print(f"{name}: {moved:,} weights move, loss {surface.loss[12, 12]:.3f} at the centre")


if __name__ == "__main__":
    main()
