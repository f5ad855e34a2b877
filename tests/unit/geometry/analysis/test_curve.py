"""Curves: what is plotted of a line through parameter space, and its picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import isoloss
from isoloss import IsolossError, Surface
from isoloss.geometry.analysis.curve import curve_of
from isoloss.scene.theme import THEMES

ALPHA = np.linspace(-0.5, 1.5, 9)


def line(loss, stderr=0.0, accuracy=np.nan, count=7, **meta):
    """A curve from values that may be one for all points."""
    values = [np.broadcast_to(v, ALPHA.shape)[:, None].copy() for v in (loss, accuracy, stderr)]
    counts = np.broadcast_to(count, ALPHA.shape)[:, None].copy()
    return Surface(ALPHA, np.zeros(1), *map(np.float64, values), counts, meta)


def test_the_band_is_a_normal_95_percent_interval():
    from statistics import NormalDist

    reach = NormalDist().inv_cdf(0.975)
    curve = curve_of(line(2.0, stderr=0.5))
    np.testing.assert_allclose(curve.high - curve.loss, reach * 0.5, rtol=1e-4)
    np.testing.assert_allclose(curve.loss - curve.low, reach * 0.5, rtol=1e-4)
    assert curve.has_band
    assert not curve_of(line(2.0)).has_band
    assert not curve_of(line(2.0, stderr=np.nan)).has_band


def test_only_what_was_computed_is_plotted_and_what_is_not_finite_breaks_the_line():
    loss = ALPHA**2
    loss[3] = np.inf
    curve = curve_of(line(loss, count=np.arange(9) % 2, accuracy=0.25))
    np.testing.assert_array_equal(curve.alpha, ALPHA[1::2])
    np.testing.assert_array_equal(curve.loss, [ALPHA[1] ** 2, np.nan, ALPHA[5] ** 2, ALPHA[7] ** 2])
    np.testing.assert_array_equal(curve.accuracy, [25.0] * 4)
    assert curve.span == (-0.5, 1.5)


def test_landmarks_are_the_networks():
    def landmarks(**meta):
        return [(m.alpha, m.label) for m in curve_of(line(1.0, **meta)).landmarks]

    assert landmarks(plane="line") == [(0, "network")]
    assert landmarks(plane="interpolate") == [(0, "start"), (1, "end")]
    named = landmarks(plane="interpolate", start="sgd", end="adam")
    assert named == [(0, "sgd"), (1, "adam")]
    beyond = Surface.from_loss(ALPHA + 0.7, np.zeros(1), np.ones((9, 1)), plane="interpolate")
    assert [m.label for m in curve_of(beyond).landmarks] == ["end"]


@pytest.mark.parametrize("stderr", [0.0, 0.1, 50.0])
def test_the_axis_holds_the_loss_and_what_it_can_of_the_band(stderr):
    loss = np.geomspace(0.01, 10, 9)
    curve = curve_of(line(loss, stderr=stderr))
    assert curve.scale.kind == "log"
    low, high = curve.limits(log=False)
    assert low < (loss - 1.9 * stderr).min()
    assert high > (loss + 1.9 * stderr).max()
    low, high = curve.limits(log=True)
    assert 0.002 < low < 0.01  # where the band falls below zero, it ends at the edge
    assert high > (loss + 1.9 * stderr).max()


def test_a_constant_curve_and_one_without_a_value_have_an_axis():
    for loss in (0.0, 3.0, -3.0, np.nan):
        low, high = curve_of(line(loss)).limits(log=False)
        assert low < high
        assert not low > loss > high


def test_the_nearest_point_is_told():
    curve = curve_of(line(ALPHA**2, stderr=0.25, accuracy=0.5, count=np.arange(9) % 2))
    index = curve.nearest(0.3)
    assert curve.alpha[index] == 0.25
    assert curve.readout(index) == [
        ("α", "0.25"),
        ("loss", "0.0625 ± 0.25"),
        ("accuracy", "50.0 %"),
    ]
    assert curve_of(line(1.0, count=0)).nearest(0.0) is None


def test_a_surface_is_no_curve():
    with pytest.raises(ValueError, match="one β"):
        curve_of(Surface.from_loss(ALPHA, ALPHA, np.ones((9, 9))))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_picture_shows_the_curve_in_the_colours_of_the_theme(tmp_path, theme):
    loss = 1 + 0.5 * ALPHA
    path = line(loss, stderr=0.02, accuracy=0.9).save(tmp_path / "c.npz")
    image = isoloss.render(path, tmp_path / "c.png", size=(600, 400), theme=theme)
    assert image.shape == (400, 600, 4)
    assert (np.asarray(Image.open(tmp_path / "c.png")) == image).all()
    colors = THEMES[theme]
    corner = np.array(colors.background_top[:3]) * 255
    assert np.abs(image[2, 2, :3] - corner).max() <= 2
    blue = np.array(colors.path_color(2)[:3]) * 255
    # Of the straight line there is one pixel in each column of the plot, and they lie on a line.
    there = np.abs(image[60:, 100:520, :3] - blue).max(axis=-1) < 30
    assert there.any(axis=0).all()
    rows = np.array([np.flatnonzero(column).mean() for column in there.T])
    x = np.arange(len(rows))
    slope, start = np.polyfit(x, rows, 1)
    assert slope < -0.1
    assert np.abs(rows - (start + slope * x)).max() < 3


def test_a_transparent_picture_has_nothing_behind_the_curve():
    image = isoloss.render(line(ALPHA**2), size=(300, 200), transparent=True)
    assert image[:3, :3, 3].max() == 0
    assert image[..., 3].max() == 255


def test_a_curve_is_drawn_alone_and_without_what_it_has_not(tmp_path):
    curve = line(ALPHA**2)
    surface = Surface.from_loss(ALPHA, ALPHA, np.ones((9, 9)))
    with pytest.raises(IsolossError, match="draw it alone"):
        isoloss.render([curve, surface])
    with pytest.raises(IsolossError, match="its picture has no texture"):
        isoloss.render(curve, texture="accuracy")
    with pytest.raises(IsolossError, match="no option 'textur'"):
        isoloss.render(curve, textur="accuracy")


@pytest.mark.parametrize(
    ("meta", "title"),
    [
        ({"plane": "line"}, "net on digits, random line"),
        ({"plane": "interpolate", "planes": 1}, "net on digits, interpolation"),
        ({"plane": "random", "planes": 12}, "net on digits, mean of 12 random planes"),
    ],
)
def test_the_heading_says_what_was_cut(meta, title):
    assert line(1.0, model="small:net", data="digits", **meta).title == title
