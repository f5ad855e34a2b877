"""A small window with texts of any size: panels stay of use, in all layouts and both themes."""

import sys
from pathlib import Path

import drive as driving
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.layout.sides import HIGH, LOWEST, MIDDLE, RIGHT, is_low
from isoloss.app.ui.dock_nodes import rect_of, rect_of_middle
from isoloss.geometry.rect import extent

VALLEY, DEFENDED = map(Path, sys.argv[1:3])
TEXTS = (1.0, 1.25, 1.5)
LAYOUTS = {"Landscape": imgui.Key.f2, "Robustness": imgui.Key.f3, "Compare": imgui.Key.f4}
"""By the keys that choose them."""


def sizes(d: Driver) -> None:
    d.until(lambda: d.parts.opened and d.parts.workspace.scene.shown, "the surface")
    d.until(lambda: d.parts.workspace.evaluations.open, "the curves")
    d.settle()
    before = {name: widths(d, key) for name, key in LAYOUTS.items()}
    for text in TEXTS:
        scale(d, text)
        for name, key in LAYOUTS.items():
            d.press(key)
            d.settle()
            of_use(d, f"{name} at {100 * text:.0f} %")
        d.press(imgui.Key.mod_ctrl, imgui.Key.t)  # the other theme
        d.settle()
        d.shot(f"sizes_{100 * text:.0f}.png")
    scale(d, 1.0)
    for name, key in LAYOUTS.items():
        moved = max(abs(a - b) for a, b in zip(widths(d, key), before[name], strict=True))
        assert moved <= 2, f"{name} is not as it was: {moved} pixels"
    chosen(d, before["Landscape"][1])


def chosen(d: Driver, before: int) -> None:
    """A height that a person has chosen comes back with the layout, and with the text."""
    landscape = LAYOUTS["Landscape"]
    widths(d, landscape)
    below = imgui.internal.find_window_by_name("Runs").dock_node
    d.ctx.mouse_move_to_pos((below.pos.x + below.size.x / 2, below.pos.y - 1))
    d.ctx.mouse_drag_with_delta((0, -3 * letters()))
    d.until(lambda: below_height() > before + 2 * letters(), "the edge to move")
    d.settle()
    high = below_height()
    widths(d, LAYOUTS["Compare"])
    scale(d, 1.25)
    scale(d, 1.0)
    assert abs(widths(d, landscape)[1] - high) <= 2, "the height is not the one chosen"


def below_height() -> float:
    return imgui.internal.find_window_by_name("Runs").dock_node.size.y


def of_use(d: Driver, where: str) -> None:
    """What is shown has room for what it is for."""
    em, height = letters(), imgui.get_io().display_size.y
    middle = rect_of_middle()
    assert extent(middle)[0] >= (MIDDLE - 0.5) * em, f"{where}: the middle is too narrow"
    assert middle[3] - middle[1] >= (HIGH - 2) * em, f"{where}: the middle is too low"
    assert extent(rect_of("Experiments"))[0] >= (RIGHT[0] - 0.5) * em, f"{where}: forms are cut"
    below = below_height() / em
    assert below >= LOWEST - 0.5, f"{where}: {below:.1f} em below"
    forms, jobs = (imgui.internal.find_window_by_name(n).dock_node for n in ("Experiments", "Jobs"))
    assert (forms.id_ == jobs.id_) == is_low(height / em), f"{where}: the forms share no place"
    assert not d.window.defects, d.window.defects
    d.shot(f"sizes_{where.replace(' ', '_')}.png")


def widths(d: Driver, key: imgui.Key) -> tuple[int, ...]:
    """Of the right side, and the height of the lower panels, in a layout."""
    d.press(key)
    d.settle()
    right = imgui.internal.find_window_by_name("Experiments").dock_node
    return round(right.size.x), round(below_height())


def scale(d: Driver, text: float) -> None:
    """Larger or smaller text, by the keys that do so."""
    style, key = imgui.get_style(), imgui.Key
    wanted = text * driving.TEXT
    while abs(style.font_scale_main / wanted - 1) > 0.06:
        was = style.font_scale_main
        d.press(key.mod_ctrl, key.minus if was > wanted else key.equal)
        d.until(lambda was=was: style.font_scale_main != was, "the text to change")
    d.settle()


def letters() -> float:
    style = imgui.get_style()
    return style.font_size_base * style.font_scale_main * style.font_scale_dpi


driving.SIZE = round(1100 * driving.TEXT), round(700 * driving.TEXT)
drive(sizes, VALLEY, DEFENDED)
