"""What `--quick` makes of a recipe: the same networks on 200 images of digits, little of all."""

from collections.abc import Sequence
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor

DATA = "examples.reproduce.quick_size:digits"
OPTIONS = {
    "train": "--epochs 2",
    "probe": "--grid 4 --samples 24",
    "sharpness": "--samples 16 --steps 4 --probes 3 --largest 1 --smallest 1 --density 0",
    "attack": "--samples 8 --eps 0.02 0.5 --steps 2 --queries 5 --convergence none",
    "defend": "--samples 4 --eps 0.02 --steps 1 --draws 1 --votes 2 --queries 2 --convergence none",
    "certify": "--samples 4 --draws 8 --pilot 4",
}


def options(verb: str, through_an_image: bool) -> list[str]:
    """What is typed after a command line, in place of what it says itself."""
    return ("--grid 5 --steps 2" if through_an_image else OPTIONS[verb]).split()


def digits() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images (N, 3, 32, 32) in [0, 1] and classes (N,): 150 to train and 50 to test on."""
    x, y = (torch.as_tensor(a[:200]) for a in load_digits(return_X_y=True))
    x = (x.float() / 16).view(-1, 1, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    x = x.expand(-1, 3, -1, -1).contiguous()
    return (x[:150], y[:150]), (x[150:], y[150:])


def networks(folder: Path, names: Sequence[str]) -> Path:
    """Networks that have learned nothing, in files as those of others."""
    from examples.reproduce import published_networks

    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        torch.manual_seed(0)
        build = getattr(published_networks, name.replace("-", ".").split(".")[0])
        if not (folder / name).exists():
            torch.save({"state_dict": build().state_dict()}, folder / name)
    return folder
