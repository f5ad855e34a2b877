"""What a reader does to a page, by mouse, touch and key; oracles are the window's own camera."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.scene import Camera, Scene, SurfaceLayer
from isoloss.scene.picking import pick_scene
from isoloss.scene.pins import measurements

SIZE = (640, 400)
AXIS = np.linspace(-2, 3, 21)
LOSS = (AXIS[:, None] / 3) ** 2 + (AXIS[None, :] / 4) ** 2 + 0.0123
MIDDLE = (320, 200)


def surface() -> Surface:
    errors = 0.01 + 0.001 * np.arange(LOSS.size).reshape(LOSS.shape)
    accuracy = 1 - LOSS / 4
    return Surface(AXIS, AXIS, LOSS, accuracy, errors, np.full(LOSS.shape, 100))


def camera(browser) -> Camera:
    told = json.loads(browser.run("JSON.stringify(isolossPage.views[0].camera)"))
    return Camera(**told | {"target": tuple(told["target"])})


def same(one: Camera, other: Camera) -> bool:
    a, b = ([*asdict(c).values()] for c in (one, other))
    return all(np.allclose(x, y, atol=1e-6) for x, y in zip(a, b, strict=True))


@pytest.fixture
def page(opened):
    return opened(surface())


def test_drags_orbit_and_pan_as_in_the_window(page):
    page.drag(MIDDLE, (380, 170))
    expected = Camera().orbit(60, -30)
    assert same(camera(page), expected)
    page.drag(MIDDLE, (300, 240), "right")
    assert same(camera(page), expected.pan(-20, 40, SIZE))


def test_the_wheel_zooms_to_the_cursor_and_r_goes_back(page):
    page.wheel(420, 150, 2)
    assert same(camera(page), Camera().zoom(1.12**2, (420, 150), SIZE))
    page.run("document.querySelector('canvas.drawn').focus()")
    page.key("r")
    assert same(camera(page), Camera())


def test_two_fingers_zoom_where_they_are_and_pan_together(page):
    page.fingers([(350, 180), (450, 180)], [(300, 180), (500, 180)])
    closer, expected = camera(page), Camera().zoom(2, (400, 180), SIZE)
    assert closer.distance == pytest.approx(expected.distance, rel=0.01)
    assert np.allclose(closer.target, expected.target, atol=0.02)
    page.fingers([(300, 200), (360, 200)], [(320, 230), (380, 230)])
    assert np.allclose(camera(page).target, closer.pan(20, 30, SIZE).target, atol=0.02)


def test_a_finger_orbits_and_a_tap_reads(page):
    page.fingers([MIDDLE], [(380, 170)])
    assert same(camera(page), Camera().orbit(60, -30))
    assert page.run("document.getElementById('readout').hidden")
    page.fingers([MIDDLE], [MIDDLE])
    assert page.run("document.getElementById('readout').textContent").startswith("α ")


def test_a_double_click_orbits_around_the_point(page):
    hit = pick_scene(Scene([SurfaceLayer("s", surface())]), Camera().ray(330, 170, SIZE))
    page.double_click(330, 170)
    assert hit is not None
    assert np.allclose(camera(page).target, hit.position, atol=2e-3)


def test_keys_orbit_pan_zoom_and_look_from_the_axes(page):
    page.run("document.querySelector('canvas.drawn').focus()")
    page.key("ArrowLeft")
    page.key("ArrowUp", shift=True)
    page.key("+")
    assert same(camera(page), Camera().orbit(-12, 0).pan(0, -12, SIZE).zoom(1.12))
    page.key("r")
    page.key("7")
    assert same(camera(page), Camera().axis_view(7))


@pytest.mark.parametrize("at", [(330, 170), (250, 160), (420, 120)])
def test_the_readout_says_what_was_measured(page, at):
    given = surface()
    hit = pick_scene(Scene([SurfaceLayer("s", given)]), Camera().ray(*at, SIZE))
    page.mouse("moved", *at)
    page.wait("!document.getElementById('readout').hidden")
    told = page.run("document.getElementById('readout').textContent").split("\n")
    assert hit is not None
    assert told[0].startswith("α ")
    assert told[1:] == [f"{name} {value}" for name, value in measurements(given, hit.index)]
    assert "±" in told[1]


def test_t_goes_through_the_textures_and_c_hides_the_contours(page):
    page.run("document.querySelector('canvas.drawn').focus()")
    seen = [page.run("isolossPage.views[0].texture.name")]
    for _ in range(7):
        page.key("t")
        seen.append(page.run("isolossPage.views[0].texture.name"))
    expected = ["height", "accuracy", "slope", "curvature", "error-bar", "contour-bands", "matte"]
    assert seen == [*expected, "wireframe"]
    page.key("c")
    assert page.run("isolossPage.views[0].shows.contours") is False
    assert page.run("document.getElementById('said').textContent") == "Contours hidden"
    assert page.complaints == []


def test_whole_and_moving_pictures_are_of_one_scene(page):
    replaced = replace(Camera(), azimuth=10.0)
    page.run(f"isolossPage.views[0].camera.azimuth = {replaced.azimuth}")
    # In one go: on a busy machine the page draws the whole picture by itself between two.
    page.run("globalThis.view = isolossPage.views[0]")
    assert page.run("(view.isSlow = true, view.draw(true), view.canvas.width)") == SIZE[0] / 2
    assert page.run("(view.draw(), view.canvas.width)") == SIZE[0]


def test_keys_count_before_anything_was_pointed_at_but_not_in_a_tool(page):
    assert page.run("document.activeElement.tagName") == "BODY"
    page.key("c")
    assert page.run("isolossPage.views[0].shows.contours") is False
    page.run("document.querySelector('#about summary').focus()")
    page.key("c")
    page.key("r")
    assert page.run("isolossPage.views[0].shows.contours") is False


def test_a_page_whose_context_was_taken_back_is_there_again_for_who_comes_to_it(page):
    page.run("globalThis.before = true; isolossPage.views[0].device.gl"
             ".getExtension('WEBGL_lose_context').loseContext()")  # fmt: skip
    page.wait("isolossPage.views[0].device.gl.isContextLost()")
    page.mouse("moved", *MIDDLE)
    page.mouse("moved", MIDDLE[0] + 9, MIDDLE[1])
    page.wait("!globalThis.before && document.documentElement?.dataset.ready === 'true'")
    page.wait("isolossPage.views[0].device.gl.isContextLost() === false")
