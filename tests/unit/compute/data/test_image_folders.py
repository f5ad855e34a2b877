"""Folders of images: which are parts, which are classes, and which are neither."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from isoloss import IsolossError
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.data.folder_tree import IMAGE_SUFFIXES, read_tree
from isoloss.compute.data.in_words import facts_of, in_words


def image(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def lay_out(root, *folders, n=2):
    """`n` images in each of `folders`."""
    for k, folder in enumerate(folders):
        for i in range(n):
            image(root / folder / f"{i}.png", 10 * k + i)


def load(root):
    return load_dataset(f"imagefolder:{root}", read=False)


def refusal(root):
    with pytest.raises(IsolossError) as caught:
        load(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "valid"), ("train", "validation"), ("Training", "Testing"), ("TRAIN", "Dev"),
        ("trn", "holdout"), ("seg_train", "seg_test"), ("train2017", "val2017"),
        ("asl-Train", "asl-eval"), ("training_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
    ],
)  # fmt: skip
def test_parts_are_found_by_whatever_name_as_torchvision_reads_them(tmp_path, train, test):
    lay_out(tmp_path / train, "b", "a", n=3)
    lay_out(tmp_path / test, "a", "b", n=2)
    data = load_dataset(f"imagefolder:{tmp_path}")
    for split, part in ((data.train, train), (data.test, test)):
        theirs = ImageFolder(str(tmp_path / part))
        assert data.classes == tuple(theirs.classes)
        assert split.targets.tolist() == theirs.targets
        pixels = np.stack([np.asarray(picture) for picture, _ in theirs])
        np.testing.assert_array_equal(split.inputs.permute(0, 2, 3, 1), pixels)
    assert facts_of(data)["split"] == f"{Path(train).name} and {Path(test).name} folders"


@pytest.mark.parametrize(
    "classes",
    [
        ["bus", "car", "train"],
        ["bus", "test", "train"],
        ["bullet_train", "bus", "test_car"],
        ["dev", "eval", "prod"],
        ["testing", "writing"],
    ],
)
def test_classes_may_be_called_as_parts_are(tmp_path, classes):
    lay_out(tmp_path, *classes, n=5)
    data = load(tmp_path)
    assert data.classes == tuple(classes)
    assert facts_of(data)["split"] == "divided 80 : 20"


@pytest.mark.parametrize(
    "parts", [("train", "test1"), ("train_images", "test_images"), ("val2017", "train2017")]
)
def test_parts_with_images_side_by_side_are_not_taken_for_classes(tmp_path, parts):
    lay_out(tmp_path, *parts)
    assert "has no class folders but 2 images side by side" in refusal(tmp_path)


def test_of_three_parts_test_is_taken_and_the_other_said(tmp_path):
    lay_out(tmp_path, *(f"{part}/{c}" for part in ("train", "val", "test") for c in "ab"))
    assert facts_of(load(tmp_path)) == {
        "classes": "2",
        "samples": "4 training and 4 test images of 6×6",
        "split": "train and test folders",
        "left out": "val/",
    }


@pytest.mark.parametrize("unlabelled", ["test", "test/unknown", "Test/images"])
def test_a_test_part_without_the_classes_gives_way(tmp_path, unlabelled):
    lay_out(tmp_path, unlabelled, *(f"{part}/{c}" for part in ("train", "valid") for c in "ab"))
    assert facts_of(load(tmp_path))["split"] == "train and valid folders"


def test_a_name_that_says_nothing_else_comes_first(tmp_path):
    for part in ("masks_train", "train", "masks_test", "test"):
        lay_out(tmp_path, f"{part}/a", f"{part}/b")
    facts = facts_of(load(tmp_path))
    assert facts["split"] == "train and test folders"
    assert facts["left out"] == "masks_test/ and masks_train/"


def test_what_is_neither_part_is_left_out_and_said(tmp_path):
    lay_out(tmp_path, "train/a", "train/b", "val/a", "unlabelled")
    (tmp_path / "train" / "a" / "notes.txt").write_text("x")
    image(tmp_path / "train" / "cover.png")
    data = load(tmp_path)
    assert (len(data.train), len(data.test)) == (4, 2)
    assert in_words(data) == (
        f"imagefolder:{tmp_path}, 2 classes, 4 training and 2 test images of 6×6, train and val "
        "folders, left out: unlabelled/, 1 .png file and 1 .txt file"
    )


@pytest.mark.parametrize(
    ("folders", "better"),
    [
        (["images/train/a", "images/train/b", "images/val/a"], "images"),
        (["images/a", "images/b", "masks/a", "masks/b"], "images"),
        (["dataset/a", "dataset/b"], "dataset"),
        (["x/y/a", "x/y/b"], "x/y"),
        (["fold1/a", "fold1/b", "fold2/a", "fold2/b"], "fold1"),
        (["train/a", "train/b", "unsup"], "train"),
        (["train/images/a", "train/images/b", "test/images/a", "test/images/b"], "train/images"),
    ],
)
def test_folders_that_are_no_classes_are_refused_with_the_path_to_give(tmp_path, folders, better):
    lay_out(tmp_path, *folders)
    said = refusal(tmp_path)
    assert said.endswith(
        f" give imagefolder:{tmp_path / better}, or put the images of each class into one folder"
    )
    alike = len(folders) == 4 and better in ("images", "fold1")
    assert ("name them train and test" in said) == alike
    assert len(load(tmp_path / better).classes) >= 2


@pytest.mark.parametrize("parts", [("learn", "check"), ("fit", "holdout"), ("zug", "pruefung")])
def test_parts_by_other_names_are_not_halved_in_silence(tmp_path, parts):
    for part, n in zip(parts, (3, 1), strict=True):
        lay_out(tmp_path, f"{part}/a", f"{part}/b", n=n)
    assert refusal(tmp_path).endswith(
        f"as {min(parts)!r} and {max(parts)!r}: if they are parts, name them train and test; to "
        f"take one alone, give imagefolder:{tmp_path / parts[0]}, or put the images of each class "
        "into one folder"
    )
    for part, name in zip(parts, ("train", "test"), strict=True):
        (tmp_path / part).rename(tmp_path / name)
    data = load(tmp_path)
    assert (len(data.train), len(data.test)) == (6, 2)


def test_where_no_folder_is_better_none_is_named(tmp_path):
    lay_out(tmp_path, "cat/train", "cat/test", "dog/train", "dog/test")
    assert refusal(tmp_path).endswith(
        " has folders that hold no images but folders, as 'cat' and 'dog': put the images of each "
        "class into one folder"
    )


def test_images_may_lie_deeper_in_their_class(tmp_path):
    """As those of Tiny ImageNet do, each class in a folder of its own below it."""
    lay_out(tmp_path / "tiny", "n1/images", "n2/images")
    assert load(tmp_path / "tiny").classes == ("n1", "n2")
    lay_out(tmp_path / "mixed", "a", "a/more", "b/one", "b/two")
    data = load(tmp_path / "mixed")
    counts = torch.cat([data.train.targets, data.test.targets]).bincount().tolist()
    theirs = ImageFolder(str(tmp_path / "mixed")).targets
    assert counts == [theirs.count(0), theirs.count(1)] == [4, 4]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    lay_out(tmp_path / "data", "a", "b", n=5)
    lay_out(tmp_path / "pool", "deep/er", n=6)
    (tmp_path / "data" / "a" / "more").symlink_to(tmp_path / "pool")
    (tmp_path / "data" / "c").symlink_to(tmp_path / "pool" / "deep")
    theirs = ImageFolder(str(tmp_path / "data"))
    data = load(tmp_path / "data")
    found = torch.cat([data.train.targets, data.test.targets]).bincount().tolist()
    assert found == [theirs.targets.count(k) for k in range(3)] == [11, 5, 6]
    (tmp_path / "data" / "a" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "pool" / "round").symlink_to(tmp_path / "data" / "a")
    (tmp_path / "data" / "b" / "self").symlink_to("self")
    again = load(tmp_path / "data")
    assert torch.cat([again.train.targets, again.test.targets]).bincount().tolist() == found


def test_a_link_that_leads_nowhere_is_named_and_a_pipe_is_no_image(tmp_path):
    lay_out(tmp_path, "a", "b", n=3)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert len(load(tmp_path).train) + len(load(tmp_path).test) == 6
    (tmp_path / "a" / "lost.png").symlink_to("nowhere.png")
    with pytest.raises(IsolossError, match=r"cannot read the image .*/a/lost\.png: No such file"):
        load_dataset(f"imagefolder:{tmp_path}")


@pytest.mark.parametrize("place", ["", "train", "train/a", "train/a/more"])
def test_hidden_and_system_files_are_passed_over_everywhere(tmp_path, place):
    lay_out(tmp_path, "train/a/more", "train/b", "test/a")
    before = load_dataset(f"imagefolder:{tmp_path}")
    for name in (
        "._0.png", ".ipynb_checkpoints/0-checkpoint.png", "__MACOSX/a/0.png", "@eaDir/x@SYNO.png",
        "$RECYCLE.BIN/1.png", "lost+found/1.png", ".DS_Store", "Thumbs.db", "desktop.ini",
    ):  # fmt: skip
        file = tmp_path / place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"no image")
    after = load_dataset(f"imagefolder:{tmp_path}")
    assert after.digest() == before.digest()
    assert facts_of(after) == facts_of(before)


def test_every_suffix_that_torchvision_knows_is_an_image(tmp_path):
    assert set(IMG_EXTENSIONS) <= IMAGE_SUFFIXES
    for suffix in IMAGE_SUFFIXES:
        image(tmp_path / "a" / f"x{suffix}")
        image(tmp_path / "b" / f"y{suffix.upper()}")
    data = load_dataset(f"imagefolder:{tmp_path}")
    theirs = ImageFolder(str(tmp_path))
    assert len(data.train) + len(data.test) == len(theirs) == 2 * len(IMAGE_SUFFIXES)


def test_files_are_in_the_order_of_their_paths(tmp_path):
    """On which the digest rests that runs begun before are resumed by."""
    for name in ("a.b.png", "a/z.png", "a-b/y.png", "a b.png", "B.png", "a/C/x.png"):
        image(tmp_path / name)
    expected = sorted(p for p in tmp_path.rglob("*") if p.suffix)
    assert [Path(p) for p in read_tree(str(tmp_path)).files()] == expected


def test_a_class_without_images_is_refused_as_torchvision_does(tmp_path):
    lay_out(tmp_path, "a", "b")
    (tmp_path / "new folder" / "empty").mkdir(parents=True)
    with pytest.raises(FileNotFoundError):
        ImageFolder(str(tmp_path))
    assert "has no images in 'new folder': take out what is no class" in refusal(tmp_path)
    lay_out(tmp_path / "parts", "train/a", "train/b", "val/a")
    (tmp_path / "parts" / "val" / "b").mkdir()
    assert load(tmp_path / "parts").test.targets.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("train", "test"),
    [("Cat", "cat"), tuple(unicodedata.normalize(f, "café") for f in ("NFC", "NFD"))],
)
def test_one_class_in_two_spellings_is_told(tmp_path, train, test):
    lay_out(tmp_path, f"train/{train}", "train/dog", f"test/{test}", "test/dog")
    said = refusal(tmp_path)
    assert f"has a class {test!r} that" in said
    assert said.endswith(f"where it is {train!r}: give both one name")


@pytest.mark.parametrize("trains", [("train1", "train2"), ("train", "training")])
def test_several_folders_to_train_on_are_refused(tmp_path, trains):
    lay_out(tmp_path, *(f"{part}/{c}" for part in (*trains, "test") for c in "ab"))
    several = " and ".join(trains)
    assert f"has several folders to train on, {several}: leave one" in refusal(tmp_path)


def test_what_cannot_be_a_folder_is_told(tmp_path, monkeypatch):
    (tmp_path / "file.png").write_bytes(b"")
    assert refusal(tmp_path / "nowhere") == f"there is no file or folder {tmp_path / 'nowhere'}"
    assert "is a file: give the folder that has" in refusal(tmp_path / "file.png")
    lay_out(tmp_path, "a", "b")
    scandir = os.scandir

    def forbidden(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    assert refusal(tmp_path) == f"cannot read the folder {tmp_path / 'b'}: Permission denied"


def test_names_that_are_no_text_are_read(tmp_path):
    root = os.fsencode(tmp_path)
    for folder in (b"a\xff", b"b"):
        Path(os.fsdecode(root + b"/" + folder)).mkdir()
        image(tmp_path / "x.png")
        for k in range(3):
            os.link(tmp_path / "x.png", root + b"/" + folder + b"/%d\xfe.png" % k)
    data = load_dataset(f"imagefolder:{tmp_path}")
    assert data.classes == ("a\udcff", "b")
    assert len(data.train.inputs) + len(data.test.inputs) == 6


def test_one_image_that_is_damaged_is_named_when_it_is_read(tmp_path):
    lay_out(tmp_path, "train/a", "train/b", "test/a")
    whole = (tmp_path / "train" / "b" / "1.png").read_bytes()
    (tmp_path / "train" / "b" / "1.png").write_bytes(whole[: len(whole) // 2])
    data = load(tmp_path)
    with pytest.raises(IsolossError, match=r"cannot read the image .*/train/b/1\.png: "):
        _ = data.train.inputs
    assert data.train.take(torch.tensor([0, 2])).inputs.shape == (2, 3, 6, 6)


def test_the_images_of_a_data_set_in_words(in_folder_of_users_module):
    assert in_words(load_dataset("digits")) == (
        "digits, 10 classes, 1,437 training and 360 test images of 32×32, divided 80 : 20"
    )
    assert in_words(load_dataset("tinyuser:data")) == (
        "tinyuser:data, 3 classes, 45 training and 15 test images of 8×8, as the function gives "
        "them"
    )
