"""Where an optimizer went: the PCA plane of a training trajectory, on data that are no images.

Fits a noisy sine with a small network by SGD, keeping a state dict every few steps. The loss is the
model's own (mean squared error for each sample), so nothing here is a classifier.
"""

import numpy as np
import torch
from torch import Tensor, nn

import isoloss


def squared_error(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """(N,) one loss for each sample."""
    inputs, targets = batch
    return (model(inputs) - targets).square().mean(1)


def main() -> None:
    torch.manual_seed(0)
    x = torch.linspace(-3, 3, 256).unsqueeze(1)
    y = torch.sin(2 * x) + 0.1 * torch.randn_like(x)
    model = nn.Sequential(
        nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
    )
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    checkpoints = []
    for step in range(601):
        loss = squared_error(model, (x, y)).mean()
        if step % 20 == 0:
            checkpoints.append({k: v.clone() for k, v in model.state_dict().items()})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    plane = isoloss.pca_plane(model, checkpoints)
    alpha, beta = (np.linspace(*ends, 41) for ends in plane.ranges(checkpoints))
    surface = isoloss.probe(
        model, [(x, y)], plane, alpha, beta, loss=squared_error, trajectory=checkpoints
    )
    surface.meta["title"] = "SGD on a sine, in the plane of its own trajectory"
    surface.save("sine.ply")  # and sine-trajectory.ply beside it
    isoloss.render(surface, "sine.png")
    shares, (path,) = plane.explained_variance_ratio, surface.trajectories
    print(
        f"two components hold {100 * shares.sum():.1f} % of the movement, which ends at a loss of "
        f"{path.loss[-1]:.4f}; wrote sine.ply, sine-trajectory.ply and sine.png"
    )


if __name__ == "__main__":
    main()
