"""A page of a million noisy points."""

import numpy as np

from isoloss.geometry.surface import Surface
from isoloss.page.writing import page_of
from isoloss.scene.files.staging import stage

READY = "document.documentElement?.dataset.ready === 'true'"
VIEW = "isolossPage.views[0]"


def test_it_is_below_6_mb_and_moves_with_fewer_points(chromium, tmp_path):
    axis, chance = np.linspace(-1, 1, 1000), np.random.default_rng(0)
    loss = axis[:, None] ** 2 + axis[None, :] ** 2 + 0.1 + chance.normal(0, 0.003, (1000, 1000))
    loss[400:420, 500:520], loss[700, 700] = np.nan, 80.0
    accuracy = np.rint(10000 * np.clip(1 - loss / 4, 0, 1)) / 10000
    errors = 0.01 * loss * chance.uniform(0.9, 1.1, loss.shape)
    counts = np.full(loss.shape, 10000)
    page = tmp_path / "large.html"
    page.write_text(page_of(stage(Surface(axis, axis, loss, accuracy, errors, counts))))
    assert page.stat().st_size < 6_000_000
    chromium.open(page)
    chromium.wait(READY)
    chromium.wait(f"{VIEW}.took !== undefined")
    assert chromium.complaints == []
    assert chromium.run(f"Object.keys({VIEW}.layers[0].triangles).length") > 1
    told = f"{VIEW}.told({{layer: {VIEW}.layers[0], cell: [123, 456]}})"
    lines = chromium.run(told).split("\n")
    error = float(lines[1].split("± ")[1])
    assert abs(float(lines[1].split()[1]) - loss[123, 456]) <= 1e-4 * loss[123, 456]
    assert abs(error - errors[123, 456]) <= 0.006 * error + 0.5 * 10 ** (
        np.floor(np.log10(error)) - 1
    )
    assert lines[2] == f"accuracy {100 * accuracy[123, 456]:.1f} %"
