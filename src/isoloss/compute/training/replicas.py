"""Train one network with several processes: each computes its shard of every batch.

The batches, their order and their augmentation are those of one process, and the gradient is that
of the whole batch's mean loss, however the batch divides. What is not the same is batch norm: it
normalizes each shard by the shard's own statistics, and those that are kept are rank 0's.
"""

# PyTorch documents these names and exports them without saying so.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from isoloss.compute.machine.process_group import ProcessGroup, Ranks
from isoloss.errors import IsolossError

# Rank 0 evaluates and saves while the others wait in their next step.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Shard:
    """What one rank computes of a batch.

    Attributes:
        rows: which of the batch's samples.
        weight: what the mean loss over `rows` weighs, so that the mean over the ranks of the
            weighted gradients is the gradient of the batch's mean loss.
        counts: whether `rows` enter the sums over all ranks.
    """

    rows: slice
    weight: float
    counts: bool


def shard_of(samples: int, ranks: Ranks) -> Shard:
    """The shard of one of `ranks` in a batch of `samples`; shards differ by a sample at most.

    Batch norm can make nothing of a single sample: a batch with less than two for each rank is
    computed whole by every rank. So a run's steps are the same for any number of processes.
    """
    if ranks.world == 1 or samples < 2 * ranks.world:
        return Shard(slice(0, samples), 1.0, ranks.rank == 0)
    first, end = (samples * r // ranks.world for r in (ranks.rank, ranks.rank + 1))
    return Shard(slice(first, end), (end - first) * ranks.world / samples, True)


def check_device(device: torch.device, ranks: Ranks) -> None:
    """Refuse what several processes cannot train on.

    Raises:
        IsolossError: if the processes of a machine would share a GPU.
    """
    if ranks.world == 1 or device.type == "cpu":
        return
    gpus = torch.cuda.device_count() if device.type == "cuda" else 0
    if not gpus:
        raise IsolossError("several processes train on CUDA or the CPU: choose --device cpu")
    if ranks.local_world > gpus:
        raise IsolossError(
            f"{ranks.local_world} processes cannot train on {gpus} GPU(s): start one for each GPU"
        )


@contextmanager
def replicated(
    model: nn.Module,
    try_out: Callable[[nn.Module], Tensor],
    device: torch.device,
    group: ProcessGroup,
) -> Iterator[nn.Module]:
    """What a training step calls in place of `model`: itself, or with several processes a wrapper
    whose backward passes average the gradients over all of them.

    Entering gives every rank the parameters and buffers of rank 0's `model`.

    Args:
        try_out: what the network gives for a few samples.
        device: where the network is.

    Raises:
        IsolossError: at the step in which another process is missing.
    """
    if group.ranks.world == 1:
        yield model
        return
    on_gpu = device.type == "cuda"
    if on_gpu:
        # What names no GPU would else go to the first, at every rank.
        torch.cuda.set_device(device)
    # PyTorch has no NCCL on Windows; gloo takes tensors of GPUs too.
    by_nccl = on_gpu and dist.is_nccl_available()
    dist.init_process_group(
        "nccl" if by_nccl else "gloo",
        store=group.store(),
        rank=group.ranks.rank,
        world_size=group.ranks.world,
        timeout=PATIENCE,
        device_id=device if by_nccl else None,
    )
    try:
        yield DistributedDataParallel(
            model,
            device_ids=[device] if on_gpu else None,
            find_unused_parameters=_has_idle_parameters(model, try_out),
        )
    except RuntimeError as error:
        # What gloo raises has no type of its own.
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise IsolossError(
                "another process has ended or cannot be reached: the run can be resumed"
            ) from error
        raise
    # Only after a good end: with a process missing it would wait for it.
    dist.destroy_process_group()


def add_up(sums: Tensor, ranks: Ranks) -> Tensor:
    """`sums` added up over all ranks, in place."""
    if ranks.world > 1:
        dist.all_reduce(sums)
    return sums


def _has_idle_parameters(model: nn.Module, try_out: Callable[[nn.Module], Tensor]) -> bool:
    """Whether the loss does not depend on some parameter: looking for those in every step costs
    time, and not to look for them where there are some is an error."""
    model.eval()
    try_out(model).sum().backward()
    idle = any(p.requires_grad and p.grad is None for p in model.parameters())
    model.zero_grad(set_to_none=True)
    return idle
