"""`isoloss export … --out x.html`, as one types it."""

import numpy as np
import pytest

from isoloss.cli.main import main
from isoloss.geometry.surface import Surface
from isoloss.scene import SurfaceLayer
from isoloss.scene.document import Document
from isoloss.scene.files.session import save_session

READY = "document.documentElement.dataset.ready === 'true'"
AXIS = np.linspace(-1, 1, 9)
LOSS = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 0.1


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, loss in (("a", LOSS), ("b", LOSS[::-1] + 0.3 * AXIS[:, None])):
        Surface.from_loss(AXIS, AXIS, loss).save(tmp_path / f"{name}.ply")
    return tmp_path


def test_several_surfaces_with_the_options_of_pictures(files, chromium, capsys):
    asked = ["--texture", "matte", "--contours", "5", "--title", "Two", "--azimuth", "12"]
    assert main(["export", "a.ply", "b.ply", "--out", "x.html", "--opacity", "0.5", *asked]) == 0
    assert capsys.readouterr().out == "x.html\n"
    chromium.open(files / "x.html")
    chromium.wait(READY)
    view = "isolossPage.views[0]"
    assert chromium.run(f"{view}.layers.map(l => l.about.opacity)") == [0.5, 0.5]
    assert chromium.run(f"[{view}.about.title, {view}.texture.name]") == ["Two", "matte"]
    assert chromium.run(f"{view}.camera.azimuth") == 12
    assert 2 <= chromium.run(f"{view}.about.levels.length") <= 8
    assert chromium.run("document.title") == "Two"
    assert chromium.complaints == []


def test_a_session_has_its_views(files, chromium):
    layers = [SurfaceLayer(n, Surface.from_loss(AXIS, AXIS, LOSS), source=files / f"{n}.ply")
              for n in "ab"]  # fmt: skip
    document = Document(layers, arrangement=4)
    for view in document.views:
        view.hidden = frozenset({layers[0]})
    save_session(document, files / "s.isoloss")
    assert main(["export", "s.isoloss", "--out", "s.html"]) == 0
    chromium.open(files / "s.html")
    chromium.wait(READY)
    assert chromium.run("isolossPage.views.length") == 4
    assert chromium.complaints == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.ply", "--out", "x.ply", "--minima"], "--minima is of .html"),
        (["a.ply", "--out", "x.html", "--texture", "accuracy"], "there is no accuracy in a"),
        (["a.ply", "--out", "x.html", "--azimuth", "nan"], "--azimuth"),
        (["a.ply", "--out", "no/x.html"], "cannot write no/x.html"),
    ],
)
def test_mistakes_are_said_in_a_line(files, capsys, arguments, said):
    assert main(["export", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not [each for each in files.iterdir() if each.suffix in (".html", ".partial")]
