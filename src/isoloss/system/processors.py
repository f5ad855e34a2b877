"""The processors that this process may use, and how PyTorch's threads wait for each other on them.

Without torch: what it does at its first import is settled here before that.
"""

from __future__ import annotations

import math
import os
import platform
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path

from isoloss.paths import exists

_WAITING = {
    # GNU's OpenMP, PyTorch's on Linux: some ten microseconds; its own 300,000 take milliseconds.
    "GOMP_SPINCOUNT": "1000",
    # Intel's and LLVM's, PyTorch's on Windows and macOS: one millisecond, not 200.
    "KMP_BLOCKTIME": "1",
}
_CHOSEN = {*_WAITING, "OMP_WAIT_POLICY", "KMP_LIBRARY"}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def settle(environment: MutableMapping[str, str], root: Path = Path("/")) -> None:
    """Let the OpenMP that PyTorch will load suit a machine that others use too.

    Its threads meet after every operation, and who comes first spins: on a processor that another
    program has a use for, and that the thread waited for may need. On a processor of one's own a
    short wait is as quick. So they sleep soon, and are as many as there are processors for.
    What the environment says already stays as it is.

    Args:
        environment: that of this process, before torch is imported.
        root: of the file system.
    """
    if not _CHOSEN & environment.keys():
        environment.update(_WAITING)
        if sys.platform == "win32" and platform.machine() == "ARM64":  # Microsoft's OpenMP
            environment["OMP_WAIT_POLICY"] = "PASSIVE"
    if not any(name in environment for name in _THREADS):
        allowed = min(quota(root), _of_slurm(environment))
        if allowed < _cores(root):
            environment["OMP_NUM_THREADS"] = str(max(math.ceil(allowed), 1))


def allotted(environment: MutableMapping[str, str] = os.environ, root: Path = Path("/")) -> int:
    """How many processors this process may use at once, at least 1.

    That is OMP_NUM_THREADS where it is set, as `nproc` has it; else those of its affinity mask, as
    far as control groups' quotas and Slurm (`--cpus-per-task`) let it; OMP_THREAD_LIMIT at most.
    """
    limit = _number(environment.get("OMP_THREAD_LIMIT", "")) or math.inf
    asked = _number(environment.get("OMP_NUM_THREADS", ""))
    found = asked or min(len(_mask()), quota(root), _of_slurm(environment))
    return max(math.ceil(min(found, limit)), 1)


def quota(root: Path = Path("/")) -> float:
    """Processors' time a second that the control groups of this process leave it; ∞ without one.

    Of nested groups the least counts, of version 1 and 2 alike.
    """
    try:
        groups = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
        mounts = (root / "proc/self/mountinfo").read_text("utf-8").splitlines()
    except (OSError, UnicodeError):
        return math.inf
    return min(map(_limit, _groups(groups, mounts, root)), default=math.inf)


def _groups(groups: list[str], mounts: list[str], root: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, and of those around them."""
    own: dict[str, str] = {}
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            own["cgroup2"] = path
        elif "cpu" in controllers.split(","):
            own["cgroup"] = path
    for line in mounts:
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind not in own or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        whole, place = map(_unescaped, before.split(" ")[3:5])
        whole = f"{whole.rstrip('/')}/"
        within = f"{own[kind]}/".startswith(whole)
        top = root / place.lstrip("/")
        here = top / own[kind][len(whole) :] if within else top
        yield from (here, *(p for p in here.parents if p.is_relative_to(top)))


def _limit(folder: Path) -> float:
    with suppress(OSError, ValueError, ZeroDivisionError):
        if exists(folder / "cpu.max"):
            time, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            time, period = (
                (folder / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period")
            )
        if float(time) > 0:  # "max" is no number, and −1 no time
            return float(time) / float(period)
    return math.inf


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _of_slurm(environment: MutableMapping[str, str]) -> float:
    return _number(environment.get("SLURM_CPUS_PER_TASK", "")) or math.inf


def _number(text: str) -> int:
    """The first number of a list of levels, 0 for what is none."""
    first = text.split(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def _mask() -> set[int]:
    """The processors on which this process may run."""
    if sys.platform == "linux":
        return os.sched_getaffinity(0)
    return {*range(os.cpu_count() or 1)}


def _cores(root: Path) -> int:
    """How many cores these are of: as many threads PyTorch begins."""
    mask = _mask()
    places = (root / f"sys/devices/system/cpu/cpu{k}/topology/core_cpus_list" for k in mask)
    try:
        return len({place.read_text("ascii") for place in places})
    except OSError:
        return len(mask)
