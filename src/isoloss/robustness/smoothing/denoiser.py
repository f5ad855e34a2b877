"""Denoisers: diffusion models that predict the noise in an image, built, saved and loaded.

Ho, Jain, Abbeel 2020, "Denoising Diffusion Probabilistic Models", https://arxiv.org/abs/2006.11239.
On disk a denoiser is a folder as diffusers writes it: `config.json`,
`diffusion_pytorch_model.safetensors`, `scheduler_config.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args

import safetensors
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from safetensors.torch import load_file

from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.networks.hub import fetch
from isoloss.errors import IsolossError
from isoloss.files import read_json, write_json
from isoloss.naming import in_one_line
from isoloss.paths import is_file, is_folder
from isoloss.robustness.smoothing.timestep import timestep_for_sigma
from isoloss.run_folder import DENOISER, is_run
from isoloss.settings.source import denoiser as denoiser_source

UNET_CONFIG = "config.json"
UNET_WEIGHTS = "diffusion_pytorch_model.safetensors"
SCHEDULER_CONFIG = "scheduler_config.json"

Size = Literal["tiny", "small", "ddpm"]
SIZES: tuple[Size, ...] = get_args(Size)
# Channels at each resolution, blocks at each, attention from which resolution of the pyramid on.
# "ddpm" is the network of Ho et al. for CIFAR-10, 36 million parameters.
_SHAPES: dict[str, tuple[tuple[int, ...], int, int | None]] = {
    "tiny": ((8, 16, 32), 1, None),
    "small": ((32, 64, 128, 256), 1, 2),
    "ddpm": ((128, 256, 256, 256), 2, 1),
}


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


def load_denoiser(source: str | Path) -> tuple[UNet2DModel, DDPMScheduler]:
    """(UNet in eval mode, scheduler), from a local folder or by name from the Hugging Face hub.

    A folder holds the files either directly or, as pipelines have them, in `unet` and `scheduler`;
    a training run's has them in `denoiser`.

    Args:
        source: a folder, the name of one that comes with the program (`digits-denoiser`), or one
            on the hub such as `google/ddpm-cifar10-32`.

    Raises:
        IsolossError: naming what is missing, damaged or not to be had.
    """
    unet_config, weights, scheduler_config = _files(source)
    unet = _from_config(UNet2DModel, unet_config)
    scheduler = _from_config(DDPMScheduler, scheduler_config)
    try:
        missing, unexpected = unet.load_state_dict(load_file(weights), strict=False)
    except (safetensors.SafetensorError, OSError, RuntimeError) as error:
        reason = in_one_line(error)[:160]
        raise IsolossError(f"{weights} does not fit {unet_config}: {reason}") from error
    if missing or unexpected:
        odd = f"it has no {missing[0]}" if missing else f"{unexpected[0]} has no place"
        raise IsolossError(f"{weights} does not fit {unet_config}: {odd}")
    return unet.eval(), scheduler


def _files(source: str | Path) -> tuple[Path, Path, Path]:
    """The paths of the UNet's configuration and weights, and of the scheduler's configuration."""
    found = denoiser_source(source)
    if found.kind in ("shipped", "folder"):
        folder = found.path
        if is_run(folder):
            folder /= DENOISER
        unet = folder / "unet" if is_folder(folder / "unet") else folder
        scheduler = folder / "scheduler" if is_folder(folder / "scheduler") else folder
        paths = unet / UNET_CONFIG, unet / UNET_WEIGHTS, scheduler / SCHEDULER_CONFIG
        for path in paths:
            if not is_file(path):
                raise IsolossError(f"{folder} is no denoiser: there is no {path}")
        return paths
    name = str(source)
    if found.kind != "hub":
        raise IsolossError(
            f"there is no denoiser {name}: give its folder, digits-denoiser, or a name such as "
            "google/ddpm-cifar10-32"
        )
    instead = (
        f"bring {UNET_CONFIG}, {UNET_WEIGHTS} and {SCHEDULER_CONFIG} from "
        f"https://huggingface.co/{name} in a folder and give that"
    )
    return (
        fetch(name, UNET_CONFIG, instead, "unet"),
        fetch(name, UNET_WEIGHTS, instead, "unet"),
        fetch(name, SCHEDULER_CONFIG, instead, "scheduler"),
    )


def _from_config(kind: Any, path: Path) -> Any:
    """What diffusers makes of a configuration."""
    config = read_json(path)
    named = config.get("_class_name") if isinstance(config, dict) else None
    # Schedulers differ in how they sample, not in the noise they were trained with.
    scheduler = kind is DDPMScheduler and str(named).endswith("Scheduler")
    if named != kind.__name__ and not scheduler:
        raise IsolossError(f"{path} describes a {named}: a {kind.__name__} is needed")
    try:
        return kind.from_config(config)
    except Exception as error:  # whatever diffusers makes of a damaged configuration
        reason = in_one_line(error)[:160] or type(error).__name__
        raise IsolossError(f"{path} is not a usable configuration: {reason}") from error
