"""What is kept of a run: its `run.json`, how long it took, and what it came to."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isoloss.geometry.analysis.barrier import barriers_in_words
from isoloss.geometry.analysis.roughness import roughness_in_words
from isoloss.geometry.files.reading import load_alone
from isoloss.geometry.findings import findings_of
from isoloss.jobs.follow import RunState
from isoloss.library.reading import samples_said, seconds_spent
from isoloss.results.robustness_files import RobustnessFiles
from isoloss.results.sharpness_files import read_sharpness
from isoloss.results.tables import Row
from isoloss.results.worst_case import right_by_image
from isoloss.run import Run
from isoloss.run_folder import RUN
from isoloss.settings.attack_kinds import WORST

Kept = dict[str, Any]


def kept_of(run: Run) -> Kept:
    """Of a run that is done."""
    state = RunState()
    for _, event in run.events():
        state.take(event)
    kind = run.settings.kind
    found = _of_training(state) if kind == "train" else {}
    if kind in ("probe", "probe-input"):
        found = _of_surface(run)
    elif kind == "sharpness":
        found = {"rows": [
            {"network": each.place.network, "quantity": quantity, "of": of, **asdict(estimate)}
            for each in read_sharpness(run) for quantity, of, estimate in each.rows()
        ]}  # fmt: skip
    elif run.settings.is_robustness:
        files = RobustnessFiles()
        files.read(run)
        warnings = [warning.message for warning in files.warnings]
        found = {"rows": [asdict(row) for row in files.rows], "warnings": warnings}
        if kind in ("attack", "defend"):
            found["right"] = _of_images(files.rows, run)
    return _plain({
        "run": json.loads((run.folder / RUN).read_text(encoding="utf-8")),
        "seconds": round(seconds_spent(run), 1),
        "device": run.environment.get("device", ""),
        "found": found,
    })  # fmt: skip


def _of_training(state: RunState) -> Kept:
    if not state.metrics:
        return {}
    _, test = samples_said(state.log) or (0, 0)  # earlier versions did not say it
    last = state.metrics[-1]
    if not math.isfinite(last.test_accuracy):
        return {}
    right = round(last.test_accuracy * test)
    return {"epoch": last.epoch, "accuracy": last.test_accuracy} | (
        {"right": right, "test_images": test} if test else {}
    )


def _of_surface(run: Run) -> Kept:
    surface = load_alone(run.folder)
    known = surface.loss[surface.computed]
    return {
        "grid": list(surface.shape),
        "lowest": float(known.min()), "highest": float(known.max()),
        "explained": surface.explained_variance,
        "centre": surface.meta.get("centre"),
        "warnings": [f.message for f in findings_of(surface.meta) or [] if f.level == "warning"],
        "said": roughness_in_words(surface) | barriers_in_words(surface),
    }  # fmt: skip


def _of_images(rows: list[Row], run: Run) -> list[Kept]:
    """Which images are right under all attacks of the run, so that those of others join them."""
    found = []
    for curve, by_radius in right_by_image(rows, run.outcomes_path).items():
        network, _, sigma, attack, *_ = curve
        if attack == WORST:
            beside = [row for row in rows if row.curve[:3] == curve[:3] and not row.is_worst_case]
            found.append({
                "network": network, "sigma": None if sigma < 0 else sigma,
                "attacks": [*dict.fromkeys(row.attack for row in beside)],
                "images": list(by_radius[0.0][0]),
                "right": {
                    str(eps): "".join(str(int(bit)) for bit in bits)
                    for eps, (_, bits) in by_radius.items()
                },
            })  # fmt: skip
    return found


def _plain(kept: Kept) -> Kept:
    """As JSON has it, elsewhere too."""
    text = json.dumps(kept, default=str).replace("NaN", "null").replace("-Infinity", "null")
    return json.loads(without_folders(text.replace("Infinity", "null")))


def without_folders(text: str) -> str:
    """JSON with names in place of the paths on this machine."""
    return re.sub(r'(?<=[":])/(?!/)(?:[^/"]+/)*', "", text)


def done_runs(folders: list[Path]) -> dict[str, Run]:
    """The runs in these folders that are done, by their names; the first of a name."""
    found: dict[str, Run] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"*/{RUN}")):
            run = Run.open(path.parent)
            if run.is_done:
                found.setdefault(path.parent.name, run)
    return found
