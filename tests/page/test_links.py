"""An address says what is seen: the page's own button and `page.link` say it alike."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.page.link import fragment
from isoloss.scene import Appearance, Camera, Scene, SurfaceLayer
from isoloss.scene.document import Document, Links
from isoloss.scene.files.staging import stage
from isoloss.scene.textures import texture_named

AXIS = np.linspace(-1, 1, 9)
BOWL = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 0.1
MOVED = Camera(10.5, 40.0, (0.25, -0.5, 0.125), 4.0, True)


def layers() -> list[SurfaceLayer]:
    return [SurfaceLayer(n, Surface.from_loss(AXIS, AXIS, BOWL + k)) for k, n in enumerate("abc")]


def seen(page, number: int = 0):
    view = f"isolossPage.views[{number}]"
    told = json.loads(page.run(f"JSON.stringify({view}.camera)"))
    shown = page.run(f"{view}.visible.map(layer => layer.about.number)")
    name, contours = page.run(f"[{view}.texture.name, {view}.shows.contours]")
    return Camera(**told | {"target": tuple(told["target"])}), name, contours, shown


def follow(page, link: str) -> None:
    page.run(f"location.hash = {json.dumps(link)}; isolossPage.recall()")


def close(one: Camera, other: Camera) -> bool:
    return all(
        np.allclose(x, y, rtol=1e-5, atol=1e-6)
        for x, y in zip(asdict(one).values(), asdict(other).values(), strict=True)
    )


def test_a_page_opens_as_the_document_was_seen(opened):
    page = opened(layers())
    looked = stage(layers(), contours=False, texture="slope")
    looked.view.camera, looked.view.hidden = MOVED, frozenset({looked.layers[1]})
    follow(page, fragment(looked))
    camera, *others = seen(page)
    assert close(camera, MOVED)
    assert others == ["slope", False, [1, 3]]
    assert page.run("isolossPage.fragment()") == fragment(looked)
    follow(page, "#layers=1,2,3&contours=1")
    assert seen(page)[1:] == ("slope", True, [1, 2, 3])


def test_each_view_has_its_part(opened):
    given = layers()
    views = [
        Scene(given, replace(MOVED, azimuth=20.0 * k), Appearance(),
              hidden=frozenset(given) - {given[k]})
        for k in range(2)
    ]  # fmt: skip
    views[1].appearance = replace(views[1].appearance, texture=texture_named("matte"))
    document = Document(given, views, arrangement=2, links=Links(camera=False, look=False))
    page = opened(document)
    for k in range(2):
        page.run(f"isolossPage.active = isolossPage.views[{k}]; isolossPage.toggle('contours')")
        page.run(f"isolossPage.views[{k}].camera = isolossPage.views[{1 - k}].camera")
    follow(page, fragment(document))
    for k, name in enumerate(("height", "matte")):
        camera, *others = seen(page, k)
        assert close(camera, views[k].camera)
        assert others == [name, True, [k + 1]]


def test_a_link_may_be_encoded_by_what_carried_it(opened):
    page = opened(layers())
    follow(page, "#camera%3D10.5%2C40%2C0%2C0%2C0%2C5%26layers%3D2")
    camera, *_, shown = seen(page)
    assert (camera.azimuth, camera.distance, shown) == (10.5, 5, [2])


def test_a_link_that_says_nothing_changes_nothing(opened):
    page = opened(layers())
    before = seen(page)
    for link in ("", "#x", "#camera=", "#camera=1,2,3", "#camera=" + "9e999," * 5 + "1",
                 "#texture=<b>", "#layers=9", "#layers=", "#contours=yes", "#;;;;;;;",
                 "#constructor=1&__proto__=2", "#%E0%A4%A",
                 "#" + "camera=1," * 50_000):  # fmt: skip
        follow(page, link)
        assert seen(page) == before, link[:50]
    assert page.complaints == []


def test_an_epoch_is_part_of_it(opened):
    from isoloss.resources import resource_folder

    file = resource_folder("data") / "surfaces" / "vgg11-digits-pca.ply"
    page = opened(file)
    follow(page, fragment(stage(file, epoch=2.5)))
    assert page.run("document.querySelector('#epochs output').textContent") == "epoch 2.5"


BUTTON = "[...document.querySelectorAll('#tools button')].at(-2)"
REFUSED = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"


@pytest.mark.parametrize(("older", "said"), [(True, "Copied"), (False, "In address")])
def test_where_the_newer_way_to_copy_is_missing_it_says_what_came_of_it(opened, older, said):
    page = opened(layers())
    copy = "globalThis.copied = document.activeElement.value"
    page.run(f"{REFUSED}; document.execCommand = () => {{ {copy}; return {json.dumps(older)}; }}")
    page.run(f"{BUTTON}.focus(); {BUTTON}.click()")
    page.wait(f"{BUTTON}.textContent === {json.dumps(said)}")
    assert page.run("copied === location.href && copied.endsWith(isolossPage.fragment())")
    assert page.run(f"document.activeElement === {BUTTON}")
    assert page.run("document.querySelector('textarea')") is None


def test_within_another_page_the_link_is_that_of_the_page_itself(opened, chromium, tmp_path):
    opened(layers())
    around = tmp_path / "lesson.html"
    frame = '<iframe sandbox="allow-scripts" width=600 height=400 src="page.html#texture=slope">'
    around.write_text(frame)
    chromium.open(around)
    with chromium.in_frame():
        chromium.wait("document.documentElement?.dataset.ready === 'true'")
        assert chromium.run("isolossPage.views[0].texture.name") == "slope"
        chromium.run(f"{REFUSED}; document.execCommand = () => false")
        chromium.run(f"{BUTTON}.click()")
        chromium.wait(f"{BUTTON}.textContent === 'Forbidden'")
        assert chromium.run("location.href").startswith((tmp_path / "page.html").as_uri() + "#")
