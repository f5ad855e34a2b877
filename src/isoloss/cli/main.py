"""The command line: verbs to settings to runs."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from isoloss import __version__
from isoloss.errors import IsolossError

WRONG_REQUEST, FAILED, INTERRUPTED = 2, 1, 130


def entry() -> None:
    """The `isoloss` command."""
    for stream in (sys.stdout, sys.stderr):
        # On Windows a redirected stream may know no Greek letters.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run a command line; returns the exit code. 0: done; 1: failed while running; 2: the request
    is wrong; 130: interrupted, can be carried on."""
    try:
        parser = _parser(arguments)
        namespace = parser.parse_args(_with_verb(arguments, parser.verbs))
        if namespace.verb not in (_ask, _run):
            _refuse_several_processes()
        return namespace.verb(namespace)
    except IsolossError as error:
        print(f"isoloss: {error}", file=sys.stderr)
        return WRONG_REQUEST
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _with_verb(arguments: Sequence[str], verbs: Collection[str]) -> Sequence[str]:
    """`isoloss surface.ply` means `isoloss view surface.ply`; a verb stays one, whatever exists."""
    first = arguments[0] if arguments else "-"
    # Unlike pathlib's, this one takes a name that is too long for one that is not there.
    exists = os.path.exists(first)  # noqa: PTH110
    is_path = exists and not first.startswith("-") and first not in verbs
    return ["view", *arguments] if is_path else arguments


def _refuse_several_processes() -> None:
    from isoloss.compute.machine.ranks import Ranks

    if Ranks.current().world > 1:
        raise IsolossError("torchrun is for 'isoloss run', and for the verbs that make runs")


class _Parser(argparse.ArgumentParser):
    verbs: Collection[str] = ()

    def error(self, message: str) -> Any:
        hint = "" if "--help" in message else f"; '{self.prog} --help' shows how"
        print(f"isoloss: {message}{hint}", file=sys.stderr)
        raise SystemExit(WRONG_REQUEST)


def _parser(arguments: Sequence[str]) -> _Parser:
    parser = _Parser(
        prog="isoloss",
        description="See and probe the loss landscapes of your own networks. "
        "Without a verb, opens the window on the files and run folders named.",
    )
    parser.add_argument("--version", action="version", version=f"isoloss {__version__}")
    parser.set_defaults(verb=_view, paths=[])
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")

    def add(name: str, verb: Callable[[Any], int], text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(verb=verb)
        return sub

    sub = add("demo", _demo, "Train a network, probe its landscape and show it")
    sub.add_argument("--headless", action="store_true", help="Write pictures, open no window")
    sub.add_argument("--out", type=Path, default=Path("runs/demo"), help="Folder [runs/demo]")

    # Models and enumerations cost time to import: only the verb that is called pays.
    called = next((a for a in arguments if not a.startswith("-")), "")
    for name, text in (
        ("train", "Train a network and keep its trajectory"),
        ("probe", "Evaluate a network's loss over a plane"),
        ("attack", "Attack networks: accuracy against ε"),
        ("defend", "Attack networks behind noise and a denoiser"),
        ("certify", "Certify networks behind noise: certified accuracy against radius"),
    ):
        sub = add(name, _ask, text)
        if called == name:
            _add_settings(sub, name)
    sub = add("run", _run, "Carry runs on: does what is missing, in order")
    sub.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="Run folders")
    _add_json(sub)

    sub = add("view", _view, "Open surfaces, runs and sessions in the window")
    sub.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="Files or run folders")
    sub = add("render", _render, "Draw a picture, figure or movie, with or without a display")
    if called == "render":
        from isoloss.cli.render_options import add_render_options

        add_render_options(sub)
    sub = add("export", _export, "Write a surface or a curve in another format")
    if called == "export":
        _add_export_options(sub)
    sub = add("info", _info, "Say what a file or run folder holds")
    sub.add_argument("path", type=Path, metavar="PATH")
    sub = add("bench", _bench, "Measure speed beside peers on the same work")
    sub.add_argument("what", choices=["probe", "attack", "view"], help="What to measure")
    sub.add_argument("--json", action="store_true", help="Print the figures as JSON")
    sub.add_argument(
        "--run", type=Path, nargs="+", action="extend", default=[], metavar="DIR",
        help="Measure on these training runs [a small CNN, VGG-11 and ResNet-50 on digits]",
    )  # fmt: skip
    sub.add_argument(
        "--images", type=int, metavar="N",
        help="Images probed [the test split], or attacked [as there is time for, up to 128]",
    )  # fmt: skip
    sub.add_argument("--steps", type=int, metavar="N", help="Of each attack [10]")
    sub.add_argument(
        "--denoiser", metavar="NAME", help="Of the defense [one that is trained for a moment]"
    )
    sub.add_argument("--grid", type=int, default=25, metavar="N", help="Points a side [25]")
    sub.add_argument(
        "--budget", type=float, default=60, metavar="SECONDS",
        help="For each surface taken to 1 %% of its range, 0 leaves them out; for the attacks on "
        "each network [60]",
    )  # fmt: skip
    sub.add_argument(
        "--checked", type=int, default=6, metavar="N",
        help="Random cells of it compared with all images in fp32 [6]",
    )  # fmt: skip
    parser.verbs = verbs.choices
    return parser


