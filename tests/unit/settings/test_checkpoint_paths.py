"""Which paths are checkpoints, and in which order."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from isoloss.errors import IsolossError
from isoloss.settings import ImportSettings, explain, parse_settings
from isoloss.settings.checkpoint_paths import expanded, in_natural_order, is_checkpoint, stem
from isoloss.settings.source import trained_network


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("name", "is_one", "label"),
    [
        ("a/net.PT", True, "net"),
        ("model_best.pth.tar", True, "model_best"),
        ("resnet20-12fca82f.th", True, "resnet20-12fca82f"),
        ("epoch=3-step=10.ckpt", True, "epoch=3-step=10"),
        ("model.safetensors.index.json", True, "model"),
        ("net.t7", True, "net"),
        ("runs/r50", False, "r50"),
        ("surface.ply", False, "surface.ply"),
    ],
)
def test_checkpoints_are_known_by_their_names(name, is_one, label):
    assert is_checkpoint(Path(name)) is is_one
    assert stem(Path(name)) == label
    assert (trained_network(name).kind == "checkpoint") is is_one
    assert not is_one or trained_network(name).label == label


def test_what_lies_there_may_be_one_too(tmp_path):
    touch(
        tmp_path, "bert/model.safetensors", "lora/adapter_model.bin", "checkpoint_best", "x/y.txt"
    )
    for name, is_one in (("bert", True), ("lora", True), ("checkpoint_best", True), ("x", False)):
        assert is_checkpoint(tmp_path / name) is is_one, name
    touch(tmp_path, "bert/run.json")
    assert not is_checkpoint(tmp_path / "bert")


def test_numbers_in_names_count_by_their_size():
    names = ["e10.pt", "e9.pt", "E1.pt", "e2-s10.pt", "e2-s9.pt", "last.pt", "e2.pt"]
    ordered = [path.name for path in in_natural_order(map(Path, names))]
    assert ordered == ["E1.pt", "e2.pt", "e2-s9.pt", "e2-s10.pt", "e9.pt", "e10.pt", "last.pt"]


def test_patterns_and_folders_are_the_checkpoints_in_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(
        tmp_path, "c/e10.pt", "c/e9.pt", "c/log.txt", "c/optimizer.pt", "c/.hidden.pt", "c/train.py"
    )
    touch(tmp_path, "hf/checkpoint-100/model.safetensors", "hf/checkpoint-20/model.safetensors")
    for given in ("c", "c/e*.pt", "c/*[0-9].pt", tmp_path / "c"):
        assert [p.name for p in expanded(given)] == ["e9.pt", "e10.pt"], given
    assert [p.name for p in expanded("hf")] == ["checkpoint-20", "checkpoint-100"]
    assert expanded("hf/checkpoint-20") == [Path("hf/checkpoint-20")]
    touch(tmp_path, "odd/e[1].pt")
    assert expanded("odd/e[1].pt") == [Path("odd/e[1].pt")]
    for given, match in (("c/*.ckpt", "no file matches"), ("no.pt", "no checkpoint")):
        with pytest.raises(IsolossError, match=match):
            expanded(given)


def test_an_import_names_each_of_its_checkpoints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "c/e10.pt", "c/e9.pt", "d.pt")
    asked = {"model": "a:b", "data": "digits"}
    settings = ImportSettings(checkpoints=("c/*.pt", "d.pt"), **asked)
    assert settings.checkpoints == tuple(tmp_path / n for n in ("c/e9.pt", "c/e10.pt", "d.pt"))
    again = settings.model_dump(mode="json")
    (tmp_path / "d.pt").unlink()
    assert parse_settings(again) == settings  # a run outlives what it was made of
    for wrong, match in ((("d.pt", "d.pt"), "given twice"), ((), "say which")):
        with pytest.raises(ValidationError) as caught:
            ImportSettings(checkpoints=wrong, **asked)
        assert match in explain(caught.value)
