"""Measure every frame of a whole session over a large library. Prints JSON.

    xvfb-run --server-args="-screen 0 1280x800x24" python tools/measure_frames.py

needs a display, which may be a virtual one, and the tests beside it, for the session is a journey
of theirs (`tests/gui/journeys/window/long_session.py`): a library is scrolled, sorted and searched,
runs are opened and compared, forms typed into, layouts switched, while jobs start, run, fail and
are killed. Of a frame it tells the time on the clock, and that of the processor in the window's own
thread, which is what other work on the machine changes least: whole, and but for the pictures of
the surfaces, which a software renderer draws on the same cores. Linux only.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from imgui_bundle import hello_imgui

TESTS = Path(__file__).resolve().parent.parent / "tests"
EDGES = (5, 10, 16, 25, 35, 50, 75, 100)
"""Of the histogram, in ms."""
WORST = 15
"""So many frames are told of."""
LONG = 0.025
"""Seconds of the thread, without pictures, from which on a frame is worth a profile."""
FUNCTIONS = 14
"""So many lines of a profile are told."""


@dataclass
class Frame:
    """One frame; times in seconds.

    Attributes:
        doing: what the person did.
        wall: on the clock, from its beginning to its last pixel.
        thread: of the processor in the window's thread; process: in all of the process.
        pictures: of `thread`, what the pictures of surfaces took; drawing: what came after all
            panels had been gone through, until the last pixel.
        profile: what took the time, where it was asked for.
    """

    doing: str
    wall: float
    thread: float
    process: float
    pictures: float
    drawing: float
    profile: str = ""

    @property
    def panels(self) -> float:
        """All but the pictures, in seconds of the window's thread."""
        return self.thread - self.pictures


class Recorder:
    """Records all frames of the window of this process."""

    def __init__(self, doing: Callable[[], str], profiles: bool) -> None:
        self.frames: list[Frame] = []
        self._doing, self._profiles = doing, profiles
        self._profile: cProfile.Profile | None = None
        self._began = self._clocks()
        self._pictures = self._drawing = 0.0
        run = hello_imgui.run

        def instrumented(params: hello_imgui.RunnerParams) -> None:
            self._wrap(params.callbacks)
            run(params)

        hello_imgui.run = instrumented

    def watch_pictures(self, viewports: Any) -> None:
        """Tell apart the pictures that these viewports draw."""
        draw = viewports.draw

        def timed() -> None:
            began = time.thread_time()
            draw()
            self._pictures += time.thread_time() - began

        viewports.draw = timed

    def _wrap(self, calls: hello_imgui.RunnerCallbacks) -> None:
        before, swapped = calls.pre_new_frame, calls.after_swap

        def pre_new_frame() -> None:
            self._began, self._pictures = self._clocks(), 0.0
            if self._profiles:
                self._profile = cProfile.Profile()
                self._profile.enable()
            before()

        def before_imgui_render() -> None:
            self._drawing = time.thread_time()

        def after_swap() -> None:
            swapped()
            if self._profile is not None:
                self._profile.disable()
            ends = zip(self._began, self._clocks(), strict=True)
            wall, thread, process = (end - began for began, end in ends)
            drawing = time.thread_time() - self._drawing
            frame = Frame(self._doing(), wall, thread, process, self._pictures, drawing)
            if self._profile is not None and frame.panels > LONG:
                frame.profile = _words(self._profile)
            self.frames.append(frame)

        calls.pre_new_frame, calls.after_swap = pre_new_frame, after_swap
        calls.before_imgui_render = before_imgui_render

    @staticmethod
    def _clocks() -> tuple[float, float, float]:
        return time.perf_counter(), time.thread_time(), time.process_time()


def _words(profile: cProfile.Profile) -> str:
    out = io.StringIO()
    pstats.Stats(profile, stream=out).sort_stats("cumulative").print_stats(FUNCTIONS)
    lines = [line for line in out.getvalue().splitlines() if "/" in line or "{" in line]
    return "\n".join(line[:160] for line in lines)


def session(told: Path, profiles: bool) -> None:
    """The session in a window of this process, which it ends; the frames are written to `told`."""
    import drive
    import long_session

    recorder = Recorder(lambda: long_session.doing[-1], profiles)

    def journey(d: drive.Driver) -> None:
        recorder.watch_pictures(d.parts.viewports)
        try:
            long_session.session(d)
        finally:
            told.write_text(json.dumps([asdict(frame) for frame in recorder.frames]))

    long_session.prepare()
    drive.drive(journey, checks_gl=False)


def histogram(frames: list[Frame], seconds: Callable[[Frame], float]) -> dict[str, Any]:
    """How many frames took how long, in ms."""
    times = sorted(1e3 * seconds(frame) for frame in frames)
    bounds = [0, *EDGES, float("inf")]
    counts = {
        f"{low}-{high}" if high < float("inf") else f">{low}": sum(low <= t < high for t in times)
        for low, high in pairwise(bounds)
    }
    median, high = (round(times[int(q * (len(times) - 1))], 1) for q in (0.5, 0.99))
    return {"median": median, "p99": high, "worst": round(times[-1], 1), "counts": counts}


def main() -> None:
    """Measure a session in a process of its own, and tell about it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000, help="of the library")
    parser.add_argument("--profile", action="store_true", help="say what long frames are made of")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told, work = Path(folder) / "frames.json", Path(folder) / "work"
        work.mkdir()
        paths = [TESTS / "gui", TESTS / "gui" / "journeys" / "window"]
        surroundings = {
            "ISOLOSS_GUI_RUNS": str(asked.runs),
            "ISOLOSS_GUI_SHOTS": folder,  # and with it a window of the usual size
            "ISOLOSS_GUI_SECONDS": "60",
            "ISOLOSS_CONFIG_DIR": str(Path(folder) / "config"),
            "XDG_CACHE_HOME": str(Path(folder) / "cache"),
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
        }
        command = [sys.executable, __file__, "session", str(told), "profile" * asked.profile]
        done = subprocess.run(
            command, cwd=work, env={**os.environ, **surroundings}, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            print(done.stdout, file=sys.stderr)
        frames = [Frame(**frame) for frame in json.loads(told.read_text())]
    ways = {
        "thread_without_pictures_ms": lambda f: f.panels,
        "thread_ms": lambda f: f.thread,
        "wall_ms": lambda f: f.wall,
    }
    result = {"runs": asked.runs, "frames": len(frames)}
    print(json.dumps(result | {name: histogram(frames, of) for name, of in ways.items()}, indent=2))
    for name, of in ways.items():
        print(f"\n{name}: the worst (thread, of it pictures, drawing; process; wall)")
        for place, frame in sorted(enumerate(frames), key=lambda p: -of(p[1]))[:WORST]:
            times = (frame.thread, frame.pictures, frame.drawing, frame.process, frame.wall)
            print(f"{place:6d}", *(f"{1e3 * t:7.1f}" for t in times), f" {frame.doing}")
            if frame.profile and name == "thread_without_pictures_ms":
                print(frame.profile)
    sys.exit(done.returncode)


if __name__ == "__main__":
    if sys.argv[1:2] == ["session"]:
        session(Path(sys.argv[2]), bool(sys.argv[3]))
    else:
        main()
