"""The command line's verbs and their options."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from isoloss.cli.exit_codes import WRONG_REQUEST
from isoloss.cli.typed_path import path_of
from isoloss.naming import listed
from isoloss.version import __version__

OPENED = "Files, run folders, folders of them, or patterns such as 'data/*.ply'"


class Parser(argparse.ArgumentParser):
    """Refuses in one line.

    Attributes:
        verbs: the names of all verbs.
    """

    verbs: Collection[str] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # So that "--range -1e-3 1" is read as two numbers, which argparse learnt in Python 3.14.
        number = r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$"
        self._negative_number_matcher = re.compile(number, re.IGNORECASE)

    def error(self, message: str) -> Any:
        """Refuse the command line, saying how to find out what it takes."""
        lacks = message.partition("arguments are required: ")[2]
        if lacks:
            verb = self.prog.removeprefix("isoloss ")
            message = f"{verb} needs {listed(lacks.split(', '), 'and')}"
        hint = "" if "--help" in message else f"; '{self.prog} --help' shows how"
        print(f"isoloss: {message}{hint}", file=sys.stderr)
        raise SystemExit(WRONG_REQUEST)


def parser_for(arguments: Sequence[str]) -> Parser:
    """The parser of a command line; `verb` of what it parses is a verb's name."""
    parser = Parser(
        prog="isoloss",
        description="See and probe the loss landscapes of your own networks. "
        "Without a verb, opens the window on the files and run folders named.",
    )
    parser.add_argument("--version", action="version", version=f"isoloss {__version__}")
    parser.set_defaults(verb="view", paths=[], passing=None)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(verb=name)
        return sub

    sub = add("demo", "Train a network, probe its landscape and show it")
    sub.add_argument("--headless", action="store_true", help="Write pictures, open no window")
    sub.add_argument("--out", type=path_of, default=Path("runs/demo"), help="Folder [runs/demo]")

    # Models and enumerations cost time to import: only the verb that is called pays.
    called = next((a for a in arguments if not a.startswith("-")), "")
    for name, text in (
        ("train", "Train a network and keep its trajectory"),
        ("import", "Make a training run of checkpoints of one's own"),
        ("probe", "Evaluate a network's loss over a plane, of its parameters or through an image"),
        ("sharpness", "Find how the loss curves and rises around networks"),
        ("attack", "Attack networks: accuracy against ε"),
        ("defend", "Attack networks behind noise and a denoiser"),
        ("certify", "Certify networks behind noise: certified accuracy against radius"),
    ):
        sub = add(name, text)
        if called == name:
            _add_settings(sub, _kind(name, arguments))
    sub = add("run", "Resume runs: does what is missing, in order")
    sub.add_argument("folders", type=path_of, nargs="+", metavar="DIR", help="Run folders")
    _add_elsewhere(sub)
    _add_nice(sub)
    _add_json(sub)

    sub = add("view", "Open surfaces, runs and sessions in the window")
    sub.add_argument("paths", type=path_of, nargs="*", metavar="PATH", help=OPENED)
    sub.add_argument("--passing", type=path_of, help=argparse.SUPPRESS)
    sub = add("render", "Draw a picture, figure or movie, with or without a display")
    if called == "render":
        from isoloss.cli.render_options import add_render_options

        add_render_options(sub)
    sub = add("export", "Write what there is to see as a page, a model, or in another format")
    if called == "export":
        from isoloss.cli.export_verb import add_export_options

        add_export_options(sub)
    sub = add("mean", "Put surfaces together: their mean and spread, or where two sets differ")
    if called == "mean":
        from isoloss.cli.mean_verb import add_mean_options

        add_mean_options(sub)
    sub = add("info", "Say what a file or run folder holds")
    sub.add_argument("paths", type=path_of, nargs="+", metavar="PATH", help=OPENED)
    sub = add("runs", "List runs: what they are, what they came to, how they differ")
    sub.add_argument(
        "words", nargs="*", metavar="FOLDER|WORD",
        help="Folders with runs [runs], and what the runs have: words, kind:probe, state:failed, "
        "tag:paper, accuracy>0.9, lr<0.1, size>1GB, date>=2026-11; all must hold",
    )  # fmt: skip
    sub.add_argument(
        "--sort", metavar="FIELD",
        help="By name, kind, date, network, data, state, figure, size, time, or any figure or "
        "setting; numbers from the largest [date]",
    )  # fmt: skip
    sub.add_argument("--reverse", action="store_true", help="The other way round")
    sub.add_argument("--json", action="store_true", help="Print a line of JSON for each run")
    if called == "runs":
        _add_edits(sub)
    sub = add("compare", "Compare runs: curves on one axis, what differs and what resulted")
    if called == "compare":
        from isoloss.cli.compare_verb import add_compare_options

        add_compare_options(sub)
    sub = add("queue", "Runs that wait until a device is free: list, add, reorder, work off")
    sub.add_argument(
        "folders", type=path_of, nargs="*", metavar="DIR", help="Runs that are to wait"
    )
    sub.add_argument("--first", action="store_true", help="They are the next")
    sub.add_argument("--remove", action="store_true", help="They are not to wait any longer")
    sub.add_argument(
        "--at-once", nargs=2, metavar=("DEVICE", "N"), help="Jobs at once on a device [1 each]"
    )
    sub.add_argument("--work", action="store_true", help="Begin what is due until nothing waits")
    _add_nice(sub)
    sub = add("bench", "Measure speed beside peers on the same work")
    sub.add_argument(
        "what", choices=["probe", "attack", "curvature", "view"], help="What to measure"
    )
    sub.add_argument("--json", action="store_true", help="Print the figures as JSON")
    sub.add_argument(
        "--run", type=path_of, nargs="+", action="extend", default=[], metavar="DIR",
        help="Measure on these training runs [a small CNN, VGG-11 and ResNet-50 on digits; of "
        "curvature the shipped classifier]",
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
        "each network; for PyHessian's trace [60]",
    )  # fmt: skip
    sub.add_argument(
        "--checked", type=int, default=6, metavar="N",
        help="Random cells of it compared with all images in fp32 [6]",
    )  # fmt: skip
    parser.verbs = verbs.choices
    return parser


