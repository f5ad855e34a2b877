"""A classifier made ready to be attacked and certified: the same function, computed faster."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from isoloss.compute.device import arithmetic, in_fast_layout, reduced_precisions
from isoloss.compute.folding import fold_batch_norm
from isoloss.robustness.looking import wide

# The folded network must give the unfolded one's logits up to rounding.
FOLDING_TOLERANCE = 1e-3
_MULTIPLIES = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


class Fast(nn.Module):
    """A frozen copy of a network on a device, in eval mode.

    Batch norms are folded into the layers before them where the graph allows and the logits agree,
    convolutions take channels last, and weights are kept in the precision they are used in.

    Args:
        model: (N, C, H, W) images in [0, 1] to (N, classes) logits.
        few: (n, C, H, W) some images, on which all this is tried out.
        precision: "fp32", "tf32", "bf16", or "auto" for the fastest that the device has.
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
        few = few.to(self.device)
        network = copy.deepcopy(model).to(self.device).eval().requires_grad_(False)
        network = (_folded(network, few) if fold else None) or network
        network = in_fast_layout(network, lambda: network(few))
        self.layout = (
            torch.channels_last
            if any(
                p.ndim == 4
                and p.is_contiguous(memory_format=torch.channels_last)
                and not p.is_contiguous()
                for p in network.parameters()
            )
            else torch.contiguous_format
        )
        if self.precision == "bf16":
            keep_weights_in_bf16(network)
        self.network = network.requires_grad_(False)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes), in at least single precision."""
        with arithmetic(self.device, self.precision):
            # Converted once: a first layer in another layout costs more, there and back.
            return wide(self.network(images.contiguous(memory_format=self.layout)))

    def train(self, mode: bool = True) -> Fast:
        """Stays in eval mode: folded batch norms have no statistics to follow."""
        return super().train(False)


def keep_weights_in_bf16(network: nn.Module) -> None:
    """Turn into bf16, once, what autocast would turn into bf16 at every batch."""
    for module in network.modules():
        # Only these very classes: what derives from them may do other things with its weights.
        if type(module) in _MULTIPLIES:
            module.to(torch.bfloat16)


@torch.no_grad()
def _folded(network: nn.Module, few: Tensor) -> nn.Module | None:
    """`network` without its batch norms, if it then gives the same."""
    folded = fold_batch_norm(copy.deepcopy(network), ())
    if folded is None:
        return None
    try:
        folded.network.load_state_dict(folded.state(network.state_dict()))
        folded.network.to(few.device)
        with arithmetic(few.device, "fp32"):
            expected, given = network(few), folded.network(few)
    except Exception:  # whatever a network of somebody's raises
        return None
    largest = expected.abs().max().clamp(min=1)
    agrees = bool(((given - expected).abs() <= FOLDING_TOLERANCE * largest).all())
    return folded.network if agrees else None
