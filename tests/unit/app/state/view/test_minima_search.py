"""Minima of large surfaces come later, and are those of the surface that is shown then."""

from concurrent.futures import wait

import numpy as np
import pytest

from isoloss.app.state.view.minima_search import MinimaSearch
from isoloss.geometry.analysis.minima import minima_of
from isoloss.geometry.analysis.roughness import roughness_of
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface
from isoloss.scene.layer import SurfaceLayer

AXIS = np.linspace(-1, 1, 9)
SCALE = HeightScale("linear", 0.0, 3.0)


def bumpy(seed):
    return Surface.from_loss(AXIS, AXIS, np.random.default_rng(seed).random((9, 9)) + 0.5)


@pytest.fixture
def search():
    search = MinimaSearch(at_once=80)
    yield search
    search.end()


def finish(search):
    wait([search._under_way[2]])


def test_what_is_small_is_found_at_once(search):
    small = Surface.from_loss(AXIS[:8], AXIS, bumpy(0).loss[:8])
    layer = SurfaceLayer("small", small)
    search.update([layer])
    assert not layer.pending
    assert layer.deep_minima(SCALE, 0)


def test_what_is_large_has_none_until_they_are_found(search):
    layers = [SurfaceLayer(f"{k}", bumpy(k)) for k in range(2)]
    search.update(layers)
    assert [layer.deep_minima(SCALE, 0) for layer in layers] == [[], []]
    finish(search)
    search.update(layers)
    assert [layer.pending for layer in layers] == [False, True]
    finish(search)
    search.update(layers)
    for layer in layers:
        assert layer.deep_minima(SCALE, 0) == list(minima_of(layer.surface))
        assert layer.roughness == roughness_of(layer.surface)


def test_what_was_found_of_another_state_does_not_count(search):
    layer = SurfaceLayer("grows", bumpy(0))
    search.update([layer])
    layer.take(bumpy(1))
    layer.touch()
    finish(search)
    search.update([layer])
    assert layer.pending
    finish(search)
    search.update([layer])
    assert layer.deep_minima(SCALE, 0) == list(minima_of(bumpy(1)))
