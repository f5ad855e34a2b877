"""A plane through an image: x(α, β) = x + α·δ + β·η."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors import SafetensorError, safe_open
from torch import Tensor

from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array

_PATH = "path "
_ABOUT = "isoloss"


@dataclass(frozen=True)
class ImagePlane:
    """An image and two directions, which are not parallel.

    Attributes:
        image, delta, eta: (C, H, W) floats on the [0, 1] scale.
        axes: what α and β are, in words.
        paths: {attack: (n, C, H, W) images}, from the image on, by the attack's label.
        notes: what is to be said of how the directions were found, as findings.
    """

    image: Tensor
    delta: Tensor
    eta: Tensor
    axes: tuple[str, str] = ("α", "β")
    paths: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    notes: tuple[dict[str, str], ...] = ()

    def at(self, places: ArrayLike, *, clamp: bool = False) -> Tensor:
        """(n, C, H, W) the images at (n, 2) coordinates (α, β).

        Args:
            clamp: whether values outside [0, 1] are clamped.
        """
        given = torch.as_tensor(np.asarray(places, np.float64), dtype=torch.float32)
        alpha, beta = given.to(self.image.device).view(-1, 2, 1, 1, 1).unbind(1)
        images = self.image + alpha * self.delta + beta * self.eta
        return images.clamp_(0, 1) if clamp else images

    def locate(self, images: Tensor) -> tuple[Array, Array]:
        """Least-squares coordinates (n, 2) of (n, C, H, W) images, and their (n,) Euclidean
        distances from the plane."""
        directions = _columns(torch.stack([self.delta, self.eta])).T
        offsets = _columns(images - self.image).T
        places = np.linalg.lstsq(directions, offsets, rcond=None)[0]
        off_plane = np.linalg.norm(offsets - directions @ places, axis=0)
        return places.T.astype(np.float64), np.asarray(off_plane, np.float64)

    @property
    def cosine(self) -> float:
        """Of the angle between the directions."""
        delta, eta = _columns(torch.stack([self.delta, self.eta]))
        return float(delta @ eta / (np.linalg.norm(delta) * np.linalg.norm(eta)))

    def to(self, device: torch.device) -> ImagePlane:
        """The same plane on a device."""
        moved = {name: path.to(device) for name, path in self.paths.items()}
        image, delta, eta = (t.to(device) for t in (self.image, self.delta, self.eta))
        return ImagePlane(image, delta, eta, self.axes, moved, self.notes)

    def save(self, path: Path) -> Path:
        """Write the plane as safetensors, and give the path."""
        tensors = {"image": self.image, "delta": self.delta, "eta": self.eta}
        tensors |= {_PATH + name: images for name, images in self.paths.items()}
        about = {"axes": self.axes, "notes": self.notes, "paths": list(self.paths)}
        return save_tensors(path, tensors, {_ABOUT: json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> ImagePlane:
        """Read a plane that `save` wrote.

        Raises:
            IsolossError: if the file holds none.
        """
        try:
            with safe_open(str(path), "pt") as file:
                about: dict[str, Any] = json.loads(file.metadata()[_ABOUT])
                image, delta, eta = (file.get_tensor(n) for n in ("image", "delta", "eta"))
                paths = {name: file.get_tensor(_PATH + name) for name in about["paths"]}
            first, second = about["axes"]
            return cls(image, delta, eta, (first, second), paths, tuple(about["notes"]))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise IsolossError(
                f"{path} is not a plane through an image: {error}; delete it, and isoloss run "
                "computes it anew"
            ) from error


def length(direction: Tensor) -> float:
    """The Euclidean length of a direction (C, H, W)."""
    return math.sqrt(float(direction.cpu().double().square().sum()))


def _columns(tensors: Tensor) -> Array:
    """(n, d) float64 of (n, C, H, W)."""
    return tensors.detach().cpu().double().flatten(1).numpy()
