"""Measure the real window: starting, dragging a slider, growing surfaces, idling. Prints JSON.

    xvfb-run --server-args="-screen 0 1280x800x24" python tools/measure_window.py

needs a display, which may be a virtual one. Every measurement has a window in a process of its own
with settings of its own. A frame's time is that from its beginning to its last pixel being shown.
`isoloss bench view` measures the drawing alone. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from imgui_bundle import hello_imgui, imgui

from isoloss.app import opening
from isoloss.app.window import App
from isoloss.bench.view import landscape
from isoloss.cli import entry
from isoloss.events import Progress, Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import ProbeSettings

STARTS = 7
DRAGS, TURNS, STEP = 5, 3, 2
"""So many windows; in each the slider is drawn up and down so often, by so many pixels a frame."""
REST = 2.0
"""Seconds after a drag in which the whole picture comes."""
GROWING, LIVE = 51, 6.0
"""Points a side of the surface that grows, and seconds that its pictures are counted for."""
IDLE = 20.0
SLIDER = "//Appearance/**/##levels"


@dataclass
class Frame:
    """One frame of the window.

    Attributes:
        end: seconds on the clock of `time.time`.
        seconds: from its beginning to its last pixel.
        pictures: how many changed pictures the active viewport has shown so far.
    """

    end: float
    seconds: float
    pictures: int


class Watched:
    """A window, every frame of which is recorded."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.app: App | None = None
        self.shown: Callable[[], None] = lambda: None

    def open(self, *paths: Path, journey: Callable[[Any], None] | None = None) -> None:
        """Open it as `isoloss view` does; returns once it is closed.

        `journey` acts in it, on the thread of the Dear ImGui test engine.
        """
        run, watched = hello_imgui.run, self

        class Recorded(App):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                watched.app = self

        def instrumented(params: hello_imgui.RunnerParams) -> None:
            if journey is not None:
                params.use_imgui_test_engine = True
                params.callbacks.register_tests = partial(self._register, journey)
            self._record(params.callbacks)
            run(params)

        opening.App, hello_imgui.run = Recorded, instrumented
        sys.argv = ["isoloss", "view", *map(str, paths)]
        entry()

    def _record(self, calls: hello_imgui.RunnerCallbacks) -> None:
        begin, end, began = calls.pre_new_frame, calls.after_swap, [0.0]

        def pre_new_frame() -> None:
            began[0] = time.perf_counter()
            begin()

        def after_swap() -> None:
            end()
            assert self.app is not None
            seconds = time.perf_counter() - began[0]
            pictures = self.app.parts.viewports.active.painter.count
            self.frames.append(Frame(time.time(), seconds, pictures))
            self.shown()

        calls.pre_new_frame, calls.after_swap = pre_new_frame, after_swap

    def _register(self, journey: Callable[[Any], None]) -> None:
        engine = hello_imgui.get_imgui_test_engine()
        imgui.test_engine.get_io(engine).config_run_speed = imgui.test_engine.TestRunSpeed.fast
        test = imgui.test_engine.register_test(engine, "isoloss", "measure")
        test.test_func = journey
        imgui.test_engine.queue_test(engine, test)


# -- what one window does; its last line is the result --------------------------------------------


def start(file: Path) -> None:
    """From the beginning of the process to the first picture in the window."""
    began, window = float(os.environ["BEGAN"]), Watched()

    def shown() -> None:
        if window.frames[-1].pictures:
            _tell(window.frames[-1].end - began)

    window.shown = shown
    window.open(file)


def drag(file: Path) -> None:
    """The slider of the contour levels, up and down; then the whole picture."""
    window = Watched()

    def journey(ctx: Any) -> None:
        app = _app(window)
        while not ctx.item_exists(SLIDER) or not window.frames[-1].pictures or _is_busy(app):
            ctx.yield_()
        bar = ctx.item_info(SLIDER).rect_full
        left, right, y = int(bar.min.x) + 8, int(bar.max.x) - 8, (bar.min.y + bar.max.y) / 2
        ctx.mouse_move_to_pos(((left + right) / 2, y))
        ctx.mouse_down(0)
        first = len(window.frames)
        for _ in range(TURNS):
            for x in (*range(left, right, STEP), *range(right, left, -STEP)):
                ctx.mouse_move_to_pos((x, y))
        ctx.mouse_up(0)
        dragged = window.frames[first:]
        end = time.monotonic() + REST
        first = len(window.frames)
        while time.monotonic() < end or _is_busy(app):
            ctx.yield_()
        rested = window.frames[first:]
        drawn = [b.seconds for a, b in pairwise(dragged) if b.pictures > a.pictures]
        _tell({"frames": drawn, "rest": max(f.seconds for f in rested)})

    window.open(file, journey=journey)


