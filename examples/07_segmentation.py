"""Segmentation: a class for each pixel, and the Dice loss, which belongs to a batch as a whole.

Handwritten digits lie on noisy paper; the network says of every pixel whether it is paper or ink of
an even or an odd digit. Logits (N, 3, H, W) and targets (N, H, W) need no loss of one's own: it is
the mean cross-entropy over pixels. Soft Dice gives one number for a batch: `per_batch=True`.
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import isoloss


def dice(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """() 1 − the classes' mean overlap over all pixels of the batch (Milletari et al. 2016)."""
    images, targets = batch
    given = model(images).softmax(1)
    wanted = F.one_hot(targets, 3).movedim(3, 1).to(given)
    overlap = (given * wanted).sum((0, 2, 3))
    return 1 - (2 * overlap / (given.sum((0, 2, 3)) + wanted.sum((0, 2, 3)))).mean()


def pages() -> tuple[Tensor, Tensor]:
    """(N, 1, 32, 32) noisy pages with four digits each, (N, 32, 32) the class of each pixel."""
    digits, values = load_digits(return_X_y=True)
    generator = torch.Generator().manual_seed(0)
    ink = F.interpolate(torch.as_tensor(digits).float().view(-1, 1, 8, 8) / 16, scale_factor=2)
    kind = 1 + torch.as_tensor(values) % 2
    n = len(ink) // 4
    labels = (ink[:, 0] > 0.5) * kind[:, None, None]

    def tiled(parts: Tensor) -> Tensor:
        rows = parts[: 4 * n].view(n, 2, 2, 16, 16).transpose(2, 3)
        return rows.reshape(n, 32, 32)

    page = tiled(ink[:, 0]) + 0.4 * torch.randn(n, 32, 32, generator=generator)
    return page[:, None], tiled(labels)


def main() -> None:
    torch.manual_seed(0)
    images, targets = pages()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(),
        nn.Conv2d(16, 16, 5, padding=4, dilation=2), nn.ReLU(),
        nn.Conv2d(16, 16, 5, padding=4, dilation=2), nn.ReLU(), nn.Conv2d(16, 3, 1),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), 0.005)
    for _ in range(20):
        for rows in torch.randperm(len(images)).split(16):
            optimizer.zero_grad()
            F.cross_entropy(model(images[rows]), targets[rows]).backward()
            optimizer.step()

    plane = isoloss.random_plane(model, seed=0)
    axis = np.linspace(-1, 1, 13)
    batches = list(zip(images.split(32), targets.split(32), strict=True))[:4]
    by_pixel = isoloss.probe(model, batches, plane, axis, axis)
    by_overlap = isoloss.probe(model, batches, plane, axis, axis, loss=dice, per_batch=True)
    for name, surface in (("cross-entropy", by_pixel), ("Dice", by_overlap)):
        surface.meta["title"] = f"Segmentation of digits, {name}"
        surface.save(f"segmentation-{name.lower()}.ply")
        isoloss.render(surface, f"segmentation-{name.lower()}.png")
    print(
        f"at the centre cross-entropy {by_pixel.loss[6, 6]:.3f}, Dice {by_overlap.loss[6, 6]:.3f}"
    )


if __name__ == "__main__":
    main()
