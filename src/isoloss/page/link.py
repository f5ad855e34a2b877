"""The fragment of a page's address that opens it at what is seen: `page.html#camera=…&texture=…`.

One part for each view that shows anything, with ";" between them; in each, keys and values; any may
be missing:

    camera    azimuth,elevation,x,y,z,distance and ",orthographic" if it is; as `scene.Camera`
    texture   its name, as `--texture` takes it
    contours  1 or 0
    layers    numbers of the layers that are shown, counted from 1 as the document lists them
    epoch     of the paths; missing for all of them

`script/reader/link.js` reads these, and writes the same for the page's own button. What a page does
not have, and keys that it does not know, change nothing.
"""

from __future__ import annotations

from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene


def fragment(document: Document) -> str:
    """What follows a page's address, "#" included, so that it opens as `document` is seen now."""
    return "#" + ";".join(_of_view(view) for view in document.shown_views if view.shown)


def number_of(layer: SurfaceLayer, scene: Scene) -> int:
    """By which a fragment, and the page, know a layer."""
    return scene.layers.index(layer) + 1


def _of_view(scene: Scene) -> str:
    camera, appearance = scene.camera, scene.appearance
    places = (camera.azimuth, camera.elevation, *camera.target, camera.distance)
    seen = [*(f"{value:.6g}" for value in places), *["orthographic"] * camera.orthographic]
    said = {
        "camera": ",".join(seen),
        "texture": appearance.texture.name,
        "contours": f"{appearance.contours:d}",
        "layers": ",".join(str(number_of(layer, scene)) for layer in scene.shown),
    }
    if appearance.epoch is not None:
        said["epoch"] = f"{appearance.epoch:.6g}"
    return "&".join(f"{key}={value}" for key, value in said.items())
