"""The numbers along the axes: none beside one of another axis with which it would read as one."""

import numpy as np
import pytest

from isoloss.geometry.height import HeightScale
from isoloss.gl.axes import AxisLabels, AxisTicks, Sides
from isoloss.gl.text import TextPass
from isoloss.gl.view import View
from isoloss.scene import Camera
from isoloss.scene.scene import Frame
from isoloss.scene.theme import THEMES

FRAME = Frame((-1.0, 1.0), (-1.0, 1.0), HeightScale("linear", 0.0, 1.0))
TICKS = AxisTicks(
    [(float(x), f"{x:.1f}") for x in np.linspace(-1, 1, 5)],
    [(float(y), f"{y:.1f}") for y in np.linspace(-1, 1, 5)],
    [(float(z), f"z {z:.1f}") for z in np.linspace(0, 0.9, 4)],
)


@pytest.mark.parametrize("size", [(360, 260), (700, 500), (1400, 900)])
def test_numbers_of_two_axes_stay_apart_where_they_meet(context, size):
    text, em, met = TextPass(), 14.0, 0
    for azimuth in range(-90, 91, 5):
        for elevation in (10, 20, 30, 45, 60):
            camera = Camera(azimuth=azimuth, elevation=elevation)
            layout = AxisLabels(View(camera, size, 1.0, THEMES["dark"]), text)
            layout.lay_out(FRAME, TICKS, Sides.of(camera), ("", "", ""))
            ends = [label for label in layout.labels if label.text in ("-1.0", "1.0")]
            assert len(ends) >= 2
            for a, b in ((a, b) for a in ends for b in ends if a is not b and a.text == b.text):
                (wide, tall), _ = (text.measure(x.text, em) for x in (a, b))
                if abs(a.y - b.y) < tall - 1e-6:
                    assert abs(a.x - b.x) - wide > em, (a.text, azimuth, elevation)
                    met += 1
    assert met > 0
