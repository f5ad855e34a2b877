"""`isoloss.render` takes what `isoloss render` takes, and says in one line what it does not."""

from __future__ import annotations

import argparse
import inspect
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import isoloss
from isoloss.cli.render_options import add_render_options
from isoloss.errors import IsolossError
from isoloss.events import Progress
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.pictures.rendering import OPTIONS
from isoloss.scene.files.staging import stage

AXIS = np.linspace(-1, 1, 9)
SMALL = {"size": (96, 64), "supersample": 1}


def bowl() -> Surface:
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    t = np.linspace(0, 1, 5)
    path = Trajectory(t - 1, 1 - t, 3 - t, 0 * t, t, np.full(5, 0.1))
    surface = Surface.from_loss(AXIS, AXIS, 1 + a**2 + b**2, model="bowl")
    return replace(surface, trajectories=(path,))


@pytest.fixture
def drawn(monkeypatch):
    """What a picture is asked for, instead of the picture."""
    given: dict = {}

    def draw(source, out, size, scale, **options):
        given.clear()
        given.update(options, source=source, out=out, size=size, scale=scale)
        return np.zeros((1, 1, 4), np.uint8)

    monkeypatch.setattr("isoloss.gl.pictures.picture.render", draw)
    return given


def test_both_have_the_same_options():
    parser = argparse.ArgumentParser()
    add_render_options(parser)
    typed = {
        option.removeprefix("--no-").removeprefix("--").replace("-", "_")
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--")
    }
    # Of the command line alone: help, and where a script hears events and names the file.
    assert typed - {"help", "json", "out"} == OPTIONS
    named = set(inspect.signature(isoloss.render).parameters)
    assert named - OPTIONS == {"source", "out", "print_", "on_event", "options"}


def test_a_surface_at_hand_is_drawn_with_its_trajectory():
    document = stage(bowl())
    assert [len(path) for _, path in document.layers[0].shown_trajectories] == [5]
    hidden = isoloss.render(bowl(), trajectory=False, overlays=False, **SMALL)
    shown = isoloss.render(bowl(), overlays=False, **SMALL)
    assert (hidden != shown).any()


def test_options_mean_what_the_command_line_means(drawn):
    isoloss.render(bowl(), contours=7)
    assert (drawn["contours"], drawn["contour_levels"]) == (True, 7)
    isoloss.render(bowl(), contours=0, floor_contours=True)
    assert (drawn["contours"], drawn["floor_contours"]) == (False, True)
    isoloss.render(bowl(), contours=False)
    assert drawn["contours"] is False
    assert "contour_levels" not in drawn
    isoloss.render(bowl(), top=True, elevation=60.0)
    assert (drawn["elevation"], drawn["orthographic"]) == (60.0, True)
    isoloss.render(bowl(), title=False, theme="light", figure=True, width_mm=178, fill=False)
    assert (drawn["title"], drawn["theme"], drawn["figure"]) == (False, "light", True)
    assert (drawn["print_"].width_mm, drawn["print_"].fill) == (178, False)
    isoloss.render(bowl())
    assert drawn["print_"] is None


def test_a_figure_is_as_wide_as_asked(tmp_path):
    out = tmp_path / "figure.png"
    isoloss.render(bowl(), out, figure=True, width_mm=50, dpi=254)
    with Image.open(out) as picture:
        assert picture.width == pytest.approx(500, abs=2)


def test_a_movie_tells_how_far_it_is_and_where_it_lies(tmp_path):
    events = []
    asked = {"play": True, "seconds": 0.2, "fps": 10.0, "on_event": events.append, **SMALL}
    written = isoloss.render(bowl(), tmp_path / "movie.gif", **asked)
    assert written == tmp_path / "movie.gif"
    with Image.open(written) as movie:
        assert (movie.n_frames, movie.size) == (2, (96, 64))
    assert [e.done for e in events if isinstance(e, Progress)] == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"textur": "slope"}, "render has no option 'textur': is it texture?"),
        ({"nonsense": 1}, "render has no option 'nonsense'"),
        ({"width_mm": 178}, "width_mm, dpi, fill and line_labels are for figures: figure"),
        ({"width_mm": 1, "figure": True}, "width_mm must be from 20 to 2000"),
        ({"contours": -1}, "contours must be 0 or more"),
        ({"elevation": 100.0}, "elevation must be a number from -90 to 90"),
        ({"supersample": 99}, "supersample must be from 1 to 8"),
        ({"turntable": True}, "a movie is written to a file"),
        ({"turntable": True, "figure": True}, "leave figure out, or turntable"),
        ({"fps": 30.0}, "fps is for a movie: add turntable, path or play"),
        ({"view": "Side"}, "no saved view 'Side'"),
        ({"attack": "pgd"}, "attack is for the folders of attacks"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_as_python_names_it(options, message):
    with pytest.raises(IsolossError) as caught:
        isoloss.render(bowl(), **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (bowl().trajectories[0], {}, "what is drawn is a surface, .*, not a Trajectory"),
        (5, {}, "what is drawn is a surface, .*, not a int"),
        (bowl(), {"size": 5}, "size is a width and a height in pixels, not 5"),
        (bowl(), {"size": ("a", 2)}, "size is a width and a height in pixels"),
        (bowl(), {"figure": True, "width_mm": "a"}, "width_mm must be a number, not 'a'"),
        (bowl(), {"figure": True, "dpi": "a"}, "dpi must be a number, not 'a'"),
    ],
)
def test_what_is_of_another_type_gets_one_line(source, options, message):
    with pytest.raises(IsolossError, match=message):
        isoloss.render(source, **options)


def test_what_is_loaded_is_a_path():
    for given in (5, None, bowl()):
        with pytest.raises(IsolossError, match="what is loaded is a path, not a"):
            isoloss.load(given)