def _kind(verb: str, arguments: Sequence[str]) -> str:
    """The kind of run that a verb begins: of a probe that follows from what is probed."""
    asked = " ".join(arguments)
    is_input = verb == "probe" and re.search(r"(^| )--space[ =]input( |$)", asked) is not None
    return "probe-input" if is_input else verb


def _add_settings(parser: argparse.ArgumentParser, kind: str) -> None:
    from isoloss.cli.options import add_options
    from isoloss.settings import KINDS

    add_options(parser, KINDS[kind])
    if kind == "certify":  # refused in words, not as unknown
        parser.add_argument("--purify", nargs="*", help=argparse.SUPPRESS)
    if KINDS[kind].leaves_surface:
        parser.add_argument(
            "--range", nargs=2, metavar=("LO", "HI"), help="Of both α and β, where not given alone"
        )
        parser.add_argument(
            "--space", choices=["parameters", "input"],
            help="What moves: the network's parameters, or the image that it sees, of which "
            "'isoloss probe --space input --help' tells [parameters]",
        )  # fmt: skip
    parser.add_argument("--out", type=path_of, help="The run's folder [runs/… of a free name]")
    from isoloss.settings.presets import presets_for

    known = ", ".join(preset.name for preset in presets_for(kind))
    parser.add_argument(
        "--preset", metavar="NAME", help=f"Ask for what a preset says, where not said here: {known}"
    )
    parser.add_argument(
        "--sweep", nargs="+", action="extend", metavar="FIELD=VALUES",
        help="A run for each combination of several values: lr=0.1,0.01 seed=0..4; values with "
        "commas in them are apart by ;",
    )  # fmt: skip
    parser.add_argument(
        "--estimate", action="store_true",
        help="Begin no run: try for a second, and say about how long it takes",
    )  # fmt: skip
    parser.add_argument(
        "--queue", action="store_true", help="Begin it when the device is free (isoloss queue)"
    )
    parser.set_defaults(kind=kind)
    _add_nice(parser)
    _add_json(parser)


def _add_edits(parser: argparse.ArgumentParser) -> None:
    """Options that change what is said of the runs found, or put them away."""
    from isoloss.cli.runs_editing import EDITS

    group = parser.add_argument_group("what is done to the runs found, in place of listing them")
    more: dict[str, dict[str, Any]] = {
        "tag": {"nargs": "+", "metavar": "TAG"},
        "untag": {"nargs": "+", "metavar": "TAG"},
        "note": {"metavar": "TEXT"},
        "name": {"metavar": "NAME"},
        "favourite": {"choices": ("yes", "no")},
        "trash": {"action": "store_true"},
    }
    for name, text in EDITS.items():
        group.add_argument(f"--{name}", help=text, **more[name])


def _add_elsewhere(parser: argparse.ArgumentParser) -> None:
    """Options that say where what a run was asked for lies now, if its folder was copied here."""
    for name, several, what in (
        ("source", False, "The network, a training run or a checkpoint,"),
        ("also", True, "The further networks or training runs, all of them,"),
        ("to", False, "The other network of an interpolation, or of a path,"),
        ("third", False, "The third network of a plane"),
        ("directions", False, "The file of directions"),
        ("checkpoints", True, "The checkpoints, all of them,"),
        ("denoiser", False, "The denoiser"),
        ("data", False, "The data"),
        ("begin", False, "The training run at the start of a path"),
    ):
        parser.add_argument(
            f"--{name}", nargs="+" if several else None, metavar=name.upper(),
            help=f"{what} of a run that was copied here, where it does not lie as it did there",
        )  # fmt: skip
    parser.add_argument("--key", metavar="KEY", help="Which network to take of that --source")


def _add_nice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--nice", action=argparse.BooleanOptionalAction,
        help="Leave the processors to other programs [no; the window's jobs do]",
    )  # fmt: skip


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print events as lines of JSON")
