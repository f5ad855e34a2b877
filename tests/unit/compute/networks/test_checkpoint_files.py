"""What files are, whatever they are called; and that none of their code is run."""

import argparse
import gzip
import io
import json
import os
import pickle
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from isoloss import IsolossError
from isoloss.compute.networks.checkpoints import digest, load_into, load_state, save_tensors


def network():
    return nn.Linear(3, 2)


def assert_read(path, trained):
    model = network()
    load_into(model, path)
    assert torch.equal(model.weight, trained.weight)
    assert torch.equal(model.bias, trained.bias)


NAMES = (
    "net.PT",
    "net.pth.tar",
    "net.th",
    "net.bin",
    "net.t7",
    "net.ckpt",
    "net",
    "net.safetensors",
)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_torch_is_one_by_any_name(name, zipped, tmp_path):
    trained = network()
    torch.save(trained.state_dict(), tmp_path / name, _use_new_zipfile_serialization=zipped)
    assert_read(tmp_path / name, trained)


@pytest.mark.parametrize("name", ["net.SAFETENSORS", "net.bin", "net"])
def test_so_is_one_of_safetensors(name, tmp_path):
    trained = network()
    save_file(trained.state_dict(), tmp_path / name)
    assert_read(tmp_path / name, trained)


def zip_of(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return content.getvalue()


def tar_of(data):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        about = tarfile.TarInfo("net.pth")
        about.size = len(data)
        archive.addfile(about, io.BytesIO(data))
    return content.getvalue()


def scripted():
    content = io.BytesIO()
    torch.jit.save(torch.jit.trace(network(), torch.ones(1, 3)), content)
    return content.getvalue()


def arrays():
    content = io.BytesIO()
    np.savez(content, weight=np.ones(3))
    return content.getvalue()


OTHERS = {
    "a pointer of Git LFS": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "a web page": lambda: b"\n<!DOCTYPE html><html>Sign in</html>",
    "is empty": lambda: b"",
    "nothing but zeros": lambda: bytes(1000),
    "a text": lambda: b'{"architectures": ["Net"]}',
    "a gzip archive: unpack": lambda: gzip.compress(b"x"),
    "a tar archive: unpack": lambda: tar_of(b"x" * 700),
    "a zip archive: unpack": lambda: zip_of(readme="x"),
    "Torch for Lua": lambda: b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1\x0d\0\0\0nn.Sequential",
    "an HDF5 file, as Keras": lambda: b"\x89HDF\r\n\x1a\n" + bytes(40),
    "a file of Keras": lambda: zip_of(config="{}", **{"model.weights.h5": "x"}),
    "a NumPy archive": arrays,
    "a TorchScript program: save its weights": scripted,
    "an ONNX file": lambda: b"\x08\x08\x12\x07pytorch\x1a\x052.4.0 onnx" + bytes(40),
    "cut short": lambda: zip_of(archive__data="x" * 5000)[:300],
    "not one that torch.save has written": lambda: pickle.dumps({"w": [1.0]}, protocol=2),
}


@pytest.mark.filterwarnings(r"ignore:.*torch\.jit")
@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_what_is_no_checkpoint_is_called_what_it_is(what, name, tmp_path):
    (tmp_path / name).write_bytes(OTHERS[what]())
    with pytest.raises(IsolossError, match=what) as caught:
        load_state(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "could run code" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(": ")


@pytest.mark.parametrize(
    ("name", "what"), [("m.pb", "TensorFlow"), ("m.onnx", "ONNX"), ("m.msgpack", "Flax")]
)
def test_some_are_known_by_their_names(name, what, tmp_path):
    (tmp_path / name).write_bytes(b"\x0a\x80\x81\x82" * 20)
    with pytest.raises(IsolossError, match=what):
        load_state(tmp_path / name)


class Config:
    """What is pickled beside weights by scripts that keep all they have."""

    def __init__(self):
        self.width = 3


@pytest.mark.parametrize("zipped", [True, False])
def test_what_trainings_keep_beside_weights_is_passed_over(zipped, tmp_path):
    trained = network()
    beside = {
        "args": argparse.Namespace(lr=0.1, out=Path("runs"), names=["a"]),
        "out": PurePosixPath("/runs"),
        "best": np.float64(0.75),
        "count": np.int64(3),
        "random": np.random.default_rng(0).normal(size=3),
        "meters": defaultdict(list, {"loss": [1.0, 2.0]}),
        "kinds": {"a": int, "b": float},
    }
    file = tmp_path / "last.ckpt"
    torch.save(
        {"state_dict": trained.state_dict(), **beside}, file, _use_new_zipfile_serialization=zipped
    )
    assert_read(file, trained)


@pytest.mark.parametrize("zipped", [True, False])
def test_what_asks_for_code_is_refused_by_its_name_and_never_run(zipped, tmp_path):
    marker = tmp_path / "owned"

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {marker}",)

    state = network().state_dict()
    for saved, name in (
        ({"state_dict": state, "x": Evil()}, "posix.system|nt.system"),
        ({"state_dict": state, "config": Config()}, "test_checkpoint_files.Config"),
        (network(), "torch.nn.modules.linear.Linear"),
        ({"state_dict": state, "x": eval}, "eval"),
        ({"state_dict": state, "x": getattr}, "getattr"),
    ):
        file = tmp_path / "net.pt"
        torch.save(saved, file, _use_new_zipfile_serialization=zipped)
        with pytest.raises(IsolossError, match=f"({name}).* could run code: save"):
            load_state(file)
    assert not marker.exists()


def test_folders_of_hugging_face_are_checkpoints(tmp_path):
    trained = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    state = {f"model.{k}": v for k, v in trained.state_dict().items()}
    for folder, write, suffix in (
        ("whole", lambda s, p: save_file(s, p), "model.safetensors"),
        ("pickled", torch.save, "pytorch_model.bin"),
    ):
        (tmp_path / folder).mkdir()
        write(state, tmp_path / folder / suffix)
    shards = tmp_path / "shards"
    shards.mkdir()
    names = list(state)
    places = dict(
        zip(names, ["model-1.safetensors"] * 2 + ["model-2.safetensors"] * 2, strict=True)
    )
    for file in set(places.values()):
        save_file({k: state[k] for k in names if places[k] == file}, shards / file)
    index = shards / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    for path in (tmp_path / "whole", tmp_path / "pickled", shards, index):
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
        load_into(model, path)
        assert all(torch.equal(v, trained.state_dict()[k]) for k, v in model.state_dict().items())
        assert len(digest([path])) == 64
    (shards / "model-2.safetensors").unlink()
    with pytest.raises(IsolossError, match=r"names files that are not there: .*model-2"):
        load_state(shards)
    (tmp_path / "empty").mkdir()
    with pytest.raises(IsolossError, match="holds no weights"):
        load_state(tmp_path / "empty")
    (tmp_path / "empty" / "__0_0.distcp").touch()
    with pytest.raises(IsolossError, match="a distributed checkpoint"):
        load_state(tmp_path / "empty")


def test_a_cut_file_of_safetensors_is_damaged(tmp_path):
    file = save_tensors(tmp_path / "net.safetensors", network().state_dict())
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(IsolossError, match="not a readable checkpoint: it is cut short"):
        load_state(file)
