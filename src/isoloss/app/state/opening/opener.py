"""Opening surfaces, curves, run folders and sessions in a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from isoloss.app.state.config import RECENT
from isoloss.app.state.opening.handed_over import PASSING
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.state.runs.run_layers import open_quantities, show_defended
from isoloss.app.state.session.session_words import in_words
from isoloss.app.state.workspace import Workspace
from isoloss.errors import IsolossError
from isoloss.geometry.files.formats import format_of
from isoloss.geometry.files.reading import (
    finished_file,
    is_trajectory,
    load_telling,
)
from isoloss.jobs.follow import FollowedRun
from isoloss.naming import capitalized, printable
from isoloss.paths import is_file, is_folder
from isoloss.resources import resource_folder
from isoloss.run import Run
from isoloss.run_folder import TABLE, is_run
from isoloss.scene.files.given import sort_out
from isoloss.scene.files.session import SUFFIX, read_session
from isoloss.scene.files.session_content import MOST_LAYERS
from isoloss.scene.layer import SurfaceLayer
from isoloss.settings import TrainingSettings
from isoloss.settings.checkpoint_paths import holds_checkpoints, is_checkpoint


def samples() -> list[Path]:
    """The sample surfaces that ship."""
    found = sorted((resource_folder("data") / "surfaces").glob("*.ply"))
    return [p for p in found if not is_trajectory(p)]


def open_all(workspace: Workspace, paths: Sequence[Path]) -> None:
    """Open what the command line named.

    Raises:
        IsolossError: the first thing wrong, if nothing could be opened.
    """
    wanted, problems = _wanted(workspace, paths), list[IsolossError]()
    for k, path in enumerate(wanted):
        try:
            load(workspace, path, remember=k >= len(wanted) - RECENT)
        except IsolossError as error:
            problems.append(error)
    if problems and len(problems) == len(wanted):
        raise problems[0]
    for problem in problems:
        workspace.messages.say(str(problem), "error")


def open_paths(workspace: Workspace, paths: Sequence[Path], *, remember: bool = True) -> bool:
    """Open what was dropped or chosen; what is wrong becomes a notification. Returns whether
    anything could be read."""
    try:
        wanted = _wanted(workspace, paths)
    except IsolossError as error:
        workspace.messages.say(str(error), "error")
        return False
    recent = len(wanted) - RECENT if remember else len(wanted)
    opened = [_is_opened(workspace, path, k >= recent) for k, path in enumerate(wanted)]
    return any(opened)


def open_path(workspace: Workspace, path: Path, *, remember: bool = True) -> bool:
    """As `open_paths`, of one."""
    return open_paths(workspace, [path], remember=remember)


def _wanted(workspace: Workspace, paths: Sequence[Path]) -> list[Path]:
    """Of what was named, what is to be opened, in this order; what is left out is said."""
    if not paths:
        return []
    given = sort_out(list(map(_whole, paths)), "open")
    for remark in given.remarks:
        workspace.messages.say(capitalized(remark))
    # A session takes the place of what is open: it comes first.
    wanted = sorted(given.paths, key=lambda path: path.suffix != SUFFIX)
    room = max(MOST_LAYERS - len(workspace.document.layers), 0)
    if len(wanted) > room:
        workspace.messages.say(
            f"{len(wanted)} surfaces are more than there is room for: {room or 'none'} of them "
            f"{'is' if room == 1 else 'are'} opened, for a session holds {MOST_LAYERS}",
            "warning",
        )
    return wanted[:room]


def _whole(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:  # "~nobody" has no home
        return path.absolute()


def _is_opened(workspace: Workspace, path: Path, remember: bool) -> bool:
    try:
        load(workspace, path, remember=remember)
    except IsolossError as error:
        workspace.messages.say(str(error), "error")
        return False
    except Exception as error:  # a hostile file must never take the window along
        workspace.messages.say(f"cannot read {path}: {type(error).__name__}: {error}", "error")
        return False
    workspace.messages.say(f"Opened {path}", notify=False)
    return True


def load(workspace: Workspace, path: Path, *, remember: bool = True) -> None:
    """Open a surface file, a curve file, a run folder or a session.

    Args:
        remember: whether it is to be among the recent ones.

    Raises:
        IsolossError: if there is nothing readable.
    """
    path = _whole(path)
    if path.suffix == SUFFIX:
        _load_session(workspace, path)
    elif is_run(path):
        _load_run(workspace, path)
    elif path.name == TABLE and is_run(path.parent):
        _load_run(workspace, path.parent)
    elif format_of(path) is None and _is_of_checkpoints(path):
        raise IsolossError(
            f"{path} holds tensors, no surface: probe a network, probe along the directions of a "
            "plane, or import the checkpoints of a training together (Experiments)"
        )
    else:
        _load_file(workspace, path)
    if remember and not path.parent.name.startswith(PASSING):
        workspace.preferences.remember(path)


def _load_file(workspace: Workspace, path: Path) -> None:
    problems: list[str] = []
    surface = load_telling(path, problems.append)
    stem = path.stem if path.stem not in ("surface", "curve") else path.parent.name
    name = printable(stem or path.parent.name)
    if surface.is_curve:
        curve = workspace.curves.of(path) or OpenCurve(name, surface, path)
        curve.become(surface)
        workspace.curves.show(curve)
        return
    layers = workspace.scene.layers
    known = next((x for x in layers if x.source == path and not x.quantity), None)
    layer = known or SurfaceLayer(name, surface)
    layer.take(surface)
    layer.source, layer.trajectories = path, surface.trajectories
    for problem in problems:
        workspace.messages.say(problem, "warning")
    workspace.show(layer)
    open_quantities(workspace.document, layer)


def _load_run(workspace: Workspace, folder: Path) -> None:
    run = Run.open(folder)
    followed = workspace.runs.follow(run)
    if run.settings.is_robustness:
        workspace.show_evaluation(followed)
        return
    if run.settings.measures_curvature:
        workspace.show_plots(followed)
        return
    if isinstance(run.settings, TrainingSettings):
        workspace.messages.say(f"{run.name} is a training run: probe it to see its surface")
        return
    workspace.show_surface(followed)
    workspace.update()
    live = next((x for x in workspace.live if x.followed is followed), None)
    if live is not None and live.layer is not None:
        workspace.show(live.layer)
        show_defended(workspace.document, folder)
    elif live is not None and live.curve is not None:
        workspace.curves.show(live.curve)
    else:
        workspace.messages.say(f"{run.name} has no surface yet: it appears here once it has")


def _is_of_checkpoints(path: Path) -> bool:
    """Whether a path is that of a checkpoint, or of a folder of them."""
    if is_folder(path) and finished_file(path) is None:
        with suppress(IsolossError):
            return holds_checkpoints(path) or is_checkpoint(path)
        return False
    return is_file(path) and path.suffix != "" and is_checkpoint(path)


def _load_session(workspace: Workspace, path: Path) -> None:
    """Show what is in a session file in place of what is open, which undo brings back.

    Raises:
        IsolossError: it is no session, or nothing of what it names can be read.
    """
    try:
        session = read_session(path)
    except IsolossError as error:
        raise IsolossError(in_words(str(error))) from error
    workspace.document.restore(session.document.state())
    workspace.document.active = session.document.active
    workspace.document.link()
    workspace.close_plots()
    for source in [*session.curves, *session.evaluations]:
        load(workspace, source, remember=False)
    workspace.comparison.restore(session.comparison)
    workspace.after_restoring()
    for line in session.remarks:
        workspace.messages.say(line, "warning")
    for line in session.missing:
        workspace.messages.say(f"Left out of {path.stem}: {in_words(line)}", "warning")
    workspace.session.was_opened(path, whole=not session.missing)


def show_again(workspace: Workspace, followed: FollowedRun) -> None:
    """Bring what a run has found to the front, opening it if need be."""
    if followed.run.settings.is_robustness:
        workspace.show_evaluation(followed)
        return
    if followed.run.settings.measures_curvature:
        workspace.show_plots(followed)
        return
    folder = followed.run.folder
    curve = workspace.curves.of(folder)
    layers = workspace.scene.layers
    layer = next((x for x in layers if x.source == folder and not x.quantity), None)
    if curve is not None:
        workspace.curves.show(curve)
    elif layer is not None:
        workspace.show(layer)
        show_defended(workspace.document, folder)
    else:
        workspace.live = [live for live in workspace.live if live.followed is not followed]
        open_path(workspace, folder)
