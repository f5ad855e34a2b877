"""Denoisers: diffusion models that predict the noise in an image, built, saved and loaded.

Ho, Jain, Abbeel 2020, "Denoising Diffusion Probabilistic Models", https://arxiv.org/abs/2006.11239.
On disk a denoiser is a folder as diffusers writes it: `config.json`,
`diffusion_pytorch_model.safetensors`, `scheduler_config.json`.
"""

from __future__ import annotations

import copy
import inspect
import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast, get_args

import diffusers
import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.utils import logging as diffusers_logging

from isoloss.compute.networks.checkpoint_files import read
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.networks.state_dicts import say
from isoloss.errors import IsolossError
from isoloss.files import as_object, read_json, write_json
from isoloss.naming import first_of, in_one_line
from isoloss.robustness.smoothing.denoiser_files import (
    SCHEDULER_CONFIG,
    UNET_CONFIG,
    UNET_WEIGHTS,
    finder,
    parts_of,
    refuse_other_pipeline,
    weights_files,
)
from isoloss.robustness.smoothing.schedule import refuse_other_training, schedule_of
from isoloss.robustness.smoothing.timestep import timestep_for_sigma

Size = Literal["tiny", "small", "ddpm"]
SIZES: tuple[Size, ...] = get_args(Size)
# Channels at each resolution, blocks at each, attention from which resolution of the pyramid on.
# "ddpm" is the network of Ho et al. for CIFAR-10, 36 million parameters.
_SHAPES: dict[str, tuple[tuple[int, ...], int, int | None]] = {
    "tiny": ((8, 16, 32), 1, None),
    "small": ((32, 64, 128, 256), 1, 2),
    "ddpm": ((128, 256, 256, 256), 2, 1),
}
_TEXT = ", which wants a text"
_CODER = ", which makes codes of images (latent diffusion)"
_NO_UNET = {
    "UNet2DConditionModel": _TEXT,
    "AutoencoderKL": _CODER,
    "AutoencoderTiny": _CODER,
    "VQModel": _CODER,
    "DiTTransformer2DModel": ", which wants a class",
    "Transformer2DModel": ", which wants a class",
}
"""What other networks of diffusers want or do."""


