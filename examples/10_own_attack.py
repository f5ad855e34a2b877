"""An attack of your own beside PGD: the same images, radii, intervals and automatic warnings.

The attack is a function `(model, images, labels, eps) -> adversarial images`. What it gives is
checked: what leaves the ball or [0, 1] is brought back into it, and a warning says how much did.
From the command line:

    isoloss attack digits-classifier --attacks pgd,examples.10_own_attack:corners
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from isoloss.robustness import evaluate


def corners(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    """The worst of 50 random corners of the ball for each image: a search without gradients."""
    generator = torch.Generator(images.device).manual_seed(0)
    worst = images.clone()
    highest = nn.functional.cross_entropy(model(images), labels, reduction="none")
    for _ in range(50):
        signs = torch.rand(images.shape, generator=generator, device=images.device).round()
        tried = (images + eps * (2 * signs - 1)).clamp(0, 1)
        losses = nn.functional.cross_entropy(model(tried), labels, reduction="none")
        better = losses > highest
        worst[better], highest[better] = tried[better], losses[better]
    return worst


def main() -> None:
    torch.manual_seed(0)
    x, y = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
    x = x.float().view(-1, 1, 8, 8) / 16
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveMaxPool2d(4), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 0.002)
    for _ in range(5):
        for rows in torch.randperm(1500).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()

    table = evaluate(
        model, x[1500:1600], y[1500:1600], attacks={"corners": corners, "pgd": "pgd"},
        eps=[0.02, 0.05, 0.1, 0.2, 0.5],
    )  # fmt: skip
    print(table)
    table.save("attacks.csv")
    table.figure("attacks.png")


if __name__ == "__main__":
    main()
