"""Which device a run will be carried out on, and how much memory a job takes: without torch."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path


def device_of(name: str) -> str:
    """The device that one asks for by `name`: that of "auto" is guessed, "cuda" is the first."""
    if name == "auto":
        name = usual_device()
    return "cuda:0" if name == "cuda" else name


@cache
def usual_device() -> str:
    """What "auto" means on this machine, as far as can be told without asking the driver."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if not hidden and (_has_entries(Path("/proc/driver/nvidia/gpus")) or _has_driver()):
        return "cuda"
    is_apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return "mps" if is_apple else "cpu"


@cache
def devices() -> tuple[str, ...]:
    """The devices of this machine by all their names, as far as can be told without asking the
    driver; takes a moment the first time."""
    usual = usual_device()
    if usual == "cuda":
        count = _count_of_gpus()
        return ("cpu", "cuda", *(f"cuda:{k}" for k in range(count)))
    return ("cpu",) if usual == "cpu" else ("cpu", usual)


def _count_of_gpus() -> int:
    """How many a process sees."""
    try:
        count = len([*Path("/proc/driver/nvidia/gpus").iterdir()])
    except OSError:
        count = len(_said(["nvidia-smi", "-L"]).splitlines())
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return max(min(count, len(chosen.split(","))) if chosen else count, 1)


def memory_of(pid: int) -> int:
    """The bytes of memory that a process holds now; 0 if unknown."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    if sys.platform == "win32" or not shutil.which("ps"):
        return 0
    return 1024 * _number(_said(["ps", "-o", "rss=", "-p", str(pid)]))


def gpu_memory() -> dict[int, int]:
    """The bytes of GPU memory that each process holds, by its id; takes a moment."""
    if not _has_driver():
        return {}
    asked = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    return parsed_gpu_memory(_said(["nvidia-smi", *asked]))


def parsed_gpu_memory(text: str) -> dict[int, int]:
    """{process id: bytes} of lines of `pid, MiB`; a process on several GPUs holds their sum."""
    found: dict[int, int] = {}
    for line in text.splitlines():
        pid, comma, size = line.partition(",")
        if comma and _number(pid):
            found[_number(pid)] = found.get(_number(pid), 0) + (_number(size) << 20)
    return found


def is_alive(pid: int) -> bool:
    """Whether there is a process with this id that has not ended; where that cannot be asked
    without harm, it is assumed."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    with suppress(OSError, IndexError):  # one that has ended, and that nobody has asked
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        return state != "Z"
    return True


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _has_driver() -> bool:
    return shutil.which("nvidia-smi") is not None


def _said(command: list[str]) -> str:
    """What a program prints; "" if it fails, or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdecimal() else 0
