"""What the host asks of a device, and what it hands over.

What lies on a CPU is known at once. A GPU answers when it has done all that it was given before,
and has nothing to do until the host has gone on: each answer is a wait. So what a step could ask is
asked together, or left open where nothing depends on it but work that would be saved.
"""

from __future__ import annotations

import torch
from torch import Tensor


def is_at_hand(tensor: Tensor) -> bool:
    """Whether the host knows a tensor's values without waiting for them."""
    return tensor.device.type == "cpu"


def may_hold(mask: Tensor) -> bool:
    """Whether any of a mask holds; True where nobody knows without waiting."""
    return not is_at_hand(mask) or bool(mask.any())


def surely_holds(mask: Tensor) -> bool:
    """Whether all of a mask holds; False where nobody knows without waiting."""
    return is_at_hand(mask) and bool(mask.all())


def told(*masks: Tensor) -> tuple[Tensor, ...]:
    """Masks of one shape as the host knows them, after one wait for all of them."""
    return masks if is_at_hand(masks[0]) else torch.stack(masks).cpu().unbind()


def sent(values: Tensor, device: torch.device) -> Tensor:
    """What the host knows, on a device, without waiting until it is there."""
    if device.type == "cuda" and len(values):
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def put(rows: Tensor, chosen: Tensor, *values: tuple[Tensor, Tensor]) -> None:
    """into[rows[chosen]] = values[chosen], of each pair of (into, values).

    Where to count those that are chosen would be a wait, the others are written too, as they are.

    Args:
        rows: (n,) int64, each once.
        chosen: (n,) bool.
        values: (N, …) and (n, …), of one type.
    """
    if is_at_hand(chosen):
        kept = chosen.nonzero()[:, 0]
        places = rows[kept]
        for into, new in values:
            into[places] = new[kept]
        return
    for into, new in values:
        wide = chosen.view(-1, *(1,) * (new.ndim - 1))
        into[rows] = torch.where(wide, new, into[rows])
