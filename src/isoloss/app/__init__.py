"""The window: Hello ImGui runs it, `gl` draws the surfaces, jobs in other processes compute.

Importing this package imports neither imgui nor OpenGL: `view` loads them when called.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isoloss.app.state.opening.handed_over import Shown
    from isoloss.app.window import App
    from isoloss.jobs.job import Job
    from isoloss.jobs.window_job import WindowJob
    from isoloss.run import Run


def view(
    *shown: Shown,
    block: bool = True,
    follow: Sequence[Run] = (),
    resume: Sequence[Run] = (),
    jobs: Callable[[Sequence[Path]], Job] | None = None,
    tests: Callable[[App], None] | None = None,
    carry_on: Sequence[Run] = (),
) -> WindowJob | None:
    """Open the window; returns when it is closed. Jobs started in it go on.

    Args:
        shown: surfaces (of all formats that `isoloss.load` reads), run folders and sessions
            (.isoloss) to open, by path or pattern; or each a `Surface`, with `Trajectory` after it
            to be shown upon it.
        block: False returns at once, the window being open in a process of its own.
        follow: runs to follow from the start; a growing surface appears as a layer.
        resume: runs to resume, one after the other, in one job; followed likewise.
        jobs: how a job for run folders is spawned, by default as a process of its own.
        tests: registers tests with the Dear ImGui test engine; called once, in the running app.
        carry_on: an older name of `resume`.

    Returns:
        With `block=False` the window: `is_open`, `close()`, `wait()`.

    Raises:
        IsolossError: if none of what is shown can be read, there is no display, or the job for
            `resume` cannot be started.
    """
    needs_this_process = follow or resume or jobs or tests or carry_on
    if block and (needs_this_process or _can_open_here()):
        view_here(*shown, follow=follow, resume=[*resume, *carry_on], jobs=jobs, tests=tests)
        return None
    window = _in_its_own_process(shown)
    if not block:
        return window
    try:
        window.wait()
    finally:
        window.close()
    return None


def view_here(
    *shown: Shown,
    follow: Sequence[Run] = (),
    resume: Sequence[Run] = (),
    jobs: Callable[[Sequence[Path]], Job] | None = None,
    tests: Callable[[App], None] | None = None,
) -> None:
    """As `view`, in this process and thread, whatever OpenGL it has loaded."""
    from isoloss.app.opening import run_window
    from isoloss.app.state.opening.handed_over import PASSING, as_paths, is_path

    # Hello ImGui may change the working folder: what the user typed is resolved before it runs.
    if all(map(is_path, shown)):
        return run_window(as_paths(shown), follow, resume, jobs, tests)
    with TemporaryDirectory(prefix=PASSING, ignore_cleanup_errors=True) as folder:
        return run_window(as_paths(shown, Path(folder)), follow, resume, jobs, tests)


def _can_open_here() -> bool:
    """Whether this thread can have a window: OpenGL is not loaded for pictures without one, and no
    kernel is to stay as it is when that is closed."""
    from isoloss.shown.cell import in_notebook

    for_pictures = "OpenGL" in sys.modules and os.environ.get("PYOPENGL_PLATFORM") == "egl"
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and not for_pictures and not in_notebook()


def _in_its_own_process(shown: Sequence[Shown]) -> WindowJob:
    from isoloss.app.state.opening.handed_over import PASSING, as_paths
    from isoloss.errors import IsolossError
    from isoloss.files import nothing_at
    from isoloss.jobs.window_job import WindowJob
    from isoloss.paths import exists
    from isoloss.system.display import has_display

    if not has_display():
        raise IsolossError("there is no display: isoloss.render makes pictures without a window")
    folder = Path(mkdtemp(prefix=PASSING))
    try:
        paths = as_paths(shown, folder)
        if paths and not any(exists(path) for path in paths):
            raise nothing_at(paths[0])
        return WindowJob(paths, folder)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
