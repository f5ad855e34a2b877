"""Where networks look, whatever their order of tokens and channels: as hooks written by hand for
each of timm's families say."""

import pytest
import timm
import torch
from timm.models.cait import Cait
from timm.models.davit import DaVit
from timm.models.eva import Eva
from timm.models.hiera import Hiera
from timm.models.maxxvit import grid_reverse
from timm.models.nest import Nest, deblockify
from timm.models.swin_transformer import SwinTransformer, window_reverse
from timm.models.tiny_vit import TinyVit
from timm.models.twins import Twins
from timm.models.vision_transformer import VisionTransformer
from timm.models.xcit import Xcit
from torch import nn

from isoloss.robustness.evaluation.attention import NothingToSee, maps

N = 2


def attention_in(model, layer, images):
    """What comes out of a layer's softmax, as it attends."""
    seen = []
    fused, layer.fused_attn = layer.fused_attn, False
    handle = layer.attn_drop.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        model(images)
    handle.remove()
    layer.fused_attn = fused
    return seen[0]


def in_one(windows, window, sides, reverse):
    """(N, H, W) of what windows receive, by timm's own way back."""
    received = windows.mean((1, 2)).view(-1, *window, 1)
    count = len(windows) // N
    return reverse(received, window, *sides).view(N, *sides[:2]) / count


