"""What is said of a surface's centre: its quantity by its name, and a minus as a minus."""

import numpy as np
import pytest

from isoloss.geometry.analysis.centre import centre_in_words
from isoloss.geometry.surface import Surface


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"centre": {"loss": 0.25, "accuracy": 0.5}}, "loss 0.25, accuracy 50 %"),
        ({"centre": {"split": "test", "loss": 2e-5}}, "test loss 2e−05"),
        (
            {"quantity": "margin", "centre": {"loss": -7.26948, "accuracy": 1.0}},
            "margin −7.269, accuracy 100 %",
        ),
        ({"quantity": "margin", "centre": {"loss": None}}, "margin not finite"),
        ({"centre": {"loss": "low"}}, ""),
        ({}, ""),
    ],
)
def test_it_is_called_by_its_quantity(meta, said):
    axis = np.linspace(-1, 1, 3)
    surface = Surface.from_loss(axis, axis, axis[:, None] + 0 * axis)
    surface.meta.update(meta)
    assert centre_in_words(surface) == said
