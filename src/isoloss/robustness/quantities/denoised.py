"""The loss of images that are seen through noise and one step of a denoiser, all over a plane.

Neither moves with the parameters: an image is denoised once, and every point sees the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.data.batch import Batch
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.quantities import AtPoint, LossesOf, Quantity
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label
from isoloss.robustness.evaluation.setup import digest_of_denoiser
from isoloss.robustness.quantities.images import images_of, with_images
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing, check_denoises
from isoloss.robustness.smoothing.votes import first_noise

FEW = 64
"""Samples of which the spread over draws is measured."""
KEPT = 32
"""So many batches stay denoised: chains come to the same ones again."""


class Denoised(Quantity):
    """The loss behind noise and a denoiser, at one draw for each image, the same at all points.

    The draw is that by which an evaluation of the defense takes its single answers.

    Args:
        unet, scheduler: the denoiser, as `isoloss.robustness.DenoisedSmoothing` takes it.
        sigma: standard deviation of the noise on the [0, 1] scale.
        indices: what each sample is called, in the order in which they are seen: its place in the
            data. By default the place in that order.
        seed: of the noise.

    Raises:
        IsolossError: if σ is outside the denoiser's schedule, or it is of another kind.
    """

    name: ClassVar[str] = "denoised"  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        unet: nn.Module,
        scheduler: Any,
        sigma: float,
        *,
        indices: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        self._defense = DenoisedSmoothing(nn.Identity(), unet, scheduler, sigma)
        self._indices, self._seed = indices, seed
        self._digest = digest_of_denoiser(unet, scheduler)
        self._kept: dict[tuple[int, int], Tensor] = {}

    @property
    def title(self) -> str:
        """What it is, in words."""
        return "denoised loss"

    @property
    def depends_on(self) -> str:
        """The denoiser, its noise and whose draws."""
        return f"{self._digest} {self._defense.sigma!r} {self._seed}"

    @property
    def facts(self) -> dict[str, Any]:
        """How much noise there is."""
        return {"sigma": self._defense.sigma}

    def check(self, losses_of: LossesOf, batch: Batch) -> None:
        """Refuse also samples that this denoiser does not denoise."""
        images = images_of(batch, "the denoised loss")
        check_denoises(self._defense.to(images.device), images)

    def along(self, evaluator: Evaluator, batch: Batch, first: int) -> AtPoint:
        """Looks at the denoised images at one point after the other."""
        seen = with_images(batch, self.denoised(images_of(batch, "the denoised loss"), first))
        return lambda own: evaluator.losses_of(seen)

    @torch.no_grad()
    def findings(self, surface: Surface, evaluator: Evaluator) -> list[Finding]:
        """Whether more than the draws of noise rises and falls."""
        losses = surface.columns[self.name]
        known = losses[np.isfinite(losses)]
        if not len(known):
            return []
        relief, error = float(np.ptp(known)), self._error_of_draws(surface, evaluator)
        of_samples = surface.columns[f"{self.name}_stderr"]
        error = math.hypot(error, float(np.nanmedian(of_samples)))
        seen = f"The denoised loss spans {number_label(relief)} over the plane, its error is about "
        seen += f"{number_label(error)}: every image is seen by one draw of noise"
        if error < relief:
            return [Finding("ok", "denoised", f"{seen}.")]
        return [
            Finding(
                "warning",
                "denoised",
                f"{seen}. What rises and falls there may be the draw's alone: see more samples, or "
                "a wider range (--range).",
            )
        ]

    def _error_of_draws(self, surface: Surface, evaluator: Evaluator) -> float:
        """The standard error of the mean over the samples seen that other draws would show, from
        two of them for a few samples at the plane's origin."""
        batch = next(evaluator.data.batches(0, evaluator.data.cut(FEW), FEW))
        images = images_of(batch, "the denoised loss")
        evaluator.move_to(0.0, 0.0)
        by_draw: list[Tensor] = []
        for seed in (self._seed, self._seed + 1):
            noise = first_noise(images, self._names(0, len(images)), seed)
            denoised = self._defense.to(images.device).logits(images, noise)
            by_draw.append(evaluator.losses_of(with_images(batch, denoised))[0].double())
        apart = by_draw[0] - by_draw[1]
        return float(apart.square().mean().sqrt()) / math.sqrt(2 * int(surface.count.max()))

    def _names(self, first: int, count: int) -> Sequence[int]:
        """What samples are called, from the one on that has a place in the order of all."""
        places = range(first, first + count)
        return places if self._indices is None else [self._indices[k] for k in places]

    @torch.no_grad()
    def denoised(self, images: Tensor, first: int) -> Tensor:
        """(N, C, H, W) the images behind noise and denoiser, of which the first has the place
        `first` in the order of all."""
        key = first, len(images)
        if key not in self._kept:
            noise = first_noise(images, self._names(first, len(images)), self._seed)
            denoised = self._defense.to(images.device).logits(images, noise)
            if len(self._kept) == KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = denoised
        return self._kept[key]
