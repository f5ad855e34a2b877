"""All commands: ids, shortcuts, menus, palette, and what some of them do."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from isoloss.app.actions.all_actions import all_actions
from isoloss.app.dialogs.saved_views_dialog import save_view
from isoloss.app.parts import Parts
from isoloss.app.ui.command_palette import matching, misfit
from isoloss.app.ui.keyboard import keys_of
from isoloss.scene import Camera

AXIS = np.linspace(-1, 1, 5)


def rest(steps, now):
    steps.watch(now, held=False, wheel=False)


@pytest.fixture
def parts(opened):
    for _ in range(12):
        save_view(opened.document)
    return Parts(opened, all_actions)


def test_no_two_commands_share_an_id_or_a_shortcut(parts):
    for counted in (
        Counter(a.id for a in parts.actions),
        Counter(frozenset(a.shortcut.split("+")) for a in parts.actions if a.shortcut),
    ):
        assert max(counted.values()) == 1, counted.most_common(3)
    keys = [keys_of(a.shortcut) for a in parts.actions if a.shortcut]
    assert len(set(keys)) == len(keys)
    repeating = {a.id for a in parts.actions if a.repeats}
    assert {"orbit-left", "pan-down", "zoom-in", "zoom-in-key", "zoom-out"} <= repeating


def test_each_command_is_in_one_menu_and_in_the_palette(parts):
    with_menu = [a for a in parts.actions if a.menu]
    assert matching(parts.actions, "") == with_menu
    for action in with_menu:
        assert action in matching(parts.actions, action.label)
    # The menus group what follows each other: a menu that came twice would be drawn twice.
    submenus = [menu for menu, _ in itertools.groupby(a.menu for a in with_menu) if "/" in menu]
    tops = [top for top, _ in itertools.groupby(a.menu.split("/")[0] for a in with_menu)]
    for names in (submenus, tops):
        assert len(set(names)) == len(names)
    for action in parts.actions:
        if not action.menu:  # a second key for what a menu has
            assert any(a.label == action.label for a in with_menu)


def test_the_menu_says_what_would_be_undone(parts):
    undo = parts.action("undo")
    assert (undo.label, undo.is_possible()) == ("Undo", False)
    parts.workspace.change(contours=False)
    rest(parts.steps, 0)
    assert (parts.action("undo").label, parts.action("undo").is_possible()) == (
        "Undo contours",
        True,
    )
    parts.action("undo").run()
    assert parts.workspace.appearance.contours
    assert parts.action("redo").label == "Redo contours"
    parts.action("redo").run()
    assert not parts.workspace.appearance.contours


def test_saved_views_are_commands(parts):
    parts.workspace.set_camera(Camera(azimuth=42))
    parts.action("save-view").run()
    first, last = parts.action("saved-view-1"), parts.action("saved-view-13")
    assert (first.label, first.shortcut, last.label, last.shortcut) == (
        "View 1",
        "Alt+1",
        "View 13",
        "",
    )
    parts.workspace.set_camera(Camera(azimuth=1))
    last.run()
    parts.flight.go_on(0)
    parts.flight.go_on(1)
    assert parts.workspace.scene.camera.azimuth == 42


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("undo", "undo"),
        ("svw", "save-view"),
        ("session", "save-session"),
        ("pict", "save-picture"),
        ("view top", "view-top"),
        ("lst sess", "restore-last"),
        ("TEXTURE next", "next-texture"),
        ("wirefr tex", "texture-wireframe"),
    ],
)
def test_the_palette_finds_what_is_typed_in_haste(parts, typed, first):
    found = [a.id for a in matching(parts.actions, typed)]
    assert found[0] == first or first in found[:2], found[:4]


def test_fits_are_ordered():
    fits = [misfit("con", label, menu) for label, menu in (
        ("Contours", "Scene"), ("Floor contours", ""), ("Second", "x"), ("Other", "Contours"),
        ("Cut of one", "Scene"),
    )]  # fmt: skip
    assert fits == [0, 1, 2, 3, 4]
    assert misfit("con", "Noc", "") is None
    assert misfit("", "anything") == 0
    assert misfit("a(b", "a(b") == 0
