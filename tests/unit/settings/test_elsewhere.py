"""Runs whose folder was copied: what they name is found where it lies now."""

import json
import shutil

import pytest

from isoloss import IsolossError
from isoloss.events import Failed
from isoloss.run import Run
from isoloss.settings import (
    AttackSettings,
    DefendSettings,
    ImportSettings,
    ProbeSettings,
    TrainSettings,
)
from isoloss.work import resume


@pytest.fixture
def there(tmp_path):
    """A tree on another machine: trainings, a probe, an attack, a defense, images, a denoiser."""
    there = tmp_path / "cluster"
    trained = Run.create(there / "runs" / "r50", TrainSettings()).folder
    other = Run.create(there / "more" / "vgg", TrainSettings()).folder
    images = there / "images"
    denoiser = there / "ddpm"
    for folder in (images, denoiser):
        folder.mkdir()
    data = f"imagefolder:{images}"
    Run.create(there / "runs" / "pca", ProbeSettings(
        source=trained, plane="pca", also=(other,), data=data,
    ))  # fmt: skip
    Run.create(there / "runs" / "defended", DefendSettings(source=trained, denoiser=str(denoiser)))
    Run.create(there / "runs" / "attacked", AttackSettings(source=trained, data="digits"))
    return there


def moved(there, name="laptop"):
    here = there.parent / name
    shutil.move(there, here)
    return here


def test_a_tree_that_moved_is_found_as_it_lay(there):
    asked = Run.open(there / "runs" / "pca").settings
    here = moved(there)
    run = Run.open(here / "runs" / "pca")
    assert run.settings.source == here / "runs" / "r50"
    assert run.settings.also == (here / "more" / "vgg",)
    assert run.settings.data == f"imagefolder:{here / 'images'}"
    assert run.asked == asked
    assert Run.open(here / "runs" / "defended").settings.denoiser == str(here / "ddpm")
    assert Run.open(here / "runs" / "attacked").settings.data == "digits"
    # Asking for the same again, at either place, is the same run.
    assert Run.create(run.folder, run.settings).asked == asked
    assert Run.create(run.folder, asked).asked == asked


def test_what_did_not_move_stays_where_it_was(there):
    shutil.copytree(there / "runs" / "pca", there.parent / "copy" / "pca")
    run = Run.open(there.parent / "copy" / "pca")
    assert run.settings == run.asked == Run.open(there / "runs" / "pca").settings


def test_a_run_of_an_earlier_version_finds_its_neighbour(there):
    here = moved(there)
    path = here / "runs" / "attacked" / "run.json"
    content = json.loads(path.read_text())
    del content["folder"]
    path.write_text(json.dumps(content))
    assert Run.open(path.parent).settings.source == here / "runs" / "r50"
    shutil.rmtree(here / "runs" / "r50")
    assert Run.open(path.parent).settings.source == there / "runs" / "r50"


def test_a_person_says_where_it_lies_now_and_that_is_kept(there):
    here = moved(there)
    elsewhere = here / "renamed"
    shutil.move(here / "runs" / "r50", elsewhere)
    run = Run.open(here / "runs" / "attacked").with_elsewhere({"source": str(elsewhere)})
    assert run.settings.source == elsewhere
    assert Run.open(run.folder).settings.source != elsewhere
    run.check_unchanged(weights="of the one it was begun with")
    again = Run.open(run.folder)
    assert again == run
    assert again.asked.source == there / "runs" / "r50"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"to": "/x"}, "--to"),
        ({"colour": "red"}, "--colour"),
        ({"source": "a.pt"}, "--model"),
        ({"source": "nowhere"}, "there is no file or folder .*nowhere"),
    ],
)
def test_what_cannot_lie_elsewhere_is_refused_and_nothing_kept(there, given, said):
    folder = there / "runs" / "attacked"
    before = (folder / "run.json").read_text()
    with pytest.raises(IsolossError, match=said) as caught:
        Run.open(folder).with_elsewhere(given)
    assert "\n" not in str(caught.value)
    assert (folder / "run.json").read_text() == before


@pytest.mark.parametrize("folder", [3, None, "", "\0", "relative/path"])
def test_a_damaged_record_of_the_folder_hurts_nothing(there, folder):
    here = moved(there)
    path = here / "runs" / "attacked" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "folder": folder}))
    assert Run.open(path.parent).asked.kind == "attack"


@pytest.mark.parametrize(("field", "gone"), [("source", "runs/r50"), ("also", "more/vgg")])
def test_a_run_without_its_networks_says_how_to_name_them(there, field, gone):
    run = Run.open(there / "runs" / "pca")
    shutil.rmtree(there / gone)
    with pytest.raises(IsolossError) as raised:
        list(resume(run))
    assert str(raised.value) == (
        f"there is no file or folder {there / gone}; where it lies now: "
        f"isoloss run {run.folder} --{field} PATH"
    )
    assert list(run.events())[-1][1] == Failed(str(raised.value))


@pytest.mark.parametrize(
    ("run", "gone", "field"),
    [
        ("runs/pca", "images", "data"), ("runs/defended", "ddpm", "denoiser"),
        ("runs/imported", "ckpts/2.pt", "checkpoints"), ("runs/attacked", "runs/r50", "source"),
    ],
)  # fmt: skip
def test_whatever_is_gone_is_asked_for_and_taken_from_where_it_lies(there, run, gone, field):
    (there / "ckpts").mkdir()
    paths = tuple(there / "ckpts" / f"{k}.pt" for k in range(3))
    for path in paths:
        path.write_bytes(b"")
    asked = ImportSettings(checkpoints=paths, model="resnet50", data="digits")
    Run.create(there / "runs" / "imported", asked)
    moved = there / "moved"
    shutil.move(there / gone, moved)
    run = Run.open(there / run)
    with pytest.raises(IsolossError, match=f"{gone}; where it lies now: .* --{field} .*PATH$"):
        list(resume(run))
    given = [*paths[:2], moved] if field == "checkpoints" else moved
    text = {"data": f"imagefolder:{moved}", "checkpoints": given}.get(field, str(moved))
    with pytest.raises(IsolossError) as other:
        list(resume(run.with_elsewhere({field: text})))
    assert "where it lies now" not in str(other.value)


def test_an_import_that_was_copied_finds_its_checkpoints(there):
    (there / "ckpts").mkdir()
    (there / "ckpts" / "0.pt").write_bytes(b"")
    asked = ImportSettings(checkpoints=(there / "ckpts" / "0.pt",), model="resnet50", data="digits")
    Run.create(there / "runs" / "imported", asked)
    here = moved(there)
    found = Run.open(here / "runs" / "imported").settings
    assert found.checkpoints == (here / "ckpts" / "0.pt",)


def test_what_else_is_gone_is_asked_for_next(there):
    folder = there / "runs" / "pca"
    for gone in ("runs/r50", "images"):
        shutil.rmtree(there / gone)
    run = Run.open(folder).with_elsewhere({"source": there / "more" / "vgg"})
    with pytest.raises(
        IsolossError, match=r"images; where it lies now: .* --data imagefolder:PATH"
    ):
        list(resume(run))
