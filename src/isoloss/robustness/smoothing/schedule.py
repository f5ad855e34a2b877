"""What noise a denoiser was trained with and what it predicts, as its scheduler tells it.

A network that knows one of the discrete steps of Ho et al. 2020, "Denoising Diffusion Probabilistic
Models", https://arxiv.org/abs/2006.11239, sees x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε and predicts ε, x₀ or
v = √ᾱ_t ε − √(1 − ᾱ_t) x₀ (Salimans, Ho 2022, https://arxiv.org/abs/2202.00512). What a scheduler
of diffusers does beside that (spacing, clipping, thresholds, its solver) is about sampling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor

from isoloss.errors import IsolossError
from isoloss.robustness.smoothing.timestep import timestep_for_sigma

Prediction = Literal["epsilon", "sample", "v_prediction"]

# Of diffusers: these train and are told of the noise as Ho et al.
_OF_STEPS = frozenset(
    name + "Scheduler"
    for name in (
        "CogVideoXDDIM", "CogVideoXDPM", "DDIM", "DDIMInverse", "DDIMParallel", "DDPM",
        "DDPMParallel", "DEISMultistep", "DPMSolverMultistep", "DPMSolverMultistepInverse",
        "DPMSolverSDE", "DPMSolverSinglestep", "EulerAncestralDiscrete", "EulerDiscrete",
        "HeunDiscrete", "KDPM2AncestralDiscrete", "KDPM2Discrete", "LMSDiscrete", "PNDM", "RePaint",
        "SASolver", "UnCLIP", "UniPCMultistep",
    )
)  # fmt: skip
_FLOW = "by flow matching, between image and noise on a straight line"
_EDM = "as EDM does: they are told how much noise there is by a number of any size"
_VARIANCE_EXPLODING = (
    "on images whose noise has any size (variance exploding), which is what they are told"
)
_CONSISTENCY = "for consistency: they give an end of the way to an image, not the mean of all"
_TOKENS = "on tokens, not on images"
_CONTINUOUS = "on continuous time, of which there are no steps"
# And these not: how the networks that go with them are trained.
_OTHERWISE = {
    name + "Scheduler": trained
    for trained, names in {
        _FLOW: (
            "FlowMapEulerDiscrete", "FlowMatchEulerDiscrete", "FlowMatchHeunDiscrete",
            "FlowMatchLCM", "Helios", "HeliosDMD", "LTXEulerAncestralRF", "MiniMaxH3", "Piflow",
            "RFD4Proteina",
        ),
        _EDM: ("CosineDPMSolverMultistep", "EDMDPMSolverMultistep", "EDMEuler"),
        _VARIANCE_EXPLODING: ("KarrasVe", "ScoreSdeVe"),
        _CONSISTENCY: ("CMStochasticIterative", "LCM", "SCM", "TCD"),
        _TOKENS: ("Amused", "BlockRefinement", "DiscreteDDIM", "EntropyBound", "VQDiffusion"),
        _CONTINUOUS: ("DDPMWuerstchen", "IPNDM", "ScoreSdeVp"),
    }.items()
    for name in names
}  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """The noise of every step, and what is predicted; images are on the network's [−1, 1] scale.

    Attributes:
        alphas: (T,) double precision, on the CPU: ᾱ_t, falling from nearly 1; the last may be 0.
        predicts: ε ("epsilon"), x₀ ("sample") or v ("v_prediction").
    """

    alphas: Tensor
    predicts: Prediction = "epsilon"

    def __len__(self) -> int:
        return len(self.alphas)

    def alpha(self, t: int) -> float:
        """ᾱ_t."""
        return float(self.alphas[t])

    def level(self, t: int) -> float:
        """σ_t = √((1 − ᾱ_t) / ᾱ_t), the noise in x_t / √ᾱ_t."""
        alpha = self.alphas[t]
        return float(((1 - alpha) / alpha).sqrt())

    def step_for(self, sigma: float) -> int:
        """t*, the first step with at least the noise σ, on the [0, 1] scale of images.

        Raises:
            IsolossError: if the schedule has no such noise.
        """
        return timestep_for_sigma(self.alphas, sigma)[0]

    def clean(self, x_t: Tensor, predicted: Tensor, t: int) -> Tensor:
        """x̂₀, not clamped, of x_t and what was predicted for it at step t, of equal shapes."""
        alpha = self.alpha(t)
        if self.predicts == "sample":
            return predicted
        if self.predicts == "v_prediction":
            return math.sqrt(alpha) * x_t - math.sqrt(1 - alpha) * predicted
        return x_t / math.sqrt(alpha) - self.level(t) * predicted

    def noise(self, x_t: Tensor, predicted: Tensor, t: int) -> Tensor:
        """ε̂, of x_t and what was predicted for it at step t, of equal shapes."""
        alpha = self.alpha(t)
        if self.predicts == "sample":
            return (x_t - math.sqrt(alpha) * predicted) / math.sqrt(1 - alpha)
        if self.predicts == "v_prediction":
            return math.sqrt(alpha) * predicted + math.sqrt(1 - alpha) * x_t
        return predicted


def schedule_of(scheduler: Any) -> Schedule:
    """What a scheduler says of the training.

    Args:
        scheduler: one of diffusers', or anything with `alphas_cumprod` (T,), which predicts ε
            unless its `config.prediction_type` says otherwise.

    Raises:
        IsolossError: if networks that go with it are trained otherwise, or its schedule is none.
    """
    name = type(scheduler).__name__
    config = getattr(scheduler, "config", None)
    if isinstance(config, dict):
        config = SimpleNamespace(**cast("dict[str, Any]", config))
    predicts = getattr(config, "prediction_type", None) or "epsilon"
    kinds = type(scheduler).__mro__
    if any(kind.__module__.startswith("diffusers.") for kind in kinds):
        refuse_other_training([kind.__name__ for kind in kinds], config)
    if predicts not in get_args(Prediction):
        raise IsolossError(
            f"the denoiser predicts {predicts!r}: one that predicts epsilon, sample or "
            "v_prediction is needed"
        )
    if not hasattr(scheduler, "alphas_cumprod"):
        raise IsolossError(
            f"a {name} does not say what noise the denoiser was trained with: give a scheduler of "
            "diffusers, such as DDPMScheduler, or what has alphas_cumprod"
        )
    alphas = torch.as_tensor(scheduler.alphas_cumprod).detach().cpu().double().clone()
    if getattr(config, "rescale_betas_zero_snr", False) and len(alphas):
        alphas[-1] = 0  # as in training; some schedulers put a little in its place to divide by
    falls = alphas.ndim == 1 and len(alphas) > 0 and bool((alphas.diff() <= 0).all())
    if not (falls and 0 < alphas[0] <= 1 and alphas[-1] >= 0):
        raise IsolossError(
            f"the noise schedule of this {name} is none: ᾱ must fall from 1 towards 0 over one or "
            "more steps"
        )
    return Schedule(alphas, cast(Prediction, predicts))


def refuse_other_training(names: Sequence[str], config: Any) -> None:
    """Refuse a scheduler of diffusers whose networks are trained in another way, or one of which
    that is not known.

    Args:
        names: its class and those that it derives from, its own first.
        config: its configuration, with attributes.

    Raises:
        IsolossError: saying how they are trained.
    """
    name = next((name for name in names if name in _OF_STEPS or name in _OTHERWISE), None)
    if name is None:
        raise IsolossError(
            f"how denoisers with {names[0]} are trained is not known here: one of discrete steps, "
            "such as with DDPMScheduler, is needed"
        )
    trained = _OTHERWISE.get(name)
    flows = getattr(config, "use_flow_sigmas", False)
    if flows or getattr(config, "prediction_type", None) == "flow_prediction":
        trained = _FLOW
    if getattr(config, "timestep_type", None) == "continuous":
        trained = _EDM
    if trained is not None:
        raise IsolossError(
            f"denoisers with {names[0]} are trained {trained}: one of discrete steps is needed, "
            "such as with DDPMScheduler"
        )
