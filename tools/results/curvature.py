"""Curvature as isoloss and PyHessian find it, as `isoloss bench curvature --json` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from results.writing import table

PEERS = (("isoloss", "isoloss"), ("peer", "PyHessian"))


def beside_pyhessian(benches: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A row a program and number of images."""
    rows = []
    for bench in sorted(benches, key=lambda bench: bench["curvature"][0]["images"]):
        (figures,) = bench["curvature"]
        faster = figures["ratios"]
        for key, name in PEERS:
            found, is_own = figures[key], key == "isoloss"
            rows.append([
                f"{figures['images']:,}", name,
                f"{found['eigenvalue']:.5g}, {100 * found['error']:.2g} % off",
                f"{found['eigenvalue_seconds']:.0f} s",
                f"{faster['eigenvalue']:.1f}" if is_own else "",
                f"{found['trace']:.1f} ± {found['stderr']:.1f}, {found['probes']} directions",
                f"{found['trace_seconds']:.0f} s",
                f"{faster['trace']:.1f}, to the same error {faster['trace_at_equal_error']:.1f}"
                if is_own else "",
            ])  # fmt: skip
    head = ["images", "program", "λmax", "took", "× PyHessian", "trace", "took", "× PyHessian"]
    yield from table(head, rows)
