"""What a page has beside its pictures: tools, epochs, views beside each other, themes, print."""

import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from isoloss.geometry.surface import Surface
from isoloss.resources import resource_folder
from isoloss.scene import Camera, Scene, SurfaceLayer
from isoloss.scene.document import Document

AXIS = np.linspace(-1, 1, 15)
BOWL = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 0.1
THEME = "document.documentElement.dataset.theme"
VIEW = "isolossPage.views[0]"


def surface(loss=BOWL) -> Surface:
    return Surface(AXIS, AXIS, loss, 1 - loss / 4, 0.02 * loss, np.full(loss.shape, 100))


def path_surface():
    return resource_folder("data") / "surfaces" / "vgg11-digits-pca.ply"


def click(page, selector: str) -> None:
    box = page.run(
        "(b => [b.left + b.width / 2, b.top + b.height / 2])"
        f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
    )
    page.mouse("pressed", *box, button="left", buttons=1, clickCount=1)
    page.mouse("released", *box, button="left", buttons=0, clickCount=1)


def test_textures_are_chosen_from_a_list(opened):
    page = opened(surface())
    names = page.run("[...document.querySelector('#tools select').options].map(o => o.textContent)")
    assert names[:2] == ["Height", "Accuracy"]
    page.run(
        "const s = document.querySelector('#tools select'); s.value = 'accuracy'; "
        "s.dispatchEvent(new Event('change'))"
    )
    assert page.run(f"{VIEW}.texture.name") == "accuracy"
    assert page.run("document.getElementById('said').textContent") == "Texture: Accuracy"


def test_layers_are_hidden_and_shown_again(opened):
    page = opened([surface(), surface(1.5 - BOWL)])
    both = page.screenshot((0, 40, 640, 360))
    click(page, "#show summary")
    page.wait("document.getElementById('show').open")
    click(page, "#show label:nth-child(2) input")
    assert page.run(f"{VIEW}.visible.map(layer => layer.about.number)") == [1]
    page.key("Escape")
    page.wait("!document.getElementById('show').open")
    page.run(f"{VIEW}.draw()")
    one = page.screenshot((0, 40, 640, 360))
    page.run("isolossPage.hide(2, false)")
    page.run(f"{VIEW}.draw()")
    again = page.screenshot((0, 40, 640, 360))
    assert pixels(both, one) > 1
    assert pixels(both, again) < 0.1


def pixels(one: bytes, other: bytes) -> float:
    a, b = (np.asarray(Image.open(io.BytesIO(x)).convert("RGB")).astype(int) for x in (one, other))
    return float(np.abs(a - b).mean())


def test_switches_are_those_of_what_is_there(opened):
    page = opened(surface())
    texts = page.run("[...document.querySelectorAll('#show bdi')].map(b => b.textContent)")
    assert texts == [
        "Contours", "Contours on the floor", "Minima", "Wireframe overlay", "Axes"
    ]  # fmt: skip
    assert page.run(f"{VIEW}.shows.minima") is False
    page.run("isolossPage.toggle('minima')")
    assert page.run("[...document.querySelectorAll('#show input')][2].checked")


@pytest.mark.parametrize("count", [2, 4])
def test_views_beside_each_other_move_together(count, opened):
    layers = [SurfaceLayer(f"{k}", surface(BOWL + k)) for k in range(count)]
    views = [Scene(layers, hidden=frozenset(layers) - {layer}) for layer in layers]
    page = opened(Document(layers, views, arrangement=count))
    page.drag((160, 100), (200, 120))
    cameras = page.run("isolossPage.views.map(view => view.camera.azimuth)")
    assert cameras == [Camera().orbit(40, 20).azimuth] * count
    sizes = page.run(
        "[...document.querySelectorAll('.view')].map(v => [v.offsetWidth, v.offsetHeight])"
    )
    assert np.ptp(sizes, axis=0).max() <= 1
    page.run("isolossPage.paint('slope')")
    assert page.run("isolossPage.views.map(view => view.texture.name)") == ["slope"] * count


