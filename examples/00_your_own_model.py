"""The loss landscape of a model of your own, in ten lines.

Trains a small classifier on scikit-learn's iris flowers, cuts a random plane through its
parameters (filter-normalized, Li et al. 2018) and draws the surface.
"""

import numpy as np
import torch
from sklearn.datasets import load_iris
from torch import nn

import isoloss


def main() -> None:
    torch.manual_seed(0)
    x, y = (torch.as_tensor(a) for a in load_iris(return_X_y=True))
    x = ((x - x.mean(0)) / x.std(0)).float()
    model = nn.Sequential(
        nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3)
    )
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    plane = isoloss.random_plane(model, seed=0)
    axis = np.linspace(-2, 2, 41)
    surface = isoloss.probe(model, [(x, y)], plane, alpha=axis, beta=axis)
    surface.meta["title"] = "A small network on iris flowers"
    surface.save("iris.ply")
    isoloss.render(surface, "iris.png")
    print(f"loss at the centre {surface.loss[20, 20]:.4f}; wrote iris.ply and iris.png")
    # isoloss.view("iris.ply")  # opens the window


if __name__ == "__main__":
    main()
