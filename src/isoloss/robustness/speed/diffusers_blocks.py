"""Blocks of diffusers' U-Nets that do the same in less time.

diffusers has no seam for its blocks: their classes are replaced, where a block is of the very kind
that the class here computes. All that depends on the insides of diffusers is in this file.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn

from isoloss.robustness.speed.frozen_convolution import FrozenConvolution, freeze_convolutions
from isoloss.robustness.speed.group_norm import Bf16GroupNorm


def avoid_slow_bf16(unet: nn.Module) -> None:
    """Change, in place, what processors are slower at in bf16 than in single precision."""
    for module in unet.modules():
        if type(module) is nn.GroupNorm:
            module.__class__ = Bf16GroupNorm
        elif isinstance(module, Attention):
            # Its products written out; the backward pass of the fused kernel is slow in bf16.
            module.set_processor(AttnProcessor())


def avoid_repetitions(unet: nn.Module) -> bool:
    """Change, in place, what is done for every image, or for every value, and need not be; whether
    there is anything of it."""
    before = [type(module) for module in unet.modules()]
    on_cpu = all(p.device.type == "cpu" for p in unet.parameters())
    for module in unet.modules():
        if type(module) is ResnetBlock2D:
            plain = module.upsample is None and module.downsample is None
            timed = module.time_embedding_norm == "default" and not module.skip_time_act
            scaled = module.output_scale_factor != 1 or module.time_emb_proj is None
            if plain and timed and not scaled:
                module.__class__ = _Block
        elif type(module) is Upsample2D and on_cpu:
            plain = module.norm is None and module.interpolate and module.name == "conv"
            if plain and module.use_conv and not module.use_conv_transpose:
                module.__class__ = _Doubled
    if on_cpu:
        freeze_convolutions(unet)
    return before != [type(module) for module in unet.modules()]


class _Block(ResnetBlock2D):
    """The same step for all images, whose embedding is worked out once; sums written where a
    convolution's output lies, and not divided by one."""

    def forward(self, input_tensor: Tensor, temb: Tensor, *_: Any, **__: Any) -> Tensor:
        assert self.time_emb_proj is not None
        hidden = self.conv1(self._rectified(self.norm1(input_tensor)))
        hidden.add_(self.time_emb_proj(self.nonlinearity(temb[:1]))[:, :, None, None])
        hidden = self._rectified(self.norm2(hidden))
        if self.conv_shortcut is not None:
            input_tensor = self.conv_shortcut(input_tensor)
        if isinstance(self.conv2, FrozenConvolution):
            return self.conv2(hidden, input_tensor)
        return self.conv2(hidden).add_(input_tensor)

    def _rectified(self, images: Tensor) -> Tensor:
        """Written over what a norm has given, where no backward pass needs that."""
        if type(self.nonlinearity) is nn.SiLU:
            return F.silu(images, inplace=not torch.is_grad_enabled())
        return self.nonlinearity(images)


class _Doubled(Upsample2D):
    """In the layout in which the images come; diffusers copies large batches into another."""

    def forward(self, hidden_states: Tensor, *_: Any) -> Tensor:
        assert self.conv is not None
        return self.conv(F.interpolate(hidden_states, scale_factor=2.0, mode="nearest"))
