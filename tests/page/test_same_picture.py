"""A page shows the picture that `isoloss render` draws, outside of what is written."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isoloss.geometry.surface import Surface
from isoloss.gl.annotations.decorations import Decorations, Writing
from isoloss.gl.pictures.picture import render
from isoloss.resources import resource_folder
from isoloss.scene import SurfaceLayer
from isoloss.scene.pins import pin

SIZE = (640, 400)
AXIS = np.linspace(-1, 1, 25)
X, Y = AXIS[:, None], AXIS[None, :]
BOWL = X**2 + Y**2 + 0.1 + 0.1 * np.sin(5 * X) * np.cos(4 * Y)
BARE = """
document.getElementById("tools").hidden = true;
document.getElementById("epochs")?.remove();
for (const view of isolossPage.views) {
  view.write = () => view.pen.clearRect(0, 0, ...view.size);
  view.draw();
}
"""


def holed() -> Surface:
    loss = BOWL.copy()
    loss[8:12, 10:15], loss[20, 20] = np.nan, np.inf
    return Surface.from_loss(AXIS, AXIS, loss)


def spiked() -> Surface:
    return Surface.from_loss(AXIS, AXIS, np.where((AXIS[12] == X) & (AXIS[12] == Y), 80, BOWL))


def growing() -> Surface:
    known = ((np.add.outer(np.arange(25), np.arange(25)) % 3) == 0) & (X < 0.4)
    unknown = np.full(BOWL.shape, np.nan)
    loss = np.where(known, BOWL, np.nan)
    return Surface(AXIS, AXIS, loss, unknown, unknown, np.where(known, 9, 0))


def pinned() -> SurfaceLayer:
    layer = SurfaceLayer("bowl", Surface.from_loss(AXIS, AXIS, BOWL))
    pin(layer, (4, 5))
    pin(layer, (20, 10))
    return layer


def two() -> list[Surface]:
    return [Surface.from_loss(AXIS, AXIS, loss) for loss in (BOWL, 1.6 - BOWL)]


def steep() -> Surface:
    return Surface.from_loss(AXIS, AXIS, 10 ** (4 * BOWL - 3))


def fine() -> Surface:
    axis = np.linspace(-1, 1, 200)
    loss = axis[:, None] ** 2 + 0.1 * np.sin(30 * axis)[None, :]
    return Surface.from_loss(axis, axis, loss)


def classes() -> Surface:
    plain = Surface.from_loss(AXIS, AXIS, BOWL)
    plain.columns["predicted"] = np.floor(3 * X + 3) + np.floor(Y + 1)
    return plain


CASES = {
    "trajectory": (lambda: resource_folder("data") / "surfaces" / "vgg11-digits-pca.ply", {}),
    "light": (two, {"theme": "light", "minima": True}),
    "decades": (steep, {"theme": "light", "texture": "contour-bands"}),
    "curvature": (fine, {"texture": "curvature", "azimuth": 40}),
    "bands": (spiked, {"texture": "contour-bands", "elevation": 60}),
    "classes": (classes, {"texture": "class", "contours": False}),
    "holes": (holed, {"texture": "slope"}),
    "light holes": (holed, {"theme": "light", "wireframe": True}),
    "growing": (growing, {}),
    "pins": (pinned, {"texture": "matte"}),
    "wireframe": (spiked, {"texture": "wireframe", "theme": "light"}),
    "map": (holed, {"azimuth": 0, "elevation": 90, "orthographic": True}),
    "below": (growing, {"azimuth": 170, "elevation": -20}),
    "seen through": (two, {"opacity": (1.0, 0.5)}),
    "flat": (pinned, {"smooth": False, "wireframe": True, "contour_value": 0.7}),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_same_picture(case, opened, monkeypatch, tmp_path):
    make, options = CASES[case]
    source = make()
    browser = opened(source, **options)
    browser.run(BARE)
    page = np.asarray(Image.open(io.BytesIO(browser.screenshot((0, 0, *SIZE)))).convert("RGB"))
    monkeypatch.setattr(Decorations, "lay_out", lambda *_args, **_options: Writing())
    ours = render(source, None, SIZE, **options)[..., :3]
    difference = np.abs(page.astype(int) - ours.astype(int))
    if difference.mean() > 1.5:
        kept = Path(__file__).parent / "failed"
        kept.mkdir(exist_ok=True)
        Image.fromarray(np.hstack([page, ours])).save(kept / f"{case}.png")
    assert difference.mean() <= 1.5
    assert (difference.max(axis=-1) > 48).mean() < 0.02
