"""Pixels in a notebook."""

import io

import numpy as np
import pytest
from PIL import Image

from isoloss.shown.picture import Picture

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_picture_shows_the_very_pixels(channels):
    picture = PIXELS[..., :channels].copy().view(Picture)
    shown = np.asarray(Image.open(io.BytesIO(picture._repr_png_())))
    np.testing.assert_array_equal(shown, PIXELS[..., :channels])
    assert repr(picture) == "<Picture of 7 × 5 pixels>"


@pytest.mark.parametrize("part", [
    lambda p: p[0], lambda p: p / 255, lambda p: p[..., 0], lambda p: p[..., :2], lambda p: p[:0],
    lambda p: p.astype(np.uint16),
])  # fmt: skip
def test_what_is_none_is_an_array(part):
    found = part(PIXELS.view(Picture))
    assert found._repr_png_() is None
    assert repr(found) == repr(part(PIXELS))
