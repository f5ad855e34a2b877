"""Train a denoiser: a diffusion model that predicts the noise, as denoised smoothing needs it.

Ho, Jain, Abbeel 2020, "Denoising Diffusion Probabilistic Models", https://arxiv.org/abs/2006.11239
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from functools import cached_property
from typing import cast

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor, nn

from isoloss.compute.data.dataset import Dataset, Split, as_inputs
from isoloss.compute.machine.device import arithmetic, summing_dtype
from isoloss.compute.training.batches import Batch
from isoloss.compute.training.learning_rates import along_cosine
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint
from isoloss.compute.training.training_run import Training, fuses
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.robustness.ascent.refusals import check_images
from isoloss.robustness.smoothing.denoiser import Size, build_scheduler, build_unet, save_denoiser
from isoloss.robustness.smoothing.denoising_loss import Average, denoising_loss
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing
from isoloss.run import Run
from isoloss.settings import TrainSettings

PEAK_LR: dict[Size, float] = {"tiny": 2e-3, "small": 1e-3, "ddpm": 2e-4}
WARM_UP = 0.05
LARGEST_GRADIENT = 1.0
# Reported at each checkpoint: what one step leaves of these noises, on so many images.
SIGMAS = (0.25, 0.5)
REPORTED_IMAGES = 256
# The test loss is taken over at most so many images, or it would cost as much as the training.
TESTED = 2048
_AVERAGE = "average."


class DenoiserTraining(Training):
    """Images to the noise in them, by the ε-prediction loss; what is kept is the weights' average.

    The test loss is the average's, over at most 2,048 test images, each at one step and noise of
    its own, always the same.
    """

    @classmethod
    def _network(cls, settings: TrainSettings, dataset: Dataset) -> nn.Module:
        shape = dataset.train.inputs.shape[1:]
        if len(shape) != 3 or shape[-1] != shape[-2]:
            raise IsolossError(
                f"a denoiser is trained on square images: {dataset.name} has {tuple(shape)} inputs"
            )
        check_images(as_inputs(dataset.train.inputs))
        torch.manual_seed(settings.seed)
        return build_unet(_size(settings), shape[-1], shape[0])

    def _optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            model.parameters(), self._peak, weight_decay=0.0, fused=fuses(model)
        )

    def _learning_rate(self, step: int) -> float:
        return learning_rate(self._peak, step, self.total_steps)

    @property
    def _peak(self) -> float:
        return self.settings.denoiser_lr or PEAK_LR[_size(self.settings)]

    def _augmentation(self) -> tuple[int, bool]:
        return 0, self.dataset.mirrors

    @cached_property
    def _scheduler(self) -> DDPMScheduler:
        return build_scheduler(self.settings.largest_sigma)

    @cached_property
    def _alphas(self) -> Tensor:
        return self._scheduler.alphas_cumprod.to(self.device)

    @cached_property
    def _average(self) -> Average:
        return Average(self.model, self.settings.average)

    @cached_property
    def _averaged(self) -> nn.Module:
        """The network with the average for its weights, as of the last test."""
        return copy.deepcopy(self.model).eval().requires_grad_(False)

    def _try_out(self, model: nn.Module) -> Tensor:
        few = as_inputs(self.dataset.train.inputs[:2]).to(self.device)
        return model(few, torch.zeros(len(few), dtype=torch.long, device=self.device)).sample

    def _loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        generator = torch.Generator(self.device).manual_seed(batch.seed)
        loss = denoising_loss(
            network, self._alphas, batch.inputs, generator, batch.shard.rows, of=batch.samples
        )
        return loss, torch.full((), torch.nan, device=self.device)

    def _update(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        self._average.follow(model)

    @torch.no_grad()
    def _test(self, model: nn.Module, split: Split, precision: str) -> tuple[float, float]:
        self._average.give_to(self._averaged)
        generator = torch.Generator(self.device).manual_seed(self.settings.seed)
        split = split.sample(TESTED, self.settings.seed)
        loss = torch.zeros((), dtype=summing_dtype(self.device), device=self.device)
        for inputs, _ in split.batches(self.settings.batch_size):
            with arithmetic(self.device, precision):
                mean = denoising_loss(self._averaged, self._alphas, as_inputs(inputs), generator)
            loss += mean.to(loss) * len(inputs)
        return float(loss) / len(split), math.nan

    def _remarks(self, test: Split, precision: str) -> Iterator[Event]:
        images = as_inputs(test.sample(REPORTED_IMAGES, self.settings.seed).inputs)
        with arithmetic(self.device, precision):
            errors = [
                f"{denoising_error(self._averaged, self._scheduler, images, sigma):.4f} at σ = "
                f"{sigma:g}"
                for sigma in SIGMAS
                if sigma <= (self.settings.largest_sigma or math.inf)
            ]
        yield Log("one step leaves an error of " + ", ".join(errors))

    def _keep(self, run: Run, model: nn.Module, points: list[TrajectoryPoint]) -> dict[str, Tensor]:
        self._average.give_to(self._averaged)
        save_denoiser(run.denoiser_path, cast(UNet2DModel, self._averaged), self._scheduler)
        return self._state(model)

    def _restore(
        self, run: Run, point: TrajectoryPoint, model: nn.Module, kept: dict[str, Tensor]
    ) -> None:
        self._give_back(kept, model, str(run.resume_path))

    def _state(self, model: nn.Module) -> dict[str, Tensor]:
        average = {_AVERAGE + name: value for name, value in self._average.state().items()}
        return {**super()._state(model), **average}

    def _give_back(self, kept: dict[str, Tensor], model: nn.Module, label: str) -> None:
        super()._give_back(kept, model, label)
        average = {k.removeprefix(_AVERAGE): v for k, v in kept.items() if k.startswith(_AVERAGE)}
        self._average.restore(average)

    def _list(self, run: Run, points: list[TrajectoryPoint]) -> None:
        """None are kept but the newest."""


def learning_rate(peak: float, step: int, total: int) -> float:
    """Up to `peak` in a straight line over the first 5 % of `total` steps, then down to zero along
    a cosine."""
    warm_up = max(WARM_UP * total, 1)
    if step < warm_up:
        return peak * (step + 1) / (warm_up + 1)
    return along_cosine(peak, (step - warm_up) / (total - warm_up))


@torch.no_grad()
def denoising_error(
    unet: nn.Module, scheduler: DDPMScheduler, images: Tensor, sigma: float, seed: int = 0
) -> float:
    """The root mean square error, on the [0, 1] scale, that one step leaves of noise σ.

    Args:
        images: (N, C, H, W) clean images in [0, 1].
    """
    defense = DenoisedSmoothing(nn.Identity(), unet, scheduler, sigma).to(images.device)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed)).to(images)
    denoised = defense.denoise(defense.noisy(images, noise)).float()
    return float((denoised - images).square().mean().sqrt())


def _size(settings: TrainSettings) -> Size:
    if settings.denoiser == "auto":
        return "tiny" if settings.data == "digits" else "small"
    return settings.denoiser
