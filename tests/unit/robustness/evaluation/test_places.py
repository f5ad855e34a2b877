"""Where networks look, whatever their order of tokens and channels: as hooks written by hand for
each of timm's families say."""

import pytest
import timm
import torch
from timm.models.davit import DaVit
from timm.models.maxxvit import grid_reverse
from timm.models.nest import Nest, deblockify
from timm.models.swin_transformer import SwinTransformer, window_reverse
from timm.models.twins import Twins
from timm.models.vision_transformer import VisionTransformer
from timm.models.xcit import Xcit

from isoloss.robustness.evaluation.attention import maps

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


def test_tokens_that_lie_nobody_knows_where_have_no_map():
    torch.manual_seed(0)
    model = Twins(
        img_size=64, embed_dims=(16, 16, 16, 16), num_heads=(2, 2, 2, 2), depths=(2, 2, 2, 2),
        mlp_ratios=(1, 1, 1, 1), wss=(4, 2, 2, 2), num_classes=5,
    ).eval()  # fmt: skip
    for of in maps(model, torch.rand(3, 3, 64, 64)).values():
        assert len(of) == 3
