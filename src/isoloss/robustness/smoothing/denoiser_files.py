"""Where the files of a denoiser lie: in a folder as diffusers writes it, or on the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from isoloss.compute.networks.hub import fetch
from isoloss.errors import IsolossError
from isoloss.files import as_object, read_json
from isoloss.paths import is_file
from isoloss.run_folder import DENOISER, is_run
from isoloss.settings.source import denoiser as denoiser_source

UNET_CONFIG = "config.json"
UNET_WEIGHTS = "diffusion_pytorch_model.safetensors"
SCHEDULER_CONFIG = "scheduler_config.json"
PIPELINE = "model_index.json"

Find = Callable[..., tuple[str, Path]]
"""The names of a file, one in place of the other, to the first that there is and its path."""


def finder(source: str | Path) -> Find:
    """Finds the files of the denoiser that `source` names.

    Raises:
        IsolossError: if it names none; what it finds none of, it refuses likewise.
    """
    found = denoiser_source(source)
    if is_file(Path(source).expanduser()):
        raise IsolossError(
            f"{source} is a file: a denoiser is a folder, which says with {UNET_CONFIG} what "
            f"network the weights are of and with {SCHEDULER_CONFIG} what noise it was trained "
            "with: give that"
        )
    if found.kind in ("shipped", "folder"):
        folder = found.path / DENOISER if is_run(found.path) else found.path
        return lambda *names: _in_folder(folder, *names)
    name = str(source)
    if found.kind != "hub":
        raise IsolossError(
            f"there is no denoiser {name}: give its folder, digits-denoiser, a name such as "
            "google/ddpm-cifar10-32, or package.module:function"
        )
    instead = (
        f"bring {UNET_CONFIG}, {UNET_WEIGHTS} and {SCHEDULER_CONFIG} from "
        f"https://huggingface.co/{name} in a folder and give that"
    )
    return lambda first, *others: fetch(name, first, instead, *others)


def weights_files(unet_config: str) -> dict[str, str | None]:
    """What files of weights beside a configuration may be called, the best first, and which of
    diffusers' variants they are: None, or "fp16"."""
    folder = unet_config.removesuffix(UNET_CONFIG)
    return {folder + name: variant for name, variant in _weights()}


def parts_of(weights: Path) -> list[str]:
    """The names of the files in which the weights lie, if this is an index of several.

    Raises:
        IsolossError: if it is damaged.
    """
    if weights.suffix != ".json":
        return []
    names = as_object(as_object(read_json(weights)).get("weight_map")).values()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise IsolossError(f"{weights} is no index of the files in which weights lie")
    return sorted(set(names))


def refuse_other_pipeline(find: Find) -> None:
    """Refuse a pipeline of diffusers that does not denoise images with a UNet alone.

    Raises:
        IsolossError: saying what it works on.
    """
    try:
        path = find(PIPELINE)[1]
    except IsolossError:  # its folders alone do too
        return
    pipeline = as_object(read_json(path))
    parts = [name for name, what in pipeline.items() if _is_part(what)]
    coder = next((name for name in parts if name in ("vae", "vqvae", "vqmodel", "movq")), None)
    if coder is not None:
        raise IsolossError(
            f"{path.parent} denoises what its {coder} makes of images (latent diffusion): one that "
            "denoises the images themselves is needed"
        )
    if parts and "unet" not in parts:
        raise IsolossError(
            f"{path.parent} is a {pipeline.get('_class_name', 'pipeline')} of "
            f"{', '.join(parts)}: one with a unet is needed"
        )


def _is_part(what: Any) -> bool:
    return isinstance(what, list) and bool(what) and what[0] is not None


def _weights() -> Iterator[tuple[str, str | None]]:
    stem = UNET_WEIGHTS.partition(".")[0]
    for variant in (None, "fp16", "bf16", "ema"):
        between = "" if variant is None else f".{variant}"
        for form in ("safetensors", "bin"):
            yield f"{stem}{between}.{form}", variant
            yield f"{stem}.{form}.index{between}.json", variant


def _in_folder(folder: Path, *names: str) -> tuple[str, Path]:
    for name in names:
        if is_file(folder / name):
            return name, folder / name
    wanted = folder / names[0]
    if names[0] == SCHEDULER_CONFIG:
        raise IsolossError(
            f"{folder} is no denoiser: there is no {wanted}, which says what noise it was trained "
            f"with{_pipeline_around(folder)}"
        )
    raise IsolossError(f"{folder} is no denoiser: there is no {wanted}")


def _pipeline_around(folder: Path) -> str:
    whole = folder.absolute().parent
    has_one = is_file(whole / "scheduler" / SCHEDULER_CONFIG)
    return f": give the whole pipeline, {whole}" if has_one else ""