def test_a_path_is_scrubbed_stepped_and_played(opened):
    page = opened(path_surface())
    drawn = f"{VIEW}.made['path 0 0'].quads.count"
    whole = page.run(drawn)
    page.run(
        "const r = document.querySelector('#epochs input'); r.value = 2; "
        f"r.dispatchEvent(new Event('input')); {VIEW}.draw()"
    )
    assert 0 < page.run(drawn) < whole
    assert page.run("document.querySelector('#epochs output').textContent") == "epoch 2"
    page.run("document.querySelector('canvas.drawn').focus()")
    before = page.run("isolossPage.epochs.at")
    page.key(".")
    page.key(",")
    assert page.run("isolossPage.epochs.at") == before
    page.key(" ")
    assert page.run("document.querySelector('#epochs button').textContent") == "Pause"
    page.wait(f"isolossPage.epochs.at > {before}")
    page.wait("!isolossPage.epochs.playing")
    assert page.run(f"{VIEW}.shows.epoch") is None


def test_it_follows_the_system_to_light_and_dark(opened):
    page = opened(surface())
    assert page.run(THEME) == "dark"
    page.emulate(prefers_color_scheme="light")
    page.wait(f"{THEME} === 'light'")


def test_a_theme_that_was_asked_for_stays(opened):
    page = opened(surface(), theme="light")
    assert page.run(THEME) == "light"


def test_print_is_light_undistorted_and_comes_back(opened):
    page = opened(surface())
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert pages_of(pdf) == 1
    page.wait(f"{THEME} === 'dark'")
    page.run("dispatchEvent(new Event('beforeprint'))")
    width, height = page.run(f"[{VIEW}.canvas.width, {VIEW}.canvas.height]")
    assert width / height == pytest.approx(180 / 125, rel=0.01)
    assert width > 1800
    assert page.run(THEME) == "light"
    middle = f"{VIEW}.pen.getImageData({width // 2}, {height // 2}, 1, 1).data"
    red, green, blue, alpha = page.run(f"[...{middle}]")
    assert alpha == 255
    assert max(red, green, blue) - min(red, green, blue) > 20
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.complaints == []


def pages_of(pdf: bytes) -> int:
    """Of a PDF, whose objects may lie in packed streams."""
    parts = pdf.split(b"stream\n")
    streams = [part.split(b"endstream")[0] for part in parts[1:]]
    texts = [pdf]
    for stream in streams:
        try:
            texts.append(zlib.decompressobj().decompress(stream.lstrip(b"\r\n")))
        except zlib.error:
            continue
    return sum(text.count(b"/Type /Page\n") + text.count(b"/Type /Page/") for text in texts)


def test_a_phone_has_room_for_title_tools_and_picture(opened):
    page = opened(surface(), title="A title that is longer than a phone is wide, twice over")
    page.resize(390, 844, 2, touch=True)
    page.wait(f"{VIEW}.size[0] === 780")
    tools, stage = (
        page.run(f"(b => [b.left, b.right, b.bottom])({what}.getBoundingClientRect())")
        for what in ("document.getElementById('tools')", VIEW + ".place")
    )
    assert tools[0] >= 0
    assert tools[1] <= stage[1] <= 390
    assert page.run("document.documentElement.scrollWidth") == 390


def test_without_a_picture_and_without_webgl_there_are_words(chromium, tmp_path):
    from isoloss.page.writing import page_of
    from isoloss.scene.files.staging import stage

    file = tmp_path / "page.html"
    file.write_text(page_of(stage(surface()), picture=False), encoding="utf-8")
    script = chromium.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="HTMLCanvasElement.prototype.getContext = () => null",
    )
    try:
        chromium.open(file)
        height = chromium.run("document.getElementById('summary').getBoundingClientRect().height")
        assert height > 20
    finally:
        chromium.call("Page.removeScriptToEvaluateOnNewDocument", **script)
