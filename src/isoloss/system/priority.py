"""Which processes come first where there is work for more than there are processors."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

NICENESS = 5
"""Of what leaves the processors to others: beside one of theirs it has a quarter of one."""


def step_back() -> None:
    """Let this process have what others leave of the processors; what it has begun before, and one
    that steps back further already, stay as they are."""
    if sys.platform == "win32":
        import ctypes

        kernel: Any = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), subprocess.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        _lower(0)


def begun_behind() -> int:
    """The flag with which Windows begins a process that steps back; 0 elsewhere."""
    return getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)


def put_behind(pid: int) -> None:
    """Let a process that was begun in a session of its own step back, before it begins threads."""
    if sys.platform != "win32":
        _lower(pid)
        with suppress(OSError):  # where Linux weighs sessions against each other, not processes
            Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS), encoding="ascii")


def _lower(pid: int) -> None:
    if sys.platform != "win32":
        with suppress(OSError):
            before = os.getpriority(os.PRIO_PROCESS, pid)
            os.setpriority(os.PRIO_PROCESS, pid, max(before, NICENESS))
