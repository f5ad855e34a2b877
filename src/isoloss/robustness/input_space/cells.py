"""Evaluating a network over a plane through an image: every cell is an image, and batches of cells
go through the network together.

What a defense draws at random is drawn once: the same noise at every cell, so that a surface shows
what moving the image changes and nothing else. A first pass takes the first draw alone, a second
one all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from isoloss.compute.engine.multilevel import levels
from isoloss.compute.engine.schedule import Demand
from isoloss.compute.machine.device import summing_dtype
from isoloss.compute.machine.memory import in_parts
from isoloss.compute.machine.process_group import Unit
from isoloss.geometry.arrays import Array
from isoloss.geometry.growing import GrowingSurface
from isoloss.robustness.ascent.losses import margin
from isoloss.robustness.input_space.image_plane import ImagePlane
from isoloss.robustness.smoothing.smoothing import Smoothing

PREDICTED = "predicted"
CROSS_ENTROPY, MARGIN = "cross_entropy", "margin"
OTHER = {"loss": MARGIN, "margin": CROSS_ENTROPY}
"""{what heights are: what is kept beside them}."""


class SeenImages:
    """What a network, or a defense by its frozen draws, makes of images that are all one class.

    Args:
        network: (N, C, H, W) images to (N, classes) logits.
        noise: (draws, C, H, W) standard normal, of a defense.
        label: the true class.
        height: "loss" or "margin".
        batch_size: images times draws that go through the network together.
    """

    def __init__(
        self,
        network: nn.Module,
        noise: Tensor | None,
        label: int,
        height: str,
        batch_size: int,
    ) -> None:
        self._network, self._noise = network, noise
        self._label, self._height = label, height
        self._batch_size = batch_size

    @property
    def draws(self) -> int:
        """How many there are; 1 without a defense."""
        return 1 if self._noise is None else len(self._noise)

    def in_batches_of(self, size: int) -> SeenImages:
        """The same, so many images times draws at once."""
        return SeenImages(self._network, self._noise, self._label, self._height, size)

    @torch.no_grad()
    def values(self, images: Tensor, draws: int) -> Array:
        """(n, 5) of n images by the first draws: the mean height, its standard error, the share of
        right answers, the mean of the other quantity, the class that most draws answer.

        The standard error is that of a mean over independent draws: 0 without a defense, NaN of a
        single draw.
        """
        heights, others, classes = self._of_each(images, draws)
        answers = np.array([np.bincount(row).argmax() for row in classes], np.float64)
        error = np.zeros(len(images))
        if self._noise is not None:
            error.fill(np.nan)
            if draws > 1:
                error = heights.std(axis=1, ddof=1) / np.sqrt(draws)
        return np.stack(
            [
                heights.mean(axis=1),
                error,
                (classes == self._label).mean(axis=1),
                others.mean(axis=1),
                np.where(np.isnan(heights).any(axis=1), np.nan, answers),
            ],
            axis=1,
        )

    def _of_each(self, images: Tensor, draws: int) -> tuple[Array, Array, NDArray[np.int64]]:
        """(n, draws) heights, other quantities and answers."""
        pairs = len(images) * draws

        def of(part: slice) -> list[Tensor]:
            some = torch.arange(part.start, part.stop, device=images.device)
            logits = self._logits(images[some // draws], some % draws)
            logits = logits.to(summing_dtype(logits.device))
            label = torch.full((len(some),), self._label, device=logits.device)
            quantities = {
                "loss": F.cross_entropy(logits, label, reduction="none"),
                "margin": margin(logits, label),
            }
            height = quantities.pop(self._height)
            return [height, *quantities.values(), logits.argmax(1)]

        found = in_parts(of, pairs, self._batch_size, images.device)
        heights, others, classes = (
            torch.cat(part).view(-1, draws).cpu().numpy() for part in zip(*found, strict=True)
        )
        return heights, others, classes

    def _logits(self, images: Tensor, draws: Tensor) -> Tensor:
        if self._noise is None:
            return self._network(images)
        assert isinstance(self._network, Smoothing)
        return self._network.logits(images, self._noise[draws])


class CellSchedule:
    """Every cell of a surface: by the first draw, then by all."""

    def __init__(
        self, growing: GrowingSurface, seen: SeenImages, plane: ImagePlane, *, clamp: bool
    ) -> None:
        self.growing = growing
        self._seen, self._plane, self._clamp = seen, plane, clamp
        self._cells = np.concatenate(levels(growing.shape)).tolist()

    def rounds(self) -> Iterator[list[Demand]]:
        """All cells for the first draw, from coarse to fine."""
        yield [(cell, 0, 1) for cell in self._cells]

    def sharpening(self) -> Iterator[list[Demand]]:
        """All cells for all draws."""
        yield [(cell, 0, self._seen.draws) for cell in self._cells]

    def work(self, unit: Unit) -> bytes:
        """The values of a unit's cells."""
        _, draws, *cells = unit
        alpha, beta = self.growing.alpha, self.growing.beta
        rows, columns = np.divmod(np.array(cells), len(beta))
        images = self._plane.at(np.stack([alpha[rows], beta[columns]], 1), clamp=self._clamp)
        return self._seen.values(images, draws).tobytes()

    def record(self, unit: Unit, result: bytes, missing: Sequence[int]) -> None:
        """Keep the values of the `missing` cells of a unit."""
        _, draws, *cells = unit
        values = np.frombuffer(result, np.float64).reshape(len(cells), -1)
        for k in missing:
            height, error, right, *columns = map(float, values[k])
            place = divmod(cells[k], len(self.growing.beta))
            self.growing.put(place, height, right, error, draws, *columns)

    def expected(self) -> int:
        """All draws at every cell."""
        return self._seen.draws * len(self._cells)
