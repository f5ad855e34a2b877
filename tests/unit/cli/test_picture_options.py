"""What `isoloss render` can be asked for: every choice about appearance and camera, checked."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields, replace

import numpy as np
import pytest

from isoloss.cli.parser import Parser
from isoloss.cli.render_options import add_render_options, run_render
from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.scene import colormaps
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.document import Document, Links, SavedView
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.session import save_session
from isoloss.scene.staging import only_curve, stage
from isoloss.scene.textures import Texture

AXIS = np.linspace(-1, 1, 9)


def bowl(height: float = 1.0) -> SurfaceLayer:
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    return SurfaceLayer("bowl", Surface.from_loss(AXIS, AXIS, height * (1 + a**2 + b**2)))


def parsed(*words: str) -> argparse.Namespace:
    parser = Parser(exit_on_error=False)
    add_render_options(parser)
    return parser.parse_args(["x.ply", "--out", "x.png", *words])


def drawn(monkeypatch, *words: str) -> dict:
    """The keyword arguments that `render` is called with."""
    given = {}

    def render(source, out, size, scale, **options):
        given.update(options, source=source, out=out, size=size, scale=scale)

    monkeypatch.setattr("isoloss.gl.pictures.rendering.opened", lambda source, _: source)
    monkeypatch.setattr("isoloss.gl.pictures.picture.render", render)
    list(run_render(parsed(*words)))
    return given


@pytest.mark.parametrize("kind", [Appearance, Camera])
def test_every_choice_is_an_option_with_help(kind):
    parser = argparse.ArgumentParser()
    add_render_options(parser)
    helps = {action.dest: action.help for action in parser._actions}
    for field in fields(kind):
        assert len(helps[field.name] or "") > 8, f"{field.name} is not explained"
    parser.format_help()


def test_the_help_is_for_people():
    parser = argparse.ArgumentParser()
    add_render_options(parser)
    helps = {action.dest: action.help or "" for action in parser._actions}
    for name, text in helps.items():
        assert not re.search(r"`|None|\(lo, hi\)|decorations", text), f"{name}: {text}"
    for name in colormaps.NAMES:
        assert name in helps["colormap"]
    decorations = [helps[name] for name in ("axes", "scalar_bar", "title", "legend")]
    assert len(set(decorations)) == 4, "each is told by itself"
    for name in ("--turntable", "--path", "--play"):
        assert name in helps["out"]


def test_several_planes_in_one_box_are_told(tmp_path, monkeypatch, capsys):
    wide = SurfaceLayer("wide", Surface.from_loss(2 * AXIS, AXIS, np.ones((9, 9))))
    paths = [layer.surface.save(tmp_path / f"{layer.name}.ply") for layer in (bowl(), wide)]
    shown = []
    monkeypatch.setattr(
        "isoloss.gl.pictures.picture.render", lambda source, *_, **__: shown.append(source)
    )
    for first, second in (paths, (paths[0], paths[0])):
        namespace = parsed()
        namespace.path = [first, second]
        list(run_render(namespace))
    assert [layer.name for layer in shown[0]] == ["bowl", "wide"]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "isoloss: bowl and wide are drawn into one box, though their ranges differ: "
        "α from −1 to 1, and from −2 to 2"
    ]
    for kind, cosine in (("random", 0.1), ("directions", 0.1), ("pca", 0.2)):
        made = Surface.from_loss(AXIS, AXIS, np.ones((9, 9)), plane=kind, cosine=cosine)
        paths.append(made.save(tmp_path / f"{kind}.ply"))
    for other, told in ((paths[3], ""), (paths[4], "their planes differ: random and pca")):
        namespace = parsed()
        namespace.path = [paths[2], other]
        list(run_render(namespace))
        assert capsys.readouterr().err.partition("though ")[2].strip() == told
    namespace = parsed("--figure")
    namespace.path = paths[:2]
    with pytest.raises(IsolossError, match="of one surface, not of 2: draw each by itself"):
        list(run_render(namespace))


def test_choices_arrive_by_their_names(monkeypatch):
    given = drawn(
        monkeypatch, "--texture", "contour-bands", "--epoch", "2.5", "--no-ambient-occlusion",
        "--contour-value", "0.7", "--height-gain", "1.5", "--color-range", "-1e-3", "4",
        "--azimuth", "-20", "--target", "0", "-1", "0.5", "--title", "Mine", "--no-axes",
        "--scale", "1.25", "--size", "640×480", "--contours", "9",
    )  # fmt: skip
    document = stage(bowl(), **{k: v for k, v in given.items() if k in {
        *(f.name for f in fields(Appearance)), *(f.name for f in fields(Camera))}})  # fmt: skip
    look, camera = document.view.appearance, document.view.camera
    assert look == Appearance(
        texture=Texture.BANDS, epoch=2.5, ambient_occlusion=False, contour_value=0.7,
        height_gain=1.5, color_range=(-1e-3, 4.0), axes=False, contour_levels=9,
    )  # fmt: skip
    assert camera == Camera(azimuth=-20.0, target=(0.0, -1.0, 0.5))
    assert document.view.title == "Mine"
    assert (given["size"], given["scale"]) == ((640, 480), 1.25)


def test_shorthands(monkeypatch):
    assert drawn(monkeypatch, "--top")["elevation"] == 90
    assert drawn(monkeypatch, "--top", "--elevation", "60")["elevation"] == 60
    none = drawn(monkeypatch, "--contours", "0")
    assert (none["contours"], none["floor_contours"]) == (False, False)
    floor = drawn(monkeypatch, "--contours", "0", "--floor-contours")
    assert (floor["contours"], floor["floor_contours"]) == (False, True)
    assert drawn(monkeypatch)["overlays"] is True
    assert "title" not in drawn(monkeypatch)
    assert drawn(monkeypatch, "--no-title")["title"] is False
    with pytest.raises(argparse.ArgumentError, match=r"--title: not allowed with .*--no-title"):
        parsed("--no-title", "--title", "hi")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "big"], "--size is WIDTHxHEIGHT"),
        (["--fps", "30"], "--fps is for a movie"),
        (["--turntable", "--figure"], "does not move"),
        (["--turntable", "--path", "A,B"], "not both"),
        (["--path", "A"], "two or more"),
        (["--fill"], "are for figures"),
        (["--out", "x.mp4"], "nothing moves: add --turntable, --path or --play, or give a name"),
        (["--out", "x.bmp"], "pictures are PNG"),
        (["--figure", "--texture", "matte"], "a figure in the plane has no matte"),
        (["--out", "x.svg", "--play"], r"does not move: give .* such as x\.mp4, or leave --play"),
        (["--turntable", "--dpi", "300"], "leave --dpi out, or --turntable"),
        (["--color-range", "5", "1"], "from low to high, not from 5 to 1"),
        (["--texture", "accuracy"], "no accuracy in x: --texture may be height, slope, curv"),
        (["--contours", "-3"], "--contours must be 0 or more, not -3"),
        (["--out", "x.webp", "--play"], "no trajectory to play"),
        (["--supersample", "0"], "--supersample must be from 1 to 8"),
        (["--scale", "0"], "--scale must be from"),
        (["--size", "99999x99999"], "at most 400 megapixels"),
        (["--size", "0x10"], "--size must be at least 1x1"),
        (["--contour-levels", "999"], "from 1 to 100"),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path, words, message):
    namespace = parsed(*words)
    namespace.path = [bowl().surface.save(tmp_path / "x.ply")]
    namespace.out = tmp_path / namespace.out
    with pytest.raises(IsolossError, match=message):
        list(run_render(namespace))
    assert [p.name for p in tmp_path.iterdir()] == ["x.ply"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contour_levels": 1000}, "--contour-levels must be a whole number from 1 to 100"),
        ({"elevation": 100.0}, "--elevation must be a number from -90 to 90"),
        ({"distance": 0.0}, "--distance must be"),
        ({"height_gain": float("nan")}, "--height-gain must be"),
        ({"colormap": "mud"}, "viridis"),
        ({"texture": "mud"}, "no texture 'mud'"),
        ({"nonsense": 1}, "no option 'nonsense'"),
        ({"view": "Side"}, "no saved view 'Side'"),
    ],
)
def test_wrong_values_are_told_with_their_range(options, message):
    with pytest.raises(IsolossError, match=message):
        stage(bowl(), **options)


def test_no_overlays_leaves_all_decorations_but_those_asked_for():
    look = stage(bowl(), overlays=False, axes=True).view.appearance
    assert look == Appearance(scalar_bar=False, title=False, legend=False, markers=False)
    assert stage(bowl(), overlays=False, title="Named").view.appearance.title


def test_a_session_brings_its_views_and_links(tmp_path):
    document = Document()
    for k in (1, 3):
        layer = bowl(k)
        layer.source = layer.surface.save(tmp_path / f"bowl{k}.ply")
        document.add(layer)
    document.arrange(2)
    document.links = Links(look=False)
    document.views[1].appearance = replace(document.views[1].appearance, texture=Texture.SLOPE)
    document.saved_views = (SavedView("From above", Camera().axis_view(7)),)
    path = save_session(document, tmp_path / "my.isoloss")
    staged = stage(path, view="from above", height_gain=2.0)
    first, second = staged.shown_views
    assert [len(v.shown) for v in (first, second)] == [1, 1]
    assert first.camera == second.camera == Camera().axis_view(7)
    assert first.height_scale == second.height_scale
    assert first.height_scale is not None
    assert first.height_scale.hi == pytest.approx(9.0)
    assert second.appearance.texture is Texture.SLOPE
    assert first.appearance.height_gain == second.appearance.height_gain == 2.0
    with pytest.raises(IsolossError, match="one session or scene, or several surfaces"):
        stage([path, bowl()])
    (tmp_path / "bowl3.ply").unlink()
    with pytest.raises(IsolossError, match=r"bowl3\.ply"):
        stage(path)


def test_what_is_given_is_not_changed():
    scene = Scene([bowl()], title="mine")
    stage(scene, azimuth=3.0, theme="light", title="other")
    assert (scene.camera, scene.appearance, scene.title) == (Camera(), Appearance(), "mine")
    document = Document([bowl()])
    before = document.state()
    stage(document, azimuth=3.0, theme="light", title="other")
    assert document.state() == before


def test_a_session_of_nothing_but_a_curve_is_that_curve(tmp_path):
    curve = Surface.from_loss(AXIS, np.zeros(1), AXIS[:, None])
    file = curve.save(tmp_path / "line.npz")
    path = save_session(Document(), tmp_path / "my.isoloss", [file])
    found = only_curve(path)
    assert found is not None
    np.testing.assert_array_equal(found.surface.loss, curve.loss)
    assert only_curve(bowl()) is None
    with pytest.raises(IsolossError, match="draw it alone"):
        stage([bowl(), curve])
