"""Layers: findings in full and the form that heeds them, order by drag, opacity, menus, undo."""

from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.events import Done, Started
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.settings import ProbeSettings

AXIS = np.linspace(-1, 1, 21)
BOWL = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 0.1
LONG = "a-surface-whose-name-is-much-longer-than-any-panel-is-wide-and-ends-in-epoch-0150"
FINDINGS = [
    Finding(
        "warning",
        "range",
        "The loss varies by 0.012 around 2.3, by less than 1 %: there is nothing to see at this "
        "scale. Take a larger range (--range -4 4).",
        {"alpha_range": [-4.0, 4.0], "beta_range": [-4.0, 4.0]},
    ).plain(),
    {  # as it was kept before there were remedies
        "level": "warning",
        "what": "normalization",
        "message": "The random directions are not normalized: how sharp the surface looks depends "
        "on the scale of the weights. Take --normalize filter.",
    },
    {
        "level": "note",
        "what": "accuracy",
        "message": "10 % of the answers at the centre are right.",
    },
]


def made() -> list[Path]:
    """A run with findings, and two files."""
    settings = ProbeSettings(source=Path("digits-classifier"), normalize="none", grid=(21, 21))
    run = Run.create(Path("runs/flat"), settings)
    meta = {"findings": FINDINGS, "model": "vgg11", "plane": "random"}
    Surface.from_loss(AXIS, AXIS, BOWL, **meta).save(run.folder / "surface.ply")
    run.emit(Started(1, "cpu"))
    run.emit(Done(1.0))
    Surface.from_loss(AXIS, AXIS, 1.6 - BOWL).save(Path("hill.ply"))
    Surface.from_loss(AXIS, AXIS, BOWL.T + AXIS).save(Path(f"{LONG}.ply"))
    return [Path("hill.ply"), Path(f"{LONG}.ply"), run.folder]


def layers(d: Driver) -> None:
    document = d.parts.workspace.document
    d.until(lambda: len(document.layers) == 3 and d.window.frames > 4, "three layers")
    d.shot("layers.png")
    findings(d)
    order(d)
    opacity(d)
    in_the_picture(d)
    viewports(d)


def findings(d: Driver) -> None:
    form = d.parts.experiments.forms["probe"]
    _probe_again(d, 0, "range", "alpha_range", (-4.0, 4.0))
    _probe_again(d, 1, "normalization", "normalize", "filter")
    assert form.values["alpha_range"] is None, "one remedy was mixed into another"
    d.shot("layers_again.png")


def _probe_again(d: Driver, place: int, finding: str, name: str, value: object) -> None:
    form = d.parts.experiments.forms["probe"]
    d.click("//Layers/$$2/findings")
    button = f"//$FOCUSED/$${place}/again {finding}"
    d.until(lambda: d.ctx.item_exists(button), "all findings")
    d.shot(f"layers_findings_{place}.png")
    assert not d.ctx.item_exists("//$FOCUSED/$$2/again accuracy"), "nothing mends that"
    d.click(button)
    d.until(lambda: form.values[name] == value, "the form to be filled in")
    assert form.settings is not None, form.error
    spec = {field.name: field for field in form.fields}
    assert form.differs(spec[name]), "the difference is not marked"
    assert not form.differs(spec["grid"])


def order(d: Driver) -> None:
    document = d.parts.workspace.document
    hill, long, flat = document.layers
    for name in ("$$0", "$$1"):
        d.click(f"//Layers/{name}/eye")
    d.until(lambda: len(document.view.shown) == 3, "all to be shown")
    d.ctx.item_drag_and_drop("//Layers/$$2/surface", "//Layers/$$0/surface")
    d.until(lambda: document.layers.index(flat) < 2, "the order")
    moved = list(document.layers)
    assert set(moved) == {hill, long, flat}
    d.until(lambda: d.parts.steps.undoes == "layer order", "a step of undo")
    d.press(imgui.Key.mod_ctrl, imgui.Key.z)
    d.until(lambda: document.layers == [hill, long, flat], "the order before")
    d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.z)
    d.until(lambda: document.layers == moved, "the order again")
    d.shot("layers_order.png")


def opacity(d: Driver) -> None:
    document = d.parts.workspace.document
    first = document.layers[0]
    d.click("//Layers/$$0/surface")
    before = d.picture()
    d.type("//Layers/**/##opacity", 40)
    d.until(lambda: first.opacity == 0.4, "the opacity")
    assert (d.picture() != before).any()
    d.shot("layers_opacity.png")
    d.until(lambda: d.parts.steps.undoes == "opacity", "a step of undo")
    d.press(imgui.Key.mod_ctrl, imgui.Key.z)
    d.until(lambda: first.opacity == 1, "the opacity before")
    d.ctx.item_click("//Layers/$$0/surface", 1)
    d.until(lambda: d.ctx.item_exists("//$FOCUSED/down"), "its menu")
    d.ctx.mouse_move("//$FOCUSED/Opacity")
    d.click("//$FOCUSED/opacity 0.5")
    d.until(lambda: first.opacity == 0.5, "the opacity")
    d.ctx.item_click("//Layers/$$0/surface", 1)
    d.shot("layers_menu.png")
    d.click("//$FOCUSED/down")
    d.until(lambda: document.layers[1] is first, "it to be moved down")
    d.press(imgui.Key.mod_alt, imgui.Key.up_arrow)
    d.until(lambda: document.layers[0] is first, "it to be moved up")


def in_the_picture(d: Driver) -> None:
    document = d.parts.workspace.document
    d.point(0.5, 0.5)
    d.until(lambda: d.parts.viewport.hit is not None, "a surface under the cursor")
    layer = d.parts.viewport.hit.layer
    d.ctx.mouse_click(1)
    d.until(lambda: d.ctx.item_exists("//$FOCUSED/visible"), "its menu")
    assert d.parts.workspace.selected is layer
    d.shot("layers_picture_menu.png")
    d.click("//$FOCUSED/visible")
    d.until(lambda: layer in document.view.hidden, "it to be hidden")
    camera = document.view.camera
    d.drag(40, 10, button=1)
    d.until(lambda: document.view.camera != camera, "a drag with the right button to move")
    assert not d.ctx.item_exists("//$FOCUSED/visible"), "a drag opened the menu"


def viewports(d: Driver) -> None:
    workspace = d.parts.workspace
    document = workspace.document
    hill = next(x for x in document.layers if x.name == "hill")
    workspace.show_in(hill, 1)
    d.until(lambda: document.arrangement == 2 and workspace.selected is hill, "two viewports")
    d.ctx.yield_(3)
    d.point(0.5, 0.9, 0)
    d.ctx.mouse_click(0)
    d.until(lambda: document.active == 0, "the first to be active")
    assert workspace.selected in document.views[0].visible
    d.point(0.5, 0.9, 1)
    d.ctx.mouse_click(0)
    d.until(lambda: workspace.selected is hill, "what the second shows to be selected")
    d.parts.toggle_theme()
    d.shot("layers_light.png")
    d.parts.action("close-all").run()
    d.until(lambda: document.arrangement == 1 and not document.layers, "one viewport")
    d.press(imgui.Key.mod_ctrl, imgui.Key.z)
    d.until(lambda: document.arrangement == 2 and len(document.layers) == 3, "all to be back")


drive(layers, *made())
