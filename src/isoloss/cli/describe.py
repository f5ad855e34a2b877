"""What a file or a run folder holds, in a few lines."""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.events import ABOUT_DATA
from isoloss.geometry.analysis.barrier import barriers_in_words
from isoloss.geometry.analysis.beyond_chance import differs_in_words
from isoloss.geometry.analysis.centre import centre_in_words
from isoloss.geometry.analysis.difference import automatic_scale
from isoloss.geometry.analysis.quantities import quantities_of
from isoloss.geometry.analysis.roughness import roughness_in_words
from isoloss.geometry.files.reading import Tell, finished_file, load_telling, warn
from isoloss.geometry.findings import findings_of
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.height import clamped
from isoloss.geometry.surface import Surface
from isoloss.geometry.through_time import AtCheckpoint, at_each_checkpoint
from isoloss.geometry.ticks import number_label, told_apart
from isoloss.jobs.follow import FollowedRun
from isoloss.library.reading import seconds_spent
from isoloss.naming import duration
from isoloss.paths import exists, is_folder
from isoloss.results.robustness_files import evaluation_settings
from isoloss.results.sharpness import in_words as estimate_in_words
from isoloss.results.sharpness_files import read_sharpness
from isoloss.results.tables import (
    Row,
    average_radius_in_words,
    defense_in_words,
    read_report,
    read_table,
    without_repeats,
)
from isoloss.run import Run
from isoloss.run_folder import is_run
from isoloss.scene.document import Links
from isoloss.scene.files.session import SUFFIX, read_session
from isoloss.scene.texturing import shown_texture
from isoloss.settings import ImportSettings, TrainingSettings
from isoloss.settings.checkpoint_paths import in_natural_order
from isoloss.settings.source import data_set

# Settings that are worth a line even where they are the defaults.
FACTS = ("model", "data", "source")
# Parts of a surface's description that have lines of their own.
SAID_ELSEWHERE = (
    "range", "run", "title", "name", "findings", "centre", "loss", "outlines", "class_names",
    "quantity", "quantities", "barrier", "path_barrier", "lower_by", "differs", "earlier",
)  # fmt: skip
# Values of a surface's description that say nothing.
USUAL = {"planes": 1, "points_at_once": 1, "folded_batch_norms": 0}
# Names too long for their column.
IN_SHORT = {
    "explained_variance_ratio": "explained",
    "folded_batch_norms": "folded",
    "precision_audit": "audit",
    "precision_audit_error": "audit error",
    "precision_audit_noise": "audit noise",
}
ORTHOGONAL = 1e-6
MOST_LOOKED_AT = 100_000
"""Files below a folder among which images are looked for."""
NAMED = 10
"""So many classes are told by name."""


def describe(path: Path, tell: Tell = warn) -> str:
    """A summary of a surface file, a run folder, a session or data: a folder of images, or what
    `--data` takes.

    Args:
        tell: is called with one line for each trajectory that cannot be read.

    Raises:
        IsolossError: if it is none of them.
    """
    if not exists(path) and data_set(str(path)).kind != "unknown":
        return "\n".join(_data_lines(str(path)))
    if path.suffix.lower() == SUFFIX and not is_folder(path):
        return "\n".join(_session_lines(path, tell))
    if is_run(path):
        return "\n".join(_run_lines(Run.open(path), tell))
    if is_folder(path) and finished_file(path) is None and _has_class_folders(path):
        return "\n".join(_data_lines(f"imagefolder:{path}"))
    return "\n".join(_surface_lines(load_telling(path, tell), path))


def _has_class_folders(path: Path) -> bool:
    """Whether there are images in folders below a folder."""
    from isoloss.compute.data.folder_tree import IMAGE_SUFFIXES

    below = (file for pattern in ("*/*", "*/*/*", "*/*/*/*") for file in path.glob(pattern))
    first = islice(below, MOST_LOOKED_AT)
    return any(file.suffix.lower() in IMAGE_SUFFIXES for file in first)


