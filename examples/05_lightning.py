r"""Checkpoints of Lightning: the trajectory of a LightningModule from its `.ckpt` files.

Trains on handwritten digits with `ModelCheckpoint`, then finds the plane of the trajectory and its
losses. From the command line the same files become a run with all that runs can do:

    isoloss import lightning/*.ckpt --model examples.05_lightning:network \
        --data examples.05_lightning:data --out runs/mine
"""

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import isoloss

EPOCHS = 8


def network(num_classes: int = 10) -> nn.Module:
    """A small network for images of 8×8 pixels."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, num_classes),
    )  # fmt: skip


class Digits(lightning.LightningModule):
    """The network, its loss and its optimizer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, targets = batch
        return nn.functional.cross_entropy(self.net(images), targets)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.05, momentum=0.9)


def data() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images (N, 1, 8, 8) in [0, 1] and classes (N,), to train and to test on."""
    x, y = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
    x = x.float().view(-1, 1, 8, 8) / 16
    return (x[:1500], y[:1500]), (x[1500:], y[1500:])


def main() -> None:
    lightning.seed_everything(0)
    (x, y), _ = data()
    module = Digits()
    keep_all = ModelCheckpoint("lightning", "{epoch:02d}", save_top_k=-1, every_n_epochs=1)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, callbacks=[keep_all], accelerator="cpu", logger=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(x, y), 64, shuffle=True))

    checkpoints = "lightning/*.ckpt"  # their `net.` is found to be this network
    plane = isoloss.pca_plane(module.net, checkpoints)
    alpha, beta = (np.linspace(*ends, 25) for ends in plane.ranges(checkpoints))
    surface = isoloss.probe(module.net, [(x, y)], plane, alpha, beta, trajectory=checkpoints)
    surface.meta["title"] = "Digits, trained with Lightning"
    surface.save("lightning.ply")
    isoloss.render(surface, "lightning.png")
    shares = plane.explained_variance_ratio
    print(f"two components hold {100 * shares.sum():.1f} % of the movement; wrote lightning.ply")


if __name__ == "__main__":
    main()
