"""How many images suitably go through a network together: by how wide its activations are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from isoloss.compute.machine.memory import fewer_at_once, refuse_out_of_memory, total_bytes
from isoloss.compute.networks.acceleration import watched_outputs

# The widest activations of a batch: on a CPU what stays in the last-level cache, elsewhere what
# keeps the device busy, of its memory a share: what is kept for gradients is many times as much. It
# follows from network and device, not from what is free, for what is random may depend on it.
WIDEST_BYTES = {"cpu": 8 << 20, "mps": 64 << 20, "cuda": 256 << 20}
SHARE_OF_MEMORY = 64
FORWARD_ALONE = 4
"""A batch that goes forward alone may have activations so many times as wide, since none are kept
for a backward pass."""
MOST_BYTES = 64 << 20
"""A batch has `SMALLEST_BATCH` images or more, unless its widest activations would exceed this."""
SMALLEST_BATCH, LARGEST_BATCH = 64, 256
"""Images in a batch; elsewhere than on a CPU, the largest is four times as large."""


@dataclass
class BatchSizes:
    """Images that suitably go through a network together; fewer once memory has not sufficed.

    Attributes:
        attacking: forward and back.
        counting: forward alone.
    """

    attacking: int = SMALLEST_BATCH
    counting: int = SMALLEST_BATCH

    def halve(self, error: Exception, device: torch.device) -> None:
        """From now on half as many, where memory did not suffice.

        Raises:
            IsolossError: if it does not suffice for one image.
            Exception: `error`, if it is another.
        """
        self.counting = fewer_at_once(self.counting, error, device)
        self.attacking = max(self.attacking // 2, 1)

    def at_most(self, other: BatchSizes) -> BatchSizes:
        """What suits both networks."""
        return BatchSizes(min(self.attacking, other.attacking), min(self.counting, other.counting))


@torch.no_grad()
def suitable_batch_sizes(network: nn.Module, few: Tensor, run: Callable[[], object]) -> BatchSizes:
    """Of images that suitably go through `network` together on their device.

    Args:
        run: runs it on `few` images.
    """
    widest = 1

    def measure(_: nn.Module, output: Tensor) -> None:
        nonlocal widest
        widest = max(widest, output.numel() * output.element_size() // len(few))

    try:
        with watched_outputs(network, measure):
            run()
    except Exception as error:  # what a network cannot do is said where it is asked to
        refuse_out_of_memory(error)
        return BatchSizes()
    kind, memory = few.device.type, total_bytes(few.device)
    suitable, most = WIDEST_BYTES[kind], MOST_BYTES
    if memory is not None:
        suitable = min(suitable, memory // SHARE_OF_MEMORY)
        most = min(most, suitable)
    largest = LARGEST_BATCH if kind == "cpu" else 4 * LARGEST_BATCH
    smallest = min(SMALLEST_BATCH, max(most // widest, 1))

    def within(size: int) -> int:
        suits = max(size // widest, smallest)
        return min(1 << suits.bit_length() - 1, largest)

    return BatchSizes(within(suitable), within(FORWARD_ALONE * suitable))
