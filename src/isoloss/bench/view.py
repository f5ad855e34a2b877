"""How fast surfaces are drawn: from file to picture, orbiting, with contours, beside PyVista.

Each of the two works in a process of its own on the same files and the same OpenGL, without a
display: what it loads and keeps is its own, and pictures count once their pixels are there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from isoloss.bench.load import Load
from isoloss.errors import IsolossError
from isoloss.geometry.files.reading import load
from isoloss.geometry.surface import Surface

Measure = Callable[[str, Path, int], dict[str, Any]]
"""Figures of a program, by name, on the surface in a file, in so many frames."""
SIDES = (25, 201, 1000)
SIZE = (1280, 800)
LEVELS = 20
FRAMES = 60
"""Pictures of an orbit that count, at most; none is begun after `_LONGEST` seconds."""
_SETTLING = 15  # pictures before them, in which the level of detail is found
_LONGEST = 8.0
_STEP = 6.0  # degrees of azimuth between two pictures


@dataclass(frozen=True)
class Frames:
    """What pictures took, in milliseconds."""

    median: float
    worst: float
    count: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Frames:
        """From what each of them took."""
        return cls(1e3 * median(seconds), 1e3 * max(seconds), len(seconds))


@dataclass(frozen=True)
class Own:
    """What was measured of isoloss on one surface; seconds and MiB.

    Attributes:
        load, load_npz: from a file to a surface.
        first: from a .ply file to the first picture, quick where that helps.
        whole: from a .ply file to the whole picture with its contours, OpenGL opened on the way.
        orbit: pictures of a moving camera.
        rest: a whole picture of a camera that has come to rest.
        hold: the longest that drawing it keeps a window's frame.
        contours: all levels worked out.
        slider: pictures while the number of levels changes from each to the next.
        memory: resident after all that, less what an empty scene takes.
    """

    renderer: str
    load: float
    load_npz: float
    first: float
    whole: float
    orbit: Frames
    rest: float
    hold: float
    contours: float
    slider: Frames
    memory: float | None


@dataclass(frozen=True)
class Peer:
    """The same of PyVista, as far as there is the same."""

    renderer: str
    version: str
    load: float
    whole: float
    orbit: Frames
    contours: float
    memory: float | None


def bench_view(
    as_json: bool,
    sides: Sequence[int] = SIDES,
    frames: int = FRAMES,
    *,
    peer: bool | None = None,
    measure: Measure | None = None,
) -> None:
    """Measure and print, for square surfaces of so many points a side.

    Args:
        peer: whether to measure PyVista too; None: if it is installed.
        measure: a program by name on a file in so many frames; None: `measure_apart`.
    """
    peer = importlib.util.find_spec("pyvista") is not None if peer is None else peer
    measure = measure or measure_apart
    rows: list[dict[str, Any]] = []
    load_of_others = Load()
    with tempfile.TemporaryDirectory() as folder:
        for side in sides:
            print(f"measuring {side}² …", file=sys.stderr, flush=True)
            file = Path(folder) / f"{side}.ply"
            surface = landscape(side)
            surface.save(file)
            surface.save(file.with_suffix(".npz"))
            own = measure("isoloss", file, frames)
            other = measure("pyvista", file, frames) if peer else None
            rows.append(_row(side, own, other))
            if not as_json:
                _print(rows[-1], heading=len(rows) == 1)
    if as_json:
        about = {"size": SIZE, "levels": LEVELS, "load": load_of_others.as_json()}
        print(json.dumps({**about, "view": rows}))
        return
    print(load_of_others.in_words)
    if not peer:
        print("to see PyVista beside it: pip install pyvista")


def landscape(side: int) -> Surface:
    """A bowl with ridges and ripples, of `side`² points."""
    axis = np.linspace(-1, 1, side)
    a, b = np.meshgrid(axis, axis, indexing="ij")
    bowl = 0.3 * np.exp(1.6 * (a**2 + 0.8 * b**2))
    ridges = 0.25 * np.sin(9 * a) * np.cos(8 * b) + 0.06 * np.sin(31 * a + 3 * b) * np.cos(27 * b)
    return Surface.from_loss(axis, axis, bowl + ridges + 0.5)


def measure_own(file: Path, frames: int = FRAMES) -> Own:
    """isoloss on the surface in `file`, a .ply with an .npz beside it."""
    from isoloss.gl.device.context import HeadlessContext, description
    from isoloss.gl.frame.canvas import Canvas
    from isoloss.scene.layer import SurfaceLayer
    from isoloss.scene.scene import Scene

    start = time.perf_counter()
    with HeadlessContext():
        canvas = Canvas()
        canvas.draw_quickly(Scene(), SIZE, 1.0)
        empty, opened = _resident(), time.perf_counter() - start
        start = time.perf_counter()
        surface = load(file)
        loaded = time.perf_counter() - start
        scene = Scene([SurfaceLayer("bench", surface)])
        scene.appearance = replace(scene.appearance, contour_levels=LEVELS)
        canvas.draw(scene, SIZE, 1.0)
        canvas.wait()
        first = opened + time.perf_counter() - start
        canvas.finish()
        canvas.wait()
        whole = opened + time.perf_counter() - start

        def turn(k: int) -> None:
            scene.camera = scene.camera.orbit(_STEP, 0.5 if k % 2 else -0.5)
            canvas.draw(scene, SIZE, 1.0)
            canvas.wait()

        orbit = _timed(turn, frames, _SETTLING)
        rest, hold = _rest(canvas)

        def slide(k: int) -> None:
            levels = 5 + k % 36
            scene.appearance = replace(scene.appearance, contour_levels=levels)
            canvas.draw(scene, SIZE, 1.0)
            canvas.wait()

        slider = _timed(slide, min(frames, 36), 1)
        memory = _difference(_resident(), empty)
        renderer = description()
        canvas.free()
    started = time.perf_counter()
    load(file.with_suffix(".npz"))
    again = time.perf_counter() - started
    contours = _contour_time(scene.layers[0].mesh(scene.frame().scale))
    return Own(renderer, loaded, again, first, whole, orbit, rest, hold, contours, slider, memory)


def measure_pyvista(file: Path, frames: int = FRAMES) -> Peer:
    """PyVista on the same surface: lit smoothly, with contour lines, no shortcut of ours."""
    import pyvista

    started = time.perf_counter()
    plotter = pyvista.Plotter(off_screen=True, window_size=list(SIZE))
    empty = _resident()
    start = time.perf_counter()
    mesh: Any = pyvista.read(file)
    loaded = time.perf_counter() - start
    mesh["loss"] = mesh.points[:, 2]
    begun = time.perf_counter()
    lines = mesh.contour(LEVELS, scalars="loss")
    contours = time.perf_counter() - begun
    plotter.add_mesh(mesh, scalars="loss", smooth_shading=True)
    plotter.add_mesh(lines, color="black", line_width=1.5)
    plotter.show(auto_close=False)
    window: Any = plotter.render_window
    window.WaitForCompletion()
    whole = time.perf_counter() - started

    def turn(k: int) -> None:
        plotter.camera.azimuth += _STEP
        plotter.render()
        window.WaitForCompletion()

    orbit = _timed(turn, frames, 2)
    memory = _difference(_resident(), empty)
    report = window.ReportCapabilities().splitlines()
    name = next((line.split(":", 1)[1].strip() for line in report if "renderer string" in line), "")
    plotter.close()
    return Peer(name, pyvista.__version__, loaded, whole, orbit, contours, memory)


def _timed(draw: Callable[[int], None], frames: int, before: int) -> Frames:
    """What pictures take, without the first few."""
    for k in range(before):
        draw(k)
    seconds: list[float] = []
    end = time.perf_counter() + _LONGEST
    while len(seconds) < frames and (time.perf_counter() < end or not seconds):
        start = time.perf_counter()
        draw(before + len(seconds))
        seconds.append(time.perf_counter() - start)
    return Frames.of(seconds)


def _rest(canvas: Any) -> tuple[float, float]:
    """Seconds of a whole picture in pieces between frames, and of the longest hold."""
    time.sleep(0.2)  # it begins once there was no change for a moment
    holds: list[float] = []
    while canvas.is_busy:
        start = time.perf_counter()
        canvas.go_on()
        holds.append(time.perf_counter() - start)
    canvas.wait()
    return canvas.whole_seconds, max(holds, default=canvas.whole_seconds)


def _contour_time(mesh: Any) -> float:
    from isoloss.gl.layers.overlays import contour_segments

    levels = (np.arange(LEVELS) + 1) / (LEVELS + 1)
    start = time.perf_counter()
    contour_segments(mesh, levels, np.ones((LEVELS, 4)))
    return time.perf_counter() - start


def _resident() -> float | None:
    """MiB of this process in memory; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def measure_apart(program: str, file: Path, frames: int) -> dict[str, Any]:
    """Its figures, measured in a process of its own without a display."""
    command = [sys.executable, "-m", "isoloss.bench.view", program, str(file), str(frames)]
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise IsolossError(f"{program} could not be measured: {said}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _row(side: int, own: dict[str, Any], peer: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"side": side, "triangles": 2 * (side - 1) ** 2, "isoloss": own}
    row["pyvista"] = peer
    if peer is not None:
        row["frame_rate_ratio"] = peer["orbit"]["median"] / own["orbit"]["median"]
        row["whole_ratio"] = peer["whole"] / own["whole"]
    return row


def _print(row: dict[str, Any], heading: bool) -> None:
    own, peer = row["isoloss"], row["pyvista"]
    if heading:
        print(f"{SIZE[0]}×{SIZE[1]}, {LEVELS} contour levels, {own['renderer']}")
        if peer is not None and peer["renderer"]:
            print(f"PyVista {peer['version']} on {peer['renderer']}")
    print(f"{row['side']}², {row['triangles']:,} triangles")
    lines = [
        ("orbit, ms a frame", lambda x: f"{x['orbit']['median']:.1f}", 1),
        ("  the worst", lambda x: f"{x['orbit']['worst']:.1f}", 1),
        ("file to whole picture, s", lambda x: f"{x['whole']:.2f}", 1),
        ("  to first picture", lambda x: f"{x['first']:.2f}", 0),
        ("load .ply, s", lambda x: f"{x['load']:.3f}", 1),
        ("load .npz, s", lambda x: f"{x['load_npz']:.3f}", 0),
        ("contours, s", lambda x: f"{x['contours']:.3f}", 1),
        ("at rest, s", lambda x: f"{x['rest']:.2f}", 0),
        ("  longest hold, ms", lambda x: f"{1e3 * x['hold']:.0f}", 0),
        ("levels dragged, ms", lambda x: f"{x['slider']['median']:.1f}", 0),
        ("  the worst", lambda x: f"{x['slider']['worst']:.1f}", 0),
        ("memory, MiB", lambda x: "" if x["memory"] is None else f"{x['memory']:.0f}", 1),
    ]
    for name, text, both in lines:
        beside = f"{text(peer):>12}  PyVista" if both and peer is not None else ""
        print(f"  {name:<26}{text(own):>9}{beside}")
    if peer is not None:
        print(f"  {row['frame_rate_ratio']:.1f} times PyVista's frame rate")


def _main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["isoloss", "pyvista"])
    parser.add_argument("file", type=Path)
    parser.add_argument("frames", type=int)
    asked = parser.parse_args(arguments)
    measure = measure_own if asked.program == "isoloss" else measure_pyvista
    print(json.dumps(asdict(measure(asked.file, asked.frames))))


if __name__ == "__main__":
    _main(sys.argv[1:])
