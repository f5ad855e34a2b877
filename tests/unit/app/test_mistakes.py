"""What a person mistypes: the parts of the window that bear it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import imgui

from isoloss.app.dialogs.session_dialog import SessionDialog
from isoloss.app.panels.appearance_panel import fitting_columns
from isoloss.app.panels.layers_panel import measured, origin
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.opening.opener import open_path
from isoloss.app.ui import numbers
from isoloss.app.ui.action import Action
from isoloss.app.ui.keyboard import Shortcuts
from isoloss.cli import main as cli
from isoloss.geometry.surface import Surface
from isoloss.scene.appearance import Appearance
from isoloss.scene.files.session_content import RANGES

AXIS = np.linspace(-1, 1, 5)


@pytest.fixture
def frame():
    """A frame of imgui in which widgets can be drawn, and keys pressed; no window involved."""
    context = imgui.create_context()
    io = imgui.get_io()
    io.backend_flags |= int(imgui.BackendFlags_.renderer_has_textures)
    io.set_ini_filename("")
    io.display_size = imgui.ImVec2(400, 300)

    def run(draw, *keys):
        for key, down in keys:
            io.add_key_event(key, down)
        imgui.new_frame()
        try:
            return draw()
        finally:
            imgui.end_frame()

    yield run
    imgui.destroy_context(context)


# -- numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entered", "taken"),
    [(math.nan, 0.5), (math.inf, 0.5), (-math.inf, 0.5), (0.25, 0.25), (-7, 0), (1e300, 1)],
)
def test_no_number_that_cannot_be_drawn_is_taken(monkeypatch, entered, taken):
    assert numbers.within(entered, 0.5, (0, 1)) == taken

    def typed(_, value, *__):
        return True, [entered, 0.5] if isinstance(value, list) else entered

    for widget in ("slider_float", "input_double"):
        monkeypatch.setattr(imgui, widget, typed)
    assert numbers.slider("x", 0.5, (0, 1)) == (taken != 0.5, taken)
    assert numbers.number_field("x", 0.5, (0, 1)) == taken
    monkeypatch.setattr(imgui, "drag_float2", typed)
    limited = min(max(entered, -1e30), 1e30) if math.isfinite(entered) else 0.5
    assert numbers.drag_pair("x", (0.5, 0.5), 1) == (limited != 0.5, (limited, 0.5))


def test_whole_numbers_stay_within_their_range(monkeypatch):
    monkeypatch.setattr(imgui, "slider_int", lambda *_: (True, 10**6))
    monkeypatch.setattr(imgui, "input_int", lambda _, value, *__: (True, value))
    assert numbers.whole_slider("x", 14, (2, 40), limits=(1, 100)) == (True, 100)
    assert numbers.whole_field("x", 0, (16, 32768)) == 16
    assert numbers.whole_field("x", 2**40) == 2**31 - 1


def test_what_the_window_lets_in_can_be_saved(opened, tmp_path):
    """The widest that each widget gives, in a session and back."""
    lo, hi = numbers.ANY
    for look in (
        {"color_range": (lo, hi), "contour_value": hi, "height_gain": 10.0, "contour_levels": 100},
        {"color_range": (-1e-30, 0), "contour_value": lo, "height_gain": 0.05, "contour_levels": 1},
        {"minima_persistence": 0.0},
        {"minima_persistence": 1.0},
    ):
        opened.change(**look)
        assert opened.session.save(tmp_path / "s.isoloss"), opened.messages.lines[-1]
    for name, limits in (("height_gain", (0.05, 10.0)), ("contour_levels", (1, 100))):
        lo, hi = RANGES[Appearance, name]
        assert lo <= limits[0] < limits[1] <= hi


# -- paths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", " ", "/", "~nobody-of-that-name/x", ".", "..", "~", "sub/", "new/"]
)
def test_a_path_half_typed_names_no_file(workspace, tmp_path, text):
    (tmp_path / "sub").mkdir()
    dialog = SessionDialog(workspace)
    dialog.path = text
    assert dialog.chosen is None
    assert typed_path(text, tmp_path) is None


def test_each_beginning_of_a_path_is_borne(workspace, tmp_path):
    dialog, whole = SessionDialog(workspace), str(tmp_path / "sub" / "name.isoloss")
    for k in range(len(whole) + 1):
        dialog.path = whole[:k]
        assert dialog.chosen is None or dialog.chosen.suffix == ".isoloss"
    assert dialog.chosen == Path(whole)
    dialog.path = "name"
    assert dialog.chosen == tmp_path / "name.isoloss"


def test_a_path_without_a_verb_is_opened(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("isoloss.app.view_here", lambda *paths: seen.append(paths))
    monkeypatch.chdir(tmp_path)
    for name in ("x.isoloss", "train"):
        (tmp_path / name).touch()
    assert cli.main(["x.isoloss", "train"]) == 0
    assert seen == [(Path("x.isoloss"), Path("train"))]
    with pytest.raises(SystemExit):
        cli.main(["train", "--no-such-option"])  # a verb stays a verb
    with pytest.raises(SystemExit):
        cli.main(["y" * 5000])
    assert len(seen) == 1


# -- keys and facts --------------------------------------------------------------------------


def test_shortcuts_leave_what_is_typed_alone(frame):
    ran = []
    actions = [
        Action(key, key, lambda key=key: ran.append(key), "", key)
        for key in ("Ctrl+2", "Ctrl+W", "Ctrl+S", "Ctrl+T", "T")
    ]
    shortcuts, ctrl = Shortcuts(), imgui.Key.mod_ctrl

    def press(*keys, typing):
        def look():
            imgui.get_io().want_text_input = typing
            shortcuts.run_pressed(actions)

        frame(look, *keys)

    for typing, expected in ((True, ["Ctrl+S"]), (False, ["Ctrl+W", "Ctrl+S", "Ctrl+T", "T"])):
        ran.clear()
        for key in (imgui.Key.w, imgui.Key.s, imgui.Key.t):
            press((ctrl, True), typing=typing)
            press((key, True), typing=typing)
            press((key, False), typing=typing)
            press((ctrl, False), typing=typing)
        press(typing=typing)
        press((imgui.Key.t, True), typing=typing)
        press((imgui.Key.t, False), typing=typing)
        assert ran == expected, typing
    # Ctrl+A, then a 2 right behind it
    ran.clear()
    press((ctrl, True), typing=True)
    press((ctrl, False), (imgui.Key._2, True), typing=True)
    press((imgui.Key._2, False), typing=True)
    assert not ran


def test_a_dialog_that_asks_hears_the_keys_itself(frame):
    ran = []
    actions = [Action(key, key, lambda key=key: ran.append(key), "", key) for key in ("T", "F1")]
    shortcuts = Shortcuts()
    for asked, expected in ((True, ["F1"]), (False, ["F1", "T"])):
        ran.clear()
        for key in (imgui.Key.f1, imgui.Key.t):
            frame(lambda a=asked: shortcuts.run_pressed(actions, asked=a), (key, True))
            frame(lambda a=asked: shortcuts.run_pressed(actions, asked=a), (key, False))
        assert ran == expected


def test_a_command_that_repeats_goes_on_while_its_keys_are_held(frame):
    ran = []
    actions = [
        Action("orbit", "Orbit", lambda: ran.append("orbit"), "", "Ctrl+←", repeats=True),
        Action("texture", "Texture", lambda: ran.append("texture"), "", "T"),
    ]
    shortcuts, ctrl = Shortcuts(), imgui.Key.mod_ctrl

    def press(*keys):
        frame(lambda: shortcuts.run_pressed(actions), *keys)

    def hold(key):
        press((key, True))
        for _ in range(40):  # frames of a sixtieth of a second
            press()

    press((ctrl, True))
    hold(imgui.Key.left_arrow)
    assert len(ran) > 3
    assert shortcuts.is_held
    press((imgui.Key.left_arrow, False), (ctrl, False))
    assert not shortcuts.is_held
    ran.clear()
    hold(imgui.Key.t)
    assert ran == ["texture"]
    assert not shortcuts.is_held


def facts(layer):
    return dict([*measured(layer), *origin(layer)])


def test_a_difference_tells_that_it_is_one(opened):
    a, b = opened.document.layers
    a.surface = replace(a.surface, loss=a.surface.loss - 0.25)
    opened.show_difference(a, b)
    values = facts(opened.selected)
    assert "Loss" not in values
    assert values["Δ loss"] == "−0.25 to −0.25"
    assert facts(b)["Loss"] == "1 to 3"


def test_the_facts_of_a_layer_tell_its_centre_and_what_was_asked_for(opened):
    a, b = opened.document.layers
    a.surface.meta.update(
        centre={"split": "train", "loss": 1.25, "accuracy": 0.5, "recorded": {"loss": 0.25}},
        loss="my.losses:dice",
        parameters="layer4.*: 7 of 62",
    )
    told = facts(a)
    assert told["Centre"] == (
        "train loss 1.25, accuracy 50 %; its training recorded loss 0.25 over its last steps"
    )
    assert (told["Loss function"], told["Parameters"]) == ("my.losses:dice", "layer4.*: 7 of 62")
    assert not {"Centre", "Loss function", "Parameters"} & set(facts(b))


def test_a_minimum_that_is_not_marked_has_no_ring(workspace, tmp_path):
    loss = 1 + 0.5 * AXIS[:, None] ** 2 + AXIS**2
    loss[0, 0] = 1.2  # a shallow one in the corner, below a saddle of 1.375
    open_path(workspace, Surface.from_loss(AXIS, AXIS, loss).save(tmp_path / "c.ply"))
    layer, scene = workspace.selected, workspace.scene
    scale = scene.frame().scale
    deepest, shallow = sorted(layer.minima, key=lambda m: m.loss)
    pointing = workspace.pointing
    for minimum, least, expected in (
        (shallow, 0.0, shallow),
        (shallow, 0.9, None),
        (deepest, 0.9, deepest),
    ):
        pointing.minimum = (layer, minimum)
        workspace.change(minima=True, minima_persistence=least)
        assert pointing.ringed(scene, scale) is expected
        workspace.change(minima=False)
        assert pointing.ringed(scene, scale) is None
    workspace.change(minima=True)
    workspace.toggle_layer(layer)
    assert pointing.ringed(scene, scale) is None


@pytest.mark.parametrize(
    ("room", "columns"), [(200, 3), (186, 3), (185, 2), (122, 1), (123, 2), (5, 1)]
)
def test_labels_that_do_not_fit_have_fewer_columns(room, columns):
    assert fitting_columns(room, widest=60, gap=3) == columns
    assert columns == 1 or columns * 60 + (columns - 1) * 3 <= room
