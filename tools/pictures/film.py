"""Take docs/pictures/film.gif anew, of runs that are made for it in the folder named, or there
already, a few minutes of two cores:

    xvfb-run -s "-screen 0 900x576x24" .venv/bin/python tools/pictures/film.py FOLDER

The mouse and the keyboard are those of a person; what the machine computes meanwhile is shown in
less time than it takes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageGrab

ROOT = Path(__file__).parents[2]
OUT = ROOT / "docs" / "pictures" / "film.gif"
SAMPLE = ROOT / "data" / "surfaces" / "vgg11-digits-pca.ply"
COMMANDS = (
    "train --model cnn --epochs 8 --batch-size 64 --schedule cosine --out runs/cnn",
    "defend digits-classifier --denoiser digits-denoiser --samples 16 --steps 8 --draws 4 "
    "--votes 10 --queries 30 --eps 0.03 0.1 0.5 --out runs/defend",
)
SIZE, TEXT = (900, 576), 0.72
FRAME = 80
"""Milliseconds."""
COLORS = 255
MOST = 4_000_000
"""Bytes."""

sys.path.insert(0, str(ROOT / "tests" / "gui"))

import drive as driving  # noqa: E402
from form_driver import FormDriver  # noqa: E402
from imgui_bundle import imgui  # noqa: E402

from isoloss.app.guide.hints import HINTS  # noqa: E402


class Film:
    """What a driver's window shows, picture after picture; its mouse goes there in steps."""

    def __init__(self, d: driving.Driver) -> None:
        self.d, self.pictures, self.times = d, list[Image.Image](), list[int]()

    def take(self, frames: int = 1) -> None:
        """A picture of what is seen now, for so many frames."""
        self.d.ctx.yield_(3)
        seen = ImageGrab.grab(xdisplay=os.environ["DISPLAY"]).convert("RGB")
        if self.pictures and seen.tobytes() == self.pictures[-1].tobytes():
            self.times[-1] += frames * FRAME
        else:
            self.pictures.append(seen)
            self.times.append(frames * FRAME)

    def go(self, x: float, y: float, steps: int = 5) -> None:
        """Move the mouse there."""
        from_x, from_y = self._mouse()
        for k in range(1, steps + 1):
            t = (k / steps) ** 2 * (3 - 2 * k / steps)
            self.d.ctx.mouse_move_to_pos((from_x + t * (x - from_x), from_y + t * (y - from_y)))
            self.take()

    def click(self, ref: str, frames: int = 8) -> None:
        """Go to an item, click it, and show for so many frames what it does."""
        self.d.until(lambda: self.d.ctx.item_exists(ref), ref)
        box = self.d.ctx.item_info(ref).rect_full
        self.go((box.min.x + box.max.x) / 2, (box.min.y + box.max.y) / 2)
        self.d.ctx.mouse_click(0)
        self.d.settle()
        self.take(frames)

    def orbit(self, dx: float, dy: float, steps: int) -> None:
        """Drag with the left button from where the mouse is."""
        x, y = self._mouse()
        self.d.ctx.mouse_down(0)
        for k in range(1, steps + 1):
            self.d.ctx.mouse_move_to_pos((x + dx * k / steps, y + dy * k / steps))
            self.take()
        self.d.ctx.mouse_up(0)

    def watch(self, ends: Callable[[], object], pause: float, most: int) -> None:
        """A frame each `pause` seconds, until something holds; every other goes where there are
        more than `most`."""
        first = len(self.pictures)
        while not ends():
            self.take()
            time.sleep(pause)
            if len(self.pictures) - first > most:
                del self.pictures[first + 1 :: 2], self.times[first + 1 :: 2]
                pause *= 2
        self.take()

    def save(self, out: Path) -> None:
        """Write it, with one palette for all."""
        small = SIZE[0] // 4, SIZE[1] // 4
        sample = [x.resize(small, Image.Resampling.NEAREST) for x in self.pictures[::4]]
        sheet = Image.new("RGB", (small[0], small[1] * len(sample)))
        for k, picture in enumerate(sample):
            sheet.paste(picture, (0, k * small[1]))
        palette = sheet.quantize(COLORS, Image.Quantize.MAXCOVERAGE, kmeans=3)
        flat = [x.quantize(palette=palette, dither=Image.Dither.NONE) for x in self.pictures]
        flat[0].save(
            out, save_all=True, append_images=flat[1:], duration=self.times, loop=0, optimize=True
        )
        print(f"{out}: {len(flat)} pictures, {sum(self.times) / 1000:.1f} s,", end=" ")
        print(f"{out.stat().st_size / 1e6:.2f} MB of {MOST / 1e6:.0f}")

    def _mouse(self) -> tuple[float, float]:
        at = imgui.get_io().mouse_pos
        return at.x, at.y


