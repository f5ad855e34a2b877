"""`isoloss export` into every format of the list, and what is said of what one cannot hold."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import isoloss
from isoloss.cli.main import main
from isoloss.geometry.files.formats import FORMATS, PARTS, format_to_write, parts_of, writable
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.document import Document
from isoloss.scene.files.session import save_session
from isoloss.scene.files.shown_parts import narrowed, parts_shown
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.scene import Scene

AXIS = np.linspace(-1, 1, 5)
LOSS = AXIS[:, None] ** 2 + AXIS**2 + 0.1
ROOT = Path(__file__).parents[3]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """a.ply has all that there may be to a surface, b.ply hardly anything."""
    monkeypatch.chdir(tmp_path)
    holed = LOSS.copy()
    holed[2, 2] = np.nan
    path = Trajectory(*(np.array([0.5, 0.1]) for _ in range(6)))
    rich = replace(
        Surface.from_loss(AXIS, AXIS, holed, model="net", quantities={"adversarial": "adv"}),
        loss_stderr=0 * LOSS + 0.01, trajectories=(path,), columns={"adversarial": LOSS + 1},
    )  # fmt: skip
    rich.save(tmp_path / "a.ply")
    Surface.from_loss(AXIS, AXIS, LOSS).save(tmp_path / "b.ply")
    return tmp_path


def test_one_list_is_what_help_docs_and_refusals_tell(files, capsys):
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    docs = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert main(["export", "b.ply", "--out", "x.stl"]) == 2
    refused = capsys.readouterr().err
    for format in FORMATS:
        assert f"`{format.name}`" in docs
        if format.is_written:
            assert format.title
            assert f"{format.name}: {format.title}" in told
            assert format.name in refused
    assert refused.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("x.npz", ""),
        ("x.ply", ""),
        ("x.vts", ""),
        ("x.csv", "what made it"),
        ("x.glb", "standard errors and further quantities"),
        ("x.obj", "standard errors, further quantities and what made it"),
    ],
)
def test_what_a_format_cannot_hold_is_said(files, capsys, name, lost):
    assert main(["export", "a.ply", "--out", name]) == 0
    said = capsys.readouterr()
    assert said.out == f"{name}\n"
    assert said.err == (f"isoloss: {name} has no room for {lost}\n" if lost else "")
    assert main(["export", "b.ply", "--out", name]) == 0
    assert capsys.readouterr().err == ""


def test_a_session_of_one_surface_is_written_as_values(files, capsys):
    layers = [isoloss.load(files / f"{n}.ply") for n in "ab"]
    layers = [SurfaceLayer(n, s, s.trajectories, files / f"{n}.ply")
              for n, s in zip("ab", layers, strict=True)]  # fmt: skip
    document = Document(layers)
    save_session(document, files / "two.isoloss")
    document.view.hidden = frozenset(layers[:1])
    save_session(document, files / "one.isoloss")
    for name in ("x.npz", "x.ply"):
        assert main(["export", "one.isoloss", "--out", name]) == 0
        np.testing.assert_array_equal(isoloss.load(files / name).loss, LOSS)
        assert main(["export", "two.isoloss", "--out", name]) == 2
    assert ".npz holds one surface, not 2: a, b; several are for .html" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x.ply", "--minima"], "--minima is of .html"),
        (["x.npz", "--title", "T"], "--title is of .html"),
        (["x.glb", "--azimuth", "3"], "--azimuth is of .html, .png, .svg or .pdf: leave it out"),
        (["x.obj", "--top"], "--top is of .html"),
        (["x.npz", "--texture", "slope"], "cannot keep colours: choose .ply, .html, .glb"),
        (["x.ply", "--what", "minima"], "--what minima is of .csv: give a name that ends so"),
        (["x"], "cannot save as x: choose one of .ply"),
    ],
)
def test_options_that_a_format_has_no_use_for_are_refused(files, capsys, arguments, said):
    assert main(["export", "b.ply", "--out", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert sorted(p.name for p in files.glob("x*")) == []


def test_what_is_written_only_is_not_read(files, capsys):
    assert main(["export", "b.ply", "--out", "x.glb"]) == 0
    assert main(["info", "x.glb"]) == 2
    assert "x.glb is a model for Blender" in capsys.readouterr().err


def test_surfaces_save_themselves_in_any_of_them(files):
    surface = isoloss.load(files / "b.ply")
    for suffix in (".glb", ".obj"):
        assert surface.save(files / f"x{suffix}").stat().st_size > 1000
    curve = Surface.from_loss(AXIS, np.zeros(1), LOSS[:, :1])
    assert "<svg" in curve.save(files / "x.html").read_text(encoding="utf-8")
    with pytest.raises(isoloss.IsolossError, match=r"cannot save a curve as x\.glb: choose \.npz"):
        curve.save(files / "x.glb")


def test_parts_are_those_that_are_there(files):
    rich, poor = (isoloss.load(files / f"{n}.ply") for n in "ab")
    assert parts_of(rich) == {"trajectories", "holes", "errors", "quantities", "origin"}
    assert parts_of(poor) == set()
    document = stage([rich, poor])
    assert parts_shown(document) == set(PARTS) - {"views", "pins", "camera"}
    document.layers[0].markers = (Marker(0, 0, 0.1),)
    assert "pins" in parts_shown(document)
    bare = narrowed(document, ["pins", "contours", "trajectories"])
    assert parts_shown(bare) == parts_shown(document) - {"pins", "contours", "trajectories"}
    assert "contours" in parts_shown(document), "the document itself has changed"


def test_every_format_that_is_written_says_what_it_keeps():
    assert writable("curve") == [".npz", ".csv", ".html", ".png", ".svg", ".pdf"]
    for name in writable():
        format = format_to_write(Path(f"x{name}"))
        assert format.leaves_out(format.keeps) == ""
        lost = format.leaves_out(PARTS)
        assert [PARTS[part] in lost for part in PARTS] == [p not in format.keeps for p in PARTS]


def test_a_picture_by_another_name_is_told_who_writes_it(files):
    with pytest.raises(isoloss.IsolossError, match=r"x\.glb is a model .*'isoloss export'"):
        isoloss.render(files / "b.ply", files / "x.glb")


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".html", ".pdf"])
def test_a_model_is_of_one_viewport_and_says_so(suffix):
    layers = [SurfaceLayer(n, Surface.from_loss(AXIS, AXIS, LOSS)) for n in "ab"]
    views = [Scene(layers, hidden=frozenset(layers) - {layer}) for layer in layers]
    document = Document(layers, views, arrangement=2)
    lost = format_to_write(Path("x" + suffix)).leaves_out(parts_shown(document))
    assert ("further viewports" in lost) == (suffix in (".glb", ".obj"))


def test_minima_are_a_table_that_says_what_merges_into_what(files):
    loss = np.full((3, 7), 9.0)
    loss[1, 1:6] = 1, 8, 2, 5, 3
    noisy = replace(
        Surface.from_loss(np.arange(3.0), 10 * np.arange(7.0), loss), loss_stderr=loss * 0 + 1
    )
    noisy.save(files / "m.ply")
    assert main(["export", "m.ply", "--what", "minima", "--out", "x.csv"]) == 0
    with (files / "x.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    names = "beta", "loss", "persistence", "depth", "saddle_beta", "saddle_loss", "merges_into"
    assert [[row[name] for name in names] for row in found] == [
        ["10.0", "1.0", "", "1.0", "", "", ""],
        ["30.0", "2.0", "6.0", "0.75", "20.0", "8.0", "1"],
        ["50.0", "3.0", "2.0", "0.25", "40.0", "5.0", "2"],
    ]
    assert [row["within_noise"] for row in found] == ["0", "0", "1"]
    assert [float(row["stderr"]) for row in found] == pytest.approx([0, 2**0.5, 2**0.5])
