"""Networks made ready to be attacked and certified: the same function, computed faster."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from isoloss.compute.machine.device import arithmetic, in_fast_layout, reduced_precisions
from isoloss.compute.networks.folding import fold_batch_norm
from isoloss.robustness.attacks.objective import as_float32
from isoloss.robustness.speed.shortcuts import pooling_first, with_small_maps

# A network that was changed must give the logits of the one that came, up to rounding.
TOLERANCE = 1e-3
_MULTIPLIES = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
# The widest activations of a batch: on a CPU what stays in the last-level cache, elsewhere what
# keeps the device busy. It follows from the network alone, for what is random may depend on it.
WIDEST_BYTES = {"cpu": 8 << 20, "mps": 64 << 20, "cuda": 256 << 20}
FORWARD_ALONE = 4
"""Times as many bytes where nothing is kept for a backward pass."""
MOST_BYTES = 64 << 20
"""Of the widest activations, where it takes so many for `SMALLEST_BATCH` images."""
SMALLEST_BATCH, LARGEST_BATCH = 64, 256
FEW = 8
"""Images on which a network is tried out."""
_LARGE_MAP = 1024
"""Places from which on PyTorch normalizes groups of bf16 quickly on a CPU."""


@dataclass(frozen=True)
class BatchSizes:
    """Images that suitably go through a network together.

    Attributes:
        attacking: forward and back.
        counting: forward alone.
    """

    attacking: int = SMALLEST_BATCH
    counting: int = SMALLEST_BATCH

    def at_most(self, other: BatchSizes) -> BatchSizes:
        """What suits both networks."""
        return BatchSizes(min(self.attacking, other.attacking), min(self.counting, other.counting))


class Fast(nn.Module):
    """A frozen copy of a network on a device, in eval mode.

    Batch norms are folded into the layers before them and detours are left out
    (`isoloss.robustness.speed.shortcuts`) where the graph allows and the logits agree, convolutions
    take channels last, and weights are kept in the precision they are used in.

    Args:
        model: (N, C, H, W) images in [0, 1] to (N, classes) logits.
        few: (n, C, H, W) some images, on which all this is tried out.
        precision: "fp32", "tf32", "bf16", or "auto" for the fastest that the device has.

    Attributes:
        batch_sizes: of images that suitably go through it together.
    """

    def __init__(
        self,
        model: nn.Module,
        few: Tensor,
        device: torch.device | str = "cpu",
        precision: str = "auto",
        *,
        fold: bool = True,
    ) -> None:
        super().__init__()
        self.device = torch.device(device)
        best = [*reduced_precisions(self.device), "fp32"][0]
        self.precision = best if precision == "auto" else precision
        few = few[:FEW].to(self.device)
        network = copy.deepcopy(model).to(self.device).eval().requires_grad_(False)
        if fold:
            network = _shortened(network, few)
        network = in_fast_layout(network, lambda: network(few))
        self.layout = layout_of(network)
        if self.precision == "bf16":
            keep_weights_in_bf16(network)
        self.network = network.requires_grad_(False)
        self.eval()
        self.batch_sizes = suitable_batch_sizes(self, few, lambda: self(few))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes), in at least single precision."""
        with arithmetic(self.device, self.precision):
            # Converted once: a first layer in another layout costs more, there and back.
            return as_float32(self.network(images.contiguous(memory_format=self.layout)))

    def train(self, mode: bool = True) -> Fast:
        """Stays in eval mode: folded batch norms have no statistics to follow."""
        return super().train(False)


class FastDenoiser(nn.Module):
    """A frozen U-Net on a device that gives what it predicts as a plain tensor.

    Args:
        unet: predicts the noise, as `diffusers.UNet2DModel`.
        few: (n, C, H, W) some images.

    Attributes:
        batch_sizes: of images that suitably go through it together.
    """

    def __init__(self, unet: nn.Module, few: Tensor, device: torch.device, precision: str) -> None:
        super().__init__()
        unet = copy.deepcopy(unet).to(device).eval().requires_grad_(False)
        self.config: Any = unet.config
        self.device, self.precision = device, precision
        few, step = few[:FEW].to(device), torch.tensor(0, device=device)
        self.unet, self.batch_sizes = unet, BatchSizes()
        # One that does not fit is refused later, in words.
        fits = self.config.in_channels == few.shape[1] and self.config.sample_size in (
            None, few.shape[-1],
        )  # fmt: skip
        if fits:
            self.unet = in_fast_layout(unet, lambda: unet(few, step))
        if precision == "bf16":
            keep_weights_in_bf16(self.unet)
        if precision == "bf16" and self.device.type == "cpu":
            _mind_slow_bf16(self.unet)
        _spare_repetitions(self.unet)
        if fits:
            self.batch_sizes = suitable_batch_sizes(self, few, lambda: self(few, step))

    def forward(self, images: Tensor, step: Tensor) -> Tensor:
        """The noise in (N, C, H, W) images, all at one `step` (a scalar)."""
        assert step.ndim == 0
        with arithmetic(self.device, self.precision):
            return self.unet(images, step).sample.float()