def _data_lines(name: str) -> list[str]:
    """What a run says first of its data, and the names of the classes."""
    from isoloss.compute.data.datasets import load_dataset
    from isoloss.compute.data.in_words import facts_of

    dataset = load_dataset(name, read=False)
    facts = facts_of(dataset)
    if 0 < len(dataset.classes) <= NAMED:
        facts["classes"] += f": {', '.join(dataset.classes)}"
    return [f"data        {dataset.name}", *(f"  {k:<11} {text}" for k, text in facts.items())]


def _session_lines(path: Path, tell: Tell) -> list[str]:
    """What is open in it, what its viewports show, and where their cameras can go."""
    session = read_session(path)
    for remark in session.remarks:
        tell(remark)
    document = session.document
    lines = [f"session     {path.stem}"]
    for layer in document.layers:
        rows, columns = layer.surface.shape
        source = "" if layer.source is None else f", {layer.source}"
        lines.append(f"  layer       {layer.name}, {rows}×{columns}{source}")
    lines += [f"  curve       {curve}" for curve in session.curves]
    linked = [link.name for link in fields(Links) if getattr(document.links, link.name)]
    for k, view in enumerate(document.shown_views):
        shown = [layer.name for layer in document.layers if layer not in view.hidden]
        camera = view.camera
        turned = number_label(camera.azimuth), number_label(camera.elevation)
        seen = f"azimuth {turned[0]}, elevation {turned[1]}"
        texture = shown_texture(view.shown, view.appearance).name
        lines.append(f"  viewport {k + 1}  {', '.join(shown) or 'nothing'}; {texture}; {seen}")
    if document.arrangement > 1:
        lines.append(f"  linked      {', '.join(linked) or 'nothing'}")
    if document.cut is not None:
        cut = document.cut
        ends = [f"({number_label(a, 4)}, {number_label(b, 4)})" for a, b in (cut.start, cut.end)]
        lines.append(f"  slice       from {ends[0]} to {ends[1]}")
    views = ", ".join(saved.name for saved in document.saved_views)
    lines.append(f"  saved views {views or 'none'}")
    return lines + [f"  missing     {what}" for what in session.missing]


def _run_lines(run: Run, tell: Tell) -> list[str]:
    followed = FollowedRun(run)
    lines = [f"{run.settings.kind} run {run.folder}", f"  status      {followed.status}"]
    if followed.failure:
        lines.append(f"  cause       {followed.failure}")
    if followed.status == "done":
        lines[-1] += f" in {duration(seconds_spent(run))}"
    default = {n: f.default for n, f in type(run.settings).model_fields.items()}
    # Of a denoiser the size says which network it is.
    about_data = [m.removeprefix(ABOUT_DATA) for m in followed.log if m.startswith(ABOUT_DATA)]
    of_denoiser = isinstance(run.settings, TrainingSettings) and run.settings.task == "denoiser"
    facts = FACTS[1:] if of_denoiser else FACTS
    for name, value in run.settings.model_dump(mode="json").items():
        text = "×".join(map(str, value)) if name == "grid" else _in_words(value)
        if name == "checkpoints":
            names = run.environment.get("imported") or _names_of_checkpoints(run)
            text = f"{len(names)}, from {names[0]} to {names[-1]}"
        text = about_data[-1] if name == "data" and about_data else text
        asked_for = name in facts or getattr(run.settings, name) != default[name]
        if name != "kind" and text and asked_for:
            lines.append(f"  {name.replace('_', ' '):<11} {text}")
    if isinstance(run.settings, TrainingSettings) and followed.metrics:
        last = followed.metrics[-1]
        tested = (
            f"test loss {last.test_loss:.4g}"
            if math.isnan(last.test_accuracy)
            else f"test accuracy {100 * last.test_accuracy:.1f} %"
        )
        if not math.isnan(last.noisy_accuracy):
            tested += f", with noise {100 * last.noisy_accuracy:.1f} %"
        if not math.isnan(last.train_loss):
            tested = f"training loss {last.train_loss:.4g}, {tested}"
        is_tested = not math.isnan(last.test_loss)
        lines.append(f"  epoch       {last.epoch:g}" + (f", {tested}" if is_tested else ""))
    if run.settings.measures_curvature:
        lines += _sharpness_lines(run)
    if run.settings.is_robustness:
        lines += _robustness_lines(run, several_seeds=evaluation_settings(run).seeds > 1)
    if finished_file(run.folder) is not None or GrowingSurface.exists(run.growing_path):
        lines += _surface_lines(load_telling(run.folder, tell), run.folder)
    return lines


