"""Drives a real window with the Dear ImGui test engine; journeys import this.

A journey is a function that clicks and waits. It runs on the test engine's own thread, while the
window's thread draws the frames: no OpenGL calls in it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = float(os.environ.get("ISOLOSS_GUI_SECONDS", "25"))
"""How long a journey waits for anything before it gives up."""
PROMPT, PAUSE = 30, 0.03
"""What does not come within so many frames comes from another process: frames pause for so many
seconds, that it has the processor to itself."""

TEXT = 1.0 if "ISOLOSS_GUI_SHOTS" in os.environ else 0.625
SIZE = round(1280 * TEXT), round(800 * TEXT)
"""The usual window and its text, but smaller: the same layout, and of what a frame costs a software
renderer, which is the number of its pixels, two fifths. People who look get the usual size."""


class Driver:
    """What a journey has in hand: the window and its parts, a person's mouse and keyboard."""

    def __init__(self, window: Any, ctx: Any) -> None:
        self.window, self.parts, self.ctx = window, window.parts, ctx
        viewports = window.parts.viewports
        self._wanted: int | None = None
        self._pixels = np.empty(0)
        draw = viewports.draw

        def drawn() -> None:
            draw()
            if self._wanted is not None and window.parts.rehearsal.has_quick:
                self._pixels = viewports.all[self._wanted].painter.pixels()
                self._wanted = None

        viewports.draw = drawn

    def panel(self, name: str) -> Any:
        """What draws the docked panel of this name."""
        return self.parts.panels[name]

    def until(self, condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Let frames pass until `condition` holds."""
        start, frames = time.monotonic(), 0
        while not (value := condition()):
            assert not self.ctx.is_error(), f"the test engine failed while waiting for {what}"
            assert time.monotonic() < start + seconds, f"gave up waiting for {what}"
            if frames > PROMPT:
                time.sleep(PAUSE)
            self.ctx.yield_()
            frames += 1
        return value

    def click(self, ref: str) -> None:
        """Click an item, once it is there."""
        self.until(lambda: self.ctx.item_exists(ref), f"item {ref}")
        self.ctx.item_click(ref)
        assert not self.ctx.is_error(), f"could not click {ref}"

    def double_click(self, ref: str) -> None:
        """Double-click an item, however long frames take on a busy machine."""
        self.until(lambda: self.ctx.item_exists(ref), f"item {ref}")
        with patience():
            self.ctx.item_double_click(ref)
        assert not self.ctx.is_error(), f"could not double-click {ref}"

    def dismiss_notifications(self) -> None:
        """Click them away, where what they cover is to be seen."""
        messages = self.parts.workspace.messages
        while shown := len(messages.shown):
            self.click("//notification##0/**/dismiss")
            self.until(lambda shown=shown: len(messages.shown) < shown, "a notification to go")

    def type(self, ref: str, text: str | int | float) -> None:
        """Enter a value into a field."""
        from imgui_bundle import imgui

        self.until(lambda: self.ctx.item_exists(ref), f"item {ref}")
        if "Experiments" in self.ctx.item_info(ref).window.name:  # where Enter starts the run
            self.ctx.item_input(ref)
            self.ctx.key_chars_replace(str(text))
            self.press(imgui.Key.tab)
            self.press(imgui.Key.escape)  # leaves the next field as it is
        else:
            self.ctx.item_input_value(ref, text)
        assert not self.ctx.is_error(), f"could not type into {ref}"

    def press(self, *keys: Any) -> None:
        """Press keys together."""
        chord = 0
        for key in keys:
            chord |= int(key)
        self.ctx.key_press(chord)
        self.ctx.yield_(2)

    def picture(self, index: int | None = None) -> np.ndarray:
        """(H, W, 4) of what a viewport, the active one if none is named, shows now."""
        self.ctx.yield_(2)
        self._wanted = self.parts.workspace.document.active if index is None else index
        self.until(lambda: self._wanted is None, "the picture")
        return self._pixels

    def changes(self, act: Callable[[], Any], **expected: Any) -> None:
        """`act` changes the active viewport's picture, and the appearance to what is expected."""
        before = self.picture()
        act()
        self.ctx.yield_(2)
        different = int((before != self.picture()).any(axis=2).sum())
        assert different > 100, f"no change of {expected}"
        for name, value in expected.items():
            assert getattr(self.parts.workspace.appearance, name) == value, name

    def drag(self, dx: float, dy: float, button: int = 0, index: int | None = None) -> None:
        """Drag from the middle of a viewport, the active one if none is named."""
        self.point(0.5, 0.5, index)
        self.ctx.mouse_drag_with_delta((dx, dy), button)

    def point(self, across: float, down: float, index: int | None = None) -> None:
        """Move the mouse to these shares of a viewport's width and height."""
        viewports = self.parts.viewports
        left, top, right, bottom = (
            viewports.active if index is None else viewports.all[index]
        ).rect
        self.ctx.mouse_move_to_pos((left + across * (right - left), top + down * (bottom - top)))

    def click_first_run(self, button: int = 0) -> None:
        """Click the name of the first run in the table, whose row is wider than the panel."""
        self.until(lambda: self.ctx.item_exists("//Runs/**/run"), "a row")
        row = self.ctx.item_info("//Runs/**/run").rect_full
        self.ctx.mouse_move_to_pos((row.min.x + 60, (row.min.y + row.max.y) / 2))
        self.ctx.mouse_click(button)
        self.ctx.yield_(2)

    def choose_of_first_run(self, item: str) -> None:
        """Choose an item of the menu of the first run in the table."""
        self.click_first_run(1)
        self.click(f"//$FOCUSED/{item}")

    def settle(self) -> None:
        """Let frames pass until what was docked has its place."""
        frames = self.window.frames
        self.until(lambda: self.window.frames > frames + 9, "further frames")

    def shot(self, name: str) -> None:
        """A screenshot for people to look at, where ISOLOSS_GUI_SHOTS names a folder."""
        folder = os.environ.get("ISOLOSS_GUI_SHOTS")
        if folder:
            self.ctx.yield_(4)
            subprocess.run(["import", "-window", "root", str(Path(folder) / name)], check=True)


@contextmanager
def patience() -> Iterator[None]:
    """Two clicks are a double click, however long the frames between them take."""
    from imgui_bundle import imgui

    io = imgui.get_io()
    usual = io.mouse_single_click_delay, io.mouse_double_click_time
    io.mouse_single_click_delay, io.mouse_double_click_time = 11.0, 10.0
    yield
    io.mouse_double_click_time, io.mouse_single_click_delay = usual[1], usual[0]


def drive(
    journey: Callable[[Driver], None], *paths: Path, jobs: Any = None, checks_gl: bool = True
) -> None:
    """Open the window on `paths`, let `journey` act in it, and end the process with its outcome."""
    if checks_gl:
        os.environ["ISOLOSS_GL_CHECK"] = "1"
    from imgui_bundle import hello_imgui, imgui

    from isoloss.app import opening, view

    opening.SIZE = SIZE
    outcome: dict[str, Any] = {}

    def register(window: Any) -> None:
        window.workspace.preferences.font_scale = imgui.get_style().font_scale_main = TEXT
        engine = hello_imgui.get_imgui_test_engine()
        io = imgui.test_engine.get_io(engine)
        io.config_run_speed = imgui.test_engine.TestRunSpeed.fast
        io.config_log_to_tty = True
        # A job may take its time on a busy machine; whoever runs the journey watches the clock.
        io.config_watchdog_warning = io.config_watchdog_kill_test = 1e9
        test = imgui.test_engine.register_test(engine, "isoloss", journey.__name__)

        def run(ctx: Any) -> None:
            try:
                journey(Driver(window, ctx))
                assert not ctx.is_error(), "the test engine reports an error"
                assert not window.defects, window.defects
                assert "torch" not in sys.modules, "the window imported torch"
                outcome["ok"] = True
            except BaseException:
                traceback.print_exc()
            finally:
                window.parts.quit()

        test.test_func = run
        imgui.test_engine.queue_test(engine, test)

    view(*paths, jobs=jobs, tests=register)
    sys.stdout.flush()
    # The test engine's thread may outlive a failed journey: leave without waiting for it.
    os._exit(0 if outcome.get("ok") else 1)


def drop(*paths: str | Path) -> None:
    """Drop files on the window, through the very callback that GLFW calls."""
    names = [os.fsencode(Path(path).absolute()) for path in paths]
    _drop_callback()(None, len(names), (ctypes.c_char_p * len(names))(*names))


@functools.cache
def _drop_callback() -> Any:
    """The callback that the window has registered with GLFW, taken away from it."""
    # imgui_bundle before glfw: it brings its own GLFW library and points pyGLFW at it.
    from imgui_bundle import glfw_utils

    import glfw  # isort: skip

    window, library = glfw_utils.glfw_window_hello_imgui(), glfw._glfw
    callback = library.glfwSetDropCallback(window, glfw._GLFWdropfun(0))
    assert callback, "the window registered no drop callback"
    return callback
