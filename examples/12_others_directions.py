r"""A surface of others, computed again along their own directions, and compared with theirs.

    python examples/12_others_directions.py
    isoloss probe theirs/network.pt --model examples.12_others_directions:network \
        --data examples.12_others_directions:data --directions theirs/directions.h5 --grid 9 \
        --out runs/again
    isoloss view theirs/surface.h5 runs/again   # both, and their difference

`theirs` stands for https://github.com/tomgoldstein/loss-landscape (Li et al. 2018), whose files
have one direction as a list of tensors, in the order of `model.parameters()`.
"""

from pathlib import Path

import h5py
import numpy as np
import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn

import isoloss

AXIS = np.linspace(-1, 1, 9)


def network(num_classes: int = 3) -> nn.Module:
    """A small network with batch norm, for iris flowers."""
    return nn.Sequential(
        nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, num_classes)
    )


def data() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The flowers, to train on and to test."""
    x, y = (torch.as_tensor(a) for a in load_iris(return_X_y=True))
    flowers = ((x - x.mean(0)) / x.std(0)).float(), y
    return flowers, flowers


def trained() -> nn.Module:
    """A network that tells the flowers apart."""
    torch.manual_seed(0)
    model, (x, y) = network(), data()[0]
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval()


def theirs(model: nn.Module, folder: Path) -> None:
    """Write the directions and the surface that their program would."""
    weights = [p.detach().clone() for p in model.parameters()]
    directions = []
    for _ in range(2):
        drawn = [torch.randn_like(w) if w.dim() > 1 else torch.zeros_like(w) for w in weights]
        for d, w in zip(drawn, weights, strict=True):
            if d.dim() > 1:
                d.mul_(w.norm(dim=1, keepdim=True) / d.norm(dim=1, keepdim=True))
        directions.append(drawn)
    with h5py.File(folder / "directions.h5", "w") as file:
        for name, direction in zip(("xdirection", "ydirection"), directions, strict=True):
            group = file.create_group(name)
            for k, tensor in enumerate(direction):
                group[str(k)] = tensor.numpy()
    losses, (x, y) = [], data()[0]
    with torch.no_grad():
        for b in AXIS:
            for a in AXIS:
                moved = zip(model.parameters(), weights, *directions, strict=True)
                for parameter, w, d, e in moved:
                    parameter.copy_(w + a * d + b * e)
                losses.append(float(nn.functional.cross_entropy(model(x), y)))
        for parameter, w in zip(model.parameters(), weights, strict=True):
            parameter.copy_(w)
    with h5py.File(folder / "surface.h5", "w") as file:
        file["xcoordinates"] = file["ycoordinates"] = AXIS
        file["train_loss"] = np.reshape(losses, (9, 9))


def main() -> None:
    folder = Path("theirs")
    folder.mkdir(exist_ok=True)
    model = trained()
    torch.save(model.state_dict(), folder / "network.pt")
    theirs(model, folder)

    plane = isoloss.saved_plane(model, folder / "directions.h5")
    ours = isoloss.probe(model, [data()[0]], plane, AXIS, AXIS, precision="fp32")
    apart = np.abs(ours.loss - isoloss.load(folder / "surface.h5").loss)
    ours.meta["title"] = "A surface of others, computed again"
    isoloss.render(ours, "again.png")
    low, high = ours.loss.min(), ours.loss.max()
    print(f"losses from {low:.4f} to {high:.4f} differ by at most {apart.max():.1e}")


if __name__ == "__main__":
    main()