SIZES = {"square": (32, 32), "wide": (24, 48), "high": (64, 16)}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(
    ("changes", "prefix"),
    [
        ({}, 1),
        ({"class_token": False, "global_pool": "avg"}, 0),
        ({"reg_tokens": 4}, 5),
        ({"dynamic_img_size": True}, 1),
    ],
)
def test_a_vision_transformer_of_any_sides_and_tokens(size, changes, prefix):
    torch.manual_seed(0)
    model = VisionTransformer(
        size, 8, embed_dim=24, depth=2, num_heads=2, num_classes=5, **changes
    ).eval()
    images = torch.rand(N, 3, *size)
    received = attention_in(model, model.blocks[1].attn, images).mean((1, 2))
    expected = received[:, prefix:].view(N, size[0] // 8, size[1] // 8)
    found = maps(model, images)
    assert set(found) == {"attention: blocks.0.attn", "attention: blocks.1.attn"}
    torch.testing.assert_close(found["attention: blocks.1.attn"], expected)


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (40, 56)])  # the last is padded
def test_swin_s_windows_are_put_together_and_shifted_back(size):
    torch.manual_seed(0)
    model = SwinTransformer(
        img_size=size, patch_size=4, window_size=4, embed_dim=12, depths=(2, 2), num_heads=(2, 2),
        num_classes=5, strict_img_size=False,
    ).eval()  # fmt: skip
    images = torch.rand(N, 3, *size)
    found = maps(model, images)
    for stage, sides in enumerate(((size[0] // 4, size[1] // 4), (size[0] // 8, size[1] // 8))):
        for block, layer in enumerate(model.layers[stage].blocks):
            window = layer.window_size
            padded = [-(-side // of) * of for side, of in zip(sides, window, strict=True)]
            windows = attention_in(model, layer.attn, images)
            received = windows.mean((1, 2)).view(-1, *window, 1)
            whole = window_reverse(received, window, *padded)[:, : sides[0], : sides[1], 0]
            whole = torch.roll(whole, layer.shift_size, (1, 2)) / (len(windows) // N)
            torch.testing.assert_close(
                found[f"attention: layers.{stage}.blocks.{block}.attn"], whole
            )
    assert any(any(layer.shift_size) for layer in model.layers[0].blocks)
    with torch.no_grad():
        features = model.forward_features(images)  # (N, H, W, C)
    torch.testing.assert_close(found["last features"], features.abs().mean(-1))


def test_maxvit_s_windows_and_grids_are_put_together():
    torch.manual_seed(0)
    model = timm.create_model("test_maxvit", num_classes=5).eval()
    images = torch.rand(N, 3, 160, 160)
    found = maps(model, images)
    block = model.stages[0].blocks[0]
    for name, part, reverse in (
        ("attn_block", block.attn_block, window_reverse),
        ("attn_grid", block.attn_grid, lambda w, size, h, v: grid_reverse(w, size, (h, v))),
    ):
        windows = attention_in(model, part.attn, images)
        whole = found[f"attention: stages.0.blocks.0.{name}.attn"]
        expected = in_one(windows, part.partition_size, (40, 40), reverse)
        torch.testing.assert_close(whole, expected)
    with torch.no_grad():
        features = model.forward_features(images)
    torch.testing.assert_close(found["last features"], features.abs().mean(1))


def test_nest_s_blocks_are_put_together():
    torch.manual_seed(0)
    model = Nest(
        img_size=32, patch_size=4, num_levels=2, embed_dims=(16, 24), num_heads=(2, 2),
        depths=(1, 2), num_classes=5,
    ).eval()  # fmt: skip
    images = torch.rand(N, 3, 32, 32)
    found = maps(model, images)
    layer = model.levels[0].transformer_encoder[0].attn
    received = attention_in(model, layer, images).mean((1, 3))  # (N, T, tokens)
    expected = deblockify(received[..., None], model.levels[0].block_size)[..., 0]
    name = "attention: levels.0.transformer_encoder.0.attn"
    torch.testing.assert_close(found[name], expected / received.shape[1])
    with torch.no_grad():
        features = model.forward_features(images)
    torch.testing.assert_close(found["last features"], features.abs().mean(1))


def test_attention_to_channels_is_none_to_places():
    torch.manual_seed(0)
    model = Xcit(
        img_size=64, patch_size=16, embed_dim=32, depth=2, num_heads=2, num_classes=5,
        cls_attn_layers=1,
    ).eval()  # fmt: skip
    images = torch.rand(N, 3, 64, 48)
    found = {name: of for name, of in maps(model, images).items() if name.startswith("attention")}
    assert set(found) == {"attention: cls_attn_blocks.0.attn"}
    received = attention_in(model, model.cls_attn_blocks[0].attn, images).mean((1, 2))
    (seen,) = found.values()
    torch.testing.assert_close(seen, received[:, 1:].view(N, 4, 3))
    davit = DaVit(depths=(1, 1), embed_dims=(16, 32), num_heads=(2, 2), num_classes=5).eval()
    assert set(maps(davit, images)) == {"last features"}


@pytest.mark.parametrize(
    "name", ["test_convnext", "test_convnext2", "test_resnet", "test_efficientnet"]
)
def test_last_features_are_those_before_pooling_wherever_channels_stand(name):
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=5).eval()
    images = torch.rand(N, 3, 96, 64)
    with torch.no_grad():
        features = model.forward_features(images)
    torch.testing.assert_close(maps(model, images)["last features"], features.abs().mean(1))


def given_to(model, layer, images):
    """What a layer is given."""
    seen = []
    handle = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model(images)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize(
    ("changes", "prefix"),
    [
        ({}, 1),
        ({"class_token": False, "global_pool": "avg"}, 0),
        ({"rope_type": "dinov3", "num_reg_tokens": 4, "attn_type": "rope"}, 5),
        ({"qkv_fused": False, "qkv_bias": False}, 1),
    ],
)
def test_eva_and_dinov3_turn_their_tokens_in_place(changes, prefix):
    torch.manual_seed(0)
    model = Eva(
        img_size=(64, 48), patch_size=16, embed_dim=48, depth=2, num_heads=2, num_classes=5,
        use_rot_pos_emb=True, **changes,
    ).eval()  # fmt: skip
    images = torch.rand(N, 3, 64, 48)
    received = attention_in(model, model.blocks[1].attn, images).mean((1, 2))
    found = maps(model, images)
    assert set(found) == {"attention: blocks.0.attn", "attention: blocks.1.attn"}
    torch.testing.assert_close(
        found["attention: blocks.1.attn"], received[:, prefix:].view(N, 4, 3)
    )


def test_cait_s_heads_talk_before_its_softmax_and_its_class_token_looks_alone():
    torch.manual_seed(0)
    model = Cait(
        img_size=64, patch_size=16, embed_dim=32, depth=2, num_heads=2, num_classes=5
    ).eval()
    nn.init.normal_(model.blocks[1].attn.proj_l.weight)
    images = torch.rand(N, 3, 64, 64)
    found = maps(model, images)
    layer = model.blocks[1].attn
    x = given_to(model, layer, images)
    q, k, _ = layer.qkv(x).view(N, 16, 3, 2, 16).permute(2, 0, 3, 1, 4)
    scores = torch.einsum("nhqc,nhkc->nqkh", q, k) / 16**0.5
    attention = torch.softmax(layer.proj_l(scores), 2)
    torch.testing.assert_close(
        found["attention: blocks.1.attn"], attention.mean((1, 3)).view(N, 4, 4).detach()
    )
    last = attention_in(model, model.blocks_token_only[1].attn, images).mean((1, 2))
    torch.testing.assert_close(
        found["attention: blocks_token_only.1.attn"], last[:, 1:].view(N, 4, 4)
    )


def test_hiera_s_units_are_put_back_in_order():
    torch.manual_seed(0)
    model = Hiera(
        img_size=(64, 96), embed_dim=16, num_heads=1, stages=(1, 2, 2, 1), num_classes=5
    ).eval()
    images = torch.rand(N, 3, 64, 96)
    found = maps(model, images)
    for k, block in enumerate(model.blocks):
        layer, before = block.attn, max(k - 1, 0)
        x = given_to(model, layer, images)
        windows = (
            x.shape[1] // (layer.q_stride * layer.window_size) if layer.use_mask_unit_attn else 1
        )
        qkv = layer.qkv(x).view(N, -1, windows, 3, layer.heads, layer.head_dim)
        query, key, _ = qkv.permute(3, 0, 4, 2, 1, 5)
        stride = layer.q_stride
        query = query.view(N, layer.heads, windows, stride, -1, layer.head_dim).amax(3)
        attention = (query @ key.transpose(-1, -2) * layer.scale).softmax(-1)
        received = attention.mean((1, 3)).transpose(1, 2).reshape(N, -1, 1) / windows
        expected = model.reroll(received, before)[..., 0]
        torch.testing.assert_close(found[f"attention: blocks.{k}.attn"], expected.detach())
    assert found["attention: blocks.0.attn"].shape == (N, 16, 24)
    assert found["attention: blocks.5.attn"].shape == (N, 4, 6)  # global, pooling as it attends


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (72, 64)])  # the last is padded
def test_tiny_vit_s_windows_are_put_together(size):
    torch.manual_seed(0)
    model = TinyVit(
        embed_dims=(16, 16, 16, 16), depths=(1, 2, 1, 1), num_heads=(1, 2, 2, 2),
        window_sizes=(4, 4, 4, 2), num_classes=5,
    ).eval()  # fmt: skip
    for p in model.parameters():  # biases by distance are 0 at first
        p.data.add_(0.1 * torch.randn_like(p))
    images = torch.rand(N, 3, *size)
    found = maps(model, images)
    height, width = size[0] // 8, size[1] // 8
    layer = model.stages[1].blocks[1].attn
    x = given_to(model, layer, images)
    qkv = layer.qkv(layer.norm(x)).view(*x.shape[:2], 2, -1)
    query, key = (part.transpose(1, 2) for part in qkv.split([8, 8, 8], 3)[:2])
    attention = query @ key.transpose(-2, -1) * layer.scale + layer.get_attention_biases(x.device)
    padded = -(-height // 4) * 4, -(-width // 4) * 4
    whole = in_one(attention.softmax(-1), (4, 4), padded, window_reverse)[:, :height, :width]
    torch.testing.assert_close(found["attention: stages.1.blocks.1.attn"], whole.detach())


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])  # both are padded
def test_twins_groups_are_put_together_and_its_reduced_keys_have_their_own_sides(size):
    torch.manual_seed(0)
    model = Twins(
        img_size=size, embed_dims=(16, 16, 16, 16), num_heads=(2, 2, 2, 2), depths=(2, 2, 2, 2),
        mlp_ratios=(1, 1, 1, 1), wss=(3, 2, 2, 2), num_classes=5,
    ).eval()  # fmt: skip
    images = torch.rand(N, 3, *size)
    found = maps(model, images)
    height, width = size[0] // 4, size[1] // 4
    groups = attention_in(model, model.blocks[0][0].attn, images)  # (N, groups, heads, q, k)
    rows, columns = -(-height // 3), -(-width // 3)
    received = groups.mean((2, 3)).view(N, rows, columns, 3, 3).transpose(2, 3)
    whole = received.reshape(N, 3 * rows, 3 * columns)[:, :height, :width] / (rows * columns)
    torch.testing.assert_close(found["attention: blocks.0.0.attn"], whole)
    received = attention_in(model, model.blocks[0][1].attn, images).mean((1, 2))
    reduced = received.view(N, height // 8, width // 8)
    torch.testing.assert_close(found["attention: blocks.0.1.attn"], reduced)


class Strewn(nn.Module):
    """Attends within groups that nobody knows of."""

    def __init__(self):
        super().__init__()
        self.first, self.fused_attn = nn.Conv2d(3, 8, 4, 4), False

    def forward(self, images):
        tokens = self.first(images).flatten(2).transpose(1, 2)
        tokens = tokens[:, torch.randperm(tokens.shape[1])].reshape(-1, 4, 8)
        attention = (tokens @ tokens.transpose(1, 2)).softmax(-1)
        return (attention @ tokens).reshape(len(images), -1, 8).mean(1)


class AroundStrewn(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Strewn()

    def forward(self, images):
        return self.inner(images)


def test_tokens_that_lie_nobody_knows_where_have_no_map():
    torch.manual_seed(0)
    with pytest.raises(NothingToSee, match="no feature maps"):
        maps(AroundStrewn().eval(), torch.rand(3, 3, 32, 32))
