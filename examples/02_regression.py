"""The loss landscape of a regression: a network that predicts how a patient's diabetes progresses.

Its loss is a function of one's own, the squared error of each sample in units of the target's
variance (1 is what the mean alone would score), so there are no classes and no accuracy.
"""

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

import isoloss


def squared_error(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """(N,) one loss for each sample."""
    inputs, targets = batch
    return (model(inputs).squeeze(1) - targets).square()


def main() -> None:
    torch.manual_seed(0)
    x, y = (torch.as_tensor(a).float() for a in load_diabetes(return_X_y=True))
    x, y = ((a - a.mean(0)) / a.std(0) for a in (x, y))
    model = nn.Sequential(
        nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
    )
    optimizer = torch.optim.AdamW(model.parameters(), 0.003, weight_decay=0.1)
    for _ in range(20):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            squared_error(model, (x[rows], y[rows])).mean().backward()
            optimizer.step()

    plane = isoloss.random_plane(model, seed=0)
    axis = np.linspace(-1.5, 1.5, 41)
    batches = zip(x.split(100), y.split(100), strict=True)
    # So small a network gains nothing from less precision, and contours show every rounding.
    surface = isoloss.probe(model, batches, plane, axis, axis, loss=squared_error, precision="fp32")
    surface.meta["title"] = "Predicting the progression of diabetes"
    surface.save("diabetes.ply")
    isoloss.render(surface, "diabetes.png")
    print(f"unexplained at the centre {surface.loss[20, 20]:.3f}; wrote diabetes.ply, diabetes.png")


if __name__ == "__main__":
    main()
