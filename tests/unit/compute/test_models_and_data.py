"""Networks and data sets by name."""

import io
import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

from isoloss import IsolossError
from isoloss.app.state.forms.known_names import problem_with_network
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import load_into, load_state, save_tensors
from isoloss.compute.networks.models import build_model
from isoloss.settings.built_in import BUILT_IN_NETWORKS

HALF = {"mean": (0.5,) * 3, "std": (0.5,) * 3}


def test_digits_are_scikit_learns_images():
    data = load_dataset("digits")
    assert data.train.inputs.shape == (1437, 3, 32, 32)
    assert data.test.inputs.shape == (360, 3, 32, 32)
    assert data.train.inputs.dtype == torch.uint8
    assert len(data.classes) == 10
    assert not data.mirrors
    original = load_digits()
    # Averaging 4×4 blocks undoes the upsampling up to what bilinear weights smear.
    all_images = torch.cat([data.train.inputs, data.test.inputs]).float()
    small = torch.nn.functional.avg_pool2d(all_images[:, 0], 4).mean(0) / 255 * 16
    np.testing.assert_allclose(small, original.images.mean(0), atol=1.6)
    counts = torch.cat([data.train.targets, data.test.targets]).bincount()
    np.testing.assert_array_equal(counts, np.bincount(original.target))
    assert as_inputs(data.train.inputs[:2]).max() <= 1


def write_images(folder, classes, n, size=(10, 10)):
    rng = np.random.default_rng(0)
    for c in classes:
        (folder / c).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / c / f"{i}.png")


def test_an_image_folder_with_splits(tmp_path):
    write_images(tmp_path / "train", ["b", "a"], 3)
    write_images(tmp_path / "test", ["b", "a"], 2)
    data = load_dataset(f"imagefolder:{tmp_path}")
    assert data.classes == ("a", "b")
    assert data.train.inputs.shape == (6, 3, 10, 10)
    assert data.test.targets.tolist() == [0, 0, 1, 1]
    first = np.asarray(Image.open(tmp_path / "train" / "a" / "0.png"))
    np.testing.assert_array_equal(data.train.inputs[0].permute(1, 2, 0), first)


def test_an_image_folder_without_splits_is_divided_the_same_way_each_time(tmp_path):
    write_images(tmp_path, ["a", "b"], 10, size=(24, 12))
    data = load_dataset(f"imagefolder:{tmp_path}")
    assert (len(data.train), len(data.test)) == (16, 4)
    assert data.train.inputs.shape[1:] == (3, 12, 12)
    assert data.digest() == load_dataset(f"imagefolder:{tmp_path}").digest()
    assert load_dataset(f"imagefolder:{tmp_path}", 8).train.inputs.shape[-1] == 8


def test_sixteen_bit_images_are_scaled_not_clipped(tmp_path):
    for c in "ab":
        (tmp_path / c).mkdir()
        for i in range(5):
            ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
            Image.fromarray(ramp).save(tmp_path / c / f"{i}.png")
    images = load_dataset(f"imagefolder:{tmp_path}").train.inputs
    np.testing.assert_allclose(images[0, 0].flatten(), np.linspace(0, 255, 64), atol=1)


def test_large_and_long_images_are_cut_to_their_middle(tmp_path):
    for c in "ab":
        (tmp_path / c).mkdir()
        for i in range(2):
            strip = np.zeros((300, 9000, 3), np.uint8)
            strip[:, 4340:4660] = 255
            Image.fromarray(strip).save(tmp_path / c / f"{i}.png")
    images = load_dataset(f"imagefolder:{tmp_path}").train.inputs
    assert images.shape[1:] == (3, 224, 224)
    assert images.min() > 250


def test_wrong_image_folders(tmp_path):
    with pytest.raises(IsolossError, match="class folder"):
        load_dataset(f"imagefolder:{tmp_path}")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(IsolossError, match="no images"):
        load_dataset(f"imagefolder:{tmp_path}")
    (tmp_path / "a" / "x.png").write_bytes(b"nothing")
    (tmp_path / "b" / "y.png").write_bytes(b"nothing")
    with pytest.raises(IsolossError, match="cannot read the image"):
        load_dataset(f"imagefolder:{tmp_path}")


def test_a_sample_is_drawn_without_replacement_by_seed():
    split = load_dataset("digits").train
    sample = split.sample(100, 1)
    assert len({tuple(i.flatten().tolist()) for i in sample.inputs}) > 95
    assert torch.equal(sample.inputs, split.sample(100, 1).inputs)
    assert not torch.equal(sample.inputs, split.sample(100, 2).inputs)
    assert split.sample(None, 0) is split


