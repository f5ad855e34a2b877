"""Frames into a file: MP4 through ffmpeg, GIF, WebP and APNG through Pillow, or numbered PNG."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.files import replacing, write_atomic
from isoloss.geometry.arrays import Pixels
from isoloss.paths import exists, is_folder

FFMPEG = (".mp4", ".mov")
PILLOW = (".gif", ".webp", ".apng")
OPAQUE = (*FFMPEG, ".gif")
"""The suffixes of what cannot be transparent (a GIF's pixels are there or not)."""

_NUMBER = re.compile(r"%0?(\d*)d")


class Sink(Protocol):
    """Takes the frames of one movie, in order."""

    def add(self, frame: Pixels) -> None:
        """Take (H, W, 4) uint8 with straight alpha, top row first."""
        ...


def even_size(out: Path, size: tuple[int, int]) -> tuple[int, int]:
    """`size`, or the next larger one that H.264 with its halved colours can hold."""
    if out.suffix.lower() not in FFMPEG:
        return size
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def check_out(out: Path, transparent: bool) -> None:
    """Raise IsolossError where no movie can be written to `out`."""
    suffix = out.suffix.lower()
    is_sequence = becomes_folder(out) or (suffix == ".png" and _NUMBER.search(out.name))
    if not is_sequence and suffix not in (*FFMPEG, *PILLOW):
        raise IsolossError(
            "a movie is .mp4, .mov, .gif, .webp or .apng, or PNG frames: a folder, or a name "
            f"such as frame-%04d.png; not {out.name}"
        )
    if transparent and suffix in OPAQUE:
        raise IsolossError(
            f"a {suffix} movie cannot be transparent: write .webp, .apng or a folder of frames"
        )


def becomes_folder(out: Path) -> bool:
    """Whether frames are to go into a folder of this name."""
    return is_folder(out) or out.suffix == ""


def frames_folder(out: Path) -> Path | None:
    """Where frames go instead of into `out`, because there is no ffmpeg; None if there is."""
    without = out.suffix.lower() in FFMPEG and shutil.which("ffmpeg") is None
    return out.with_suffix("") if without else None


@contextmanager
def movie_file(out: Path, size: tuple[int, int], fps: float, count: int) -> Iterator[Sink]:
    """Takes `count` frames of (width, height) `size`; the movie is there once the block ends well.

    A block that does not end well leaves nothing behind.

    Raises:
        IsolossError: it cannot be written, or ffmpeg fails, with its own last word.
    """
    suffix = out.suffix.lower()
    if suffix in FFMPEG and frames_folder(out) is None:
        with replacing(out) as temporary, _Ffmpeg(temporary, size, fps) as ffmpeg:
            yield ffmpeg
            ffmpeg.finish()
    elif suffix in PILLOW:
        with replacing(out) as temporary, tempfile.TemporaryDirectory() as folder:
            frames = _Numbered(Path(folder) / "%06d.png", count)
            yield frames
            _animate(frames.written, temporary, suffix, fps)
    else:
        folder = frames_folder(out) or out
        pattern = folder / "%04d.png" if becomes_folder(folder) else folder
        numbered = _Numbered(pattern, count)
        try:
            yield numbered
        except BaseException:
            numbered.remove()
            raise


class _Ffmpeg:
    """A process that encodes what is piped into it."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        self._size = size
        program = shutil.which("ffmpeg") or "ffmpeg"
        command = [
            program, "-hide_banner", "-loglevel", "error", "-y",
            "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{size[0]}x{size[1]}",
            "-framerate", f"{fps:g}", "-i", "pipe:0", "-an",
            "-c:v", "libx264", "-preset", "medium", "-crf", "16", "-pix_fmt", "yuv420p",
            # Players take large pictures for BT.709: without this greens turn.
            "-vf", "scale=out_color_matrix=bt709:out_range=tv",
            "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
            "-movflags", "+faststart", str(path),
        ]  # fmt: skip
        # A file, for nobody reads a pipe while we write. Its own process group, for Ctrl+C in our
        # terminal is for us to pass on.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        windows = sys.platform == "win32"
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if windows else 0
        try:
            self._process: Any = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                start_new_session=not windows,
                creationflags=flags,
            )
        except OSError as error:
            self._stderr.close()
            raise IsolossError(f"cannot start ffmpeg: {error.strerror or error}") from error

    def __enter__(self) -> _Ffmpeg:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._stderr.close()

    def add(self, frame: Pixels) -> None:
        """Pipe a frame."""
        if frame.shape[1::-1] != self._size:
            raise ValueError(f"a frame of {self._size} was promised, not {frame.shape[1::-1]}")
        try:
            self._process.stdin.write(np.ascontiguousarray(frame[..., :3]).data)
        except OSError as error:  # it has closed its end
            self._process.wait()
            raise IsolossError(self._complaint()) from error

    def finish(self) -> None:
        """Let it write the end of the file."""
        with suppress(OSError):
            self._process.stdin.close()
        if self._process.wait():
            raise IsolossError(self._complaint())

    def _complaint(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").splitlines()
        # "[libx264 @ 0x55d0] …": who says it is nothing to the user.
        said = (re.sub(r"^\[[^]]*\]", "", line).strip() for line in lines)
        first = next(filter(None, said), "")
        return f"ffmpeg failed: {first or f'exit code {self._process.returncode}'}"


class _Numbered:
    """PNG files, counted from 1."""

    def __init__(self, pattern: Path, count: int) -> None:
        self._pattern = pattern
        self.written: list[Path] = []
        self._made_folder = not exists(pattern.parent)
        beyond = self._path(count + 1)
        if exists(beyond):
            raise IsolossError(
                f"{pattern.parent} holds frames of a longer movie, such as {beyond.name}: "
                "remove them first"
            )

    def add(self, frame: Pixels) -> None:
        """Write a frame."""
        path = self._path(len(self.written) + 1)
        picture = Image.fromarray(frame if (frame[..., 3] < 255).any() else frame[..., :3].copy())
        write_atomic(path, lambda p: picture.save(p, format="PNG", compress_level=3))
        self.written.append(path)

    def remove(self) -> None:
        """Take all frames away again."""
        with suppress(OSError):
            for path in self.written:
                path.unlink(missing_ok=True)
            if self._made_folder and exists(self._pattern.parent):
                self._pattern.parent.rmdir()

    def _path(self, number: int) -> Path:
        def digits(match: re.Match[str]) -> str:
            return f"{number:0{int(match[1] or 1)}d}"

        return self._pattern.with_name(_NUMBER.sub(digits, self._pattern.name))


def _animate(frames: list[Path], path: Path, suffix: str, fps: float) -> None:
    """Join PNG files into an endlessly repeated animation."""
    # Pillow counts in milliseconds, GIF in hundredths of a second: rounded so that the sum holds.
    tick = 10 if suffix == ".gif" else 1
    ends = [round(1000 / fps / tick * k) * tick for k in range(len(frames) + 1)]
    durations = [max(b - a, tick) for a, b in pairwise(ends)]

    first, *rest = (_Frame(path, suffix == ".gif") for path in frames)
    kind = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}[suffix]
    how: dict[str, Any] = {"loop": 0, "duration": durations}
    if suffix == ".webp":
        how |= {"quality": 88, "method": 4}
    pictures: Any = _Pictures(rest)
    first.picture().save(path, format=kind, save_all=True, append_images=pictures, **how)


@dataclass(frozen=True)
class _Frame:
    """A frame on disk, to be read when it is its turn."""

    path: Path
    with_palette: bool

    def picture(self) -> Image.Image:
        with Image.open(self.path) as opened:
            if not self.with_palette:
                return opened.convert("RGBA")
            return opened.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT)


class _Pictures:
    """Pictures as often as they are asked for: writers of APNG go through them twice."""

    def __init__(self, frames: list[_Frame]) -> None:
        self._frames = frames

    def __iter__(self) -> Iterator[Image.Image]:
        return (frame.picture() for frame in self._frames)
