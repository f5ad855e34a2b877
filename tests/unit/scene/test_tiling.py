"""Where each viewport of an arrangement is."""

from __future__ import annotations

import pytest

from isoloss.scene.tiling import places


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("rect", [(10, 20, 711.5, 553), (3, 4, 303, 805), (0, 0, 1000, 200)])
def test_viewports_fill_the_room(rect, count):
    found = places(rect, count)
    assert len(found) == count
    width, height = rect[2] - rect[0], rect[3] - rect[1]
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in found)
    assert area == pytest.approx(width * height, rel=0.01)
    assert all(value == round(value) for place in found for value in place)
    for k, (l0, t0, r0, b0) in enumerate(found):
        for l1, t1, r1, b1 in found[:k]:
            assert r0 <= l1 or r1 <= l0 or b0 <= t1 or b1 <= t0
    if count == 2:
        assert (found[0][1] == found[1][1]) == (height <= 1.6 * width)
