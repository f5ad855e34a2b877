"""An optimizer of your own beside SGD: two trajectories in one plane, each at its own losses.

Lion (Chen et al. 2023) in ten lines, on iris flowers. Both start at the same weights; the plane of
their principal components holds both paths.
"""

import copy

import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn

import isoloss


class Lion(torch.optim.Optimizer):
    """Steps of one length in each weight: the sign of a momentum."""

    def __init__(
        self, parameters: object, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.99)
    ):
        super().__init__(parameters, {"lr": lr, "betas": betas})  # type: ignore[arg-type]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            first, second = group["betas"]
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                weight -= group["lr"] * torch.lerp(weight.grad, momentum, first).sign()
                momentum.lerp_(weight.grad, 1 - second)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> list[object]:
    """The checkpoints of 100 steps, every fifth."""
    kept: list[object] = []
    for step in range(101):
        if step % 5 == 0:
            kept.append(copy.deepcopy(model.state_dict()))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return kept


def main() -> None:
    torch.manual_seed(0)
    x, y = (torch.as_tensor(a) for a in load_iris(return_X_y=True))
    x = ((x - x.mean(0)) / x.std(0)).float()
    start = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 3))
    by_sgd, by_lion = copy.deepcopy(start), copy.deepcopy(start)
    paths = {
        "Lion": train(by_lion, Lion(by_lion.parameters(), 0.01), x, y),
        "SGD": train(by_sgd, torch.optim.SGD(by_sgd.parameters(), 0.1, momentum=0.9), x, y),
    }
    plane = isoloss.pca_plane(by_lion, paths["Lion"], paths["SGD"])
    surface = isoloss.probe(by_lion, [(x, y)], plane, trajectory=paths)  # the grid holds both
    surface.meta["title"] = "Lion and SGD on iris flowers"
    surface.save("optimizers.ply")
    isoloss.render(surface, "optimizers.png")
    shares = plane.explained_variance_ratio
    print(f"two components hold {100 * shares.sum():.1f} % of both paths; wrote optimizers.ply")


if __name__ == "__main__":
    main()
