"""Whose labels folders and photographs have, where a network tells ImageNet's classes apart."""

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_images
from timm.data import ImageNetInfo

from isoloss.compute.data.dataset import Dataset, Split
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.data.imagenet_classes import as_imagenet, class_names, indices_by_name
from isoloss.compute.data.in_words import in_words
from isoloss.compute.training import network as networks
from isoloss.compute.training.network import load_network
from isoloss.errors import IsolossError
from isoloss.settings import AttackSettings

USERS = """
from torch import nn

def thousand():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 1000))

def twelve():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 12))
"""


@pytest.mark.parametrize(
    ("folder", "index"),
    [
        ("tench", 0), ("Tinca tinca", 0), ("golf_ball", 574), ("Golf-Ball", 574),
        ("n02085620-Chihuahua", 151), ("151.n02085620", 151), ("chain saw", 491),
        ("chainsaw", 491), ("n02012849", 134), ("n03126707_crane", 517), ("daisy", 985),
    ],
)  # fmt: skip
def test_a_folder_is_the_class_that_its_name_says(folder, index):
    assert indices_by_name([folder]) == {folder: index}


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["crane"], r"'crane' is several of ImageNet's classes \(n02012849 and n03126707\)"),
        (["tench", "dahlia"], "'dahlia' is none of ImageNet's 1,000 classes"),
        (["n00000000"], "'n00000000' is none of"),
        (["n0144076400"], "is none of"),
        (["tench", "n01440764"], "'tench' and 'n01440764' are one of ImageNet's classes"),
        (["0", "1"], "'0' is none of"),
    ],
)
def test_what_is_no_class_or_several_is_refused(folders, message):
    with pytest.raises(IsolossError, match=message) as caught:
        indices_by_name(folders)
    assert "\n" not in str(caught.value)


def folder_of(names, name="imagefolder:/x"):
    split = Split(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 1, 0]))
    return Dataset(name, split, split, names, (0.5,) * 3, (0.5,) * 3, found="divided 80 : 20")


def test_labels_become_those_of_the_networks_outputs():
    data = as_imagenet(folder_of(("golf ball", "tench")))
    assert data.train.targets.tolist() == [574, 0, 0, 574]
    assert data.classes == class_names()
    assert "2 folders taken for ImageNet's classes by their names" in in_words(data)


def test_names_in_alphabetical_order_are_not_in_the_outputs_order():
    every = [n.strip() for names in ImageNetInfo().label_descriptions() for n in names.split(",")]
    often = Counter(name.casefold().replace("-", " ") for name in every)
    known = tuple(sorted(n for n in class_names() if often[n.casefold().replace("-", " ")] == 1))
    assert len(known) > 950
    data = as_imagenet(folder_of(known))
    first, second = (class_names().index(name) for name in known[:2])
    assert data.train.targets.tolist() == [first, second, second, first]
    assert first > 0


def write(folder, names):
    for k, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            pixels = np.full((8, 8, 3), 40 * k + i, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return f"imagefolder:{folder}"


@pytest.mark.parametrize(
    ("names", "network", "labels", "said"),
    [
        (["tench", "golf ball", "daisy"], "thousand", {0, 574, 985}, "by their names"),
        (["n01440764", "n03445777"], "thousand", {0, 574}, "1,000 classes"),
        (["a", "b", "c"], "thousand", {0, 1, 2},
         "the first 3 of the network's 1,000 outputs taken for its classes"),
        (["tench", "daisy"], "twelve", {0, 1}, "the first 2 of the network's 12 outputs"),
    ],
)  # fmt: skip
def test_a_network_of_more_outputs_than_a_folder_has_classes(
    tmp_path, monkeypatch, names, network, labels, said
):
    (tmp_path / "usersnet.py").write_text(USERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    outputs = 1000 if network == "thousand" else 12
    save_file(
        {"1.weight": torch.rand(outputs, 192), "1.bias": torch.rand(outputs)}, "x.safetensors"
    )
    settings = AttackSettings(
        source="x.safetensors", model=f"usersnet:{network}", data=write(tmp_path / "im", names)
    )
    loaded = load_network(settings)
    dataset = loaded.dataset
    both = torch.cat([dataset.train.targets, dataset.test.targets])
    assert set(both.tolist()) == labels
    assert said in loaded.about_data
    # Each image has the class of the folder it lies in.
    if "tench" in names and outputs == 1000:
        brightness = dataset.train.inputs[:, 0, 0, 0] // 40
        theirs = [class_names().index(names[k]) for k in brightness.tolist()]
        assert dataset.train.targets.tolist() == theirs


def test_folders_that_are_not_imagenets_are_refused_for_a_published_network(tmp_path, monkeypatch):
    data = write(tmp_path / "im", ["tench", "dahlia"])
    with pytest.raises(IsolossError, match="'dahlia' is none of ImageNet's 1,000 classes"):
        load_network(AttackSettings(source="efficientnet_lite0", data=data), read=False)
    with pytest.raises(IsolossError, match=r"tells 1,000 classes apart, the data have 10"):
        load_network(AttackSettings(source="efficientnet_lite0", data="digits"), read=False)
    named = write(tmp_path / "named", ["tench", "golf ball"])
    seen = []
    monkeypatch.setattr(networks, "fetch_weights", lambda name, classes: seen.append(classes))
    monkeypatch.setattr(networks, "filled", lambda name, asked, dataset, weights: (None, dataset))
    loaded = load_network(AttackSettings(source="efficientnet_lite0", data=named), read=False)
    assert seen == [1000]
    assert set(loaded.dataset.train.targets.tolist()) <= {0, 574}


def test_the_sample_photographs_are_scikit_learns_and_nobody_has_labelled_them():
    data = load_dataset("sample-photos", 32)
    assert [data.classes[k] for k in data.test.targets.tolist()] == ["palace", "daisy"]
    assert "nobody has labelled them for ImageNet" in in_words(data)
    for shown, given in zip(data.test.inputs, load_sample_images().images, strict=True):
        whole = Image.fromarray(given).resize((47, 32), Image.Resampling.BICUBIC)
        theirs = np.asarray(whole)[:, 8:40]
        assert np.abs(shown.permute(1, 2, 0).numpy().astype(int) - theirs).max() <= 1
    assert load_dataset("sample-photos").train.inputs.shape == (2, 3, 224, 224)
