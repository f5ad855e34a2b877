"""The fragment of a page's address."""

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.page.link import fragment
from isoloss.scene import Camera
from isoloss.scene.files.staging import stage

AXIS = np.linspace(-1, 1, 5)


def surface() -> Surface:
    return Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS[None, :] ** 2)


def test_it_says_where_one_looks_from_and_at_what():
    document = stage([surface(), surface(), surface()], texture="contour-bands", contours=False)
    document.view.camera = Camera(-32.5, 29, (0, 0.1 + 0.2, 0.13), 6.3, True)
    document.view.hidden = frozenset({document.layers[1]})
    assert fragment(document) == (
        "#camera=-32.5,29,0,0.3,0.13,6.3,orthographic&texture=contour-bands&contours=0&layers=1,3"
    )


@pytest.mark.parametrize("count", [2, 4])
def test_views_are_told_one_after_the_other(count):
    document = stage([surface(), surface(), surface(), surface()], epoch=1 / 3)
    document.arrange(count)
    parts = fragment(document)[1:].split(";")
    assert len(parts) == count
    assert all(part.endswith("&epoch=0.333333") for part in parts)


def test_a_view_that_shows_nothing_has_no_part_as_it_has_none_in_a_page():
    document = stage([surface(), surface()])
    document.arrange(2)
    document.views[0].hidden = frozenset(document.layers)
    document.views[1].hidden = frozenset({document.layers[0]})
    assert fragment(document).count("camera=") == 1
    assert fragment(document).endswith("&layers=2")
