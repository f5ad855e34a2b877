"""`isoloss info`: words, not raw values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.events import Log
from isoloss.geometry.findings import findings_of
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.scene import Camera, Cut, Document, Links, SavedView, SurfaceLayer
from isoloss.scene.files.session import save_session
from isoloss.settings import ImportSettings, ProbeSettings

AXIS = np.linspace(-1, 1, 5)
FOUND = [
    {"level": "ok", "what": "minimum", "message": "the network lies in it"},
    {"level": "note", "what": "range", "message": "wider than the trajectory"},
    {"level": "warning", "what": "precision", "message": "half of a cell's error"},
]


def described(tmp_path, surface):
    path = surface.save(tmp_path / ("s.npz" if surface.is_curve else "s.ply"))
    return [" ".join(line.split()) for line in describe(path).splitlines()]


def surface(**meta):
    return Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2, **meta)


def test_a_description_is_told_in_words(tmp_path):
    lines = described(
        tmp_path,
        surface(
            model="net",
            normalize=None,
            explained_variance_ratio=[0.7125, 0.2],
            versions={"isoloss": "1", "torch": None},
            exact=True,
        ),
    )
    assert "explained 0.7125, 0.2" in lines
    assert "versions isoloss 1" in lines
    assert "exact yes" in lines
    assert not [x for x in lines if "None" in x or "[" in x or "{" in x or "normalize" in x]
    assert "loss 0 … 2" in lines


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (
            FOUND,
            ["warning precision: half of a cell's error", "note range: wider than the trajectory"],
        ),
        (FOUND[:1], ["no findings"]),
        ([], ["no findings"]),
        (None, []),
        ("nonsense", []),
        ([3, {"level": "note"}], ["note :"]),
    ],
)
def test_findings_are_lines_the_warnings_first(tmp_path, findings, expected):
    lines = described(tmp_path, surface(findings=findings))
    assert [x for x in lines if x.startswith(("warning", "note", "no findings"))] == expected
    assert not [x for x in lines if "findings" in x and x != "no findings"]


def test_numbers_are_as_people_write_them_and_what_says_nothing_is_left_out(tmp_path):
    told = surface(
        plane="pca", cosine=-1.4e-10, planes=1, points_at_once=1, folded_batch_norms=0,
        precision_audit_error=-2.5e-7,
    )  # fmt: skip
    lines = described(tmp_path, told)
    assert "α −1 … 1" in lines
    assert "audit error −2.5×10⁻⁷" in lines
    assert not [x for x in lines if x.startswith(("cosine", "planes", "points at", "folded"))]
    lines = described(tmp_path, surface(plane="random", cosine=-0.0031234, planes=5))
    assert "cosine −0.003123" in lines
    assert "planes 5" in lines


def test_data_are_told_by_their_source_or_as_a_folder(tmp_path, capsys):
    for part, n in (("Training", 3), ("Testing", 2)):
        for name in ("cat", "dog"):
            for k in range(n):
                file = tmp_path / "pets" / part / name / f"{k}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (9, 7)).save(file)
    expected = [
        f"data imagefolder:{tmp_path / 'pets'}",
        "classes 2: cat, dog",
        "samples 6 training and 4 test images of 7×7",
        "split Training and Testing folders",
    ]
    for asked in (f"imagefolder:{tmp_path / 'pets'}", str(tmp_path / "pets")):
        assert main(["info", asked]) == 0
        assert [" ".join(x.split()) for x in capsys.readouterr().out.splitlines()] == expected
    assert main(["info", f"imagefolder:{tmp_path / 'nowhere'}"]) == 2
    assert capsys.readouterr().err == (
        f"isoloss: there is no file or folder {tmp_path / 'nowhere'}\n"
    )
    (tmp_path / "nothing").mkdir()
    assert main(["info", str(tmp_path / "nothing")]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_a_run_tells_what_it_has_recorded_of_its_data(tmp_path):
    run = Run.create(tmp_path / "run", ProbeSettings(source=tmp_path / "net"))
    run.emit(Log("data: birds, 3 classes"))
    assert "data birds, 3 classes" in [
        " ".join(x.split()) for x in describe(run.folder).splitlines()
    ]


def test_where_nobody_looked_there_are_no_findings_to_tell():
    assert findings_of({}) is None
    assert findings_of({"findings": []}) == []


def test_a_curve_and_a_spread_are_told(tmp_path):
    curve = Surface.from_loss(AXIS, np.zeros(1), AXIS[:, None] ** 2, plane="line", model="net")
    lines = described(tmp_path, curve)
    assert lines[0] == "curve net, random line"
    assert "points 5, 5 computed" in lines
    assert not [x for x in lines if x.startswith("β")]
    spread = np.linspace(0.25, 0.5, 25).reshape(5, 5)
    assert "spread 0.25 … 0.5" in described(tmp_path, replace(surface(), spread=spread))


def test_a_run_tells_what_was_asked_beside_the_defaults(tmp_path):
    asked = ProbeSettings(source=tmp_path / "net", plane="pca", grid=(7, 9), also=(tmp_path / "b",))
    run = Run.create(tmp_path / "run", asked)
    lines = [" ".join(line.split()) for line in describe(run.folder).splitlines()]
    assert "grid 7×9" in lines
    assert f"also {tmp_path / 'b'}" in lines
    assert "plane pca" in lines
    plain = Run.create(tmp_path / "plain", ProbeSettings(source=tmp_path / "net"))
    assert "grid" not in describe(plain.folder)


def test_a_session_tells_what_is_open_and_from_where_it_is_seen(tmp_path):
    document = Document()
    for name in ("low", "high"):
        layer = SurfaceLayer(name, surface())
        layer.source = layer.surface.save(tmp_path / f"{name}.ply")
        document.add(layer)
    document.arrange(2)
    document.links = Links(look=False)
    document.cut = Cut((-1.0, 0.0), (1.0, 0.5))
    document.saved_views = (SavedView("From above", Camera()), SavedView("Side", Camera()))
    path = save_session(document, tmp_path / "mine.isoloss")
    assert [" ".join(line.split()) for line in describe(path).splitlines()] == [
        "session mine",
        f"layer low, 5×5, {tmp_path / 'low.ply'}",
        f"layer high, 5×5, {tmp_path / 'high.ply'}",
        "viewport 1 high; height; azimuth −32, elevation 29",
        "viewport 2 low; height; azimuth −32, elevation 29",
        "linked camera, height, colors",
        "slice from (−1, 0) to (1, 0.5)",
        "saved views From above, Side",
    ]
    (tmp_path / "low.ply").unlink()
    (missing,) = (line for line in describe(path).splitlines() if "missing" in line)
    assert "low.ply" in missing


@pytest.mark.parametrize(
    ("order", "said"), [("auto", "0.pt to ckpt-11.pt"), ("given", "0.pt to ckpt-9.pt")]
)
def test_an_import_that_has_not_begun_names_its_checkpoints_by_number(tmp_path, order, said):
    names = sorted(f"ckpt-{k}.pt" for k in range(12))  # as shells list them
    settings = ImportSettings(
        checkpoints=tuple(tmp_path / name for name in names), model="resnet50", data="digits",
        order=order,
    )  # fmt: skip
    run = Run.create(tmp_path / "run", settings)
    assert f"checkpoints 12, from ckpt-{said}" in describe(run.folder)
    run.record_environment(imported=["b.pt", "a.pt"])  # as it has found them to follow
    assert "checkpoints 2, from b.pt to a.pt" in describe(run.folder)


def test_a_surface_is_told_by_its_basins_and_how_rough_it_is(tmp_path):
    loss = np.full((3, 7), 9.0)
    loss[1, 1:6] = 1, 8, 2, 5, 3
    crate = Surface.from_loss(np.arange(3), np.arange(7), loss)
    lines = described(tmp_path, replace(crate, loss_stderr=np.ones(loss.shape)))
    assert "basins 2 deeper than 1 % of the height, 1 more within the noise" in lines
    assert "not convex 40.0 %" in lines
    pending = np.ones(loss.shape, np.int64)
    pending[0, 0] = 0
    assert not [x for x in described(tmp_path, replace(crate, count=pending)) if "basins" in x]
