"""What is shown is saved as a picture, as a figure and as a movie; a curve too."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import plyfile
from drive import Driver, drive
from imgui_bundle import imgui
from PIL import Image

import isoloss
from isoloss.app.state.opening.opener import open_path
from isoloss.geometry.derivatives import slope
from isoloss.geometry.height import HeightScale
from isoloss.scene.colormaps import shades
from isoloss.scene.files.session import save_session
from isoloss.scene.textures import Texture

BARRIER = Path(sys.argv[2])
DIALOG = "//Save picture"


def picture(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    shown = d.picture()

    open_dialog(d)
    d.shot("picture.png")
    choose(d, "size", 5, "As shown")
    d.shot("picture.png")
    save(d, "shown")
    with Image.open("shown.png") as saved:
        assert saved.size == (shown.shape[1], shown.shape[0])
        apart = np.abs(np.asarray(saved).astype(int) - shown.astype(int))
        assert apart.mean() < 2, "the picture is not what the window shows"

    np.testing.assert_array_equal(shown, rendered(d), "isoloss render differs from the window")

    open_dialog(d)
    d.click(f"{DIALOG}/Figure")
    d.shot("figure.png")
    save(d, "figure.svg")
    d.until(lambda: Path("figure.svg").exists(), "the figure")
    assert "vgg11" in Path("figure.svg").read_text()

    # a mesh has the colours of the texture that is shown
    workspace.change(texture=Texture.SLOPE, color_range=(1.0, 5.0), log_colors=False)
    open_dialog(d)
    d.click(f"{DIALOG}/Mesh")
    d.shot("mesh.png")
    save(d, "mesh")
    vertex = plyfile.PlyData.read("mesh.ply")["vertex"]
    surface = workspace.selected.surface
    expected = shades(HeightScale("linear", 1.0, 5.0).apply(slope(surface)), "viridis", False)
    found = np.stack([vertex[c] for c in ("red", "green", "blue")], -1)
    np.testing.assert_array_equal(found, np.rint(expected[..., :3] * 255).reshape(-1, 3))
    np.testing.assert_array_equal(isoloss.load("mesh.ply").loss, surface.loss)
    workspace.change(texture=Texture.HEIGHT, color_range=None, log_colors=None)

    # a movie leaves the window free, and can be cancelled
    open_dialog(d)
    d.click(f"{DIALOG}/Movie")
    choose(d, "motion", 2, "Trajectory and turntable")
    d.type(f"{DIALOG}/**/##seconds", 0.1)
    d.shot("movie.png")
    save(d, "movie.webp")
    (movie,) = d.parts.renderings.active
    d.until(lambda: movie.job.progress is not None, "the first frame of the movie")
    d.shot("drawing.png")
    d.until(lambda: Path("movie.webp").exists(), "the movie")
    with Image.open("movie.webp") as saved:
        assert saved.n_frames == 3
        assert saved.size == (1280, 720)
    d.until(lambda: not d.parts.renderings.active, "the job to end")
    open_dialog(d)
    save(d, "long.gif")
    (movie,) = d.parts.renderings.active
    d.click("//rendering##0/cancel")
    d.until(lambda: not d.parts.renderings.active, "the job to be cancelled")
    assert movie.job.cancelled
    assert not [f for f in Path().iterdir() if "long" in f.name or "partial" in f.name]

    open_dialog(d)
    d.click(f"{DIALOG}/Picture")
    save(d, "shown.png/within.png")
    assert d.parts.picture_dialog.is_open, "what cannot be saved must not close the dialog"
    d.press(imgui.Key.escape)

    d.click("//Layers/**/remove")
    open_path(workspace, BARRIER)
    open_dialog(d)
    assert not d.ctx.item_exists(f"{DIALOG}/Movie")
    assert not d.ctx.item_exists(f"{DIALOG}/Mesh")
    d.shot("curve.png")
    save(d, "curve")
    d.until(lambda: Path("curve.png").exists(), "the picture of the curve")
    with Image.open("curve.png") as saved:
        assert saved.size == shown.shape[1::-1] or saved.size == (1600, 1000)


def rendered(d: Driver) -> np.ndarray:
    """What `isoloss render` makes of the session, at the size at which the window shows it."""
    session = save_session(d.parts.workspace.document, Path("view.isoloss"))
    (width, height), scale = d.parts.viewports.drawn_at()
    command = [sys.executable, "-m", "isoloss", "render", session, "--out", "same.png"]
    options = [f"--size={width}x{height}", f"--scale={scale!r}", "--supersample=1"]
    environment = {k: v for k, v in os.environ.items() if k != "PYOPENGL_PLATFORM"}
    subprocess.run([*command, *options], check=True, env=environment, timeout=60)
    with Image.open("same.png") as picture:
        return np.asarray(picture)


def open_dialog(d: Driver) -> None:
    d.press(imgui.Key.mod_ctrl, imgui.Key.e)
    d.until(lambda: d.ctx.item_exists(f"{DIALOG}/Save"), "the dialog")


def choose(d: Driver, combo: str, index: int, name: str) -> None:
    # The test engine's wildcards pass combo boxes over: here goes the whole way to one.
    d.click(f"{DIALOG}/picture/##{combo}")
    d.click(f"//$FOCUSED/$${index}/{name}")


def save(d: Driver, name: str) -> None:
    d.type(f"{DIALOG}/**/##path", name)  # and Enter
    d.ctx.yield_(3)


drive(picture, Path(sys.argv[1]))
