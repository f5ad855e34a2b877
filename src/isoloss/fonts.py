"""Fonts for the characters that Roboto, the font of all our texts, lacks."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from isoloss.paths import is_file

_SYSTEM = {
    "linux": (
        "NotoSansCJK-Regular.ttc", "NotoSansCJK-VF.ttc", "NotoSansCJKsc-Regular.otf",
        "NotoSansCJKjp-Regular.otf", "NotoSansSC-Regular.otf",
        "SourceHanSans-Regular.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc",
        "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "ipag.ttf", "ipaexg.ttf",
        "NanumGothic.ttf", "NotoSansDevanagari-Regular.ttf", "NotoSansArabic-Regular.ttf",
        "FreeSans.ttf", "unifont.ttf",
    ),
    "win32": ("msyh.ttc", "YuGothM.ttc", "meiryo.ttc", "malgun.ttf", "Nirmala.ttf", "segoeui.ttf",
              "seguisym.ttf"),
    "darwin": ("PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf",
               "Apple Symbols.ttf"),
}  # fmt: skip
"""Of each system, in the order they are asked: between them, most scripts."""


@cache
def fallback_files() -> tuple[Path, ...]:
    """Fonts for characters Roboto lacks: matplotlib's DejaVu, then what the system has."""
    dejavu = _shipped("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf")
    wanted = _SYSTEM.get(sys.platform, _SYSTEM["linux"])
    there: dict[str, Path] = {}
    for folder in _folders():
        for file in _files(folder):
            if file.name in wanted:
                there.setdefault(file.name, file)
    return tuple([dejavu] if dejavu else []) + tuple(there[n] for n in wanted if n in there)


def _shipped(package: str, path: str) -> Path | None:
    """A file of an installed package."""
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        file = Path(folder) / path
        if is_file(file):
            return file
    return None


def _folders() -> Iterator[Path]:
    """Where the system and the user keep fonts."""
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"
        yield home / "AppData" / "Local" / "Microsoft" / "Windows" / "Fonts"
    elif sys.platform == "darwin":
        yield Path("/System/Library/Fonts")
        yield Path("/Library/Fonts")
        yield home / "Library" / "Fonts"
    else:
        yield home / ".local" / "share" / "fonts"
        yield Path("/usr/local/share/fonts")
        yield Path("/usr/share/fonts")


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder, onerror=lambda _: None):
        yield from (Path(where) / name for name in names)
