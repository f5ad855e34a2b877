"""A person's ways through the window, with real clicks on a real display."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chromium import Browser

Travel = Callable[..., None]


def test_look_at_a_surface(travel: Travel, valley: Path) -> None:
    travel("surfaces/look", valley)


def test_every_option_of_the_appearance(travel: Travel, valley: Path) -> None:
    travel("surfaces/appearance", valley)


def test_several_surfaces_and_signs_are_told_apart(travel: Travel, valley: Path) -> None:
    travel("surfaces/signs", valley)


def test_open_by_clicks_and_by_drop(travel: Travel, valley: Path) -> None:
    travel("surfaces/open", valley)


def test_undo_and_saved_views(travel: Travel, valley: Path) -> None:
    travel("window/undo", valley)


def test_a_session_restored_in_a_new_process(travel: Travel, valley: Path) -> None:
    travel("window/session", "save", valley)
    travel("window/session", "restore")


def test_a_window_is_killed_and_the_next_finds_everything(travel: Travel, valley: Path) -> None:
    travel("window/killed", "begin", valley)
    travel("window/killed", "again", valley)


def test_a_long_session_reads_only_what_is_watched(travel: Travel) -> None:
    travel("window/long_session", seconds=400)


def test_the_welcome_and_its_thumbnails(travel: Travel) -> None:
    travel("window/welcome")


def test_the_tour_step_by_step(travel: Travel) -> None:
    travel("window/tour", "begin", seconds=400)
    travel("window/tour", "on", seconds=900)


def test_points_are_pinned_by_clicks(travel: Travel, valley: Path) -> None:
    travel("surfaces/pin", valley)


def test_surfaces_are_compared_in_several_viewports(travel: Travel, valley: Path) -> None:
    travel("surfaces/compare", valley)


def test_quantities_are_shown_together_and_subtracted(travel: Travel, attacked: Path) -> None:
    travel("surfaces/quantities", attacked, seconds=200)


def test_what_is_shown_is_shared_and_a_link_opens_at_the_same_view(
    travel: Travel, valley: Path, barrier: Path, tmp_path: Path
) -> None:
    travel("window/share", valley, barrier, seconds=200)
    work = tmp_path / "work"
    seen = json.loads((work / "seen.json").read_text())
    page, _, _ = seen["link"].partition("#")
    assert page == (work / "page.html").as_uri()
    with Browser() as browser:
        browser.call("Page.navigate", url=seen["link"])
        browser.wait("document.documentElement?.dataset.ready === 'true'")
        view = "isolossPage.views[0]"
        camera = browser.run(f"{view}.camera")
        assert camera == {name: pytest.approx(v, abs=1e-4) for name, v in seen["camera"].items()}
        assert browser.run(f"{view}.texture.name") == seen["texture"]
        assert browser.run(f"{view}.shows.contours") == seen["contours"]
        assert browser.run(f"{view}.shows.epoch") == seen["epoch"]
        assert browser.complaints == []


def test_train_cancel_resume_and_a_killed_job(travel: Travel) -> None:
    travel("runs/train")


def test_runs_end_and_what_comes_next_is_offered(travel: Travel) -> None:
    travel("runs/ending", seconds=150)


def test_runs_are_found_described_repeated_and_put_away(travel: Travel) -> None:
    travel("runs/library")


def test_runs_are_compared(travel: Travel) -> None:
    travel("runs/compare_runs", seconds=150)


def test_runs_of_several_seeds_are_a_set(travel: Travel) -> None:
    travel("runs/sets")


def test_several_surfaces_are_put_together(travel: Travel) -> None:
    travel("surfaces/means")


def test_a_form_by_keyboard_alone(travel: Travel) -> None:
    travel("runs/keyboard")


def test_runs_wait_for_their_turn(travel: Travel) -> None:
    travel("runs/turns")


def test_several_values_are_a_run_each(travel: Travel) -> None:
    travel("runs/sweeping", seconds=150)


def test_probe_grows_a_surface(travel: Travel, trained: Path) -> None:
    travel("runs/probe", trained)


def test_probe_with_a_loss_of_ones_own(travel: Travel, trained: Path) -> None:
    travel("runs/own_loss", trained)


def test_checkpoints_are_imported_and_probed(travel: Travel) -> None:
    travel("runs/checkpoints")


def test_a_script_is_watched_stopped_and_watched_again(travel: Travel) -> None:
    travel("runs/from_python")


def test_curves_and_what_grows(travel: Travel, valley: Path, barrier: Path) -> None:
    travel("surfaces/grow", valley, barrier)


def test_minima_are_marked_and_listed(travel: Travel) -> None:
    travel("surfaces/minima")


def test_a_slice_is_laid_dragged_and_exported(travel: Travel, valley: Path) -> None:
    travel("surfaces/slice", valley)


def test_trajectories_are_scrubbed_and_played(travel: Travel, valley: Path) -> None:
    travel("surfaces/scrub", valley)


def test_a_surface_is_played_through_training_time(travel: Travel) -> None:
    travel("surfaces/through_time")


def test_what_is_dropped_and_drawn_is_what_is_there(travel: Travel, valley: Path) -> None:
    travel("window/doors", valley, seconds=200)


def test_save_pictures_figures_and_movies(travel: Travel, valley: Path, barrier: Path) -> None:
    travel("window/picture", valley, barrier, seconds=200)


def test_a_panel_of_ones_own_is_one_class_and_one_entry(travel: Travel, valley: Path) -> None:
    travel("window/panel", valley)


def test_mistakes_are_borne_and_mended(travel: Travel, valley: Path) -> None:
    travel("window/mistakes", valley)


def test_bad_path_on_the_command_line_is_one_line(display: str, tmp_path: Path) -> None:
    text = _view(tmp_path, "missing.ply", DISPLAY=display)
    assert text.startswith("IsolossError: there is no file or folder")


def test_without_a_display_the_way_out_is_told(tmp_path: Path) -> None:
    for display in ("", ":987"):
        text = _view(tmp_path, DISPLAY=display, WAYLAND_DISPLAY="")
        assert text.startswith("IsolossError: ")
        assert "isoloss render" in text


def test_a_script_opens_a_window_and_goes_on(display: str, tmp_path: Path) -> None:
    code = """