class _Bf16GroupNorm(nn.GroupNorm):
    """Of bf16 images: statistics in single precision, the images themselves touched once.

    PyTorch's kernels for channels last in bf16 take many times as long: forwards on maps that are
    small, backwards on all.
    """

    def forward(self, input: Tensor) -> Tensor:
        is_large = input[0, 0].numel() >= _LARGE_MAP
        if input.dtype is not torch.bfloat16 or (is_large and not torch.is_grad_enabled()):
            return super().forward(input)
        return _Normalized.apply(input, self.weight, self.bias, self.num_groups, self.eps)


class _Normalized(torch.autograd.Function):
    """Group normalization with frozen weights, in either direction two passes over the images.

    With r = 1/√(variance + ε) and x̂ = (x − mean) r, y = w x̂ + b and, over the m values of a group,
    dx = r (w dy − Σ w dy / m − x̂ Σ w dy x̂ / m).
    """

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
    ) -> Tensor:
        values = images.float().flatten(2)
        by_group = (len(images), groups, -1)
        size = values[0].numel() // groups
        mean = values.sum(2).view(by_group).sum(2, keepdim=True) / size
        square = values.square_().sum(2).view(by_group).sum(2, keepdim=True) / size
        inverse = (square - mean.square()).clamp_min(0).add(eps).rsqrt()
        scale = weight.view(by_group[1:]) * inverse
        shift = bias.view(by_group[1:]) - mean * scale
        ctx.save_for_backward(images, mean, inverse, scale)
        return torch.addcmul(_to_each(shift, images), images, _to_each(scale, images))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None, None, None, None]:
        (slope,) = given
        images, mean, inverse, scale = ctx.saved_tensors
        size = images[0].numel() // scale.shape[1]
        # Σ w r dy and Σ w r dy x of each group.
        total, product = (
            (sums.view(scale.shape) * scale).sum(2, keepdim=True) / size
            for sums in (
                slope.flatten(2).sum(2, dtype=torch.float32),
                (slope * images).flatten(2).sum(2, dtype=torch.float32),
            )
        )
        bend = -inverse.square() * (product - mean * total)
        shift = (-total - bend * mean).expand_as(scale)
        along = torch.addcmul(
            _to_each(shift, images), images, _to_each(bend.expand_as(scale), images)
        )
        return torch.addcmul(along, slope, _to_each(scale, images)), None, None, None, None


def _to_each(values: Tensor, images: Tensor) -> Tensor:
    """(N, groups, channels of a group) `values` as they are multiplied with (N, C, …) images."""
    return values.reshape(*images.shape[:2], *(1,) * (images.ndim - 2)).to(images)


def _mind_slow_bf16(unet: nn.Module) -> None:
    """Change, in place, what processors are slower at in bf16 than in single precision."""
    from diffusers.models.attention_processor import Attention, AttnProcessor

    for module in unet.modules():
        if type(module) is nn.GroupNorm:
            module.__class__ = _Bf16GroupNorm
        elif isinstance(module, Attention):
            # Its products written out; the backward pass of the fused kernel is slow in bf16.
            module.set_processor(AttnProcessor())


