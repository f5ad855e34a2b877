"""A document as plain values and arrays: all that a page knows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.mesh import DisplayMesh, every
from isoloss.geometry.outlines import outlines_of
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.annotations.axes import AxisTicks
from isoloss.gl.layers.analysis import shown_minima
from isoloss.naming import drawable_line
from isoloss.page.link import number_of
from isoloss.page.looks import FINE, kept_fields, looks_of, scale_of
from isoloss.page.packing import Packing, bent, rounded, shares
from isoloss.scene.appearance import LABELLED_MINIMA
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.legend import end_name, ends_of, path_name
from isoloss.scene.levels import contour_heights, own_height
from isoloss.scene.pins import drawn_markers
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.textures import class_name
from isoloss.scene.texturing import axis_titles, quantity, shown_texture
from isoloss.scene.theme import THEMES

_MOST_OCCLUSION = 96  # points an axis at which the horizon is known


def described(document: Document, packing: Packing) -> dict[str, Any]:
    """What `document` shows; its arrays go into `packing`, and are named by their numbers."""
    views = [view for view in document.shown_views if view.shown]
    surfaces: dict[int, Surface] = {}
    for view in views:
        surfaces |= {id(layer.surface): layer.surface for layer in view.shown}
    places = {key: k for k, key in enumerate(surfaces)}
    return {
        "surfaces": [_surface(surface, packing) for surface in surfaces.values()],
        "views": [_view(view, places, packing) for view in views],
        "linked": document.links.camera,
        "linked_look": document.links.look,
        "themes": {
            name: asdict(theme) | {"ground": theme.ground} for name, theme in THEMES.items()
        },
    }


def _surface(surface: Surface, packing: Packing) -> dict[str, Any]:
    """Its values: exactly, errors to the digits that are read; of a large one the loss to five
    digits, shares as they are read, what else lies beside the loss to three."""
    exact = surface.loss.size <= FINE
    fields = kept_fields(surface)

    def kept(name: str) -> int | list[int]:
        values = fields[name]
        if name == "stderr":
            return packing.add(rounded(values, 12 if exact else 7), "f4")
        if name == "accuracy" and (counted := _counted(surface, exact)) is not None:
            hits, most = counted
            return [packing.add(hits, "u4"), most]
        return packing.add(values, "f8") if exact else packing.add(rounded(values, 12), "f4")

    classes: list[str] = []
    predicted = fields.get("column predicted")
    if predicted is not None:
        numbers = np.unique(predicted[np.isfinite(predicted)]).astype(int)
        classes = [class_name(surface, k)[:80] for k in range(int(numbers.max(initial=-1)) + 1)]
    return {
        "shape": surface.shape,
        "alpha": packing.add(surface.alpha, "f8"),
        "beta": packing.add(surface.beta, "f8"),
        "loss": packing.add(surface.loss, "f8")
        if exact
        else packing.add(rounded(surface.loss, 17), "f4"),
        "fields": {name: kept(name) for name in fields},
        "classes": classes[:2000],
        "computed": None
        if surface.is_complete
        else packing.add(surface.computed.astype(np.uint8), "u1"),
        "quantity": drawable_line(str(surface.meta.get("quantity") or "loss"))[:80],
        "signed": surface.is_difference,
        "digits": 17 if exact else 5,
    }


def _counted(surface: Surface, exact: bool) -> tuple[NDArray[Any], int] | None:
    """How many samples are right at each point, and of how many, where their shares of one number
    say just that; unless `exact`, of a thousand, in whose tenths of a per cent shares are read."""
    most = int(surface.count.max(initial=0)) if exact else 1000
    shares = surface.accuracy
    if not 0 < most < 1 << 31 or not (shares >= 0).all():
        return None
    hits = np.rint(shares * most)
    same = (surface.count == most).all() and np.array_equal(hits / most, shares)
    return (hits, most) if same or not exact else None


def _view(scene: Scene, places: dict[int, int], packing: Packing) -> dict[str, Any]:
    appearance, frame, shown = scene.appearance, scene.frame(), scene.shown
    ticks, looks = AxisTicks.of(frame), looks_of(scene, packing)
    texture = shown_texture(shown, scene.drawn_appearance)
    names = [look["name"] for look in looks]
    switches = (
        "contours", "floor_contours", "trajectory", "epoch", "markers", "minima", "wireframe",
        "ambient_occlusion", "smooth", "axes", "scalar_bar", "transparent",
    )  # fmt: skip
    return {
        "title": scene.heading,
        "camera": asdict(scene.camera),
        "shows": {name: getattr(appearance, name) for name in switches},
        "alpha": frame.alpha,
        "beta": frame.beta,
        "scale": scale_of(frame.scale),
        "gain": frame.gain,
        "top": frame.top,
        "ticks": asdict(ticks),
        "axes": axis_titles(shown, frame),
        "quantity": quantity(shown),
        "levels": contour_heights(appearance, frame).tolist(),
        "own_level": own_height(appearance, frame),
        "paths": sum(len(x.shown_trajectories) for x in shown),
        "looks": looks,
        "look": names.index(texture.name) if texture.name in names else 0,
        "names_ends": appearance.legend,
        "cut": None if scene.cut is None else [scene.cut.start, scene.cut.end],
        "layers": [_layer(x, scene, frame, places, packing) for x in shown],
    }


def _layer(
    layer: SurfaceLayer, scene: Scene, frame: Frame, places: dict[int, int], packing: Packing
) -> dict[str, Any]:
    appearance = scene.appearance
    mesh = layer.mesh(frame.scale, appearance.smooth)
    twins = [x for x in scene.shown if x.surface is layer.surface and x.derived is None]
    fits = appearance.minima or layer.surface.loss.size <= FINE  # to be switched on
    minima = shown_minima(layer, replace(appearance, minima=True), frame) if fits else []
    return {
        "name": drawable_line(layer.name),
        "surface": places[id(layer.surface)],
        "number": number_of(layer, scene),
        "is_derived": layer.derived is not None,
        "opacity": max([x.opacity for x in twins], default=layer.opacity),
        "steps": mesh.steps,
        **_shape(layer.surface, mesh, packing),
        "paths": [
            _path(path, layer, index, scene)
            for index, path in layer.shown_trajectories
        ],
        "markers": [
            {
                "at": frame_place(frame, m.alpha, m.beta, m.loss),
                "label": m.label,
                "shape": m.shape.value,
                "color": m.color,
            }
            for m in drawn_markers(layer)
        ],
        "minima": [
            {
                "at": frame_place(frame, m.alpha, m.beta, m.loss),
                "doubtful": m.is_within_noise,
                "label": frame.scale.label(m.loss) if k < LABELLED_MINIMA else "",
                "persistence": min(m.persistence, 1e300),
            }
            for k, m in enumerate(minima)
        ],
        "outlines": [
            {"kind": one.kind, "corners": one.corners.tolist()}
            for one in outlines_of(layer.surface.meta)
        ],
    }  # fmt: skip


def _shape(surface: Surface, mesh: DisplayMesh, packing: Packing) -> dict[str, Any]:
    """What the page does not work out itself: heights between and beyond what is computed, and the
    horizon."""
    stride = max(1, -(-max(mesh.height.shape) // _MOST_OCCLUSION))
    rows, columns = (every(stride, n) for n in mesh.height.shape)
    sky = packing.add(*shares(mesh.occlusion[np.ix_(rows, columns)], fine=False))
    found: dict[str, Any] = {"stride": stride, "sky": sky, "height": None}
    if mesh.steps != (1, 1) or not surface.is_complete:
        found["height"] = packing.add(*bent(shares(mesh.height, fine=True)))
    if not surface.is_complete:
        certain = mesh.computed[:: mesh.steps[0], :: mesh.steps[1]]
        found["certain"] = packing.add(*shares(certain, fine=False))
    return found


def _path(path: Trajectory, layer: SurfaceLayer, index: int, scene: Scene) -> dict[str, Any]:
    number = scene.path_number(layer, index)

    def plain(values: Array) -> list[float | None]:
        return [float(v) if np.isfinite(v) else None for v in values]

    return {
        "name": path_name(layer, index),
        "end_name": end_name(layer, index),
        "number": number,
        "ends": [shape.value for shape in ends_of(number)],
        "alpha": plain(path.alpha),
        "beta": plain(path.beta),
        "loss": plain(path.loss),
        "epoch": plain(path.epoch),
        "lr": plain(path.lr),
        "drops": path.lr_drops.tolist(),
        "clock": path.clock,
        "point": path.point,
    }  # fmt: skip


def frame_place(frame: Frame, alpha: float, beta: float, loss: float) -> list[float]:
    """(3,) in the box of gain 1."""
    flat = Frame(frame.alpha, frame.beta, frame.scale)
    return [float(v) for v in np.nan_to_num(flat.place([alpha], [beta], [loss])[0])]
