"""Maps that a robustness run keeps with its examples: those of the network itself, and their
drift."""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.results.certificates import read_certificates
from isoloss.results.saved_examples import read_examples, read_index
from isoloss.results.tables import read_table
from isoloss.robustness.evaluation.attention import drift, last_of_each_stage, maps, saved_maps
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings
from isoloss.work import resume

SOURCE = """
import torch
from torch import nn

from isoloss.compute.networks.cbam import Cbam


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 3, padding=1)
        self.cbam = Cbam(6)

    def forward(self, x):
        return self.cbam(torch.relu(self.conv(x)))


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.layer1 = nn.Sequential(Block(), Block())
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.layer1(self.first(x)).mean((2, 3)))


def gated():
    return Gated()


def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 3))


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(24, 3, 8, 8, generator=generator)
    y = torch.arange(24) % 3
    return (x, y), (x, y)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    (folder / "mapuser.py").write_text(SOURCE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "mapuser", raising=False)
        importlib.invalidate_caches()
        module = importlib.import_module("mapuser")
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            for name in ("gated", "flat"):
                save_tensors(folder / f"{name}.safetensors", getattr(module, name)().state_dict())
        yield folder
        sys.modules.pop("mapuser", None)


def done(folder, lab, kind, network="gated", **others):
    common = {"source": lab / f"{network}.safetensors", "model": f"mapuser:{network}",
              "data": "mapuser:data", "device": "cpu", "precision": "fp32", "samples": 12,
              "keep": 3}  # fmt: skip
    run = Run.create(folder, kind(**common, **others))
    list(resume(run))
    return run


def network_of(lab):
    network = sys.modules["mapuser"].gated()
    network.load_state_dict(load_state(lab / "gated.safetensors"))
    return network.eval()


def cosine_drift(clean, moved):
    """By numpy, image by image."""
    flat = [x.reshape(len(x), -1).astype(np.float64) for x in (clean, moved)]
    norms = [np.linalg.norm(x, axis=1) for x in flat]
    return 1 - (flat[0] * flat[1]).sum(1) / (norms[0] * norms[1])


NAMES = {"last features", "channel gate: layer1.1.cbam", "spatial gate: layer1.1.cbam"}


def test_an_attack_keeps_where_its_network_looks(lab, tmp_path):
    run = done(tmp_path / "run", lab, AttackSettings, attacks="pgd", eps=(0.05, 0.3), steps=3)
    index = read_index(run.examples)
    kept = read_examples(index.files[0], index)
    assert set(kept.maps) == set(kept.drift) == NAMES
    network = network_of(lab)
    for e in range(3):
        seen = maps(network, torch.from_numpy(kept.images[e]))
        for name in NAMES:
            expected = seen[name].numpy()
            np.testing.assert_allclose(kept.maps[name][e], expected, rtol=2e-3, atol=1e-4)
            clean = maps(network, torch.from_numpy(kept.images[0]))[name].numpy()
            moved = cosine_drift(clean, expected)
            np.testing.assert_allclose(kept.drift[name][e], moved, atol=1e-6)
    assert (kept.drift["last features"][0] == 0).all()
    # What is wrong when clean is left alone.
    is_attacked = (kept.images[2] != kept.images[0]).any((1, 2, 3))
    assert is_attacked.any()
    np.testing.assert_array_equal(kept.drift["last features"][2] > 0, is_attacked)
    raw = load_file(index.files[0].path)
    assert raw["map last features"].dtype == np.float16
    assert raw["map last features"].shape == (3, 3, 8, 8)
    assert raw["map channel gate: layer1.1.cbam"].shape == (3, 3, 6)


def test_behind_noise_the_maps_are_of_what_is_classified(lab, tmp_path):
    run = done(tmp_path / "run", lab, CertifySettings, sigma=(0.2,), draws=50, pilot=5)
    index = read_index(run.examples)
    kept = read_examples(index.files[0], index)
    assert kept.noisy is not None
    seen = maps(network_of(lab), torch.from_numpy(kept.noisy[0]))
    for name in NAMES:
        expected = seen[name].numpy()
        np.testing.assert_allclose(kept.maps[name][0], expected, rtol=2e-3, atol=1e-4)
        assert (kept.drift[name] == 0).all()
    # The certificates that are written are the ones that the table counts.
    certificates = read_certificates(run.certificates_path)
    assert len(certificates) == 12
    assert len({c.image for c in certificates}) == 12
    for row in read_table(run.table_path):
        right = [c.is_right and c.radius >= row.eps for c in certificates]
        assert sum(right) == row.correct


def test_a_network_without_places_keeps_its_images_all_the_same(lab, tmp_path):
    run = done(tmp_path / "run", lab, AttackSettings, network="flat", attacks="pgd", eps=(0.1,),
               steps=2)  # fmt: skip
    index = read_index(run.examples)
    kept = read_examples(index.files[0], index)
    assert kept.images.shape == (2, 3, 3, 8, 8)
    assert kept.maps == {}
    content = json.loads((run.examples / "examples.json").read_text("utf-8"))
    assert len(content["files"]) == 1


def test_of_each_stage_the_last_block_is_kept():
    kinds, blocks = ("spatial gate", "channel gate"), ("1.0", "1.1", "1.2", "2.0", "2.2")
    names = [f"{kind}: network.network.layer{b}.cbam" for kind in kinds for b in blocks]
    names += ["attention: stages.2.blocks.0.attn", "attention: stages.2.blocks.11.attn"]
    names += ["attention: stages.3.blocks.1.attn", "last features"]
    assert list(last_of_each_stage(names)) == [
        "spatial gate: layer1.2.cbam",
        "spatial gate: layer2.2.cbam",
        "channel gate: layer1.2.cbam",
        "channel gate: layer2.2.cbam",
        "attention: stages.2.blocks.11.attn",
        "attention: stages.3.blocks.1.attn",
        "last features",
    ]


def test_maps_do_not_depend_on_the_batch(lab):
    network, images = network_of(lab), torch.rand(5, 3, 8, 8)
    whole, parts = saved_maps(network, images, 5), saved_maps(network, images, 2)
    assert set(whole) == NAMES
    for name in NAMES:
        torch.testing.assert_close(whole[name], parts[name])
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert set(saved_maps(pooled, images, 5)) == {"last features"}


def test_drift_is_nothing_where_nothing_moves():
    flat, other = torch.zeros(1, 4), torch.tensor([[1.0, 0, 0, 0]])
    assert drift(flat, flat).item() == 0
    assert drift(other, flat).item() == 1
    assert drift(other, 3 * other).item() == pytest.approx(0, abs=1e-12)
    assert drift(other, -other).item() == 2
