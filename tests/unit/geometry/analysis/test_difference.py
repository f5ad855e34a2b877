"""Differences of surfaces, which plane a surface lies in, and views that compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.app.state.comparing import Differences, difference_layer, show_in
from isoloss.errors import IsolossError
from isoloss.geometry.analysis.difference import (
    centred_scale,
    difference,
    plane_of,
    planes_differ,
    why_not,
)
from isoloss.geometry.findings import findings_of
from isoloss.geometry.surface import Surface
from isoloss.scene import Document, SurfaceLayer
from isoloss.scene.appearance import Appearance
from isoloss.scene.scene import Scene
from isoloss.scene.textures import Texture
from isoloss.scene.texturing import color_scale

ALPHA, BETA = np.linspace(-1, 2, 4), np.linspace(0, 1, 3)
RNG = np.random.default_rng(3)


def surface(**meta: object) -> Surface:
    loss, accuracy = RNG.uniform(0.1, 9, (4, 3)), RNG.uniform(0, 1, (4, 3))
    stderr, count = RNG.uniform(0, 0.3, (4, 3)), RNG.integers(1, 99, (4, 3))
    return Surface(ALPHA, BETA, loss, accuracy, stderr, count, meta)


def test_values_cell_by_cell():
    a, b = surface(), surface()
    made = difference(a, b)
    for i in range(4):
        for j in range(3):
            assert made.loss[i, j] == a.loss[i, j] - b.loss[i, j]
            assert made.accuracy[i, j] == a.accuracy[i, j] - b.accuracy[i, j]
            error = (a.loss_stderr[i, j] ** 2 + b.loss_stderr[i, j] ** 2) ** 0.5
            assert made.loss_stderr[i, j] == pytest.approx(error, rel=1e-14)
            assert made.count[i, j] == min(a.count[i, j], b.count[i, j])


def test_standard_error_is_that_of_independent_samples():
    """Against the spread of simulated differences of means."""
    n, sigma = 400, (0.7, 1.9)
    rng = np.random.default_rng(0)
    draws = [rng.normal(5, s, (4000, n)).mean(axis=1) for s in sigma]
    errors = [np.full((1, 1), s / n**0.5) for s in sigma]
    one = np.ones(1)
    a, b = (
        Surface(one, one, one[None], one[None], e, np.full((1, 1), n, np.int64)) for e in errors
    )
    made = difference(a, b).loss_stderr[0, 0]
    assert made == pytest.approx(float((draws[0] - draws[1]).std()), rel=0.04)


def test_holes_infinities_and_cells_to_come():
    a, b = surface(), surface()
    a.loss[0], b.loss[0] = (np.inf, np.inf, np.nan), (np.inf, 1.0, 1.0)
    b.count[1, 1] = 0
    made = difference(a, b)
    assert np.isnan(made.loss[0, 0])
    assert made.loss[0, 1] == np.inf
    assert np.isnan(made.loss[0, 2])
    assert made.computed[0].all()
    assert not made.computed[1, 1]
    assert np.isnan(made.loss[1, 1])
    assert made.computed.sum() == 11


def test_other_grids_are_refused_in_one_line():
    a = surface()
    finer = Surface.from_loss(np.linspace(-1, 2, 7), BETA, np.ones((7, 3)))
    wider = replace(a, beta=BETA * 2)
    for other, message in (
        (finer, "4 × 3 and 7 × 3"),
        (wider, "β runs from 0 to 1 and from 0 to 2"),
    ):
        with pytest.raises(IsolossError, match="same grid") as caught:
            difference(a, other)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert why_not(a, replace(a, alpha=a.alpha + 1e-13)) == ""
    thirds = replace(a, alpha=a.alpha / 3)
    rounded = thirds.alpha.astype(np.float32).astype(np.float64)
    assert np.abs(rounded - thirds.alpha).max() > 1e-9
    assert why_not(thirds, replace(a, alpha=rounded)) == ""
    assert why_not(thirds, replace(a, alpha=thirds.alpha * (1 + 1e-5))) != ""


def test_planes_are_told_apart():
    pca = {"plane": "pca", "cosine": 1e-12, "explained_variance_ratio": [0.8, 0.1]}
    a, b = surface(plane="random", cosine=0.1), surface(plane="random", cosine=0.1, samples=7)
    other, unknown = surface(**pca), surface()
    assert plane_of(a) == plane_of(b) != plane_of(other)
    assert plane_of(unknown) is None
    assert not planes_differ([a, b, unknown])
    assert planes_differ([a, b, other])
    assert not findings_of(difference(a, b).meta)
    assert plane_of(difference(a, b)) == plane_of(a)
    # The same directions, out of the other's run: from Python nothing is said of several planes.
    again = surface(plane="directions", cosine=0.1, planes=1)
    assert not planes_differ([a, again])
    assert not planes_differ([surface(**pca), surface(plane="directions", cosine=1e-12)])
    lines = [surface(plane=kind, cosine=None) for kind in ("line", "interpolate")]
    assert planes_differ(lines)
    (warning,) = findings_of(difference(a, other).meta) or []
    assert "different planes" in warning.message


@pytest.mark.parametrize("values", [[-3, 1, 2], [0.5, 0.25], [0, 0], [np.nan, np.inf, -2]])
def test_zero_is_in_the_middle(values):
    scale = centred_scale(np.array(values, float))
    assert scale.kind == "linear"
    assert scale.apply(0.0) == 0.5
    finite = np.abs([v for v in values if np.isfinite(v)])
    assert scale.hi == (finite.max() or 1.0)


def test_a_spike_on_either_side_does_not_flatten_the_rest():
    values = np.linspace(-1, 1, 1000)
    values[0] = -1e6
    assert 1 <= centred_scale(values).hi < 2
    assert 1 <= centred_scale(-values).hi < 2


def test_a_difference_is_drawn_centred_and_apart_from_losses():
    a, b = SurfaceLayer("a", surface()), SurfaceLayer("b", surface())
    made = difference_layer(a, b)
    assert made.name == "a − b"
    document = Document([a, b, made])
    for k, layer in enumerate((made, a, b)):
        show_in(document, layer, k)
    assert (document.arrangement, document.active) == (4, 2)
    document.link()
    of_difference, of_a, of_b, again = document.shown_views
    assert [v.shown for v in (of_difference, of_a, of_b)] == [[made], [a], [b]]
    assert again.shown, "a viewport was left empty"
    middle = of_difference.frame().scale
    assert middle.apply(0.0) == 0.5
    assert middle.hi == np.abs(made.surface.loss).max()
    common = of_a.frame().scale
    assert common == of_b.frame().scale
    assert common.lo == min(a.surface.loss.min(), b.surface.loss.min())
    assert of_difference.drawn_appearance.colormap == "coolwarm"
    assert of_a.drawn_appearance.colormap == "viridis"
    of_difference.appearance = Appearance(texture=Texture.SLOPE)
    assert of_difference.drawn_appearance.colormap == "viridis", "a slope has no sign"
    of_difference.appearance = Appearance(texture=Texture.SPREAD)
    assert of_difference.drawn_appearance.colormap == "coolwarm", (
        "without a spread the height is shown"
    )
    look = Appearance(texture=Texture.ACCURACY)
    colors = color_scale([made], look, of_difference.frame())
    assert colors is not None
    assert colors.scale.apply(0.0) == 0.5


def test_colours_are_linked_apart_from_heights():
    low, high = (
        SurfaceLayer(name, Surface.from_loss(ALPHA, BETA, np.linspace(1, top, 12).reshape(4, 3)))
        for name, top in (("low", 2.0), ("high", 5.0))
    )
    scene = Scene([low])
    alone = color_scale([low], scene.appearance, scene.frame())
    beside = color_scale([low, high], scene.appearance, scene.frame())
    assert alone is not None
    assert beside is not None
    assert (alone.scale.hi, beside.scale.hi) == (2, 5)


def test_a_difference_follows_what_it_is_of():
    a, b = SurfaceLayer("a", surface()), SurfaceLayer("b", surface())
    made, following = difference_layer(a, b), Differences()
    assert not following.update([a, made])
    b.surface = surface()
    b.touch()
    assert following.update([a, made])
    assert not following.update([a, made])
    np.testing.assert_array_equal(made.surface.loss, a.surface.loss - b.surface.loss)
    b.surface = Surface.from_loss(np.arange(3.0), np.arange(3.0), np.ones((3, 3)))
    b.touch()
    assert not following.update([a, made]), "another grid has no difference to take over"
