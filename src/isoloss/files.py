"""Writing files so that a crash, a kill or a full disk leaves the old one or the new one whole."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from isoloss.errors import IsolossError
from isoloss.paths import exists, is_file, is_folder

_PARTIAL = ".partial-"
_LONGEST_SUFFIX = 32
"""What is longer says no format, and might make the temporary name too long."""


def nothing_at(path: Path | str, what: str = "file or folder") -> IsolossError:
    """What to raise where what somebody named is not there, or may not be looked at."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        pass
    except OSError as error:
        return IsolossError(f"cannot read {path}: {error.strerror or error}")
    return IsolossError(f"there is no {what} {path}")


def check_readable(path: Path) -> None:
    """Refuse what cannot be read to its end, before it is opened: a pipe would make us wait.

    Raises:
        IsolossError: nothing is there, or a folder, a pipe, a device, or a file without content.
    """
    if not exists(path):
        raise nothing_at(path)
    if is_folder(path):
        raise IsolossError(f"{path} is a folder, not a file")
    if not is_file(path):
        raise IsolossError(f"{path} is no file but a pipe or a device")
    if path.stat().st_size == 0:
        raise IsolossError(f"{path} is empty")


def entries(folder: Path) -> list[Path]:
    """What lies in a folder.

    Raises:
        IsolossError: if it cannot be listed.
    """
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise IsolossError(f"cannot read the folder {folder}: {error.strerror or error}") from error


def is_plain_file(path: Path, largest: int) -> bool:
    """Whether there is a file of at most `largest` bytes at `path`, which to read neither waits,
    as for a pipe, nor fills the memory; never raises."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size <= largest


def as_object(content: Any) -> dict[str, Any]:
    """A JSON object; anything else counts as an empty one."""
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def check_parent(path: Path) -> None:
    """Refuse to write where there is no folder, before what is to be written is made.

    Raises:
        IsolossError: naming the folder.
    """
    parent = path.expanduser().absolute().parent
    if not is_folder(parent):
        raise IsolossError(f"cannot write {path}: {nothing_at(parent, 'folder')}")


def write_atomic(path: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    Raises:
        IsolossError: as `replacing` does.
    """
    with replacing(path) as temporary:
        write(temporary)
    return path


def append_line(path: Path, line: str) -> None:
    """Append a line to a file, whole or so that the next one begins on a line of its own: what a
    full disk or a kill cuts short is read as one damaged line.

    Args:
        line: without the newline.

    Raises:
        IsolossError: if the disk is full or the folder gone.
    """
    content = f"{line}\n".encode()
    try:
        with path.open("ab+", buffering=0) as file:
            if file.seek(0, os.SEEK_END) > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    content = b"\n" + content
            # One write of one whole line: a reader never meets two of them interleaved.
            if file.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise IsolossError(f"cannot write {path}: {error.strerror}") from error


def put_on_disk(path: Path) -> None:
    """Let the system write what it still holds of a file's content in memory.

    Raises:
        IsolossError: if it cannot.
    """
    try:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise IsolossError(f"cannot write {path}: {error.strerror}") from error


def write_csv(path: Path, header: Iterable[object], rows: Iterable[Iterable[object]]) -> Path:
    """Write a table with a header as CSV, in one step.

    Raises:
        IsolossError: as `replacing` does.
    """

    def write(target: Path) -> None:
        with target.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(header)
            table.writerows(rows)

    return write_atomic(path, write)


def number_text(value: float) -> str:
    """A number as tables on disk have it, of nine digits; "" for NaN."""
    return "" if math.isnan(value) else f"{value:.9g}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, put in its place in one step when the block ends well.

    Where `path` is a link, what it leads to is replaced. Folders that are made on the way stay only
    if the file does.

    Raises:
        IsolossError: if the folder is missing and cannot be made, is not writable, or is full, or
            if a folder, a pipe or a device is in the way.
    """
    temporary, named, new = None, path, list[Path]()
    try:
        if path.is_symlink():
            path = Path(os.path.realpath(path))
        if exists(path) and not is_file(path):
            what = "a folder" if is_folder(path) else "a pipe or a device"
            raise FileExistsError(0, f"it is {what}")
        if exists(path.parent) and not is_folder(path.parent):
            raise NotADirectoryError(0, f"{path.parent} is not a folder")
        new = list(takewhile(lambda folder: not exists(folder), path.parents))
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = path.suffix if len(path.suffix) < _LONGEST_SUFFIX else ""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL, suffix=suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        # mkstemp makes private files; what we leave behind follows the user's umask.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with temporary.open("rb+") as file:  # on disk before it takes the old one's place
            os.fsync(file.fileno())
        _replace(temporary, path)
    except OSError as error:
        raise IsolossError(f"cannot write {named}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        for folder in new:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _replace(source: Path, target: Path) -> None:
    """Windows refuses while somebody reads the old file; readers here are done in no time."""
    for _ in range(50):
        try:
            source.replace(target)
            return
        except PermissionError:
            if sys.platform != "win32":
                raise
            time.sleep(0.02)
    source.replace(target)


def remove_partial_files(folder: Path) -> None:
    """Remove what writers that were killed have left below `folder`."""
    for left in folder.rglob(f"{_PARTIAL}*"):
        with suppress(OSError):
            left.unlink()


def write_json(path: Path, content: Any) -> Path:
    """Write `content` as indented JSON, atomically."""
    text = json.dumps(content, indent=2, ensure_ascii=True) + "\n"
    return write_atomic(path, lambda p: p.write_text(text, encoding="utf-8"))


def read_content(path: Path, most: int) -> bytes:
    """All bytes of a file of at most so many.

    Raises:
        IsolossError: it has more of them, or cannot be read.
    """
    try:
        if path.stat().st_size > most:
            raise IsolossError(f"{path} is larger than {most >> 30} GB")
        return path.read_bytes()
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        IsolossError: if it is missing, unreadable, no file or not JSON.
    """
    check_readable(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise IsolossError(f"{path} is not valid JSON: {error}") from error