import os, sys, tempfile, time
from pathlib import Path
import numpy as np
import isoloss

axis = np.linspace(-1, 1, 9)
loss = axis[:, None] ** 2 + axis**2
surface = isoloss.Surface.from_loss(axis, axis, loss, model="bowl")
isoloss.render(surface, size=(64, 48))  # chooses OpenGL without a display for this process
window = isoloss.view(surface, block=False)
running = Path(os.environ["ISOLOSS_CONFIG_DIR"]) / "running.isoloss"
deadline = time.monotonic() + 60
while not running.exists() and window.is_open and time.monotonic() < deadline:
    time.sleep(0.05)
assert '"bowl"' in running.read_text(), "the window shows it"
assert window.is_open
assert any(Path(tempfile.gettempdir()).iterdir())
window.close()
assert not window.is_open
assert not any(Path(tempfile.gettempdir()).iterdir())
"""
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ
        | {
            "DISPLAY": display,
            "ISOLOSS_CONFIG_DIR": str(tmp_path / "config"),
            "TMPDIR": str(tmp_path / "temporary"),
        },
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_no_gui() -> None:
    code = (
        "import sys, isoloss, isoloss.app; isoloss.view; "
        "print([m for m in ('torch', 'OpenGL', 'imgui_bundle', 'glfw') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def _view(folder: Path, *paths: str, **environment: str) -> str:
    """The error line of a window that cannot be opened."""
    code = (
        "import sys\nfrom isoloss import view, IsolossError\n"
        "try:\n    view(*sys.argv[1:])\n"
        "except IsolossError as error:\n    print('IsolossError:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *paths],
        cwd=folder,
        env=os.environ | {"ISOLOSS_CONFIG_DIR": str(folder / "config")} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1, done.stdout
    return done.stdout


def test_small_windows_long_names_and_extreme_values(
    travel: Travel, valley: Path, tmp_path: Path
) -> None:
    layout = tmp_path / "config" / "layout.ini"
    layout.parent.mkdir()
    stored = "WindowPosition=9000,9000\nWindowSize=1,1"
    layout.write_text(f";;;<<<AppWindow>>>;;;\n[AppWindow]\nDpiWindowSizeFactor=1\n{stored}\n")
    travel("window/small", valley)
    # Panels that gave way to the picture are open in the next window.
    assert "=false" not in layout.read_text()


def test_layers_are_ordered_faded_and_their_findings_heeded(travel: Travel) -> None:
    travel("surfaces/layers")


def test_what_is_left_in_a_window_is_found_in_the_next(travel: Travel) -> None:
    for step in ("leave", "again", "last"):
        travel("window/left", step)
