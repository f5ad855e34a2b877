"""Why a device that was asked for cannot be used, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import torch

from isoloss.errors import IsolossError

WHEELS = "https://download.pytorch.org/whl"
WITH_CUDA = f"pip install --force-reinstall torch torchvision --index-url {WHEELS}/cu130"
FOR_OLDER = f"one for an older CUDA (--index-url {WHEELS}/cu126)"
_TAKE_WHAT_THERE_IS = "--device auto takes what there is"


def check_there_is(device: torch.device) -> None:
    """Refuse a device that this machine has not, or that this PyTorch cannot compute on.

    Raises:
        IsolossError: saying which of these it is.
    """
    if device.type == "cuda":
        _check_cuda(device)
    elif device.type == "mps" and not torch.backends.mps.is_available():
        built = torch.backends.mps.is_built()
        raise IsolossError(
            f"this machine has no device 'mps': {_TAKE_WHAT_THERE_IS}"
            if built or sys.platform != "darwin"
            else f"this PyTorch is built without MPS: {_TAKE_WHAT_THERE_IS}"
        )


def unused_gpu() -> str | None:
    """Why an NVIDIA GPU that this machine has cannot be used; None where it has none, or it can, or
    somebody has hidden it."""
    if not _has_nvidia_driver() or _is_hidden():
        return None
    try:
        _check_cuda(torch.device("cuda"))
    except IsolossError as error:
        return str(error)
    return None


def _check_cuda(device: torch.device) -> None:
    with warnings.catch_warnings():
        # What PyTorch warns of is what is said here, in one line.
        warnings.simplefilter("ignore")
        there = torch.cuda.is_available()
        count = torch.cuda.device_count() if there else 0
        if not there:
            raise IsolossError(_why_no_cuda(device))
        if (device.index or 0) >= count:
            names = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
            raise IsolossError(f"this machine has no device '{device}': choose cuda, or {names}")
        _try_a_kernel(device)


def _why_no_cuda(device: torch.device) -> str:
    if sys.platform == "darwin":
        return f"Macs have no device '{device}': choose mps or cpu"
    if torch.version.cuda is None and torch.version.hip is None:
        told = "this PyTorch is built without CUDA"
        if _has_nvidia_driver() or sys.platform == "win32":
            return f"{told}: {WITH_CUDA}, or choose --device cpu"
        return f"this machine has no device '{device}', and {told}: {_TAKE_WHAT_THERE_IS}"
    if _is_hidden():
        return "CUDA_VISIBLE_DEVICES hides all GPUs: set it to the numbers of some, or unset it"
    said = ""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        said = str(error)
    if "too old" in said or "insufficient" in said:
        built = f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {torch.version.hip}"
        return (
            f"the driver is too old for this PyTorch, which is built for {built}: update the "
            f"driver, or install {FOR_OLDER}"
        )
    if "no NVIDIA driver" in said or "No CUDA GPUs" in said or not said:
        return f"this machine has no device '{device}': {_TAKE_WHAT_THERE_IS}"
    return f"CUDA cannot be used ({_first_line(said)}): {_TAKE_WHAT_THERE_IS}"


def _try_a_kernel(device: torch.device) -> None:
    """One addition, on the GPU that this process takes."""
    if device.index is None and torch.cuda.device_count() > 1:
        own = int(os.environ.get("LOCAL_RANK", torch.cuda.current_device()))
        device = torch.device("cuda", own % torch.cuda.device_count())
    try:
        (torch.ones(1, device=device) + 1).item()
    except RuntimeError as error:
        name = torch.cuda.get_device_name(device)
        if "kernel image" in str(error) or "not compatible" in str(error):
            major, minor = torch.cuda.get_device_capability(device)
            raise IsolossError(
                f"this PyTorch has no kernels for {name} (compute capability {major}.{minor}, it "
                f"has {', '.join(torch.cuda.get_arch_list())}): install {FOR_OLDER}, or choose "
                "--device cpu"
            ) from error
        raise IsolossError(
            f"{name} cannot be used ({_first_line(str(error))}): choose another device, or "
            "--device cpu"
        ) from error


def _is_hidden() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")


def _has_nvidia_driver() -> bool:
    with suppress(OSError):
        if any(Path("/proc/driver/nvidia/gpus").iterdir()):
            return True
    return shutil.which("nvidia-smi") is not None


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:200]