def film(d: driving.Driver) -> None:
    """Orbit, textures, contours, a surface that grows, the curves of a defense."""
    d.until(lambda: d.window.frames > 4, "the first frames")
    d.parts.workspace.preferences.hints.extend(hint.name for hint in HINTS)
    d.point(0.35, 0.55)
    d.until(lambda: d.parts.viewport.painter.count, "the surface", 60)
    d.ctx.yield_(60)
    shot = Film(d)
    shot.take(6)
    shot.orbit(190, -20, 20)
    shot.orbit(-150, 26, 14)
    for texture in ("Accuracy", "Slope", "Height"):
        shot.click(f"//Appearance/texture/{texture}")
    shot.click("//Appearance/Surface", 6)
    shot.click("//Appearance/Surface", 6)
    grow(d, shot)
    shot.orbit(60, 6, 14)
    shot.take(6)
    d.press(imgui.Key.f3)
    d.settle()
    defend(d, shot)
    shot.save(OUT)


def grow(d: driving.Driver, shot: Film) -> None:
    """A probe is asked for in its form, and started."""
    workspace, runs = d.parts.workspace, d.parts.workspace.runs
    shot.click("//Experiments/kinds/Probe", 3)
    form = d.parts.experiments.forms["probe"]
    d.until(lambda: form.verdict.offers.get("source"), "the network to be offered", 60)
    shot.click("//Experiments/**/source/suggestions", 2)
    shot.click("//$FOCUSED/choice 0", 2)
    FormDriver(d, "Probe", "source").typed("samples", 96)
    shot.click("source/plane/##value", 3)
    shot.click("//$FOCUSED/pca", 3)
    d.until(lambda: form.settings and form.settings.plane == "pca", "the form to be right", 60)
    shot.click("//Experiments/**/start", 2)
    probing = d.until(lambda: runs.active and runs.selected, "the run", 60)
    d.until(lambda: len(workspace.scene.layers) == 2, "the layer", 300)
    left, top, right, bottom = d.parts.viewports.active.rect
    shot.go(left + 0.3 * (right - left), top + 0.6 * (bottom - top))
    shot.watch(lambda: probing.status == "done", 0.4, 40)
    d.settle()
    shot.take(10)


def defend(d: driving.Driver, shot: Film) -> None:
    """The second of the runs that are listed, and of a point of its curves the images."""
    plot = d.parts.large_plots.robustness.plot
    d.until(lambda: d.ctx.item_exists("//Runs/**/run"), "the runs")
    first = d.ctx.item_info("//Runs/**/run").rect_full
    shot.go(first.min.x + 60, first.min.y + 1.5 * (first.max.y - first.min.y))
    with driving.patience():
        d.ctx.mouse_double_click(0)
    d.until(lambda: plot.points, "the points", 60)
    shot.take(12)
    x, y = next((x, y) for x, y, of in plot.points if (of.curve.attack, of.row.eps) == ("eot", 0.1))
    shot.go(x, y)
    shot.take(8)
    d.ctx.mouse_click(0)
    d.settle()
    shot.take(20)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    os.environ["ISOLOSS_CONFIG_DIR"] = str(Path("config").absolute())
    shutil.rmtree("runs/cnn-pca", ignore_errors=True)
    for words in COMMANDS:
        subprocess.run([sys.executable, "-m", "isoloss", *words.split()], check=True)
    driving.SIZE, driving.TEXT = SIZE, TEXT
    driving.drive(film, SAMPLE)
