"""`isoloss export … --out x.html`, as one types it."""

import numpy as np
import pytest

from isoloss.cli.main import main
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.run_folder import DEFENDED
from isoloss.scene import SurfaceLayer
from isoloss.scene.document import Document
from isoloss.scene.files.session import save_session
from isoloss.settings import ProbeSettings

READY = "document.documentElement?.dataset.ready === 'true'"
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


def opened(chromium, page):
    chromium.open(page)
    chromium.wait(READY)
    assert chromium.complaints == []
    return "isolossPage.views[0]"


def test_a_run_at_work_has_what_it_has_found_so_far(files, chromium):
    run = Run.create(files / "runs" / "p", ProbeSettings(source="digits-classifier", grid=9))
    growing = GrowingSurface.create(run.growing_path, AXIS, AXIS, 100, True, {"title": "Growing"})
    for i in range(0, 9, 2):
        for j in range(0, 9, 2):
            growing.add((i, j), 5 * LOSS[i, j], 5 * LOSS[i, j] ** 2 + 0.2, 3, 5)
    assert main(["export", "runs/p", "--out", "p.html"]) == 0
    view = opened(chromium, files / "p.html")
    assert "Points not computed yet: 56." in chromium.run("document.body.textContent")
    told = f"{view}.told({{layer: {view}.layers[0], cell: %s}})"
    assert chromium.run(told % [1, 2]).split("\n")[1:] == ["loss not computed"]
    assert chromium.run(told % [2, 2]).split("\n")[1].startswith("loss 0.6 ± ")


def test_what_a_run_has_behind_its_defense_stands_beside_it(files, chromium):
    run = Run.create(files / "runs" / "q", ProbeSettings(source="digits-classifier", grid=9))
    Surface.from_loss(AXIS, AXIS, LOSS).save(run.surface_path)
    Surface.from_loss(AXIS, AXIS, LOSS + 1).save(run.folder / DEFENDED)
    assert main(["export", "runs/q", "--out", "q.html", "--title", "Both"]) == 0
    opened(chromium, files / "q.html")
    names = "isolossPage.views.map(view => view.layers.map(layer => layer.about.name))"
    assert chromium.run(names) == [["q"], ["q, defended"]]
    assert chromium.run("document.title") == "Both"
    assert main(["export", "runs/q", "--out", "q.html", "--no-side-by-side"]) == 0
    opened(chromium, files / "q.html")
    assert chromium.run(names) == [["q", "q, defended"]]


def test_surfaces_side_by_side(files, chromium):
    assert main(["export", "a.ply", "b.ply", "a.ply", "--out", "x.html", "--side-by-side"]) == 0
    opened(chromium, files / "x.html")
    assert chromium.run("isolossPage.views.length") == 2  # one file that was named twice is one


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.ply", "--out", "x.ply", "--minima"], "--minima is of .html"),
        (["a.ply", "--out", "x.html", "--texture", "accuracy"], "there is no accuracy in a"),
        (["a.ply", "--out", "x.html", "--azimuth", "nan"], "--azimuth"),
        (["a.ply", "--out", "no/x.html"], "cannot write no/x.html"),
        (["a.ply", "--out", "x.npz", "--side-by-side"], "--side-by-side is of .html"),
        (["a.ply", "--out", "x.html", "--class", "cat"], "is no run of a probe"),
        (["a.ply", "--out", "x.html", "--quantity", "q"], "the surface has no quantity 'q'"),
    ],
)
def test_mistakes_are_said_in_a_line(files, capsys, arguments, said):
    assert main(["export", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not [each for each in files.iterdir() if each.suffix in (".html", ".partial")]
