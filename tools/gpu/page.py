"""What was measured, as the part of docs/benchmarks.md about GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- gpu -->", "<!-- end of gpu -->"
Report = dict[str, Any]


def write(page: Path, report: Report) -> None:
    """Put a report between the marks in a page.

    Raises:
        SystemExit: if it has none, or nothing was measured.
    """
    whole = page.read_text(encoding="utf-8")
    if BEGIN not in whole or END not in whole:
        raise SystemExit(f"{page} has no marks {BEGIN} … {END}")
    if not isinstance(report.get("machine"), dict):
        raise SystemExit("the report says of no machine: run the part 'machine' too")
    filled = "\n".join([BEGIN, *lines(report), END])
    found = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.S)
    page.write_text(found.sub(lambda _: filled, whole, count=1), encoding="utf-8")


def lines(report: Report) -> Iterator[str]:
    machine = report["machine"]
    yield (
        f"{machine['device']}, PyTorch {machine['torch']}, CUDA {machine['cuda']}, "
        f"{machine['data']}; `tools/measure_gpu.py`. Products of bf16 matrices: "
        f"{machine['bf16_tflops']:g} TFLOP/s; "
        f"copying: {machine['copy_tb_s']:g} TB/s. *Default* is PyTorch's own precision, tf32 in "
        "convolutions."
    )
    for title, name, tell in (
        ("Against the CPU in fp32", "correct", _correct),
        ("What was feared", "faults", _faults),
        ("Images a second", "rates", _rates),
        ("To within 1 % of the range", "surfaces", _surfaces),
        ("PGD", "pgd", _attacks),
        ("Behind noise", "behind_noise", _attacks),
        ("Square", "random_search", _flat),
        ("Training", "training", _flat),
        ("Training a denoiser", "denoiser_training", _flat),
        ("Killed and resumed", "kill_and_resume", _flat),
        ("Sharpness", "sharpness", _sharpness),
        ("Drawing", "rendering", _rendering),
    ):
        found = report.get(name)
        if found is None:
            continue
        yield from ("", f"### {title}, on a GPU", "")
        if isinstance(found, dict) and "error" not in found:
            yield from tell(found)
        else:
            yield f"Not measured: {found['error'] if isinstance(found, dict) else found}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "" if value is None else str(value)


def _correct(found: Report) -> Iterator[str]:
    yield from _table(
        ["network, precision", "worst loss, relative", "twice the same", "replays bit for bit"],
        [
            [name, row["worst_relative_to_cpu_fp32"], row["a_point_twice_is_the_same"],
             row["replays_equal_eager_bit_for_bit"]]
            for name, row in found.items()
        ],
    )  # fmt: skip


def _faults(found: Report) -> Iterator[str]:
    yield from _table(["checked", "found"], [*found.items()])


def _rates(found: Report) -> Iterator[str]:
    yield from _table(
        ["network, precision", "engine", "floor", "of floor", "classic loop", "resident loop"],
        [
            [name, *map(row.get, ("engine", "floor", "of_floor", "loop", "resident_loop"))]
            for name, row in found.items()
        ],
    )


def _surfaces(found: Report) -> Iterator[str]:
    yield from _table(
        ["network", "grid", "precision", "evaluations", "fewer", "seconds", "first surface",
         "loop, seconds", "worst error", "peak reserved, GiB"],
        [
            [name, f"{s['grid']}×{s['grid']}", s["precision"], s["evaluations"], s["fewer"],
             s["seconds"] if s["finished"] else f"not within {s['seconds']:.0f}",
             s.get("coarse_seconds"), s["loop_seconds"], s.get("worst_error"),
             s["gib"].get("peak_reserved")]
            for name, s in found.items()
        ],
    )  # fmt: skip


def _attacks(found: Report) -> Iterator[str]:
    rows = [
        [what, row["name"], row["precision"], row["rate"], row.get("ratio"), row.get("found")]
        for what, listed in found.items()
        if isinstance(listed, list)
        for row in listed
    ]
    yield from _table(["work", "program", "precision", "a second", "ratio", "successes"], rows)


def _sharpness(found: Report) -> Iterator[str]:
    yield from _table(
        ["network", "samples a second", "of a loop's", "peak reserved, GiB", "from the CPU's λ"],
        [
            [name, row["rate"], row["of_loop"], row["gib"].get("peak_reserved"),
             row.get("eigenvalue_relative_to_cpu")]
            for name, row in found.items()
        ],
    )  # fmt: skip


def _flat(found: Report) -> Iterator[str]:
    yield from _table(
        ["what", "measured"], [[k, v] for k, v in found.items() if not isinstance(v, dict)]
    )


def _rendering(found: Report) -> Iterator[str]:
    yield from _table(
        ["surface", "renderer", "orbit, ms", "first, s", "whole, s"],
        [
            [name, row["renderer"], row["orbit"]["median"], row["first"], row["whole"]]
            for name, row in found.items()
        ],
    )
