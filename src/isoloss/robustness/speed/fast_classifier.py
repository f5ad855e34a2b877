"""A classifier made ready to be attacked and certified: the same function, computed faster."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import arithmetic, as_float32, reduced_precisions
from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.networks.acceleration import in_fast_layout, keep_weights_in_bf16
from isoloss.compute.networks.copying import copied, freeze
from isoloss.compute.networks.folding import fold_batch_norm, is_same
from isoloss.robustness.ascent.asking import FEW, Answers, ask_twice
from isoloss.robustness.ascent.refusals import as_logits
from isoloss.robustness.speed.batch_sizes import suitable_batch_sizes
from isoloss.robustness.speed.fusing import fused
from isoloss.robustness.speed.shortcuts import pooling_first, with_small_maps

GRADIENT_TOLERANCE = 0.1
"""Relative; a wrong gradient is another one altogether."""


class Fast(nn.Module):
    """A frozen copy of a network on a device, in eval mode.

    Batch norms are folded into the layers before them and detours are left out
    (`isoloss.robustness.speed.shortcuts`) where the graph allows and the logits agree, convolutions
    take channels last, and weights are kept in the precision they are used in.

    Args:
        model: (N, C, H, W) images in [0, 1] to (N, classes) logits.
        few: (n, C, H, W) some images, on which all this is tried out.
        precision: "fp32", "tf32", "bf16", or "auto" for the fastest that the device has.
        answers: what was found of how it answers; by default it is asked. One that depends on its
            batch sees one image at a time.

    Attributes:
        answers: likewise; `is_random` whether they are draws.
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
        answers: Answers | None = None,
    ) -> None:
        super().__init__()
        self.device = torch.device(device)
        few = few[:FEW].to(self.device)
        network = copied(model, self.device)
        with arithmetic(self.device, "fp32"):
            self.answers = ask_twice(network, few) if answers is None else answers
        self.is_random = self.answers.is_random
        self.precision = _fastest(network, few) if precision == "auto" else precision
        if fold:
            network = _shortened(network, few)
        network = in_fast_layout(network, lambda: network(few))
        self.layout = layout_of(network)
        if self.precision == "bf16":
            keep_weights_in_bf16(network)
        self.network = freeze(network)  # what it was shortened by may require gradients again
        self.eval()
        self.batch_sizes = suitable_batch_sizes(self, few, lambda: self(few))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes), in at least single precision."""
        if self.answers.depends_on_batch and len(images) > 1:
            return torch.cat([self(image) for image in images.split(1)])
        with arithmetic(self.device, self.precision):
            # Converted once: a first layer in another layout costs more, there and back.
            given = self.network(images.contiguous(memory_format=self.layout))
            return as_float32(as_logits(given, len(images)))

    def answers_about(self, images: Tensor) -> Answers:
        """Whether it is random; what depends on the batch has been seen to."""
        return Answers(self.is_random)

    def train(self, mode: bool = True) -> Fast:
        """Stays in eval mode: folded batch norms have no statistics to follow."""
        return super().train(False)


@torch.no_grad()
def _fastest(network: nn.Module, few: Tensor) -> str:
    """The fastest precision of the device in which the network computes at all."""
    for precision in reduced_precisions(few.device):
        try:
            with arithmetic(few.device, precision):
                network(few)
        except Exception as error:  # what is not for autocast: NumPy, types that must agree
            refuse_out_of_memory(error)
            continue
        return precision
    return "fp32"


def layout_of(network: nn.Module) -> torch.memory_format:
    """The layout in which its convolutions take images."""
    last = torch.channels_last
    turned = (
        p.ndim == 4 and p.is_contiguous(memory_format=last) and not p.is_contiguous()
        for p in network.parameters()
    )  # fmt: skip
    return last if any(turned) else torch.contiguous_format


def _shortened(network: nn.Module, few: Tensor) -> nn.Module:
    """`network` without its batch norms, with shorter ways through small maps and with fewer passes
    over large ones, as far as it then gives the same, and the same gradient."""
    with arithmetic(few.device, "fp32"):
        try:
            expected = _logits_and_gradient(network, few)
        except Exception as error:  # what a network cannot do is said where it is asked to
            refuse_out_of_memory(error)
            return network
        for change in (_folded, lambda n: with_small_maps(n, few), pooling_first, fused):
            try:
                changed = change(copy.deepcopy(network))
                given = _logits_and_gradient(changed, few)
            except Exception as error:
                refuse_out_of_memory(error)
                continue
            if _agree(given, expected):
                network = changed
    return network


@torch.enable_grad()
def _logits_and_gradient(network: nn.Module, few: Tensor) -> tuple[Tensor, Tensor]:
    """The logits, and the gradient of the sum of their squares; 0 where none reaches the images."""
    images = few.detach().clone().requires_grad_()
    logits = network(images)
    gradient = None
    if logits.requires_grad:
        (gradient,) = torch.autograd.grad(logits.square().sum(), images, allow_unused=True)
    return logits.detach(), torch.zeros_like(few) if gradient is None else gradient


def _agree(given: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> bool:
    """Whether logits differ by no more than rounding, and gradients by no more than what follows
    from it where rectifiers are at their edge."""
    (logits, gradient), (same_logits, same_gradient) = given, expected
    apart = (gradient - same_gradient).norm()
    return is_same(logits, same_logits, same_logits.abs().max().clamp(min=1)) and bool(
        apart <= GRADIENT_TOLERANCE * same_gradient.norm()
    )


def _folded(network: nn.Module) -> nn.Module:
    folded = fold_batch_norm(network, ())
    if folded is None:
        return network
    device = next(network.parameters()).device
    folded.network.load_state_dict(folded.state(network.state_dict()), strict=False)
    return folded.network.to(device)
