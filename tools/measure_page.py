"""Measure a page of a noisy surface in headless Chromium, drawn by the processor. Prints JSON.

    chrt -r 1 python tools/measure_page.py --points 1000

It opens after as many seconds as there are from the address to the second frame after the page
is ready, in a new browser each time; it is whole once the picture of a camera at rest is drawn. A
frame lasts from one animation frame to the next while the mouse drags: what is drawn counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from chromium import Browser
from isoloss.geometry.surface import Surface
from isoloss.page.writing import write_page
from isoloss.scene.files.staging import stage

SIZE = (1280, 800)
READY = "document.documentElement.dataset.ready === 'true'"
FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
WHOLE = "globalThis.isolossPage?.views[0].took !== undefined"
WATCH = """(() => {
  const times = globalThis.times = [];
  const watch = now => { times.push(now); requestAnimationFrame(watch); };
  requestAnimationFrame(watch);
})()"""


def noisy(points: int) -> Surface:
    """A bowl with noise, a hole and a spike, accuracies and standard errors."""
    axis, chance = np.linspace(-1, 1, points), np.random.default_rng(0)
    shape = points, points
    loss = axis[:, None] ** 2 + axis**2 + 0.1 + chance.normal(0, 0.003, shape)
    loss[points // 3 : points // 3 + 9, points // 2 :][:, :9] = np.nan
    loss[points // 2, points // 4] = 80.0
    accuracy = np.rint(10000 * np.clip(1 - loss / 4, 0, 1)) / 10000
    errors = 0.01 * loss * chance.uniform(0.9, 1.1, shape)
    return Surface(axis, axis, loss, accuracy, errors, np.full(shape, 10000))


def measured(page: Path, frames: int) -> tuple[float, float, list[float]]:
    """Seconds until the page is open and until it is whole, and ms of the frames of a drag."""
    with Browser(*SIZE) as browser:
        started = time.monotonic()
        browser.open(page)
        browser.wait(READY)
        browser.run(FRAME)
        opens = time.monotonic() - started
        browser.wait(WHOLE)
        whole = time.monotonic() - started
        x, y = 500.0, 400.0
        browser.mouse("moved", x, y)
        browser.mouse("pressed", x, y, button="left", buttons=1, clickCount=1)
        browser.run(WATCH)
        while len(browser.run("times")) <= frames:
            x += 3
            browser.mouse("moved", x % SIZE[0], y, button="left", buttons=1)
        return opens, whole, np.diff(browser.run("times")).tolist()


def main() -> None:
    """Write the page, open it some times, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1000, help="Along each axis")
    parser.add_argument("--times", type=int, default=3, help="So often the page is opened")
    parser.add_argument("--frames", type=int, default=60, help="Of each drag")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        started = time.monotonic()
        write_page(stage(noisy(given.points)), page)
        writes = time.monotonic() - started
        size = page.stat().st_size
        found = [measured(page, given.frames) for _ in range(given.times)]
    frames = [frame for *_, each in found for frame in each]
    print(json.dumps({
        "points": given.points, "bytes": size, "written in s": round(writes, 2),
        "opens in s": [round(opens, 2) for opens, *_ in found],
        "whole in s": [round(whole, 2) for _, whole, _ in found],
        "frames": len(frames), "median ms": round(median(frames), 1),
        "95 % ms": round(float(np.quantile(frames, 0.95)), 1), "worst ms": round(max(frames), 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
