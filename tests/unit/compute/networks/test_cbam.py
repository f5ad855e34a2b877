"""CBAM, the networks of timm as published, and the maps of where a network looks."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from isoloss import IsolossError
from isoloss.compute.data.image_folder import Framing
from isoloss.compute.networks.cbam import (
    Cbam,
    CbamBottleneck,
    ChannelGate,
    SpatialGate,
    resnet50_cbam,
)
from isoloss.compute.networks.checkpoints import load_into, load_state, save_tensors
from isoloss.compute.networks.models import build_model
from isoloss.compute.networks.pretrained import build_published, fetch_weights
from isoloss.robustness.evaluation.attention import drift, maps

HALF = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
TIMM = "timm:test_vit.r160_in1k"
COATNET = "timm:coatnet_rmlp_2_rw_384.sw_in12k_ft_in1k"


def test_it_has_as_many_parameters_as_the_paper_says():
    with torch.device("meta"):
        network = resnet50_cbam(1000)
    # Woo et al., table 4: 28.09 million with CBAM, 25.56 without.
    count = sum(p.numel() for p in network.parameters())
    gates = sum(p.numel() for m in network.modules() if isinstance(m, Cbam) for p in m.parameters())
    assert round(count / 1e6, 2) == 28.09
    assert round((count - gates) / 1e6, 2) == 25.56
    assert sum(isinstance(m, Cbam) for m in network.modules()) == 16


def test_the_channel_gate_is_the_formula():
    torch.manual_seed(0)
    gate, features = ChannelGate(32), torch.randn(2, 32, 5, 4)
    (w0, b0), (w1, b1) = ((m.weight, m.bias) for m in (gate.mlp[0], gate.mlp[2]))
    assert w0.shape == (2, 32)
    expected = []
    for pooled in (F.adaptive_avg_pool2d(features, 1), F.adaptive_max_pool2d(features, 1)):
        hidden = (pooled.flatten(1) @ w0.T + b0).clamp(min=0)
        expected.append(hidden @ w1.T + b1)
    torch.testing.assert_close(gate(features)[:, :, 0, 0], 1 / (1 + torch.exp(-sum(expected))))


def test_the_spatial_gate_is_the_formula():
    torch.manual_seed(0)
    gate, features = SpatialGate().eval(), torch.randn(2, 6, 9, 9)
    gate.norm.running_mean.fill_(0.3)
    gate.norm.running_var.fill_(2.0)
    assert gate.conv.weight.shape == (1, 2, 7, 7)
    # At the middle pixel a 7×7 window of zeros beyond no edge.
    window = features[:, :, 1:8, 1:8]
    planes = torch.stack([window.max(1).values, window.mean(1)], 1)
    summed = (planes * gate.conv.weight[0]).sum((1, 2, 3))
    expected = torch.sigmoid((summed - 0.3) / np.sqrt(2.0 + 1e-5))
    torch.testing.assert_close(gate(features)[:, 0, 4, 4], expected)
    assert gate(features).shape == (2, 1, 9, 9)


def test_gates_act_after_the_last_norm_and_before_the_shortcut():
    torch.manual_seed(0)
    block = CbamBottleneck(16, 4).eval()
    x = torch.rand(2, 16, 6, 6)
    body = x
    for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        body = F.relu(norm(conv(body)))
    body = block.bn3(block.conv3(body))
    weighed = body * block.cbam.channel(body)
    expected = F.relu(x + weighed * block.cbam.spatial(weighed))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("stem", "kernel", "size"), [("auto", 3, 32), ("imagenet", 7, 224)])
def test_both_stems(stem, kernel, size):
    with torch.device("meta"):
        model = build_model("resnet50_cbam", 10, size, stem=stem, **HALF)
    assert model.network.conv1.kernel_size == (kernel, kernel)
    assert model.network.fc.out_features == 10


@pytest.mark.parametrize(("stem", "size"), [("cifar", 16), ("imagenet", 64)])
def test_gradients_reach_every_gate_and_the_image(stem, size):
    torch.manual_seed(0)
    model = build_model("resnet50_cbam", 10, size, stem=stem, **HALF)
    x = torch.rand(2, 3, size, size, requires_grad=True)
    F.cross_entropy(model(x), torch.tensor([1, 2])).backward()
    assert float(x.grad.abs().amax((1, 2, 3)).min()) > 0
    gates = [m for m in model.modules() if isinstance(m, Cbam)]
    assert len(gates) == 16
    for gate in gates:
        for name, parameter in gate.named_parameters():
            assert float(parameter.grad.abs().max()) > 0, name


def test_a_published_network_brings_its_own_size_and_statistics():
    torch.manual_seed(0)
    model = build_model(TIMM, 1000, 32, mean=(0.1,) * 3, std=(9.0,) * 3).eval()
    # timm: 160 pixels, bicubic, crop 0.95, mean and std 0.5.
    x = torch.rand(2, 3, 32, 32)
    assert model.at_own_size(x).shape == (2, 3, 160, 160)
    same = torch.rand(1, 3, 160, 160)
    torch.testing.assert_close(model(same), model.network(same * 2 - 1))
    with torch.device("meta"):
        coatnet = build_published(COATNET, 1000)
    assert coatnet.framing == Framing(384, 384, "bicubic", squashes=True)
    torch.testing.assert_close(coatnet.mean, torch.full((3, 1, 1), 0.5, device="meta"))
    torch.testing.assert_close(coatnet.std, torch.full((3, 1, 1), 0.5, device="meta"))
    assert sum(p.numel() for p in coatnet.parameters()) == pytest.approx(73.88e6, rel=1e-3)


def test_images_are_resized_as_pillow_resizes_them():
    model = build_published(TIMM, 10)
    rng = np.random.default_rng(0)
    small = np.kron(rng.integers(60, 190, (20, 20, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    theirs = Image.fromarray(small).resize((168, 168), Image.Resampling.BICUBIC)
    expected = torch.from_numpy(np.array(theirs)).permute(2, 0, 1)[:, 4:-4, 4:-4] / 255
    given = model.at_own_size(torch.from_numpy(small).permute(2, 0, 1)[None] / 255)
    torch.testing.assert_close(given[0].clamp(0, 1), expected, rtol=0, atol=1.5 / 255)


def test_weights_come_from_a_local_file(tmp_path):
    torch.manual_seed(0)
    original = build_published(TIMM, 1000).eval()
    file = save_tensors(tmp_path / "model.safetensors", original.network.state_dict())
    loaded = build_published(TIMM, 1000).eval()
    load_into(loaded, load_state(file), str(file))
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(loaded(x), original(x))
    with pytest.raises(IsolossError, match="of another architecture"):
        load_into(build_published("timm:test_resnet.r160_in1k", 1000), load_state(file), str(file))


def test_without_network_one_line_names_the_file_to_bring(monkeypatch):
    import huggingface_hub

    def unreachable(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", unreachable)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(IsolossError) as refusal:
        fetch_weights(TIMM, 1000)
    assert str(refusal.value) == (
        "cannot get model.safetensors of timm/test_vit.r160_in1k from huggingface.co: Name or "
        "service not known; download it from "
        "https://huggingface.co/timm/test_vit.r160_in1k/resolve/main/model.safetensors on a "
        "machine that can, put it into any folder here, and give its path with "
        "--model timm:test_vit.r160_in1k"
    )


def test_a_tag_that_timm_does_not_know_is_refused():
    with pytest.raises(IsolossError, match=r"no network 'test_vit\.other'; there is test_vit"):
        build_model("timm:test_vit.other", 10, 32, **HALF)


def test_maps_of_cbam_are_its_gates():
    torch.manual_seed(0)
    block = CbamBottleneck(16, 4).eval()
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 1), block, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    x = torch.rand(3, 3, 8, 8)
    found = maps(network.eval(), x)
    assert set(found) == {"channel gate: 1.cbam", "spatial gate: 1.cbam", "last features"}
    before = block.bn3(block.conv3(F.relu(block.bn2(block.conv2(
        F.relu(block.bn1(block.conv1(network[0](x))))
    )))))  # fmt: skip
    channel = block.cbam.channel(before)
    torch.testing.assert_close(found["channel gate: 1.cbam"], channel[:, :, 0, 0])
    torch.testing.assert_close(
        found["spatial gate: 1.cbam"], block.cbam.spatial(before * channel)[:, 0]
    )
    torch.testing.assert_close(
        found["last features"], block(network[0](x)).abs().mean(1)
    )  # fmt: skip
    assert not block.cbam.channel._forward_hooks


def test_maps_of_attention_are_what_each_place_receives():
    import timm

    torch.manual_seed(0)
    network = timm.create_model("test_vit", num_classes=5).eval()
    x = torch.rand(2, 3, 160, 160)
    fused = network.blocks[0].attn.fused_attn
    found = maps(network, x)
    assert network.blocks[0].attn.fused_attn == fused
    assert "last features" not in found
    attention = network.blocks[0].attn
    tokens = network.blocks[0].norm1(network.norm_pre(
        network.patch_drop(network._pos_embed(network.patch_embed(x)))
    ))  # fmt: skip
    n, t, width = tokens.shape
    q, k, _ = attention.qkv(tokens).view(n, t, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    q, k = attention.q_norm(q), attention.k_norm(k)
    weights = (q @ k.transpose(-1, -2) / (width // attention.num_heads) ** 0.5).softmax(-1)
    expected = weights.mean((1, 2))[:, 1:].view(2, 10, 10)
    torch.testing.assert_close(found["attention: blocks.0.attn"], expected)


def test_drift_is_a_cosine():
    a = torch.rand(2, 4, 4)
    torch.testing.assert_close(drift(a, 3 * a), torch.zeros(2).double(), atol=1e-6, rtol=0)
    apart = torch.tensor([[[1.0, 0]], [[1.0, 1]]]), torch.tensor([[[0, 1.0]], [[1.0, 0]]])
    expected = torch.tensor([1.0, 1 - 0.5**0.5]).double()
    torch.testing.assert_close(drift(*apart), expected, atol=1e-6, rtol=0)


def test_a_network_without_places_has_no_maps():
    with pytest.raises(IsolossError, match="no feature maps to show"):
        maps(torch.nn.Flatten(), torch.rand(1, 3, 4, 4))
