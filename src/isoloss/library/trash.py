"""The system's trash: where a run goes that nobody wants, and from where it can be fetched back."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from isoloss.errors import IsolossError
from isoloss.paths import exists
from isoloss.run import Run
from isoloss.run_folder import is_run


def to_trash(folder: Path) -> None:
    """Move a run's folder to the trash.

    Raises:
        IsolossError: if a process is at work on it, or there is no trash that takes it.
    """
    folder = folder.absolute()
    folder = folder.parent.resolve() / folder.name  # the disk that it lies on, past all links
    if is_run(folder):
        _require_idle(folder)
    try:
        match sys.platform:
            case "win32":
                _on_windows(folder)
            case "darwin":
                _moved(folder, Path.home() / ".Trash")
            case _:
                _as_freedesktop(folder)
    except OSError as error:
        why = error.strerror or error
        raise IsolossError(f"cannot move {folder} to the trash: {why}") from error


def _require_idle(folder: Path) -> None:
    try:
        held = Run.open(folder).is_held
    except IsolossError:
        held = False  # what is damaged is nobody's
    if held:
        raise IsolossError(f"{folder} is at work: cancel it first")


def _as_freedesktop(folder: Path) -> None:
    """As https://specifications.freedesktop.org/trash-spec says: into the home trash, or that of
    the disk on which the folder lies."""
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "Trash"
    trash = home if _device(home) == folder.lstat().st_dev else _trash_of_disk(folder)
    top = None if trash == home else trash.parent
    (trash / "info").mkdir(parents=True, exist_ok=True, mode=0o700)
    (trash / "files").mkdir(exist_ok=True, mode=0o700)
    said = folder if top is None else folder.relative_to(top)
    note = f"[Trash Info]\nPath={quote(os.fsencode(said))}\n"
    note += f"DeletionDate={datetime.now().strftime('%Y-%m-%dT%H:%M:%S')}\n"
    name, n = folder.name, 1
    while True:
        info = trash / "info" / f"{name}.trashinfo"
        try:
            with info.open("x", encoding="utf-8") as file:  # whoever makes it has the name
                file.write(note)
            break
        except FileExistsError:
            n += 1
            name = f"{folder.name} {n}"
    try:
        folder.rename(trash / "files" / name)
    except OSError:
        info.unlink(missing_ok=True)
        raise


def _device(folder: Path) -> int | None:
    """The disk on which a folder lies, or would if it were made."""
    while not exists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder.stat().st_dev


def _trash_of_disk(folder: Path) -> Path:
    top = folder
    while not os.path.ismount(top):
        top = top.parent
    return top / f".Trash-{os.getuid()}"


def _moved(folder: Path, trash: Path) -> None:
    """Into a trash that is a plain folder, under a name that is free."""
    target, n = trash / folder.name, 1
    while exists(target):
        n += 1
        target = trash / f"{folder.name} {n}"
    folder.rename(target)


def _on_windows(folder: Path) -> None:
    command = (
        "Add-Type -AssemblyName Microsoft.VisualBasic; "
        "[Microsoft.VisualBasic.FileIO.FileSystem]::DeleteDirectory("
        "$env:ISOLOSS_FOLDER, 'OnlyErrorDialogs', 'SendToRecycleBin')"
    )
    done = subprocess.run(
        ["powershell", "-NoProfile", "-NonInteractive", "-Command", command],
        env={**os.environ, "ISOLOSS_FOLDER": str(folder)},  # for any quote would end a literal
        capture_output=True,
        check=False,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip() or "Windows refused")
