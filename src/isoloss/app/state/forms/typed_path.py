"""What somebody has typed into a field for a file, however far they have come."""

from __future__ import annotations

import os
from pathlib import Path

from isoloss.paths import is_folder


def typed_path(text: str, folder: Path) -> Path | None:
    """The file that `text` names, seen from `folder`; None where it names none (yet)."""
    text = text.strip()
    try:
        path = Path(text).expanduser()
    except (RuntimeError, ValueError):  # "~nobody" has no home
        return None
    path = path if path.is_absolute() else folder / path
    # "", "..", "~" and "here/" mean a folder, in which the file is still to be named.
    is_open = not text or text.endswith(("/", os.sep))
    is_open = is_open or (text.endswith((".", "~")) and is_folder(path))
    return None if is_open or not path.name else path