@pytest.mark.parametrize("name", ["vgg11", "resnet18", "torchvision:vgg11_bn", "timm:resnet18"])
def test_networks_take_small_images_and_normalize_inside(name):
    model = build_model(name, 7, 32, **HALF).eval()
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        logits = model(x)
        assert logits.shape == (2, 7)
        torch.testing.assert_close(logits, model.network((x - 0.5) / 0.5))


def test_the_stem_is_a_choice():
    first = {
        stem: build_model("resnet18", 10, size, stem=stem, **HALF).network.conv1
        for stem, size in (("cifar", 224), ("imagenet", 32))
    }
    assert (first["cifar"].kernel_size, first["cifar"].stride) == ((3, 3), (1, 1))
    assert (first["imagenet"].kernel_size, first["imagenet"].stride) == ((7, 7), (2, 2))
    pooled = build_model("resnet18", 10, 32, stem="pooled", **HALF).network
    assert (pooled.conv1.kernel_size, pooled.conv1.stride) == ((3, 3), (1, 1))
    features = pooled.maxpool(pooled.relu(pooled.bn1(pooled.conv1(torch.zeros(1, 3, 32, 32)))))
    assert features.shape == (1, 64, 16, 16)
    for name, stem, called in (
        ("torchvision:squeezenet1_1", "cifar", "CIFAR"), ("cnn", "pooled", "pooled"),
        ("resnet20", "pooled", "pooled"),
    ):  # fmt: skip
        with pytest.raises(IsolossError, match=f"no {called} stem"):
            build_model(name, 10, 32, stem=stem, **HALF)


def test_foreign_checkpoints_load_without_pickled_code(tmp_path):
    model = build_model("resnet18", 10, 32, **HALF)
    bare = {k: v + 1 if v.is_floating_point() else v for k, v in model.network.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in bare.items()}},
               tmp_path / "a.pt")  # fmt: skip
    load_into(model, load_state(tmp_path / "a.pt"), "a.pt")
    assert all(torch.equal(v, bare[k]) for k, v in model.network.state_dict().items())

    marker = tmp_path / "owned"

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {marker}",)

    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"state_dict": Evil()}, tmp_path / "evil2.pth")
    for name in ("evil.pt", "evil2.pth"):
        with pytest.raises(IsolossError):
            load_state(tmp_path / name)
    assert not marker.exists()


def test_another_architecture_is_named_by_its_first_difference(tmp_path):
    model = build_model("resnet18", 10, 32, **HALF)
    other = build_model("resnet20", 10, 32, **HALF)
    with pytest.raises(IsolossError, match="another architecture"):
        load_into(model, other.state_dict(), "x")
    wide = {**model.state_dict(), "network.fc.weight": torch.zeros(100, 512)}
    with pytest.raises(IsolossError, match=r"network.fc.weight is \(100, 512\), not \(10, 512\)"):
        load_into(model, wide, "x")


def test_unreadable_checkpoints(tmp_path):
    buffer = io.BytesIO()
    torch.save(nn.Linear(2, 2).state_dict(), buffer)
    for name, content in (
        ("a.safetensors", b"nothing"),
        ("b.pt", b"nothing"),
        ("c.pt", buffer.getvalue()[:200]),
        ("d.safetensors", b"\xff" * 64),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(IsolossError, match=name) as caught:
            load_state(tmp_path / name)
        assert "\n" not in str(caught.value)
    torch.save([1, 2], tmp_path / "e.pt")
    with pytest.raises(IsolossError, match="no state dict"):
        load_state(tmp_path / "e.pt")
    with pytest.raises(IsolossError, match="no checkpoint"):
        load_state(tmp_path / "f.pt")


def test_tensors_that_share_memory_are_saved(tmp_path):
    shared = torch.ones(3, 4, 5, 5).to(memory_format=torch.channels_last)
    back = load_state(save_tensors(tmp_path / "a.safetensors", {"a": shared, "b": shared}))
    assert torch.equal(back["a"], shared)
    assert torch.equal(back["b"], shared)


def mynet(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, classes))


def test_a_built_in_network_is_one_line(monkeypatch):
    assert problem_with_network("mynet")
    monkeypatch.setitem(BUILT_IN_NETWORKS, "mynet", f"{__name__}:mynet")
    network = build_model("mynet", 7, 8, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert network(torch.rand(2, 3, 8, 8)).shape == (2, 7)
    assert problem_with_network("mynet") == ""
    assert problem_with_network("yournet") == (
        "There is no network 'yournet': choose cnn, efficientnet_lite0, mynet, resnet20, resnet50, "
        "resnet50_cbam, vgg11, torchvision:NAME, timm:NAME or package.module:function"
    )
