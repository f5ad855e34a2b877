"""Movies: the camera goes round, or from view to view, or the training runs once more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.events import Done, Event, Log, Progress
from isoloss.gl.device.context import HeadlessContext
from isoloss.gl.frame.renderer import Renderer
from isoloss.gl.pictures.movie_file import check_out, even_size, frames_folder, movie_file
from isoloss.gl.pictures.picture import MOST_SUPERSAMPLING, draw_views
from isoloss.gl.pictures.tiles import Size, check_size
from isoloss.scene.camera import Camera
from isoloss.scene.camera_path import between, ease
from isoloss.scene.document import Document
from isoloss.scene.files.staging import Source, only_curve, saved_camera, stage
from isoloss.scene.scene import Scene

SIZE = (1280, 720)
MOST_SECONDS, MOST_FPS = 600.0, 120.0
REST = 0.12
"""The fraction of a movie for which the finished trajectory is left to look at."""


@dataclass(frozen=True)
class Motion:
    """What moves, and for how long.

    Attributes:
        turntable: once round; the frame after the last would be the first, so that it loops.
        views: names of saved views, flown to one after the other.
        play: the trajectories grow along their epochs, and surfaces through time with them.
        seconds: how long it takes.
        fps: frames a second.
    """

    turntable: bool = False
    views: tuple[str, ...] = ()
    play: bool = False
    seconds: float = 6.0
    fps: float = 30.0

    def __post_init__(self) -> None:
        if not (self.turntable or self.views or self.play):
            raise IsolossError("a movie needs something that moves: --turntable, --path or --play")
        if self.turntable and self.views:
            raise IsolossError("a movie is a turntable or goes along a path, not both")
        if len(self.views) == 1:
            raise IsolossError("a path goes from one saved view to another: name two or more")
        if not 0.01 <= self.seconds <= MOST_SECONDS:
            raise IsolossError(f"--seconds must be from 0.01 to {MOST_SECONDS:g}")
        if not 0.1 <= self.fps <= MOST_FPS:
            raise IsolossError(f"--fps must be from 0.1 to {MOST_FPS:g}")

    @property
    def frames(self) -> int:
        """How many there are."""
        return max(1, round(self.seconds * self.fps))


@dataclass(frozen=True)
class Moment:
    """What one frame changes about a viewport; None leaves it as it is."""

    camera: Camera | None
    epoch: float | None


def render_movie(
    source: Source | Sequence[Source],
    out: str | Path,
    motion: Motion,
    size: Size | None = None,
    scale: float | None = None,
    *,
    supersample: int = 1,
    overlays: bool = True,
    **options: Any,
) -> Iterator[Event]:
    """Draw a movie, yielding its progress; the arguments are those of `isoloss.render`.

    Args:
        out: .mp4 or .mov (written by ffmpeg; PNG frames in a folder where there is none), .gif,
            .webp or .apng, a folder, or a name such as frame-%04d.png.
        size: (width, height) in pixels; of an MP4 an odd one is made even.

    Raises:
        IsolossError: as `render` does; nothing half-written is left.
    """
    began, out = time.monotonic(), Path(out)
    size = even_size(out, size or SIZE)
    check_size(size)
    if not 1 <= supersample <= MOST_SUPERSAMPLING:
        raise IsolossError(f"--supersample must be from 1 to {MOST_SUPERSAMPLING}")
    if only_curve(source) is not None:
        raise IsolossError("a curve does not move: there is no movie of it")
    document = stage(source, overlays, **options)
    check_out(out, document.view.appearance.transparent)
    views = [replace(view) for view in document.shown_views]
    plans = [_plan(view, document, motion) for view in views]
    folder = frames_folder(out)
    if folder is not None:
        yield Log(
            f"{out} is not written, for ffmpeg is not on the PATH: its frames go to {folder}, and "
            f"become a movie with ffmpeg -framerate {motion.fps:g} -i {folder / '%04d.png'} -c:v "
            f"libx264 -crf 16 -pix_fmt yuv420p {out}"
        )
    with movie_file(out, size, motion.fps, motion.frames) as file, HeadlessContext():
        renderer = Renderer()
        for k in range(motion.frames):
            for view, plan in zip(views, plans, strict=True):
                _set(view, plan[k])
            file.add(draw_views(renderer, views, size, scale, supersample))
            rate = (k + 1) / max(time.monotonic() - began, 1e-9)
            yield Progress("movie", k + 1, motion.frames, rate, "frames")
    yield Done(time.monotonic() - began)


def written_to(out: str | Path) -> Path:
    """Where `render_movie` puts what it is asked to write to `out`."""
    return frames_folder(Path(out)) or Path(out)


def turntable(camera: Camera, frames: int) -> list[Camera]:
    """Once round from `camera` in equal steps, without the first view again at the end."""
    return [
        replace(camera, azimuth=(camera.azimuth + 360.0 * k / frames + 180.0) % 360.0 - 180.0)
        for k in range(frames)
    ]


def flight(stops: Sequence[Camera], frames: int) -> list[Camera]:
    """From stop to stop in equal times, setting off and arriving softly; ends included."""
    legs = len(stops) - 1
    cameras: list[Camera] = []
    for k in range(frames):
        at = legs * k / (frames - 1) if frames > 1 else 0.0
        leg = min(int(at), legs - 1)
        cameras.append(between(stops[leg], stops[leg + 1], ease(at - leg)))
    return cameras


def epochs(first: float, last: float, frames: int) -> list[float]:
    """From the first epoch to the last, where the movie rests for a moment."""
    moving = max(1, round((1 - REST) * frames) - 1)
    return [first + (last - first) * min(k / moving, 1.0) for k in range(frames)]


def _plan(view: Scene, document: Document, motion: Motion) -> list[Moment]:
    """What happens in one viewport, frame by frame."""
    count = motion.frames
    cameras: list[Camera | None] = [None] * count
    times: list[float | None] = [None] * count
    if motion.turntable:
        cameras = [*turntable(view.camera, count)]
    elif motion.views:
        cameras = [*flight([saved_camera(document, name) for name in motion.views], count)]
    if motion.play:
        every = document.shown_views
        spans = [span for scene in every for x in scene.shown for span in x.epoch_spans]
        if not spans:
            raise IsolossError("there is no trajectory to play")
        times = [*epochs(min(a for a, _ in spans), max(b for _, b in spans), count)]
    return [Moment(c, t) for c, t in zip(cameras, times, strict=True)]


def _set(view: Scene, moment: Moment) -> None:
    if moment.camera is not None:
        view.camera = moment.camera
    if moment.epoch is not None:
        view.appearance = replace(view.appearance, epoch=moment.epoch, trajectory=True)
        view.go_to_epoch()
