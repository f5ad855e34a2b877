"""The numbers along the axes: none beside one of another axis with which it would read as one."""

import itertools

import numpy as np
import pytest

from isoloss.geometry.height import HeightScale
from isoloss.gl.annotations.axes import AxisLabels, AxisTicks, Sides
from isoloss.gl.annotations.plates import Silhouette
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.target import Target
from isoloss.gl.primitives.labels import Label, TextPass
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


@pytest.mark.parametrize("azimuth", [-178, -92, -88, -2, 2, 88, 92, 178])
def test_an_axis_seen_from_its_end_is_not_mixed_with_the_losses(context, azimuth):
    camera, text = Camera(azimuth=azimuth, elevation=29.0), TextPass()
    layout = AxisLabels(View(camera, (700, 500), 1.0, THEMES["dark"]), text)
    layout.lay_out(FRAME, TICKS, Sides.of(camera), ("", "", ""))
    losses = [label for label in layout.labels if label.text.startswith("z")]
    assert len(losses) == len(TICKS.z)
    others = [label for label in layout.labels if label.text and not label.text.startswith("z")]
    top, bottom = min(x.y for x in losses), max(x.y for x in losses)
    beside = [x for x in others if top < x.y < bottom and x.x < 350]
    assert not beside


def test_a_text_over_the_box_has_a_halo_and_one_beside_it_has_none(context):
    camera = Camera(azimuth=-90.0, elevation=80.0)
    view = View(camera, (700, 500), 1.0, THEMES["light"])
    box = Silhouette(view, FRAME.corners)
    layout = AxisLabels(view, TextPass(), box.halo)
    layout.lay_out(FRAME, TICKS, Sides.of(camera), ("", "", ""))
    over = [label.halo is not None for label in layout.labels]
    assert any(over)
    assert box.halo((0.0, 0.0, 20.0, 10.0)) is None
    assert box.halo((340.0, 240.0, 360.0, 250.0)) is not None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_halo_surrounds_the_glyphs(renderer, theme):
    target, text, halo = Target(80, 40), TextPass(), (1.0, 0.0, 0.0, 1.0)
    pictures = []
    for rim in (None, halo):
        target.begin(multisample=False)
        renderer._blend()
        text.draw([Label("H", 40, 20, THEMES[theme].ink, halo=rim)], 24.0, (80, 40))
        target.end()
        pictures.append(target.read().astype(int))
    target.free()
    plain, rimmed = (picture[..., 3] > 128 for picture in pictures)
    assert plain.any()
    assert (rimmed & plain == plain).all()
    outside = rimmed & (pictures[0][..., 3] == 0)
    assert outside.sum() > plain.sum()
    red, green, *_ = pictures[1][outside].T
    assert (red > green + 80).all()


SPANS = [(615850.0, 615865.0), (2e-4, 2.02e-4), (1.0, 1 + 1e-12), (-1e300, 1e300), (0.0, 5e-322)]


@pytest.mark.parametrize("size", [(360, 260), (620, 430), (1400, 900), (300, 600)])
@pytest.mark.parametrize("k", range(len(SPANS)))
def test_labels_of_any_range_have_room_of_their_own(context, size, k):
    text, em = TextPass(), 14.0
    frame = Frame(SPANS[k], SPANS[(k + 1) % 5], HeightScale("linear", *SPANS[(k + 2) % 5]))
    for azimuth, elevation in ((-60, 30), (20, 10), (135, 55), (-90, 89)):
        camera = Camera(azimuth=azimuth, elevation=elevation)
        layout = AxisLabels(View(camera, size, 1.0, THEMES["dark"]), text)
        layout.lay_out(frame, AxisTicks.of(frame), Sides.of(camera), ("α", "β", "loss, log"))
        labels = [label for label in layout.labels if label.text]
        boxes = [text.rect(label, em) for label in labels]
        for a, b in itertools.combinations(boxes, 2):
            across = min(a[2], b[2]) - max(a[0], b[0])
            down = min(a[3], b[3]) - max(a[1], b[1])
            assert across <= 2 or down <= 2, (a, b, size, azimuth)
        for label, (left, top, right, bottom) in zip(labels, boxes, strict=True):
            inside = left >= -2 and top >= -2 and right <= size[0] + 2 and bottom <= size[1] + 2
            outside = right < 0 or bottom < 0 or left > size[0] or top > size[1]
            assert inside or outside, (label.text, size, azimuth)