def live(run: Path, viewports: str) -> None:
    """A growing surface in so many viewports: how many pictures of it there are a second."""
    window = Watched()

    def journey(ctx: Any) -> None:
        app = _app(window)
        app.workspace.document.arrange(int(viewports))
        while not app.workspace.is_streaming or not app.workspace.scene.shown:
            ctx.yield_()
        begin, before = time.monotonic(), window.frames[-1].pictures
        while time.monotonic() < begin + LIVE:
            time.sleep(1e-3)
            ctx.yield_()
        _tell((window.frames[-1].pictures - before) / (time.monotonic() - begin))

    window.open(run, journey=journey)


def idle(file: Path) -> None:
    """The share of a core that a window takes in which nothing happens."""
    window, begun = Watched(), [0.0, 0.0]

    def shown() -> None:
        app, now = _app(window), time.monotonic()
        if _is_busy(app) or not window.frames[-1].pictures:
            return
        if not begun[0] or now < begun[0] + 2:  # what was loaded with the first pictures is over
            begun[:] = [begun[0] or now, time.process_time()]
        elif now > begun[0] + 2 + IDLE:
            _tell((time.process_time() - begun[1]) / (now - begun[0] - 2))

    window.shown = shown
    window.open(file)


def grow(run: Path) -> None:
    """Put values into a surface until this process is ended."""
    rng, side = np.random.default_rng(0), GROWING
    axis = np.linspace(-1, 1, side)
    bowl = 1 + axis[:, None] ** 2 + axis**2 + 0.3 * np.sin(5 * axis[:, None])
    created = Run.create(run, ProbeSettings(source=Path("net"), grid=(side, side)))
    surface = GrowingSurface.create(
        created.growing_path, axis, axis, 10**9, True, {"plane": "random"}
    )
    with created.lock():
        created.emit(Started(0, "cpu"))
        print("ready", flush=True)
        for k in range(10**9):
            i, j = divmod(int(rng.integers(side * side)), side)
            surface.put((i, j), bowl[i, j] + 0.05 * rng.normal(), 0.5, 0.1, 10 + k)
            if k % 50 == 0:
                created.emit(Progress("surface", k, 10**9, 60.0, "images"))
            time.sleep(0.004)


def _app(window: Watched) -> App:
    assert window.app is not None
    return window.app


def _is_busy(app: App) -> bool:
    return app.parts.viewports.is_busy or bool(app.workspace.move())


def _tell(result: Any) -> None:
    """Print it and end the process at once."""
    print(json.dumps(result), flush=True)
    os._exit(0)


# -- the parent ------------------------------------------------------------------------------------


def main() -> None:
    """Measure one thing after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--side", type=int, default=1000, help="points a side of the large surface")
    side = parser.parse_args().side
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "201.ply", Path(folder) / f"{side}.ply"
        landscape(201).save(small)
        landscape(side).save(large)
        starts = [_window("start", small) for _ in range(STARTS + 1)][1:]  # the first one compiles
        drags = [_window("drag", large) for _ in range(DRAGS)]
        frames = [seconds for each in drags for seconds in each["frames"]]
        rates: dict[str, float] = {}
        for viewports in ("1", "2", "4"):
            run = Path(folder) / f"grows{viewports}"
            with _growing(run):
                rates[viewports] = round(_window("live", run, viewports), 1)
        result = {
            "start_s": [round(seconds, 2) for seconds in sorted(starts)],
            "levels_dragged_ms": {
                "frames": len(frames),
                "median": _ms(statistics.median(frames)),
                "worst_of_each": [_ms(max(each["frames"])) for each in drags],
                "worst_at_rest_after_each": [_ms(each["rest"]) for each in drags],
            },
            "live_hz": rates,
            "idle_share_of_a_core": round(_window("idle", large), 4),
        }
    print(json.dumps(result, indent=2))


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 1)


def _window(*what: str | Path) -> Any:
    """The result of one measurement."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"XDG_CONFIG_HOME": folder, "XDG_STATE_HOME": folder, "BEGAN": str(time.time())}
        done = subprocess.run(
            [sys.executable, __file__, *map(str, what)],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextmanager
def _growing(run: Path) -> Iterator[None]:
    """A surface that grows meanwhile."""
    process = subprocess.Popen(
        [sys.executable, __file__, "grow", str(run)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    try:
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    children = {f.__name__: f for f in (start, drag, live, idle, grow)}
    if len(sys.argv) > 2 and sys.argv[1] in children:
        children[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
    else:
        main()