def _spare_repetitions(unet: nn.Module) -> None:
    """Change, in place, what is done for every image, or for every value, and need not be."""
    from diffusers.models.resnet import ResnetBlock2D
    from diffusers.models.upsampling import Upsample2D

    class Block(ResnetBlock2D):
        """The same step for all images, whose embedding is worked out once; sums written where a
        convolution's output lies, and not divided by one."""

        def forward(self, input_tensor: Tensor, temb: Tensor, *_: Any, **__: Any) -> Tensor:
            assert self.time_emb_proj is not None
            hidden = self.conv1(self._rectified(self.norm1(input_tensor)))
            hidden.add_(self.time_emb_proj(self.nonlinearity(temb[:1]))[:, :, None, None])
            hidden = self.conv2(self._rectified(self.norm2(hidden)))
            if self.conv_shortcut is not None:
                input_tensor = self.conv_shortcut(input_tensor)
            return hidden.add_(input_tensor)

        def _rectified(self, images: Tensor) -> Tensor:
            """Written over what a norm has given, where no backward pass needs that."""
            if type(self.nonlinearity) is nn.SiLU:
                return F.silu(images, inplace=not torch.is_grad_enabled())
            return self.nonlinearity(images)

    class Doubled(Upsample2D):
        """In the layout in which the images come; diffusers copies large batches into another."""

        def forward(self, hidden_states: Tensor, *_: Any) -> Tensor:
            assert self.conv is not None
            return self.conv(F.interpolate(hidden_states, scale_factor=2.0, mode="nearest"))

    on_cpu = all(p.device.type == "cpu" for p in unet.parameters())
    for module in unet.modules():
        if type(module) is ResnetBlock2D:
            plain = module.upsample is None and module.downsample is None
            timed = module.time_embedding_norm == "default" and not module.skip_time_act
            scaled = module.output_scale_factor != 1 or module.time_emb_proj is None
            if plain and timed and not scaled:
                module.__class__ = Block
        elif type(module) is Upsample2D and on_cpu:
            plain = module.norm is None and module.interpolate and module.name == "conv"
            if plain and module.use_conv and not module.use_conv_transpose:
                module.__class__ = Doubled


def layout_of(network: nn.Module) -> torch.memory_format:
    """The layout in which its convolutions take images."""
    last = torch.channels_last
    turned = (
        p.ndim == 4 and p.is_contiguous(memory_format=last) and not p.is_contiguous()
        for p in network.parameters()
    )  # fmt: skip
    return last if any(turned) else torch.contiguous_format


@torch.no_grad()
def suitable_batch_sizes(network: nn.Module, few: Tensor, run: Callable[[], object]) -> BatchSizes:
    """Of images that suitably go through `network` together on their device.

    Args:
        run: runs it on `few` images.
    """
    widest = 1

    def look(_module: nn.Module, _given: Any, output: Any) -> None:
        nonlocal widest
        if isinstance(output, Tensor):
            widest = max(widest, output.numel() * output.element_size() // len(few))

    handles = [m.register_forward_hook(look) for m in network.modules()]
    try:
        run()
    except Exception:  # what a network cannot do is said where it is asked to
        return BatchSizes()
    finally:
        for handle in handles:
            handle.remove()
    kind = few.device.type
    largest = LARGEST_BATCH if kind == "cpu" else 4 * LARGEST_BATCH
    smallest = min(SMALLEST_BATCH, max(MOST_BYTES // widest, 1))

    def within(size: int) -> int:
        suits = max(size // widest, smallest)
        return min(1 << suits.bit_length() - 1, largest)

    return BatchSizes(within(WIDEST_BYTES[kind]), within(FORWARD_ALONE * WIDEST_BYTES[kind]))


def keep_weights_in_bf16(network: nn.Module) -> None:
    """Turn into bf16, once, what autocast would turn into bf16 at every batch."""
    for module in network.modules():
        # Only these very classes: what derives from them may do other things with its weights.
        if type(module) in _MULTIPLIES:
            module.to(torch.bfloat16)


@torch.no_grad()
def _shortened(network: nn.Module, few: Tensor) -> nn.Module:
    """`network` without its batch norms and with shorter ways through small maps, as far as it then
    gives the same."""
    with arithmetic(few.device, "fp32"):
        try:
            expected = network(few)
        except Exception:  # what a network cannot do is said where it is asked to
            return network
        largest = expected.abs().max().clamp(min=1)
        for change in (_folded, lambda n: with_small_maps(n, few), pooling_first):
            try:
                changed = change(copy.deepcopy(network))
                given = changed(few)
            except Exception:
                continue
            if bool(((given - expected).abs() <= TOLERANCE * largest).all()):
                network = changed
    return network


def _folded(network: nn.Module) -> nn.Module:
    folded = fold_batch_norm(network, ())
    if folded is None:
        return network
    device = next(network.parameters()).device
    folded.network.load_state_dict(folded.state(network.state_dict()))
    return folded.network.to(device)
