"""`isoloss queue`: runs that wait for their turn, and working them off without a window."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from isoloss.cli.exit_codes import FAILED, INTERRUPTED
from isoloss.errors import IsolossError
from isoloss.jobs.devices import device_of
from isoloss.jobs.job import Job
from isoloss.jobs.queue import Queue
from isoloss.run import Run

POLL = 0.2
"""Seconds between two looks at the queue."""
_ENDS = {0: "done", INTERRUPTED: "paused"}
"""How a job has ended, by its exit code; by any other it has failed."""


def manage(namespace: argparse.Namespace) -> int:
    """Add runs to the queue, change it, work it off, or list it; returns the exit code."""
    queue = Queue()
    folders = [Run.open(folder).folder for folder in namespace.folders]
    if namespace.at_once is not None:
        device, count = namespace.at_once
        queue.set_limit(device_of(device), _whole(count))
    if (namespace.remove or namespace.first) and not folders:
        raise IsolossError("say which run: give its folder")
    for place, folder in enumerate(folders):
        if namespace.remove:
            queue.remove(folder)
            continue
        queue.add([folder])
        if namespace.first:
            queue.move(folder, place)
    if namespace.work:
        return _work_off(queue, nice=bool(namespace.nice))
    for line in lines(queue):
        print(line)
    return 0


def lines(queue: Queue) -> list[str]:
    """What is at work and what waits, a line each."""
    said = [f"at work  {job.folder} ({job.device})" for job in queue.at_work if job.is_alive]
    said += [f"{place:>7}  {folder}" for place, folder in enumerate(queue.waiting, 1)]
    return said or ["nothing waits"]


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise IsolossError(f"--at-once takes a number of jobs, not {text!r}")
    return int(text)


def _work_off(queue: Queue, *, nice: bool) -> int:
    """Begin what is due until nothing waits, and wait for the jobs begun here; interrupted, they
    are left paused, and what waits stays in the queue."""
    from isoloss.cli.run_verbs import interrupt_on_termination

    interrupt_on_termination()
    jobs: dict[Path, Job] = {}
    devices: dict[Path, str] = {}
    failed: list[Path] = []

    def begin(folder: Path) -> int:
        devices[folder] = device_of(Run.open(folder).settings.device)
        jobs[folder] = Job([folder], nice=nice)
        print(f"begun  {folder}", flush=True)
        return jobs[folder].pid

    try:
        while queue.waiting or jobs:
            queue.refresh()
            queue.begin_due(begin, {folder: devices[folder] for folder in jobs})
            failed += _ended(queue, jobs)
            time.sleep(POLL)
    except KeyboardInterrupt:
        for job in jobs.values():
            job.cancel()
        paused = [str(folder) for folder, job in jobs.items() if job.wait() == INTERRUPTED]
        if paused:
            print(f"paused; go on with: isoloss run {' '.join(paused)}", file=sys.stderr)
        if queue.waiting:
            print("the rest waits; begin it with: isoloss queue --work", file=sys.stderr)
        return INTERRUPTED
    return FAILED if failed else 0


def _ended(queue: Queue, jobs: dict[Path, Job]) -> list[Path]:
    """Tell which jobs have ended, and forget them; returns those that have failed."""
    codes = {folder: job.exit_code for folder, job in jobs.items() if job.exit_code is not None}
    for folder, code in codes.items():
        del jobs[folder]
        queue.ended(folder)
        print(f"{_ENDS.get(code, 'failed')}  {folder}", flush=True)
    return [folder for folder, code in codes.items() if code not in _ENDS]