def _names_of_checkpoints(run: Run) -> list[str]:
    """Those of an import that has not read them yet, in the order that their names say."""
    asked = run.settings
    assert isinstance(asked, ImportSettings)
    paths = asked.checkpoints
    return [path.name for path in (paths if asked.order == "given" else in_natural_order(paths))]


def _sharpness_lines(run: Run) -> list[str]:
    """What is known of each network; of those along a training, in a line each."""
    found = read_sharpness(run)
    lines: list[str] = []
    for each in found:
        lines.append(f"  {each.place.in_words}: {', '.join(each.said)}")
    for quantity, of, estimate in found[0].rows() if len(found) == 1 else ():
        if not (quantity == "trace" and of):
            lines.append(f"  {f'{quantity} {of}'.strip():<22} {estimate_in_words(estimate)}")
    return lines


def _robustness_lines(run: Run, several_seeds: bool) -> list[str]:
    """The accuracies so far and, of a run that is done, the summary and the warnings."""
    lines: list[str] = []
    curves: dict[tuple[Any, ...], list[Row]] = {}
    if exists(run.table_path):
        for row in without_repeats(read_table(run.table_path)):
            curves.setdefault(row.curve, []).append(row)
    for rows in curves.values():
        first = rows[0]
        defense = defense_in_words(first.defense, first.sigma)
        behind = f"{first.network}, {defense}" if defense else first.network
        seed = f", seed {first.seed}" if several_seeds else ""
        text = "  ".join(f"{row.eps:.4g}: {100 * row.accuracy:.1f} %" for row in rows)
        if average := average_radius_in_words(rows):
            text += f"  average radius: {average}"
        lines.append(f"  {first.attack:<11} {behind}{seed}  {text}")
    if exists(run.report_path):
        report = read_report(run.report_path)
        lines += [f"  warning     {warning.message} [{warning.id}]" for warning in report.warnings]
        lines.append(f"  summary     {report.summary}")
    return lines


