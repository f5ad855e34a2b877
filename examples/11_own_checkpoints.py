r"""Checkpoints that your own training script keeps, made into a run of isoloss.

    python examples/11_own_checkpoints.py
    isoloss import ckpts/*.pt --model examples.11_own_checkpoints:network --data digits \
        --out runs/mine
    isoloss probe runs/mine --plane pca --samples 256
    isoloss attack runs/mine --samples 64

The files are what such scripts write: weights, the optimizer's state, the epoch. From then on
`runs/mine` is a training run like any other: trajectory, curves, planes, attacks, the window.
"""

from pathlib import Path

import torch
from torch import nn

from isoloss.compute.data.datasets import load_dataset


def network(num_classes: int = 10) -> nn.Module:
    """A network for images (N, 3, 32, 32) in [0, 1]."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, num_classes),
    )  # fmt: skip


def main() -> None:
    torch.manual_seed(0)
    train = load_dataset("digits").train
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    Path("ckpts").mkdir(exist_ok=True)
    for epoch in range(11):
        saved = {
            "epoch": epoch,
            "state_dict": model.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        torch.save(saved, f"ckpts/epoch_{epoch}.pt")
        for rows in torch.randperm(len(train)).split(64):
            optimizer.zero_grad()
            logits = model(train.inputs[rows].float() / 255)
            nn.functional.cross_entropy(logits, train.targets[rows]).backward()
            optimizer.step()
    print("wrote ckpts/epoch_0.pt to epoch_10.pt")


if __name__ == "__main__":
    main()
