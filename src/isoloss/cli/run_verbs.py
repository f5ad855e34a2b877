"""The verbs that begin runs and resume them."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from isoloss.cli.exit_codes import FAILED, INTERRUPTED
from isoloss.errors import IsolossError

ON_SEVERAL_PROCESSES = (
    "train", "import", "probe", "sharpness", "attack", "defend", "certify", "run",
)  # fmt: skip
"""The verbs that torchrun may start."""


def start(namespace: argparse.Namespace) -> int:
    """Begin the runs that were asked for, or resume them where their folders hold them already."""
    from isoloss.cli.options import settings_from
    from isoloss.compute.machine.process_group import Ranks
    from isoloss.library.sweeps import create_sweep, sweep_folders
    from isoloss.run import Run
    from isoloss.run_folder import is_run
    from isoloss.run_names import free_folder, run_name
    from isoloss.settings import KINDS
    from isoloss.settings.presets import preset_values
    from isoloss.settings.robustness_fields import NOT_CERTIFIED
    from isoloss.work import prepare

    kind = namespace.kind
    if kind == "certify" and namespace.purify is not None:
        raise IsolossError(NOT_CERTIFIED)
    both = vars(namespace).pop("range", None)
    of_both = [a for a in ("alpha_range", "beta_range") if both is not None and a not in namespace]
    for axis in of_both:
        setattr(namespace, axis, both)
    preset = preset_values(kind, namespace.preset) if namespace.preset else {}
    sweep = _swept(namespace, preset) if namespace.sweep else []
    asked = [run.settings for run in sweep]
    if not sweep:
        typed = dict.fromkeys(of_both, "range")
        asked = [settings_from(KINDS[kind], namespace, typed, preset)]
    if namespace.estimate:
        return _say_estimate(asked, as_json=namespace.json)
    ranks = Ranks.current()
    if ranks.world > 1 and namespace.out is None:
        raise IsolossError("under torchrun, give --out: processes started again find the run there")
    endings = [run.suffix for run in sweep]
    out = namespace.out or free_folder(Path("runs"), run_name(asked[0]), endings or [""])
    folders = sweep_folders(out, sweep) if sweep else [out]
    if ranks.rank > 0:
        return _follow(folders)
    prepared = None if is_run(folders[0]) else prepare(asked[0])
    runs = create_sweep(out, sweep) if sweep else [Run.create(out, asked[0])]
    if namespace.queue:
        return _enqueue(runs)
    if len(runs) == 1:
        return resume_runs(runs, as_json=namespace.json, prepared=prepared)
    return _sweep(runs, prepared, as_json=namespace.json)


def _swept(namespace: argparse.Namespace, preset: dict[str, Any]) -> list[Any]:
    """The runs of a sweep."""
    from isoloss.cli.options import given_in
    from isoloss.settings import KINDS
    from isoloss.settings.sweep import several, swept

    model = KINDS[namespace.kind]
    return swept(model, {**preset, **given_in(model, namespace)}, several(namespace.sweep))


def _sweep(runs: list[Any], prepared: Any, *, as_json: bool) -> int:
    """Carry out the runs of a sweep, and compare what they have come to."""
    from isoloss.cli.runs_table import print_table
    from isoloss.library.library import Library

    code = resume_runs(runs, as_json=as_json, prepared=prepared)
    if not as_json:
        library = Library([run.folder for run in runs])
        library.scan()
        print_table(library.entries[::-1])
    return code


def _enqueue(runs: list[Any]) -> int:
    """Let runs wait for their turn, and say which place each has."""
    from isoloss.jobs.queue import Queue

    queue = Queue()
    queue.add([run.folder for run in runs])
    for run in runs:
        print(f"{queue.waiting.index(run.folder) + 1:>7}  {run.folder}")
    return 0


def _say_estimate(asked: list[Any], *, as_json: bool) -> int:
    """Say how long runs will take, and how much memory; they are tried, and not begun."""
    import json

    from isoloss.compute.machine.memory import keep_freed_memory
    from isoloss.library.estimate import Estimate
    from isoloss.work import tried

    keep_freed_memory()
    found = [tried(settings) for settings in asked]
    whole = Estimate(sum(e.seconds for e in found), max(e.memory for e in found))
    if as_json:
        print(json.dumps({"seconds": round(whole.seconds, 1), "memory": whole.memory}))
    else:
        runs = f"{len(found)} runs, " if len(found) > 1 else ""
        print(f"{runs}{whole.in_words}")
    return 0


def run(namespace: argparse.Namespace) -> int:
    """`isoloss run DIR…`: resume runs, one after the other."""
    from isoloss.compute.machine.process_group import Ranks
    from isoloss.run import Run
    from isoloss.settings.elsewhere import GIVEN

    given = {k: v for k in GIVEN if (v := getattr(namespace, k)) is not None}
    if given and len(namespace.folders) > 1:
        raise IsolossError(f"--{next(iter(given))} is for one run: give one folder")
    if Ranks.current().rank > 0:
        return _follow(namespace.folders, given)
    runs = [Run.open(f).with_elsewhere(given) for f in namespace.folders]
    if given and runs[0].is_done:
        runs[0].keep_elsewhere()
    return resume_runs(runs, as_json=namespace.json)


def resume_runs(runs: list[Any], *, as_json: bool, prepared: Any = None) -> int:
    """Do what is missing of `runs`, in order, telling what happens; returns the exit code.

    Args:
        prepared: what the first of them needs, where it has been loaded.
    """
    from isoloss.compute.machine.memory import keep_freed_memory
    from isoloss.compute.machine.torchrun_group import process_group

    interrupt_on_termination()
    keep_freed_memory()
    group = process_group()
    code = FAILED
    try:
        code = _lead(runs, as_json, prepared)
    finally:
        group.close(code)
        if group.ranks.world > 1:
            _on_termination(lambda: None)  # torchrun may ask when the end is near anyway
    return code


def _lead(runs: list[Any], as_json: bool, prepared: Any) -> int:
    import time

    from isoloss.events import Failed, Paused, to_line
    from isoloss.terminal import ProgressBar
    from isoloss.work import resume

    for i, run in enumerate(runs):
        bar = ProgressBar(label=run.name if len(runs) > 1 else "")
        was_done = run.is_done
        try:
            for event in resume(run, prepared if i == 0 else None):
                if as_json:
                    print(to_line(event, time.time()), flush=True)
                else:
                    bar.show(event)
        except IsolossError as error:
            bar.close()
            print(f"isoloss: {error}", file=sys.stderr)
            _record(runs[i + 1 :], Failed(f"not begun, since {run.name} before it failed"))
            return FAILED
        except KeyboardInterrupt:
            bar.close()
            _record(runs[i + 1 :], Paused())
            print(f"paused; go on with: isoloss run {run.folder}", file=sys.stderr)
            return INTERRUPTED
        bar.close()
        draw_figures(run)
        if not as_json:
            print(f"{run.name}: {run.folder}{' (was done already)' if was_done else ''}")
    return 0


def draw_figures(run: Any) -> None:
    """Draw those of a robustness run, or of sharpness; without them the run is as good."""
    try:
        if run.settings.measures_curvature:
            from isoloss.figures import sharpness

            sharpness.write_usual(run.folder)
        if not run.settings.is_robustness:
            return
        from isoloss.figures.robustness.drawing import write_usual

        for _ in write_usual(run.folder):
            pass
    except Exception as error:  # whatever is wrong with fonts, disks or old files
        print(f"isoloss: no figures of {run.name}: {error}", file=sys.stderr)


def _follow(folders: list[Path], elsewhere: dict[str, Any] | None = None) -> int:
    """What all ranks but 0 do: they end when rank 0 does, and say nothing but their own trouble."""
    from isoloss.compute.machine.memory import keep_freed_memory
    from isoloss.compute.machine.torchrun_group import process_group
    from isoloss.work import follow

    keep_freed_memory()
    group = process_group()
    _on_termination(group.end_soon)
    try:
        for folder in folders:
            follow(folder, elsewhere)
    except IsolossError as error:
        print(f"isoloss: rank {group.ranks.rank}: {error}", file=sys.stderr)
        return FAILED
    finally:
        group.close()
    return 0


def _record(runs: list[Any], event: Any) -> None:
    """Record `event` in runs that will not be begun; what is done or held is left alone."""
    for run in runs:
        with suppress(IsolossError), run.lock():
            if not run.is_done:
                run.emit(event)


def interrupt_on_termination() -> None:
    """Treat a request to end as Ctrl+C, so that runs are left paused."""
    from isoloss.compute.machine.process_group import Ranks

    def interrupt() -> None:
        if Ranks.current().world > 1:
            # What the keyboard sends to all, torchrun sends to each once more.
            _on_termination(lambda: None)
        raise KeyboardInterrupt

    _on_termination(interrupt)


def _on_termination(act: Callable[[], None]) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: act())
