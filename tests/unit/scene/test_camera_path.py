"""The way from one camera to another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.scene import Camera
from isoloss.scene.camera_path import between, ease


def test_between_two_cameras():
    a = Camera(azimuth=170, elevation=10, target=(0, 0, 0), distance=1)
    b = Camera(azimuth=-170, elevation=30, target=(1, 2, 4), distance=16, orthographic=True)
    assert (between(a, b, 0), between(a, b, 1)) == (a, b)
    assert (between(a, b, -3), between(a, b, 7)) == (a, b)
    middle = between(a, b, 0.5)
    assert abs(middle.azimuth) == pytest.approx(180)
    assert (middle.elevation, middle.target) == (20, (0.5, 1, 2))
    assert middle.distance == pytest.approx(4)
    assert [between(a, b, t).orthographic for t in (0.1, 0.49, 0.51, 0.9)] == [0, 0, 1, 1]
    # The eye moves by equal steps of 10° in all, and never past an end.
    way = [between(a, b, k / 40).azimuth % 360 for k in range(41)]
    assert np.diff(way) == pytest.approx(0.5)
    chance = np.random.default_rng(0)
    for _ in range(50):
        a, b = (replace(a, azimuth=float(chance.uniform(-180, 180))) for _ in range(2))
        half = between(a, b, 0.5)
        turns = [abs((half.azimuth - x.azimuth + 180) % 360 - 180) for x in (a, b)]
        assert turns[0] == pytest.approx(turns[1])
        assert turns[0] <= 90 + 1e-9
    assert [ease(t) for t in (-1, 0, 0.5, 1, 2)] == [0, 0, 0.5, 1, 1]
