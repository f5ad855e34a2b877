"""What is made ready before there are pictures."""

from __future__ import annotations

import time

from isoloss.gl.device import program
from isoloss.gl.device.context import HeadlessContext
from isoloss.gl.frame import rehearsal
from isoloss.gl.frame.rehearsal import Rehearsal
from isoloss.gl.frame.renderer import Renderer
from isoloss.resources import resource_folder


def over(context, begun: Rehearsal) -> Rehearsal:
    """It, once all of it is over."""
    end = time.monotonic() + 60
    while begun._thread is not None:
        assert time.monotonic() < end
        context.make_current()
        begun.update()
        time.sleep(0.01)
    return begun


def test_every_program_is_rehearsed(context, monkeypatch):
    known, made = program.Program, set[tuple[str, str]]()

    def noted(name: str, vertex: str = "", defined: str = "") -> program.Program:
        made.add((name, defined))
        return known(name, vertex, defined)

    monkeypatch.setattr(program, "Program", noted)
    with HeadlessContext():
        renderer = Renderer()
        parts = rehearsal._quick_picture, rehearsal._whole_pictures, rehearsal._further_pictures
        for part in parts:
            for _ in part(renderer):
                pass
    shaders = resource_folder("shaders")
    assert {name for name, _ in made} == {file.stem for file in shaders.glob("*.frag")}
    peeling = {file.stem for file in shaders.glob("*.frag") if "peeled.glsl" in file.read_text()}
    assert {name for name, defined in made if defined} == peeling


def test_pictures_wait_until_it_has_come_to_them(context, monkeypatch):
    told: list[tuple[str, bool, bool]] = []

    def part(name: str):
        def draw(renderer: Renderer):
            told.append((name, begun.has_quick, begun._has_drawn_whole))
            yield

        return draw

    for name in ("_quick_picture", "_whole_pictures", "_further_pictures"):
        monkeypatch.setattr(rehearsal, name, part(name))
    monkeypatch.setattr(rehearsal, "is_software", lambda: True)
    begun = Rehearsal()
    assert begun.has_quick, "nobody is about to make anything ready"
    begun.begin()
    over(context, begun)
    assert list(dict.fromkeys(told)) == [
        ("_quick_picture", False, False),
        ("_whole_pictures", True, False),
        ("_further_pictures", True, True),
    ]
    assert begun.has_quick
    assert begun.has_whole


def test_pictures_wait_for_a_second_at_most(context, monkeypatch):
    def endless(renderer: Renderer):
        while True:
            time.sleep(0.001)
            yield

    now = [100.0]
    monkeypatch.setattr(rehearsal, "_quick_picture", endless)
    monkeypatch.setattr(rehearsal, "is_software", lambda: True)
    monkeypatch.setattr(rehearsal.time, "monotonic", lambda: now[0])
    begun = Rehearsal()
    begun.begin()
    for waited, expected in (
        (0.9, (False, False)), (1.1, (True, False)), (1.9, (True, False)), (2.1, (True, True)),
    ):  # fmt: skip
        now[0] = 100 + waited
        context.make_current()
        begun.update()
        assert (begun.has_quick, begun.has_whole) == expected
    thread = begun._thread
    begun.end()
    assert not thread.is_alive(), "a window that is closed at once is not held open"


def test_what_is_compiled_is_drawn_again(context, monkeypatch):
    passes = iter([0.1, 0.05, 0.001])
    renderers = []

    def draw(renderer: Renderer):
        renderers.append(renderer)
        now[0] += next(passes)
        yield

    now = [0.0]
    monkeypatch.setattr(rehearsal.time, "thread_time", lambda: now[0])
    with HeadlessContext():
        Rehearsal()._repeat(draw)
    assert len(set(map(id, renderers))) == 3
    programs = {renderer._fills._program for renderer in renderers}
    assert len(programs) == 3, "a program that has been compiled is not found again"


def test_one_that_fails_holds_no_picture_up(context, monkeypatch, caplog):
    monkeypatch.setattr(rehearsal, "_quick_picture", lambda renderer: 1 / 0)
    monkeypatch.setattr(rehearsal, "is_software", lambda: True)
    begun = Rehearsal()
    begun.begin()
    over(context, begun)
    assert begun.has_quick
    assert begun.has_whole
    assert "rehearsal of pictures has failed" in caplog.text


def test_on_a_graphics_processor_there_is_none(context, monkeypatch):
    monkeypatch.setattr(rehearsal, "is_software", lambda: False)
    begun = Rehearsal()
    begun.begin()
    assert begun.has_quick
    assert begun.has_whole
    assert begun._thread is None
    begun.end()