def _surface_lines(surface: Surface, path: Path) -> list[str]:
    rows, columns = surface.shape
    known = surface.loss[surface.computed]
    finite = known[np.isfinite(known)]
    computed = int(surface.computed.sum())
    if surface.is_curve:
        lines = [
            f"curve       {surface.title or path.name}",
            f"  points      {rows}, {computed} computed",
        ]
    else:
        lines = [
            f"surface     {surface.title or path.name}",
            f"  grid        {rows}×{columns}, {computed} cells computed",
        ]
    lines.append(f"  α           {_range(surface.alpha)}")
    if not surface.is_curve:
        lines.append(f"  β           {_range(surface.beta)}")
    if len(finite):
        kind = surface.meta.get("loss")
        named = str(surface.meta.get("quantity") or "loss")
        told = f" ({kind})" if kind and kind != named else ""
        lines.append(f"  {named:<11} {_range(finite)}{told}")
    if len(finite) < len(known):
        lines.append(f"  not finite  {len(known) - len(finite)} cells")
    if how := _scale_in_words(surface):
        lines.append(f"  heights     {how}")
    if np.isfinite(surface.accuracy).any():
        ends = (100 * float(f(surface.accuracy)) for f in (np.nanmin, np.nanmax))
        said = " … ".join(f"{end:.1f}".replace("-", "−") for end in ends)
        unit = "points" if surface.is_difference else "%"
        lines.append(f"  accuracy    {said} {unit}")
    if centre := centre_in_words(surface):
        lines.append(f"  centre      {centre}")
    for name, said in barriers_in_words(surface).items():
        lines.append(f"  {name:<11} {said}")
    lines += [f"  {name:<11} {text}" for name, text in roughness_in_words(surface).items()]
    if surface.spread is not None and np.isfinite(surface.spread).any():
        lines.append(f"  spread      {_range(surface.spread[np.isfinite(surface.spread)])}")
    for key, value in surface.meta.items():
        text = _in_words(value)
        if text and key not in SAID_ELSEWHERE and not _says_nothing(key, value):
            lines.append(f"  {IN_SHORT.get(key, key).replace('_', ' '):<11} {text}")
    if marked := differs_in_words(surface):
        lines.append(f"  differs     {marked}")
    for name, title in quantities_of(surface).items():
        values = surface.columns[name][np.isfinite(surface.columns[name])]
        if len(values):
            lines.append(f"  {title:<11} {_range(values)}")
    lines += map(_checkpoint_line, at_each_checkpoint(surface))
    for trajectory in surface.trajectories:
        name = f"{trajectory.name}, " if trajectory.name else ""
        lines.append(f"  trajectory  {name}{len(trajectory)} {trajectory.point}s")
    return lines + _finding_lines(surface)


def _checkpoint_line(at: AtCheckpoint) -> str:
    """The surface around one checkpoint of a training."""
    said = ["no finite loss"]
    if math.isfinite(at.lowest):
        place = f"α {number_label(at.alpha)}, β {number_label(at.beta)}"
        said = [f"lowest loss {number_label(at.lowest, 4)} at {place}"]
        said.append(f"highest {number_label(at.highest, 4)}")
    if math.isfinite(at.own_loss):
        said.insert(0, f"its checkpoint's loss {number_label(at.own_loss, 4)}")
    return f"  {f'epoch {number_label(at.epoch)}':<11} {', '.join(said)}"


def _finding_lines(surface: Surface) -> list[str]:
    """What the check of the network found, if there was one."""
    findings = findings_of(surface.meta)
    if findings is None:
        return []
    lines = [f"  {f.level:<11} {f.what}: {f.message}" for f in findings]
    return lines or ["  no findings"]


def _says_nothing(key: str, value: Any) -> bool:
    """Whether a fact is as it mostly is: principal components are orthogonal, but for rounding."""
    if key == "cosine" and isinstance(value, float):
        return abs(value) < ORTHOGONAL
    return key in USUAL and value == USUAL[key]


def _in_words(value: Any) -> str:
    """A value of a description as people write it; "" for nothing."""
    match value:
        case None | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return number_label(value, 4)
        case list() | tuple():
            return ", ".join(filter(None, map(_in_words, value)))
        case dict():
            named = ((str(k).replace("_", " "), _in_words(v)) for k, v in value.items())
            return ", ".join(f"{k} {text}" for k, text in named if text)
        case _:
            return str(value)


def _range(values: NDArray[np.float64]) -> str:
    ends = float(values.min()), float(values.max())
    return " … ".join(told_apart(end, ends[1] - ends[0], 4) for end in ends)


def _scale_in_words(surface: Surface) -> str:
    """How heights are drawn, where that does not go without saying."""
    scale = automatic_scale(surface)
    beyond = scale.beyond(surface.loss[surface.computed & np.isfinite(surface.loss)])
    above, below = int((beyond > 0).sum()), int((beyond < 0).sum())
    parts = [scale.words] if scale.words else []
    parts += [f"{below} cells {clamped(scale, '<')}"] if below else []
    parts += [f"{above} cells {clamped(scale, '>')}"] if above else []
    return "; ".join(parts)