def _add_export_options(parser: argparse.ArgumentParser) -> None:
    from isoloss.geometry.files.formats import in_words, writable

    known = in_words(writable())
    parser.add_argument("path", type=Path, metavar="PATH", help="File or run folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=f"A {known}")


def _add_settings(parser: argparse.ArgumentParser, kind: str) -> None:
    from isoloss.cli.options import add_options
    from isoloss.settings import KINDS

    add_options(parser, KINDS[kind])
    if kind == "probe":
        parser.add_argument(
            "--range", nargs=2, metavar=("LO", "HI"), help="Of both α and β, where not given alone"
        )
    parser.add_argument("--out", type=Path, help="The run's folder [runs/… of a free name]")
    parser.set_defaults(kind=kind)
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print events as lines of JSON")


def _ask(namespace: argparse.Namespace) -> int:
    from isoloss.cli.options import settings_from
    from isoloss.compute.machine.ranks import Ranks
    from isoloss.run import Run, free_folder, run_name
    from isoloss.settings import KINDS
    from isoloss.work import prepare

    kind = namespace.kind
    both = vars(namespace).pop("range", None)
    if both is not None:
        for axis in ("alpha_range", "beta_range"):
            if axis not in namespace:
                setattr(namespace, axis, both)
    settings = settings_from(KINDS[kind], namespace)
    ranks = Ranks.current()
    if ranks.world > 1 and namespace.out is None:
        raise IsolossError("under torchrun, give --out: processes started again find the run there")
    if ranks.rank > 0:
        return _follow([namespace.out])
    out = namespace.out or free_folder(Path("runs"), run_name(settings))
    prepared = None
    if not (out / "run.json").exists():
        prepared = prepare(settings)
    run = Run.create(out, settings)
    return _carry_on([run], as_json=namespace.json, prepared=prepared)


def _run(namespace: argparse.Namespace) -> int:
    from isoloss.compute.machine.ranks import Ranks
    from isoloss.run import Run

    if Ranks.current().rank > 0:
        return _follow(namespace.folders)
    return _carry_on([Run.open(f) for f in namespace.folders], as_json=namespace.json)


def _carry_on(runs: list[Any], *, as_json: bool, prepared: Any = None) -> int:
    from isoloss.compute.machine.memory import keep_freed_memory
    from isoloss.compute.machine.ranks import team

    _treat_termination_as_interrupt()
    keep_freed_memory()
    crew = team()
    code = FAILED
    try:
        code = _lead(runs, as_json, prepared)
    finally:
        crew.close(code)
        if crew.ranks.world > 1:
            _on_termination(lambda: None)  # torchrun may ask when the end is near anyway
    return code


def _lead(runs: list[Any], as_json: bool, prepared: Any) -> int:
    import time

    from isoloss.events import Failed, Paused, to_line
    from isoloss.terminal import ProgressBar
    from isoloss.work import carry_on

    for i, run in enumerate(runs):
        bar = ProgressBar(label=run.name if len(runs) > 1 else "")
        was_done = run.is_done
        try:
            for event in carry_on(run, prepared):
                if as_json:
                    print(to_line(event, time.time()), flush=True)
                else:
                    bar.show(event)
        except IsolossError as error:
            bar.close()
            print(f"isoloss: {error}", file=sys.stderr)
            _tell(runs[i + 1 :], Failed(f"not begun, since {run.name} before it failed"))
            return FAILED
        except KeyboardInterrupt:
            bar.close()
            _tell(runs[i + 1 :], Paused())
            print(f"paused; go on with: isoloss run {run.folder}", file=sys.stderr)
            return INTERRUPTED
        bar.close()
        _draw_figures(run)
        if not as_json:
            print(f"{run.name}: {run.folder}{' (was done already)' if was_done else ''}")
    return 0


def _draw_figures(run: Any) -> None:
    """Those of an attack, a defense or a certification; without them the run is as good."""
    from isoloss.settings import RobustnessSettings

    if not isinstance(run.settings, RobustnessSettings):
        return
    try:
        from isoloss.figures.robustness import write_usual

        for _ in write_usual(run.folder):
            pass
    except Exception as error:  # whatever is wrong with fonts, disks or old files
        print(f"isoloss: no figures of {run.name}: {error}", file=sys.stderr)


def _follow(folders: list[Path]) -> int:
    """What all ranks but 0 do: they end when rank 0 does, and say nothing but their own trouble."""
    from isoloss.compute.machine.memory import keep_freed_memory
    from isoloss.compute.machine.ranks import team
    from isoloss.work import follow

    keep_freed_memory()
    crew = team()
    _on_termination(crew.end_soon)
    try:
        for folder in folders:
            follow(folder)
    except IsolossError as error:
        print(f"isoloss: rank {crew.ranks.rank}: {error}", file=sys.stderr)
        return FAILED
    finally:
        crew.close()
    return 0


def _tell(runs: list[Any], event: Any) -> None:
    """Record `event` in runs that will not be begun; what is done or held is left alone."""
    for run in runs:
        with suppress(IsolossError), run.lock():
            if not run.is_done:
                run.emit(event)


def _treat_termination_as_interrupt() -> None:
    from isoloss.compute.machine.ranks import Ranks

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


def _demo(namespace: argparse.Namespace) -> int:
    from isoloss.cli import demo
    from isoloss.display import has_display

    out = namespace.out.expanduser().absolute()
    runs = demo.create(out)
    if not namespace.headless and has_display():
        demo.show(runs)
        return 0
    code = _carry_on(runs, as_json=False)
    if code == 0:
        for picture in demo.draw(runs, out):
            print(f"picture: {picture}")
    return code


def _view(namespace: argparse.Namespace) -> int:
    import gc
    import importlib

    # What is imported stays: to look for garbage among it would take a twentieth of the start, and
    # hold a frame up now and then.
    gc.disable()
    importlib.import_module("isoloss.app.opening")
    from isoloss.app import view

    gc.freeze()
    gc.enable()
    view(*namespace.paths)
    return 0


def _render(namespace: argparse.Namespace) -> int:
    import time

    from isoloss.cli.render_options import run_render
    from isoloss.events import Log, to_line
    from isoloss.terminal import ProgressBar

    _treat_termination_as_interrupt()
    bar = ProgressBar()
    try:
        for event in run_render(namespace):
            if isinstance(event, Path):
                bar.close()
                written = Log(f"wrote {event}")
                print(to_line(written, time.time()) if namespace.json else event, flush=True)
            elif namespace.json:
                print(to_line(event, time.time()), flush=True)
            else:
                bar.show(event)
    finally:
        bar.close()
    return 0


def _export(namespace: argparse.Namespace) -> int:
    from isoloss.geometry.files.reading import load

    print(load(namespace.path).save(namespace.out))
    return 0


def _info(namespace: argparse.Namespace) -> int:
    from isoloss.cli.describe import describe

    print(describe(namespace.path))
    return 0


def _bench(namespace: argparse.Namespace) -> int:
    if namespace.what == "view":
        from isoloss.bench.view import bench_view

        bench_view(as_json=namespace.json)
        return 0
    from isoloss.compute.machine.memory import keep_freed_memory

    keep_freed_memory()  # for all contestants
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
