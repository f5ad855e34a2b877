"""Session files: the way there and back, and what is refused."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.surface import Surface
from isoloss.scene import (
    Appearance,
    Camera,
    Cut,
    Document,
    Links,
    Marker,
    MarkerShape,
    SavedView,
    SurfaceLayer,
)
from isoloss.scene.colormaps import NAMES
from isoloss.scene.document import DocumentState, LayerState, ViewState
from isoloss.scene.files.session import load_session, read_session, save_session
from isoloss.scene.files.session_content import MOST_BYTES, SCHEMA, Content, LayerEntry, ViewEntry
from isoloss.scene.layer import load_layer
from isoloss.scene.textures import TEXTURES

AXIS = np.linspace(-1, 1, 3)


def values_of(document: Document) -> object:
    """The state of a document with indices in place of its layers, so that two can be compared."""
    index = {layer: k for k, layer in enumerate(document.layers)}
    state = document.state()
    return (
        [(x.name, x.markers, x.hidden, x.opacity) for x in state.layers],
        [
            (x.source, x.surface.loss.tolist(), x.derived and [index.get(p) for p in x.derived])
            for x in document.layers
        ],
        [replace(v, hidden=frozenset(index[x] for x in v.hidden)) for v in state.views],
        document.active,
        replace(state, layers=(), views=()),
    )


@pytest.fixture
def folder(tmp_path):
    """Three surfaces: below the session's folder, in it, and elsewhere."""
    for k, name in enumerate(("here/below/a.npz", "here/b.npz", "elsewhere/c.npz")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Surface.from_loss(AXIS, AXIS, (k + 1.0) * (AXIS[:, None] ** 2 + AXIS + 2)).save(path)
    return tmp_path


def any_document(chance: random.Random, paths: list[Path]) -> Document:
    """A document in which everything that can be chosen is chosen at random."""

    def some() -> float:
        return chance.choice([0.0, 1e-300, -3.25, 0.1, 7e20, chance.gauss(0, 1)])

    def flag() -> bool:
        return chance.random() < 0.5

    def camera() -> Camera:
        target = (chance.gauss(0, 1), chance.gauss(0, 1), chance.gauss(0, 1))
        return Camera(
            chance.uniform(-180, 180),
            chance.uniform(-90, 90),
            target,
            math.exp(chance.gauss(1, 1)),
            flag(),
        )

    def text() -> str:
        return chance.choice(["", "a", "β, δ\n«·»", 'quo"te\\', "名", "𝛼" * 40])

    def look() -> Appearance:
        numbers = {"contour_levels": chance.randint(1, 100), "height_gain": chance.uniform(0.1, 3)}
        choices = {
            "texture": chance.choice(list(TEXTURES)),
            "colormap": chance.choice(NAMES),
            "theme": chance.choice(["dark", "light"]),
            "contour_value": chance.choice([None, some()]),
            "epoch": chance.choice([None, some()]),
            "log_height": chance.choice([None, True, False]),
            "color_range": chance.choice([None, (-abs(some()) - 1, 3.5)]),
        }
        flags = {
            f.name: flag() for f in fields(Appearance) if isinstance(f.default, bool) and f.init
        }
        return Appearance(**numbers, **choices, **flags)

    def marker() -> Marker:
        color = chance.choice([None, (0.0, 0.25, 1.0)])
        loss = chance.choice([some(), math.inf, -math.inf])
        return Marker(some(), some(), loss, text(), chance.choice(list(MarkerShape)), color)

    document = Document()
    for _ in range(chance.randint(0, 4)):
        layer = load_layer(chance.choice(paths))
        layer.name = text()
        layer.markers = tuple(marker() for _ in range(chance.randint(0, 3)))
        layer.hidden = frozenset(chance.sample(range(5), chance.randint(0, 3)))
        layer.opacity = chance.choice([0.0, 0.35, 1.0])
        document.add(layer)
    if len(document.layers) > 1:
        a, b = chance.sample(document.layers, 2)
        document.add(SurfaceLayer("a - b", difference(a.surface, b.surface), derived=(a, b)))
    document.arrange(chance.choice([1, 2, 4]))
    document.active = chance.randrange(document.arrangement)
    for view in document.views:
        view.camera, view.appearance, view.title = camera(), look(), text()
        view.hidden = frozenset(x for x in document.layers if flag())
    document.links = Links(flag(), flag(), flag(), flag())
    document.saved_views = tuple(
        SavedView(f"View {k}", camera()) for k in range(chance.randint(0, 3))
    )
    document.cut = chance.choice([None, Cut((some(), some()), (some(), some()))])
    return document


def test_what_is_saved_comes_back(folder):
    paths = sorted(folder.rglob("*.npz"))
    for seed in range(30):
        document = any_document(random.Random(seed), paths)
        path = save_session(document, folder / "here" / f"{seed}.isoloss")
        assert values_of(load_session(path)) == values_of(document), seed
        again = save_session(load_session(path), folder / "here" / "again.isoloss")
        assert again.read_bytes() == path.read_bytes()


def test_every_choice_has_its_place_in_the_file():
    """Whoever adds a choice to the document is told here that sessions have to keep it."""

    def names(kind: type) -> set[str]:
        return {f.name for f in fields(kind)}

    choices = {f.name for f in fields(DocumentState) if f.compare}
    assert choices == names(Content) - {
        "schema", "active", "further", "curves", "evaluations", "comparison",
    }  # fmt: skip
    assert names(ViewState) - {"hidden"} == names(ViewEntry) - {"hidden_layers"}
    assert names(LayerState) - {"layer", "hidden"} == (
        names(LayerEntry) - {"source", "fallback", "quantity", "difference", "hidden_trajectories"}
    )


def test_a_difference_outlives_its_closed_surfaces(folder):
    a, b = (load_layer(folder / "here" / name) for name in ("below/a.npz", "b.npz"))
    document = Document()
    document.add(SurfaceLayer("a - b", difference(a.surface, b.surface), derived=(a, b)))
    path = save_session(document, folder / "x.isoloss")
    (layer,) = load_session(path).layers
    np.testing.assert_array_equal(layer.surface.loss, a.surface.loss - b.surface.loss)
    assert [x.source for x in layer.derived] == [a.source, b.source]
    b.source.unlink()
    with pytest.raises(IsolossError, match=r"layer b: there is no file"):
        load_session(path)


def test_files_are_found_after_data_or_session_have_moved(folder):
    inside, outside = folder / "here" / "b.npz", folder / "elsewhere" / "c.npz"
    document = Document()
    for path in (inside, outside):
        document.add(load_layer(path))
    save_session(document, folder / "here" / "x.isoloss")
    sources = [e["source"] for e in _plain(folder / "here" / "x.isoloss")["layers"]]
    assert sources == ["b.npz", str(outside)]
    # the session alone
    shutil.copy(folder / "here" / "x.isoloss", folder / "y.isoloss")
    found = [x.source for x in load_session(folder / "y.isoloss").layers]
    assert found == [inside, outside]
    # all together
    shutil.copytree(folder, folder.parent / "moved")
    shutil.rmtree(folder)
    moved = folder.parent / "moved"
    found = [x.source for x in load_session(moved / "here" / "x.isoloss").layers]
    assert found == [moved / "here" / "b.npz", moved / "elsewhere" / "c.npz"]


def test_what_is_missing_is_told_and_the_rest_opens(folder):
    document = Document()
    for name in ("below/a.npz", "b.npz"):
        document.add(load_layer(folder / "here" / name))
    document.view.hidden = frozenset(document.layers[:1])
    path = save_session(document, folder / "here" / "x.isoloss")
    (folder / "here" / "below" / "a.npz").unlink()
    session = read_session(path)
    assert session.missing == ["layer a: there is no file or folder below/a.npz"]
    assert [x.name for x in session.document.view.shown] == ["b"]
    with pytest.raises(IsolossError, match=r"x\.isoloss: layer a: there is no file"):
        load_session(path)
    (folder / "here" / "b.npz").write_bytes(b"no longer a surface")
    with pytest.raises(IsolossError, match=r"layer a: "):
        read_session(path)


def test_a_file_named_often_is_held_once(folder):
    document = Document()
    document.add(load_layer(folder / "here" / "b.npz"))
    plain = _plain(save_session(document, folder / "x.isoloss"))
    plain["layers"] *= 200
    layers = load_session(_written(folder, plain)).layers
    assert len(layers) == 200
    assert len({id(x.surface) for x in layers}) == 1


def test_a_layer_without_a_file_cannot_be_saved(folder):
    document = Document()
    document.add(SurfaceLayer("made up", Surface.from_loss(AXIS, AXIS, np.ones((3, 3)))))
    with pytest.raises(IsolossError, match="made up has no file of its own"):
        save_session(document, folder / "x.isoloss")
    assert not (folder / "x.isoloss").exists()


def _plain(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _written(folder: Path, plain: object) -> Path:
    path = folder / "hostile.isoloss"
    path.write_text(json.dumps(plain), encoding="utf-8")
    return path


WRONG = [
    (("arrangement",), 3, "arrangement must be one of 1, 2, 4"),
    (("arrangement",), True, "arrangement must be a whole number, not True"),
    (("active",), 1, "active must be the index of a shown view"),
    (("active",), 10**400, "active must be a whole number from"),
    (("schema",), SCHEMA + 1, "its schema is newer than"),
    (("schema",), 0, "schema must be 1 or more"),
    (("schema",), None, "schema must be a whole number"),
    (("layers",), {}, "layers must be a list, not {}"),
    (("layers", 0), 7, r"layers\[0\] must be an object, not 7"),
    (("layers", 0, "source"), "", r"layers\[0\]\.source is missing"),
    (("layers", 0, "source"), "a\0b", r"layers\[0\]\.source must be a text that can be shown"),
    (("layers", 0, "source"), "gone.ply", r"layer b: there is no file"),
    (("layers", 0, "source"), "x" * 5000, r"layers\[0\]\.source must be a text of at most"),
    (("layers", 0, "source"), "x" * 4000, r"layer b: "),
    (("layers", 0, "source"), "/dev/zero", r"layer b: there is no file"),
    (("layers", 0, "name"), "\ud800", r"layers\[0\]\.name must be a text that can be shown"),
    (("layers", 0, "difference"), [0, 0], r"layer b: one of its two surfaces"),
    (("layers", 0, "difference"), [0, 9], r"layers\[0\]\.difference must be indices below 1"),
    (("layers", 0, "hidden_trajectories"), [-1], r"hidden_trajectories must not be below 0"),
    (("layers", 0, "markers"), [{"alpha": 0, "beta": 0}], r"markers\[0\]\.loss is missing"),
    (
        ("layers", 0, "markers"),
        [{"alpha": 0, "beta": 0, "loss": 10**400}],
        r"markers\[0\]\.loss must be a number from -inf to inf",
    ),
    (("layers", 0, "markers"), [[]], r"layers\[0\]\.markers\[0\] must be an object"),
    (("views",), [], "views must be 1 to 4"),
    (("views", 0, "camera", "distance"), 0, r"distance must be a number from 0.001 to 10000"),
    (("views", 0, "camera", "distance"), math.nan, r"views\[0\]\.camera\.distance must be"),
    (("views", 0, "camera", "azimuth"), math.inf, r"views\[0\]\.camera\.azimuth must be"),
    (("views", 0, "camera", "azimuth"), "inf", r"views\[0\]\.camera\.azimuth must be a number"),
    (("views", 0, "camera", "target"), [0, 0], r"views\[0\]\.camera\.target must be a list of 3"),
    (("views", 1, "camera", "elevation"), 91, r"views\[1\]\.camera\.elevation must be"),
    (("views", 0, "camera", "roll"), 1, r"views\[0\]\.camera\.roll is not a known field"),
    (("views", 0, "appearance", "texture"), "lava", r"texture must be one of height, accuracy"),
    (("views", 0, "appearance", "texture"), ["height"], r"appearance\.texture must be one of"),
    (("views", 0, "appearance", "colormap"), "jet", r"colormap must be one of viridis"),
    (("views", 0, "appearance", "theme"), "pink", r"theme must be one of dark, light"),
    (("views", 0, "appearance", "contours"), 1, r"contours must be true or false, not 1"),
    (("views", 0, "appearance", "contour_levels"), 10**9, r"contour_levels must be a whole"),
    (("views", 0, "appearance", "color_range"), [1, 1], r"color_range must go up"),
    (("views", 0, "hidden_layers"), [1], r"hidden_layers must be indices below 1"),
    (("saved_views",), [{"name": "a"}], r"saved_views\[0\]\.camera is missing"),
    (("cut",), {"start": [0, 0], "end": [0, 1e31]}, r"cut\.end\[1\] must be a number"),
    (("__import__('os').system('false')",), 1, "is not a known field"),
]


@pytest.mark.parametrize(("way", "value", "message"), WRONG)
def test_hostile_content_is_refused_in_one_line(folder, way, value, message):
    document = Document()
    document.add(load_layer(folder / "here" / "b.npz"))
    plain = _plain(save_session(document, folder / "x.isoloss"))
    at = plain
    for step in way[:-1]:
        at = at[step]
    at[way[-1]] = value
    if way[-1] == "source":
        plain["layers"][0]["fallback"] = ""
    with pytest.raises(IsolossError, match=message) as caught:
        load_session(_written(folder, plain))
    assert str(caught.value).startswith(str(folder / "hostile.isoloss"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'{"schema": 1}',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"9" * 100_000,
        b'{"schema": ' + b"9" * 5000 + b"}",
        b"cos\nsystem\n(S'false'\ntR.",
        b" " * (MOST_BYTES + 1),
    ],
    ids=lambda raw: repr(raw[:8]),
)
def test_what_is_no_session_is_refused(tmp_path, raw):
    path = tmp_path / "x.isoloss"
    path.write_bytes(raw)
    with pytest.raises(IsolossError) as caught:
        read_session(path)
    assert "x.isoloss" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_there_has_to_be_a_file(tmp_path):
    for path in (tmp_path, tmp_path / "gone.isoloss", tmp_path / ("x" * 300 + ".isoloss")):
        with pytest.raises(IsolossError):
            read_session(path)


def test_deep_and_circular_differences_end(folder):
    document = Document()
    document.add(load_layer(folder / "here" / "b.npz"))
    plain = _plain(save_session(document, folder / "x.isoloss"))
    (first,) = plain["layers"]

    def opened(*differences: tuple[int, int]) -> tuple[int, str]:
        empty = {"source": "", "fallback": ""}
        made = [
            first | empty | {"name": f"d{k + 1}", "difference": pair}
            for k, pair in enumerate(differences)
        ]
        session = read_session(_written(folder, plain | {"layers": [first, *made]}))
        return len(session.document.layers), " ".join(session.missing)

    assert opened((0, 0), (1, 0), (0, 2)) == (4, "")
    count, missing = opened(*[(k + 2, 0) for k in range(200)], (0, 0))
    assert count < 200
    assert "layer d1: one of its two surfaces is missing" in missing
    assert "deeper than" in missing
    count, missing = opened((2, 0), (1, 0))
    assert count == 1
    assert "layer d2: one of its two surfaces is missing" in missing


def test_mutations_never_get_past_the_one_error(folder):
    """Bytes and values changed at random: it is read, or it is refused with one line."""
    chance = random.Random(5)
    document = any_document(random.Random(3), sorted(folder.rglob("*.npz")))
    path = save_session(document, folder / "x.isoloss")
    raw, hostile = path.read_bytes(), folder / "hostile.isoloss"
    odd = [b"-1", b"1e999", b"NaN", b'"', b"{}", b"[]", b"null", b"true", b"\xff", b"99999999999"]
    numbers = [m.span() for m in re.finditer(rb"-?\d+(\.\d+)?(e-?\d+)?", raw)]
    messages = []
    for k in range(300):
        at = chance.randrange(len(raw))
        start, end = chance.choice(numbers) if k % 2 else (at, at + chance.choice([0, 1, 2, 30]))
        by = chance.choice(odd) if k % 3 else str(chance.randint(-3, 5)).encode()
        hostile.write_bytes(raw[:start] + by + raw[end:])
        try:
            read_session(hostile)
        except IsolossError as error:
            messages.append(str(error))
    assert 30 < len(messages) < 270
    assert not any("\n" in line for line in messages)


def test_saving_keeps_the_old_file_where_the_new_cannot_be_written(folder):
    document = Document()
    document.add(load_layer(folder / "here" / "b.npz"))
    path = save_session(document, folder / "x.isoloss")
    before = path.read_bytes()
    document.view.camera = Camera(distance=math.nan)
    with pytest.raises(IsolossError, match=r"cannot save the session: views\[0\]\.camera"):
        save_session(document, path)
    assert path.read_bytes() == before
    with pytest.raises(IsolossError, match="cannot write"):
        save_session(load_session(path), folder / "x.isoloss" / "below.isoloss")


def test_an_older_file_without_newer_fields_has_their_defaults(folder):
    document = Document()
    document.add(load_layer(folder / "here" / "b.npz"))
    plain = _plain(save_session(document, folder / "x.isoloss"))
    for view in plain["views"]:
        view["camera"], view["appearance"] = {}, {"theme": "light"}
    for name in ("links", "saved_views", "cut", "further", "curves", "arrangement", "active"):
        del plain[name]
    loaded = load_session(_written(folder, plain))
    assert loaded.view.appearance == Appearance(theme="light")
    assert loaded.view.camera == Camera()
