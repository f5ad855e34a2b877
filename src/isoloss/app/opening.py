"""Opening the window: Hello ImGui runs the loop, and calls the app in each frame."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from imgui_bundle import hello_imgui, imgui, implot

from isoloss.app.panels.registry import PANELS
from isoloss.app.state.config import Preferences
from isoloss.app.state.opening.opener import open_all
from isoloss.app.state.runs.known_runs import Spawn
from isoloss.app.state.window_place import LEAST, bring_into_sight
from isoloss.app.state.workspace import Workspace
from isoloss.app.status import draw_status
from isoloss.app.ui import desktop, style
from isoloss.app.ui.docking import lay_out
from isoloss.app.ui.menus import draw_menus
from isoloss.app.window import IDLE, TITLE, App
from isoloss.errors import IsolossError
from isoloss.gl.device import context
from isoloss.run import Run
from isoloss.system.display import has_display
from isoloss.system.user_folders import config_folder

SIZE = (1280, 800)
"""Of the first window, in screen coordinates."""


def run_window(
    paths: Sequence[Path],
    follow: Sequence[Run],
    resume: Sequence[Run],
    jobs: Spawn | None,
    tests: Callable[[App], None] | None,
) -> None:
    """Open the window and stay until it is closed; `isoloss.app.view` says the rest."""
    workspace = Workspace(Path.cwd(), Preferences.load(), jobs)
    workspace.session.recover()
    open_all(workspace, paths)
    for run in follow:
        workspace.show_surface(workspace.runs.follow(run))
    _require_display()
    if resume:
        workspace.resume_and_show(resume)
    workspace.runs.watch.start()
    workspace.forms.start()
    app = App(workspace)
    params = _params(app)
    if tests is not None:
        params.use_imgui_test_engine = app.strict = True
        params.callbacks.register_tests = lambda: tests(app)
    implot.create_context()
    try:
        hello_imgui.run(params)
    except RuntimeError as error:
        if app.frames:
            raise
        raise IsolossError(
            f"cannot open a window with OpenGL 3.3 ({error}); 'isoloss render' makes pictures "
            "without one"
        ) from error
    finally:
        implot.destroy_context()
        workspace.runs.watch.stop()
        workspace.forms.stop()
        if app.frames:
            workspace.session.keep()


def _require_display() -> None:
    """Raise IsolossError where no window can be opened."""
    problem, display = "", ""
    if sys.platform.startswith("linux"):
        display = os.environ.get("DISPLAY", "")
        problem = "" if has_display() else "there is no display"
    problem = problem or desktop.why_no_window(display)
    if problem:
        raise IsolossError(f"{problem}: use 'isoloss render' to make pictures without a window")


def _params(app: App) -> hello_imgui.RunnerParams:
    params = hello_imgui.RunnerParams()
    window = params.app_window_params
    window.window_title = TITLE
    window.window_geometry.size = SIZE
    window.restore_previous_geometry = True
    params.ini_folder_type = hello_imgui.IniFolderType.absolute_path
    folder = config_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        params.ini_filename = str(folder / "layout.ini")
        bring_into_sight(folder / "layout.ini", desktop.screens(), SIZE)
    except OSError:
        params.ini_disable = True
    params.ini_filename_use_app_window_title = False

    gl = params.renderer_backend_options.open_gl_options
    gl.major_version, gl.minor_version = 3, 3
    gl.use_core_profile = gl.use_forward_compat = True
    gl.glsl_version = "150"
    # Our own framebuffers are multisampled; the panels need it not, and it costs 20 ms a frame.
    gl.anti_aliasing_samples = 0

    idling = params.fps_idling
    idling.fps_idle, idling.time_active_after_last_event = IDLE, 0.7
    idling.fps_max = 120

    inner = params.imgui_window_params
    inner.default_imgui_window_type = (
        hello_imgui.DefaultImGuiWindowType.provide_full_screen_dock_space
    )
    inner.show_menu_bar = True
    inner.show_menu_app = inner.show_menu_view = False
    inner.show_status_bar = True
    inner.show_status_fps = False
    inner.remember_theme = inner.remember_status_bar_settings = False

    lay_out(params.docking_params, PANELS, app.draw_viewport, app.draw_panel)
    _connect(params, app)
    return params


def _connect(params: hello_imgui.RunnerParams, app: App) -> None:
    """Which of our functions Hello ImGui calls when."""
    calls = params.callbacks

    def config() -> None:
        hello_imgui.imgui_default_settings.setup_default_imgui_config()
        io = imgui.get_io()
        io.config_flags |= int(imgui.ConfigFlags_.nav_enable_keyboard)
        io.config_input_text_cursor_blink = False
        io.config_drag_click_to_input_text = True
        # Under test a slip in the use of imgui is an error; else it costs a glitch, not the window.
        io.config_error_recovery_enable_assert = app.strict
        io.config_error_recovery_enable_tooltip = app.strict

    def set_style() -> None:
        style.apply_shapes()
        style.apply_palette(app.parts.theme)
        imgui.get_style().font_scale_main = app.workspace.preferences.font_scale

    def ready() -> None:
        # Paths typed later mean the folder the window was opened in, wherever GLFW has gone.
        os.chdir(app.workspace.folder)
        context.begin()
        app.parts.rehearsal.begin()
        desktop.listen_to_drops(app.drop)
        desktop.keep_larger_than(LEAST)

    def after_swap() -> None:
        app.frames += 1

    calls.default_icon_font = hello_imgui.DefaultIconFont.font_awesome6
    calls.load_additional_fonts = style.load_fonts
    calls.setup_imgui_config = config
    calls.setup_imgui_style = set_style
    calls.post_init = ready
    calls.show_menus = lambda: app.guard("Menus", lambda: draw_menus(app.parts.actions))
    calls.show_status = lambda: app.guard("Status", lambda: draw_status(app.parts))
    calls.pre_new_frame = app.before_frame
    calls.post_render_dockable_windows = app.draw_over

    def before_exit() -> None:
        app.parts.docking.keep()
        app.parts.experiments.keep()
        app.parts.free()

    calls.before_exit = before_exit
    calls.after_swap = after_swap
