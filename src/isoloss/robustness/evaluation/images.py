"""Images that are attacked: in the computer's memory, and on a GPU those that it is at work on."""

from __future__ import annotations

import torch
from torch import Tensor

from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.machine.waiting import sent
from isoloss.robustness.ascent.refusals import check_kind, within_range


class Images:
    """(N, C, H, W) in [0, 1], of which what is asked for comes on the device.

    Args:
        inputs: as data have them: uint8, or floats.

    Raises:
        IsolossError: if they are no images, or do not lie in [0, 1].
    """

    def __init__(self, inputs: Tensor, device: torch.device) -> None:
        self._device = device
        self._stays = inputs.device.type != "cpu" or device.type == "cpu"
        if self._stays:
            self._held = within_range(as_inputs(inputs).to(device))
        elif inputs.dtype == torch.uint8:  # a quarter of what they are as floats
            check_kind(torch.empty(inputs.shape, device="meta"))
            self._held = inputs
        else:
            self._held = within_range(inputs)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return self._held.shape

    def __getitem__(self, rows: int | slice) -> Tensor:
        """(C, H, W) one of them, or (n, C, H, W) several."""
        chosen = self._held[rows]
        return chosen if self._stays else sent(as_inputs(chosen), self._device)
