"""The window: Hello ImGui runs it, `gl` draws the surfaces, jobs in other processes compute.

Importing this package imports neither imgui nor OpenGL: `view` loads them when called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isoloss.app.window import App
    from isoloss.jobs.job import Job
    from isoloss.run import Run


def view(
    *paths: str | Path,
    follow: Sequence[Run] = (),
    resume: Sequence[Run] = (),
    jobs: Callable[[Sequence[Path]], Job] | None = None,
    tests: Callable[[App], None] | None = None,
    carry_on: Sequence[Run] = (),
) -> None:
    """Open the window; returns when it is closed. Jobs started in it go on.

    Args:
        paths: surfaces (.ply, .npz, .h5), run folders and sessions (.isoloss) to open.
        follow: runs to follow from the start; a growing surface appears as a layer.
        resume: runs to resume, one after the other, in one job; followed likewise.
        jobs: how a job for run folders is spawned, by default as a process of its own.
        tests: registers tests with the Dear ImGui test engine; called once, in the running app.
        carry_on: an older name of `resume`.

    Raises:
        IsolossError: if none of `paths` can be read, there is no display, or the job for
            `resume` cannot be started.
    """
    # Hello ImGui may change the working folder: what the user typed is resolved before it runs.
    resolved = [Path(p).expanduser().absolute() for p in paths]
    from isoloss.app.opening import run_window

    run_window(resolved, follow, [*resume, *carry_on], jobs, tests)
