"""What a reader does to a page, by mouse, touch and key; oracles are the window's own camera."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.scene import Appearance, Camera, Scene, SurfaceLayer
from isoloss.scene.document import Document, Links
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


def test_two_fingers_zoom_where_they_are(page):
    page.pinch((400, 180), 100, 200)
    closer, expected = camera(page), Camera().zoom(2, (400, 180), SIZE)
    assert closer.distance == pytest.approx(expected.distance, rel=0.01)
    assert np.allclose(closer.target, expected.target, atol=0.02)


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
    assert page.run("document.getElementById('said').textContent") == "contours hidden"
    assert page.complaints == []


def test_it_follows_the_system_to_light_and_dark(page):
    theme = "document.documentElement.dataset.theme"
    assert page.run(theme) == "dark"
    page.emulate(prefers_color_scheme="light")
    page.wait(f"{theme} === 'light'")


def test_a_theme_that_was_asked_for_stays(opened):
    page = opened(surface(), theme="light")
    assert page.run("document.documentElement.dataset.theme") == "light"


def test_views_beside_each_other_move_together(opened):
    layers = [SurfaceLayer("a", surface()), SurfaceLayer("b", surface())]
    views = [
        Scene(layers, appearance=Appearance(), hidden=frozenset({layers[1 - k]})) for k in (0, 1)
    ]
    page = opened(Document(layers, views, arrangement=2, links=Links()))
    page.drag((160, 200), (200, 220))
    cameras = json.loads(page.run("JSON.stringify(isolossPage.views.map(v => v.camera.azimuth))"))
    assert cameras == [Camera().orbit(40, 20).azimuth] * 2
    widths = page.run("[...document.querySelectorAll('.view')].map(v => v.offsetWidth)")
    assert len(widths) == 2
    assert abs(widths[0] - widths[1]) <= 1


def test_a_path_is_played_by_epoch(opened):
    from isoloss.resources import resource_folder

    page = opened(resource_folder("data") / "surfaces" / "vgg11-digits-pca.ply")
    whole = page.run("isolossPage.views[0].lines['path 0 0'].quads.count")
    page.run(
        "const r = document.querySelector('#epoch input'); r.value = 2; "
        "r.dispatchEvent(new Event('input')); isolossPage.views[0].draw()"
    )
    assert 0 < page.run("isolossPage.views[0].lines['path 0 0'].quads.count") < whole
    assert page.run("document.querySelector('#epoch span').textContent") == "epoch 2"


def test_a_link_opens_the_page_at_its_view(page):
    page.drag(MIDDLE, (380, 170))
    page.run("document.querySelector('canvas.drawn').focus()")
    page.key("t")
    page.key("c")
    moved, link = camera(page), page.run("isolossPage.fragment")
    page.key("r")
    page.key("t")
    page.run(f"location.hash = {json.dumps(link)}")
    page.wait(f"Math.abs(isolossPage.views[0].camera.azimuth - {moved.azimuth}) < 1e-3")
    found, view = camera(page), "isolossPage.views[0]"
    assert np.allclose(
        [found.elevation, *found.target], [moved.elevation, *moved.target], atol=1e-4
    )
    assert page.run(f"[{view}.texture.name, {view}.shows.contours]") == ["accuracy", False]


@pytest.mark.parametrize(
    "fragment", ["#v=", "#v=1,2,3", "#v=" + "9e999," * 8 + "1", "#v=<b>", "#x"]
)
def test_a_link_that_says_nothing_changes_nothing(page, fragment):
    page.run(f"location.hash = {json.dumps(fragment)}")
    page.run("isolossPage.recall()")
    assert same(camera(page), Camera())
    assert page.complaints == []


def test_print_is_light_and_comes_back(page):
    assert len(page.pdf()) > 20_000
    page.wait("document.documentElement.dataset.theme === 'dark'")
    assert page.complaints == []


def test_whole_and_moving_pictures_are_of_one_scene(page):
    replaced = replace(Camera(), azimuth=10.0)
    page.run(f"isolossPage.views[0].camera.azimuth = {replaced.azimuth}")
    page.run("isolossPage.views[0].isSlow = true; isolossPage.views[0].draw(true)")
    assert page.run("isolossPage.views[0].canvas.width") == SIZE[0] / 2
    page.run("isolossPage.views[0].draw()")
    assert page.run("isolossPage.views[0].canvas.width") == SIZE[0]
