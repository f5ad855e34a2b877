"""Surfaces and a path to draw, deterministic and cheap."""

import numpy as np

from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory


def rippled(n: int = 25) -> Surface:
    """A chaotic landscape over more than two decades."""
    axis = np.linspace(-1, 1, n)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    ripples = 0.55 * np.sin(7 * x + 1) * np.cos(6 * y) + 0.25 * np.sin(11 * x - 9 * y)
    loss = 0.08 * np.exp(2.6 * np.hypot(x, y) ** 1.6 + ripples)
    return Surface.from_loss(
        axis, axis, loss, title="Rippled", explained_variance_ratio=[0.713, 0.184]
    )


def bowl(n: int = 21) -> Surface:
    """A classifier's: accuracy and error bars come with it."""
    axis = np.linspace(-1.2, 1.2, n)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    loss = 0.3 + x**2 + 1.7 * y**2 + 0.18 * np.sin(4 * x) * np.sin(5 * y)
    accuracy = np.clip(0.97 - 0.25 * (loss - loss.min()), 0.1, 1)
    error = 0.01 + 0.02 * np.abs(x)
    count = np.full(loss.shape, 256)
    return Surface(axis, axis, loss, accuracy, error, count, {"title": "Bowl"})


def altered(surface: Surface, cells: tuple[slice, slice], value: float) -> Surface:
    """`surface` with another loss in some cells."""
    loss = surface.loss.copy()
    loss[cells] = value
    return Surface.from_loss(surface.alpha, surface.beta, loss, **surface.meta)


def growing(surface: Surface, stride: int = 4) -> Surface:
    """`surface` as a run from coarse to fine leaves it half way."""
    count = np.zeros(surface.shape, np.int64)
    count[::stride, ::stride] = 1
    count[: surface.shape[0] // 3, ::2] = 1
    loss = np.where(count > 0, surface.loss, np.nan)
    missing = np.full(surface.shape, np.nan)
    return Surface(
        surface.alpha, surface.beta, loss, missing, 0 * missing, count, {"title": "Growing"}
    )


def path(surface: Surface, n: int = 24) -> Trajectory:
    """A path that comes down above the surface, with two drops of the learning rate."""
    t = np.linspace(0, 1, n)
    alpha = 0.85 * np.cos(2.2 * t) * (1 - t) ** 1.2
    beta = -0.8 * (1 - t) ** 1.5 * np.cos(1.1 * t)
    i = np.abs(surface.alpha[:, None] - alpha).argmin(0)
    j = np.abs(surface.beta[:, None] - beta).argmin(0)
    loss = surface.loss[i, j] * (1 + 0.5 * np.sin(np.pi * t))
    lr = np.where(t < 0.5, 0.1, np.where(t < 0.8, 0.01, 0.001))
    return Trajectory(alpha, beta, loss, np.zeros(n), t * 90, lr)
