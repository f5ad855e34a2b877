"""What texts that name networks, data and denoisers mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.settings import ProbeSettings
from isoloss.settings.source import data_set, denoiser, is_folder, network_type, trained_network


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("resnet50", "built-in", "resnet50"),
        ("torchvision:resnet18", "torchvision", "resnet18"),
        ("timm:resnet18", "timm", "resnet18"),
        ("timm:vgg11.tv_in1k", "published", "vgg11.tv_in1k"),
        ("package.module:function", "function", "package.module:function"),
        ("examples.01_net:function", "function", "examples.01_net:function"),
        (":function", "unknown", ":function"),
        ("a:b:c", "unknown", "a:b:c"),
        (":", "unknown", ":"),
        ("", "built-in", ""),
    ],
)
def test_network_types(text, kind, name):
    source = network_type(text)
    assert (source.kind, source.text, source.name) == (kind, text, name)


@pytest.mark.parametrize(
    ("text", "kind", "label"),
    [
        ("runs/r50", "run", "r50"),
        ("runs/r50/", "run", "r50"),
        ("weights.v2/last.pth", "checkpoint", "last"),
        ("a.b.safetensors", "checkpoint", "a.b"),
        ("digits-classifier", "shipped", "digits-classifier"),
        ("timm:vgg11.tv_in1k", "published", "vgg11.tv_in1k"),
        ("~nobody-here/run", "run", "run"),
        ("x" * 300, "run", "x" * 300),
        ("a\0b", "run", "a\0b"),
    ],
)
def test_trained_networks(text, kind, label):
    source = trained_network(text)
    assert (source.kind, source.label) == (kind, label)
    assert trained_network(Path(text)).kind == kind


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("digits", "built-in", "digits"),
        ("imagefolder:/data/birds", "imagefolder", "/data/birds"),
        ("imagefolder:C:\\birds", "imagefolder", "C:\\birds"),
        ("imagefolder:", "imagefolder", ""),
        ("mine.data:load", "function", "mine.data:load"),
        ("imagenet", "unknown", "imagenet"),
        ("", "unknown", ""),
    ],
)
def test_data(text, kind, name):
    source = data_set(text)
    assert (source.kind, source.name) == (kind, name)


def test_denoisers(tmp_path):
    assert denoiser("digits-denoiser").kind == "shipped"
    assert denoiser(str(tmp_path)).kind == "folder"
    assert denoiser("google/ddpm-cifar10-32").kind == "hub"
    for text in ("nowhere", "./a/b", "/a/b", "~/b", "a/b/c", "", "x\0/y"):
        assert denoiser(text).kind == "unknown", text


def test_what_lies_here_comes_before_what_is_shipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits-denoiser").mkdir()
    assert trained_network("digits-denoiser").kind == "run"
    assert denoiser("digits-denoiser").kind == "folder"


def test_no_text_makes_the_question_for_a_folder_fail():
    for text in ("~nobody-here", "a\0b", "x" * 5000):
        assert not is_folder(text)


def test_settings_say_what_their_networks_are(tmp_path):
    settings = ProbeSettings(source=tmp_path / "last.pt", model="timm:resnet18", data="digits")
    assert settings.networks[0].kind == "checkpoint"
    assert settings.networks[0].path == tmp_path / "last.pt"
    assert settings.architecture is not None
    assert settings.architecture.kind == "timm"
