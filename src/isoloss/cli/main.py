"""The command line: verbs to settings to runs."""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.cli.exit_codes import FAILED, INTERRUPTED, WRONG_REQUEST
from isoloss.cli.parser import parser_for
from isoloss.cli.run_verbs import (
    ON_SEVERAL_PROCESSES,
    interrupt_on_termination,
    resume_runs,
    run,
    start,
)
from isoloss.errors import IsolossError
from isoloss.paths import exists
from isoloss.patterns import matching
from isoloss.system.priority import step_back

if TYPE_CHECKING:
    from isoloss.scene.files.given import Purpose


def main(arguments: Sequence[str]) -> int:
    """Run a command line; returns the exit code. 0: done; 1: failed while running; 2: the request
    is wrong; 130: interrupted, can be resumed."""
    try:
        parser = parser_for(arguments)
        namespace = parser.parse_args(_with_verb(arguments, parser.verbs))
        for name in ("paths", "folders", "path"):
            if isinstance(given := getattr(namespace, name, None), list):
                setattr(namespace, name, [p for each in given for p in matching(each)])
        if namespace.verb not in ON_SEVERAL_PROCESSES:
            _refuse_several_processes()
        elif namespace.nice:
            step_back()
        code = _VERBS[namespace.verb](namespace)
        sys.stdout.flush()
        return code
    except IsolossError as error:
        _say(str(error))
        return WRONG_REQUEST
    except KeyboardInterrupt:
        return INTERRUPTED
    except ctypes.ArgumentError as error:  # what an interrupt becomes on its way into OpenGL
        if KeyboardInterrupt.__name__ not in str(error):
            raise
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be said to them.
        _write_no_more()
        return FAILED
    except OSError as error:  # a name too long, a folder that is closed: what no file system takes
        if error.errno == errno.ENOSPC and error.filename is None:
            _write_no_more()
            _say(f"cannot write what there is to say: {error.strerror}")
            return FAILED
        if error.filename is None:
            raise
        _say(f"{error.filename}: {error.strerror}")
        return WRONG_REQUEST


def _write_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _with_verb(arguments: Sequence[str], verbs: Collection[str]) -> Sequence[str]:
    """`isoloss surface.ply` means `isoloss view surface.ply`; a verb stays one, whatever exists."""
    first = arguments[0] if arguments else "-"
    is_path = exists(first) or any(sign in first for sign in (".", "*", os.sep))
    is_path = is_path and not first.startswith("-") and first not in verbs
    return ["view", *arguments] if is_path else arguments


def _refuse_several_processes() -> None:
    from isoloss.compute.machine.process_group import Ranks

    if Ranks.current().world > 1:
        raise IsolossError("torchrun is for 'isoloss run', and for the verbs that make runs")


def _demo(namespace: argparse.Namespace) -> int:
    from isoloss.cli import demo
    from isoloss.system.display import has_display

    out = namespace.out.expanduser().absolute()
    runs = demo.create(out)
    if not namespace.headless and has_display():
        demo.show(runs)
        return 0
    code = resume_runs(runs, as_json=False)
    if code == 0:
        for picture in demo.draw(runs, out):
            print(f"picture: {picture}")
    return code


def _view(namespace: argparse.Namespace) -> int:
    import gc
    import importlib
    import shutil

    # What is imported stays: to look for garbage among it would take a twentieth of the start, and
    # hold a frame up now and then.
    gc.disable()
    importlib.import_module("isoloss.app.opening")
    from isoloss.app import view_here

    gc.freeze()
    gc.enable()
    try:
        view_here(*namespace.paths)
    finally:
        if namespace.passing is not None:  # what a script shows
            shutil.rmtree(namespace.passing, ignore_errors=True)
    return 0


def _render(namespace: argparse.Namespace) -> int:
    import time

    from isoloss.cli.render_options import run_render
    from isoloss.events import Log, to_line
    from isoloss.terminal import ProgressBar

    interrupt_on_termination()
    bar, code = ProgressBar(), 0
    try:
        for event in run_render(namespace):
            if isinstance(event, Path):
                bar.close()
                code = 0 if event == namespace.out else FAILED  # frames, for want of ffmpeg
                written = Log(f"wrote {event}")
                print(to_line(written, time.time()) if namespace.json else event, flush=True)
            elif namespace.json:
                print(to_line(event, time.time()), flush=True)
            else:
                bar.show(event)
    finally:
        bar.close()
    return code


def _export(namespace: argparse.Namespace) -> int:
    from isoloss.cli.export_verb import export, print_written
    from isoloss.files import check_parent

    check_parent(namespace.out)
    print_written(namespace, export(namespace, _sorted_out(namespace.paths, "draw"), _say))
    return 0


def _mean(namespace: argparse.Namespace) -> int:
    from isoloss.cli.mean_verb import mean

    return mean(namespace, _say)


def _info(namespace: argparse.Namespace) -> int:
    from isoloss.cli.describe import describe

    code = 0
    for k, path in enumerate(_sorted_out(namespace.paths, "describe")):
        try:
            print("\n" * bool(k) + describe(path, _say))
        except IsolossError as error:
            _say(str(error))
            code = WRONG_REQUEST
    return code


def _sorted_out(paths: Sequence[Path], purpose: Purpose) -> list[Path]:
    """What there is to see among `paths`; what is left out is said in a line."""
    from isoloss.scene.files.given import sort_out

    given = sort_out(paths, purpose)
    for remark in given.remarks:
        _say(remark)
    return given.paths


def _say(line: str) -> None:
    print(f"isoloss: {line}", file=sys.stderr)


def _runs(namespace: argparse.Namespace) -> int:
    from isoloss.cli.runs_table import list_runs

    return list_runs(namespace)


def _compare(namespace: argparse.Namespace) -> int:
    from isoloss.cli.compare_verb import compare

    return compare(namespace)


def _queue(namespace: argparse.Namespace) -> int:
    from isoloss.cli.queue_verb import manage

    return manage(namespace)


def _bench(namespace: argparse.Namespace) -> int:
    if namespace.what == "view":
        from isoloss.bench.view import bench_view

        bench_view(as_json=namespace.json)
        return 0
    from isoloss.compute.machine.memory import keep_freed_memory

    keep_freed_memory()  # for all peers
    if namespace.what == "curvature":
        from isoloss.bench.curvature import bench_curvature

        bench_curvature(namespace.run, namespace.images, namespace.budget, as_json=namespace.json)
        return 0
    if namespace.what == "attack":
        from isoloss.bench.attack import bench_attack

        bench_attack(
            namespace.run, namespace.images, namespace.steps, namespace.budget,
            namespace.denoiser, as_json=namespace.json,
        )  # fmt: skip
        return 0
    from isoloss.bench.probe import Wanted, bench_probe

    wanted = Wanted(namespace.grid, namespace.budget, namespace.checked)
    bench_probe(namespace.run, namespace.images, wanted, as_json=namespace.json)
    return 0


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    **dict.fromkeys(
        ("train", "import", "probe", "sharpness", "attack", "defend", "certify"), start
    ),
    "run": run,
    "demo": _demo,
    "view": _view,
    "render": _render,
    "export": _export,
    "mean": _mean,
    "info": _info,
    "runs": _runs,
    "compare": _compare,
    "queue": _queue,
    "bench": _bench,
}
