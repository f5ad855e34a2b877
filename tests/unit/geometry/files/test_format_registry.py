"""A format added in one entry is everywhere: the example of CONTRIBUTING.md, carried out."""

import numpy as np
import pytest

import isoloss
from isoloss.app.dialogs.open_dialog import OpenDialog
from isoloss.app.state.config import Preferences
from isoloss.app.state.workspace import Workspace
from isoloss.cli.main import main
from isoloss.errors import IsolossError
from isoloss.geometry.files.formats import Format, readable, register, unregister, writable
from isoloss.geometry.surface import Surface

ALPHA, BETA = np.array([-1.0, 0.5, 2.0]), np.array([0.0, 0.1])
LOSS = np.array([[1, 2], [3, 1 / 3], [5, 1e-9]])


@pytest.fixture(autouse=True)
def rows_format(worked_example):
    worked_example("A new file format", blocks=2)
    yield
    unregister(".txt")


@pytest.fixture
def surface():
    return Surface.from_loss(ALPHA, BETA, LOSS)


def test_what_is_saved_is_loaded(surface, tmp_path):
    path = surface.save(tmp_path / "S.TXT")
    assert [[float(n) for n in row.split()] for row in path.read_text().splitlines()] == [
        [-1, 0, 1], [-1, 0.1, 2], [0.5, 0, 3], [0.5, 0.1, 1 / 3], [2, 0, 5], [2, 0.1, 1e-9],
    ]  # fmt: skip
    back = isoloss.load(path)
    for name in ("alpha", "beta", "loss"):
        assert (getattr(back, name) == getattr(surface, name)).all()


def test_it_holds_what_it_says(tmp_path):
    curve = Surface.from_loss(ALPHA, np.zeros(1), LOSS[:, :1])
    assert (isoloss.load(curve.save(tmp_path / "c.txt")).loss == curve.loss).all()
    with pytest.raises(IsolossError, match=r"cannot save a curve .*: choose \.npz, \.csv, .*\.txt"):
        curve.save(tmp_path / "c.ply")


def test_it_is_listed(surface, tmp_path):
    read = [".ply", ".npz", ".h5", ".hdf5", ".vts", ".vtp", ".csv", ".npy", ".txt"]
    assert readable() == read
    written = [".ply", ".npz", ".vts", ".csv", ".html", ".glb", ".obj", ".png", ".svg", ".pdf"]
    assert writable() == [*written, ".txt"]
    (tmp_path / "s.stl").write_text("solid\n")
    with pytest.raises(IsolossError, match=r"are \.ply, \.npz, .*\.npy or \.txt files, or run"):
        isoloss.load(tmp_path / "s.stl")
    (tmp_path / "bad.txt").write_text("1 2\n")
    with pytest.raises(IsolossError, match=r"bad\.txt has not rows"):
        isoloss.load(tmp_path / "bad.txt")


def test_it_is_exported_on_the_command_line(surface, tmp_path, capsys):
    source, target = surface.save(tmp_path / "s.ply"), tmp_path / "s.txt"
    assert main(["export", str(source), "--out", str(target)]) == 0
    assert (isoloss.load(target).loss == LOSS).all()
    assert main(["export", str(source), "--out", str(tmp_path / "s.stl")]) == 2
    assert (
        "choose one of .ply, .npz, .vts, .csv, .html, .glb, .obj, .png, .svg, .pdf, .txt"
        in capsys.readouterr().err
    )
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert ".svg, .pdf or .txt. .ply: mesh" in " ".join(capsys.readouterr().out.split())
    assert main(["info", str(target)]) == 0
    assert "3×2" in capsys.readouterr().out


def test_a_suffix_is_given_once():
    for suffixes in ((".txt",), (".new", ".hdf5")):
        with pytest.raises(IsolossError, match=f"there is a format '{suffixes[-1]}' already"):
            register(Format(suffixes, ("surface",)))
    assert ".new" not in readable()


def test_the_window_offers_it(surface, tmp_path):
    surface.save(tmp_path / "s.txt")
    surface.save(tmp_path / "s.csv")
    (tmp_path / "s.obj").write_text("v 0 0 0\n")
    dialog = OpenDialog(Workspace(tmp_path, Preferences()))
    dialog.browser.enter(tmp_path)
    assert [entry.path.name for entry in dialog.browser.entries] == ["s.csv", "s.txt"]
