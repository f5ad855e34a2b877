"""The plane that is asked for: its two directions, and how they came about."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from isoloss.geometry.findings import Finding, Level
from isoloss.robustness.evaluation.setup import Setup
from isoloss.robustness.input_space.attempt import attempt, seed_of, steepest
from isoloss.robustness.input_space.image_plane import ImagePlane, length
from isoloss.settings import InputProbeSettings
from isoloss.settings.attack_kinds import attack_of

RANDOM = "random"
_PARALLEL = 1e-6
"""Below this sine of their angle two directions are parallel but for rounding."""


def plane_through_image(setup: Setup, settings: InputProbeSettings) -> ImagePlane:
    """The plane through the one image of a setup that settings ask for.

    Random directions are of signs in linf, and of normal numbers in l2, made orthogonal to the
    other direction and as long as it; two random ones as long as the ball's reach.

    Raises:
        IsolossError: if an attack fails.
    """
    finding = _Finding(setup, settings)
    names = settings.attack_names
    found = [finding.of_attack(name) for name in names]
    if len(found) == 2 and _sine(*found) < _PARALLEL:
        finding.say(
            "note",
            f"{names[0]} and {names[1]} go the same way: β is a random direction in place of the "
            "second",
        )
        del found[1], finding.axes[1]
    while len(found) < 2:
        found.append(finding.random(found))
    first, second = finding.axes
    delta, eta = found
    notes = tuple(finding.notes)
    return ImagePlane(setup.images[0], delta, eta, (first, second), finding.paths, notes)


class _Finding:
    """Finds directions one after the other, and keeps what there is to say of them."""

    def __init__(self, setup: Setup, settings: InputProbeSettings) -> None:
        self._setup, self._settings = setup, settings
        self._generator = torch.Generator().manual_seed(
            seed_of(settings.seed, settings.image, 2**32 - 1)
        )
        self.axes: list[str] = []
        self.paths: dict[str, Tensor] = {}
        self.notes: list[dict[str, Any]] = []

    def say(self, level: Level, message: str, **remedy: str) -> None:
        self.notes.append(Finding(level, "directions", message, remedy).plain())

    def of_attack(self, name: str) -> Tensor:
        """The direction to what an attack makes of the image or, where that is the image itself,
        the gradient's."""
        made, label = attempt(self._setup, self._settings, name), attack_of(name).label
        for words in made.warned:
            self.say("note", words)
        direction = made.path[-1] - self._setup.images[0]
        if length(direction) > 0:
            self.paths[label] = made.path
            self.axes.append(label)
            return direction
        gradient = steepest(self._setup, self._settings)
        if length(gradient) > 0:
            self.say(
                "note",
                f"{label} leaves this image as it is: in place of its direction is the gradient's",
            )
            self.axes.append("gradient")
            return gradient
        self.say(
            "warning",
            f"{label} leaves this image as it is, for the gradient there is zero: the direction "
            "shown is a random one. That is no robustness; attack it with square, which needs no "
            "gradient",
            plane="attack",
            attacks="square",
        )
        return self.random([])

    def random(self, others: list[Tensor]) -> Tensor:
        """A random direction orthogonal to the other one, if there is one, and as long."""
        image = self._setup.images[0]
        linf = self._settings.norm == "linf"
        reach = self._settings.epsilon * (math.sqrt(image.numel()) if linf else 1.0)
        self.axes.append(RANDOM)
        while True:
            drawn = torch.randn(image.shape, generator=self._generator, dtype=torch.float64)
            drawn = drawn.sign() if linf else drawn
            before = length(drawn)
            for other in others:
                along = other.cpu().double()
                drawn -= along * (drawn * along).sum() / along.square().sum()
            if length(drawn) > 1e-3 * before:  # else a small image's signs were the other's
                wanted = length(others[0]) if others else reach
                return (drawn * (wanted / length(drawn))).to(image)


def _sine(first: Tensor, second: Tensor) -> float:
    a, b = (direction.double().flatten() for direction in (first, second))
    a, b = a / a.norm(), b / b.norm()
    return float((b - a * (a @ b)).norm())
