"""What `--quick` makes of a recipe: the same networks on 200 images of digits, little of all."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

DATA = "examples.reproduce.quick_size:digits"
OPTIONS = {
    "train": "--epochs 2",
    "probe": "--grid 4 --samples 24",
    "sharpness": "--samples 16 --steps 4 --probes 3 --largest 1 --smallest 1 --density 0",
    "attack": "--samples 8 --eps 0.02 0.5 --queries 5 --convergence none",
    "defend": "--samples 4 --eps 0.02 --draws 1 --votes 2 --queries 2 --convergence none",
    "certify": "--samples 4 --draws 8 --pilot 4",
}
THROUGH_AN_IMAGE = "--grid 5 --steps 2"
STEPS = {"attack": " --steps 2", "defend": " --steps 1"}
"""But of the legacy protocol, which has its own."""


def quick(typed: Sequence[str]) -> list[str]:
    """The words of a command line, with little in place of what they ask for."""
    verb = typed[0]
    asked = THROUGH_AN_IMAGE if "input" in typed else OPTIONS[verb]
    if "legacy" not in typed:
        asked += STEPS.get(verb, "")
    instead, kept, stays = asked.split(), list[str](), True
    for word in typed:
        if word.startswith("--"):
            stays = word not in instead
        if stays:
            kept.append(word)
    return kept + instead


def digits() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images (N, 3, 32, 32) in [0, 1] and classes (N,): 150 to train and 50 to test on."""
    from sklearn.datasets import load_digits

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
