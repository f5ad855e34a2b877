"""Fonts for the characters that Roboto, the font of all our texts, lacks."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from isoloss.paths import is_file
from isoloss.resources import font_file

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


@cache
def last_resort() -> Path | None:
    """Unicode's font of boxes, as matplotlib brings it: they tell the script of what they stand
    for."""
    return _shipped("matplotlib", "mpl-data/fonts/ttf/LastResortHE-Regular.ttf")


def opened(file: Path, pixels: int) -> ImageFont.FreeTypeFont:
    """A font of so many pixels.

    Raises:
        OSError: it is none.
    """
    return ImageFont.truetype(str(file), pixels, layout_engine=ImageFont.Layout.BASIC)


def has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    """Whether a font draws something of its own for a character, not its sign for a missing one."""
    if character.isascii():
        return True
    return _drawn(font, character) != _drawn(font, "\U0010ffff")


def letters_without_a_font(text: str) -> str:
    """The letters of a text that are drawn as boxes, each once; of other signs nothing is said."""
    letters = dict.fromkeys(c for c in text if unicodedata.category(c)[0] == "L")
    return "".join(c for c in letters if not c.isascii() and not _has_a_font(c))


@cache
def _has_a_font(character: str) -> bool:
    return any(has(font, character) for font in _fonts())


@cache
def _fonts() -> tuple[ImageFont.FreeTypeFont, ...]:
    """All that our pictures are written with, small."""
    found: list[ImageFont.FreeTypeFont] = []
    own = font_file()
    for file in (*([own] if own else []), *fallback_files()):
        with contextlib.suppress(OSError):  # a broken font of the system is none
            found.append(opened(file, 12))
    return tuple(found)


def _drawn(font: ImageFont.FreeTypeFont, character: str) -> tuple[float, bytes]:
    """The advance of a character and its picture."""
    side = 2 * round(font.size)
    sheet = Image.new("L", (side, side), 0)
    ImageDraw.Draw(sheet).text((0, side * 3 // 4), character, fill=255, font=font, anchor="ls")
    return font.getlength(character), sheet.tobytes()


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