def build_unet(size: Size, image_size: int, channels: int = 3) -> UNet2DModel:
    """A U-Net that predicts the noise in (N, channels, image_size, image_size), initialized anew.

    Args:
        size: "tiny" (0.16 million parameters, for digits), "small" (10.1 million, what a
            CPU can train for 32×32 photos), or "ddpm" (35.7 million, Ho et al.'s for CIFAR-10).

    Raises:
        IsolossError: if the images cannot be halved as often as the network does.
    """
    if size not in _SHAPES:
        raise IsolossError(f"there is no denoiser size {size!r}: choose {', '.join(_SHAPES)}")
    widths, blocks, attention = _SHAPES[size]
    halvings = len(widths) - 1
    if image_size % 2**halvings or image_size < 2 ** (halvings + 1):
        raise IsolossError(
            f"a denoiser of size {size} halves images {halvings} times: {image_size} pixels on a "
            f"side are no multiple of {2**halvings}, or fewer than {2 ** (halvings + 1)}"
        )
    attends = [attention is not None and level == attention for level in range(len(widths))]
    down = tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in attends)
    up = tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends))
    return UNet2DModel(
        sample_size=image_size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=widths,
        layers_per_block=blocks,
        down_block_types=down,
        up_block_types=up,
        norm_num_groups=min(32, widths[0] // 4),
        attention_head_dim=None if size == "ddpm" else 32,
        norm_eps=1e-6,
        freq_shift=1,
        flip_sin_to_cos=False,
        downsample_padding=0 if size == "ddpm" else 1,
    )


def build_scheduler(largest_sigma: float | None = None) -> DDPMScheduler:
    """Ho et al.'s: 1,000 steps, β from 1e-4 to 0.02, ε-prediction.

    Args:
        largest_sigma: end with the first step that has this much noise, as a standard deviation on
            the [0, 1] image scale.

    Raises:
        IsolossError: if no step has so much.
    """
    whole = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")
    if largest_sigma is None:
        return whole
    last, _ = timestep_for_sigma(whole.alphas_cumprod, largest_sigma)
    return DDPMScheduler(
        num_train_timesteps=last + 1, beta_schedule="linear", beta_end=float(whole.betas[last])
    )


def save_denoiser(folder: Path, unet: UNet2DModel, scheduler: DDPMScheduler) -> Path:
    """Write a denoiser as a folder that diffusers' `from_pretrained` reads too, weights last."""
    scheduler_config = json.loads(scheduler.to_json_string())
    write_json(folder / SCHEDULER_CONFIG, scheduler_config)
    write_json(folder / UNET_CONFIG, json.loads(unet.to_json_string()))
    save_tensors(folder / UNET_WEIGHTS, unet.state_dict(), {"format": "pt"})
    return folder


def load_denoiser(source: str | Path) -> tuple[UNet2DModel, Any]:
    """(UNet in single precision and eval mode, scheduler of diffusers), from a local folder or by
    name from the Hugging Face hub.

    A folder holds the files either directly or, as pipelines have them, in `unet` and `scheduler`;
    a training run's has them in `denoiser`. diffusers reads them: also those with the names of its
    earlier versions, .bin files (never their code), and weights in several files.

    Args:
        source: a folder, the name of one that comes with the program (`digits-denoiser`), or one
            on the hub such as `google/ddpm-cifar10-32`.

    Raises:
        IsolossError: naming what is missing, damaged or not to be had, or why it is not a denoiser
            that can be used here.
    """
    find = finder(source)
    name, unet_config = find(UNET_CONFIG, f"unet/{UNET_CONFIG}")
    if name != UNET_CONFIG:
        refuse_other_pipeline(find)
    _check_unet(unet_config)
    # The weights, which are large, come last: what is refused is not downloaded.
    scheduler = _scheduler(find(SCHEDULER_CONFIG, f"scheduler/{SCHEDULER_CONFIG}")[1])
    variants = weights_files(name)
    weights_name, weights = find(*variants)
    for part in parts_of(weights):
        find(name.removesuffix(UNET_CONFIG) + part)
    variant = variants[weights_name]
    if variant is not None:
        say(f"{weights.parent} has weights in {variant} alone: they are taken")
    return _unet(unet_config, weights, variant), scheduler


def _check_unet(path: Path) -> None:
    config = as_object(read_json(path))
    named = config.get("_class_name")
    if named != UNet2DModel.__name__:
        raise IsolossError(
            f"{path} describes a {named}{_NO_UNET.get(str(named), '')}: a UNet2DModel is needed"
        )
    size = config.get("sample_size")
    sides = size if isinstance(size, list) else [1 if size is None else size] * 2
    if len(sides) != 2 or any(type(side) is not int or side < 1 for side in sides):
        raise IsolossError(f"{path} is not a usable configuration: sample_size is {size!r}")
    try:
        with _silent_diffusers(), torch.device("meta"):
            cast(Any, UNet2DModel).from_config(config)
    except Exception as error:  # whatever diffusers makes of a damaged configuration
        raise IsolossError(f"{path} is not a usable configuration: {_reason(error)}") from error
    known = inspect.signature(UNet2DModel.__init__).parameters
    unknown = [key for key in config if key not in known and not key.startswith("_")]
    if unknown:
        say(f"{path}: diffusers does not know {first_of(unknown)}, which is left out")


def _unet(path: Path, weights: Path, variant: str | None) -> UNet2DModel:
    try:
        with _silent_diffusers():
            unet, found = cast(Any, UNet2DModel).from_pretrained(
                path.parent,
                variant=variant,
                use_safetensors="safetensors" in weights.name,
                local_files_only=True,
                low_cpu_mem_usage=False,
                output_loading_info=True,
            )
    except Exception as error:  # whatever diffusers makes of damaged files
        read(weights)  # says what is wrong with the file, where that is it
        raise IsolossError(f"{weights} does not fit {path}: {_reason(error)}") from error
    if found["missing_keys"] or found["unexpected_keys"]:
        missing = [f"it has no {key}" for key in sorted(found["missing_keys"])]
        odd = (missing or [f"{key} has no place" for key in sorted(found["unexpected_keys"])])[0]
        raise IsolossError(f"{weights} does not fit {path}: {odd}")
    # A copy lies in memory, and where kernels that give the same bits every time want it to lie.
    return copy.deepcopy(unet.float().eval())


def _scheduler(path: Path) -> Any:
    config = as_object(read_json(path))
    name = config.get("_class_name")
    if not isinstance(name, str) or not name.endswith("Scheduler"):
        raise IsolossError(f"{path} describes a {name}: a scheduler of diffusers is needed")
    try:
        refuse_other_training([name], SimpleNamespace(**config))
        scheduler = getattr(diffusers, name).from_config(config)
        schedule_of(scheduler)
    except IsolossError as error:
        raise IsolossError(f"{path}: {error}") from error
    except Exception as error:  # whatever diffusers makes of a damaged configuration
        raise IsolossError(f"{path} is not a usable configuration: {_reason(error)}") from error
    return scheduler


@contextmanager
def _silent_diffusers() -> Generator[None]:
    """What is wrong is said once, in an error."""
    before = diffusers_logging.get_verbosity()
    has_bars = diffusers_logging.is_progress_bar_enabled()
    diffusers_logging.set_verbosity(logging.CRITICAL)
    diffusers_logging.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(before)
        if has_bars:
            diffusers_logging.enable_progress_bar()


def _reason(error: Exception) -> str:
    return in_one_line(error)[:160] or type(error).__name__
