"""Where and in which precision to compute."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor

from isoloss.compute.machine.float32 import float32_products
from isoloss.compute.machine.unusable import check_there_is
from isoloss.errors import IsolossError

_KINDS = ("cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """The device called `name`; "auto" is CUDA, else Apple's MPS, else the CPU.

    Raises:
        IsolossError: if this machine has no such device, or PyTorch cannot compute on it; "auto"
            then takes the next.
    """
    if name == "auto":
        for device in map(torch.device, ("cuda", "mps")):
            with suppress(IsolossError):
                check_there_is(device)
                return device
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in _KINDS:
        raise IsolossError(f"there is no device {name!r}: choose auto, cpu, cuda or mps")
    check_there_is(device)
    return device


def describe_device(device: torch.device) -> str:
    """The device's name as a person would say it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "CPU" if device.type == "cpu" else str(device)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies bf16 matrices faster than fp32 ones."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # PyTorch has no public query for these; an older or newer build may lack one.
        checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        return any(getattr(torch.cpu, check, bool)() for check in checks)
    return False


def summing_dtype(device: torch.device) -> torch.dtype:
    """The widest type in which `device` can add: float64, but for Apple's GPUs, which have none."""
    return torch.float32 if device.type == "mps" else torch.float64


def as_float32(logits: Tensor) -> Tensor:
    """Logits in at least single precision."""
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits


def reduced_precisions(device: torch.device) -> list[str]:
    """What is faster than fp32 on `device`, the fastest first."""
    fast = ["bf16"] if has_fast_bf16(device) else []
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0):
        fast.append("tf32")
    return fast


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Generator[None]:
    """Matrix products and convolutions run in "fp32", "tf32" or "bf16" inside."""
    if device.type != "cuda":
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            yield
        return
    # Weights change in place between batches: what autocast remembers of them would be old.
    cast = torch.autocast("cuda", torch.bfloat16, precision == "bf16", cache_enabled=False)
    with rounding(device, precision), cast:
        yield


@contextmanager
def rounding(device: torch.device, precision: str) -> Generator[None]:
    """Products in single precision round to tf32 inside, but for "fp32"; in backward passes too,
    which `arithmetic` is not for."""
    if device.type != "cuda":
        yield
        return
    with float32_products("ieee" if precision == "fp32" else "tf32"):
        yield


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
