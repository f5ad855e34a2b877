"""Surfaces as a scene paints them: every choice that colours depend on is in the file."""

from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import plyfile
import pytest

import isoloss
from isoloss.cli.main import main
from isoloss.geometry.surface import Surface
from isoloss.scene.files.painted import look_of
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.theme import THEMES

ALPHA, BETA = np.linspace(-1, 1, 9), np.linspace(-1, 2, 7)


@pytest.fixture
def surface() -> Surface:
    a, b = np.meshgrid(ALPHA, BETA, indexing="ij")
    loss = 1 + a**2 + 0.3 * b
    return Surface(
        ALPHA, BETA, loss, np.clip(0.5 + 0.3 * a - 0.1 * b, 0, 1), 0 * loss,
        np.full(loss.shape, 9), {},
    )  # fmt: skip


def painted(surface: Surface, **options) -> np.ndarray:
    """(A, B, 3) colours as the scene of `isoloss render` with these options has them."""
    scene = stage(surface, **options).view
    colors = look_of(scene.layers[0], scene).colors
    assert colors is not None
    return colors


def along(name: str, shares: np.ndarray) -> np.ndarray:
    """Colours that matplotlib has at positions in [0, 1]."""
    return matplotlib.colormaps[name](np.rint(shares * 255).astype(int), bytes=True)[..., :3]


def assert_same_colors(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 3


def test_colours_of_a_texture_over_a_range(surface):
    shares = np.clip((surface.accuracy - 0.2) / 0.6, 0, 1)
    options = {"texture": "accuracy", "color_range": (0.2, 0.8)}
    assert_same_colors(painted(surface, colormap="magma", **options), along("magma", shares))
    reverse = painted(surface, colormap="cividis", reverse_colormap=True, **options)
    assert_same_colors(reverse, along("cividis", 1 - shares))


def test_logarithmic_colours(surface):
    logs = np.log(surface.loss)
    shares = (logs - logs.min()) / np.ptp(logs)
    assert_same_colors(painted(surface, log_colors=True), along("viridis", shares))


def test_one_tone_and_what_is_not_known(surface):
    for theme in ("dark", "light"):
        tone = np.rint(255 * np.array(THEMES[theme].matte[:3]))
        assert (painted(surface, texture="matte", theme=theme) == tone).all()
    surface.accuracy[2, 3] = np.nan
    grey = np.rint(255 * np.array(THEMES["light"].uncomputed[:3]))
    colors = painted(surface, texture="accuracy", theme="light")
    np.testing.assert_array_equal(colors[2, 3], grey)
    assert not (colors[2, 2] == grey).all()


def test_bands_have_as_many_colours_as_there_are_areas(surface):
    colors = painted(surface, texture="contour-bands", contour_levels=4)
    different, band = np.unique(colors.reshape(-1, 3), axis=0, return_inverse=True)
    assert 2 < len(different) <= 5
    order = np.argsort(surface.loss, axis=None)
    assert (np.diff(band.ravel()[order]) != 0).sum() == len(different) - 1


def test_a_sign_is_read_from_a_diverging_colormap(surface):
    surface = replace(surface, meta={"difference": True})
    scene = stage(SurfaceLayer("c", surface)).view
    colors = look_of(scene.layers[0], scene).colors
    most = np.abs(surface.loss).max()
    assert_same_colors(colors, along("coolwarm", 0.5 + surface.loss / most / 2))


def test_export_takes_every_choice(surface, tmp_path, capsys):
    path = str(surface.save(tmp_path / "s.npz"))
    options = "--texture accuracy --colormap magma --color-range 0 1 --no-smooth --log-height"
    assert main(["export", path, "--out", str(tmp_path / "s.ply"), *options.split()]) == 0
    vertex = plyfile.PlyData.read(str(tmp_path / "s.ply"))["vertex"]
    found = np.stack([vertex[c] for c in ("red", "green", "blue")], -1).reshape(9, 7, 3)
    assert_same_colors(found, along("magma", surface.accuracy))
    assert "nx" not in {p.name for p in vertex.properties}
    back = isoloss.load(tmp_path / "s.ply")
    np.testing.assert_array_equal(back.accuracy, surface.accuracy)
    capsys.readouterr()
    for out, words, said in (
        ("s.csv", "--texture slope", "s.csv cannot keep colours: choose .ply"),
        ("t.ply", "--color-range 2 1", "--color-range goes from low to high"),
        ("t.ply", "--texture spread", "there is no spread in"),
    ):
        assert main(["export", path, "--out", str(tmp_path / out), *words.split()]) == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / out).exists()
    curve = Surface.from_loss(ALPHA, np.zeros(1), surface.loss[:, :1]).save(tmp_path / "c.npz")
    assert main(["export", str(curve), "--out", str(tmp_path / "c.csv"), "--theme", "light"]) == 2
    assert "is a curve, which has no colours" in capsys.readouterr().err
