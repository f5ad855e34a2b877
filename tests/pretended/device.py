"""PyTorch with a GPU that is not there: what it says of tensors, and how they get there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from tests.pretended.counts import Counts, line
from tests.pretended.graphs import Capture, Graph, Pool, State, Stream
from tests.pretended.marks import CPU, Marks
from tests.pretended.operations import Operations
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

FACTORIES = (
    "zeros", "ones", "empty", "full", "rand", "randn", "randint", "randperm", "arange", "linspace",
    "logspace", "eye", "empty_strided", "scalar_tensor", "zeros_like", "ones_like", "empty_like",
    "full_like", "rand_like", "randn_like", "randint_like", "tril_indices", "triu_indices",
)  # fmt: skip
OF_A_TENSOR = ("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided")
DRAWS = ("normal_", "uniform_", "random_", "bernoulli_", "exponential_", "bernoulli", "multinomial")
OF_VALUES = ("tensor", "as_tensor", "asarray")


class Gpu(Counts):
    """The pretended device: its counts, and what became of graphs and memory.

    Attributes:
        state: streams, captures, the allocator's pools.
        marks: which tensors are on it, and how much memory they take.
    """

    def __init__(self, kind: str, capability: tuple[int, int], memory: int | None, count: int):
        super().__init__()
        self.kind, self.capability, self.count, self.memory = kind, capability, count, memory
        self.state = State()
        self.marks = Marks(memory)
        self.operations = Operations(self.marks, self, self.state)

    def device(self, given: Any) -> torch.device:
        """With its index, as tensors say it."""
        if isinstance(given, int):
            return torch.device(self.kind, given)
        device = torch.device(given)
        return torch.device(self.kind, device.index or 0) if device.type == self.kind else device

    def moved(self, tensor: Tensor, to: torch.device, *, non_blocking: bool, **how: Any) -> Tensor:
        """A copy of a tensor on another device."""
        if to == CPU:
            self.operations.brought(to, waits=not non_blocking)
        elif tensor.device == CPU:
            pinned = non_blocking and self.marks.is_pinned(tensor)
            self.operations.brought(to, waits=not pinned)
        with self.operations.at(to):
            return _to(tensor, copy=True, **how)

    def one_hot(self, classes: Tensor, num_classes: int = -1) -> Tensor:
        """As it is on a GPU, where it looks at the classes only to count them."""
        if classes.device == CPU or num_classes == -1:
            return _one_hot(classes, num_classes)
        places = torch.arange(num_classes, device=classes.device)
        return (classes.unsqueeze(-1) == places).long()


_one_hot = torch.nn.functional.one_hot
_to = torch.Tensor.to
_tolist = torch.Tensor.tolist
_numpy = torch.Tensor.numpy
_set_item = torch.Tensor.__setitem__


def _grouped(gpu: Gpu) -> Any:
    """Of parameters: by where they are said to be."""
    group = torch._C._group_tensors_by_device_and_dtype

    def grouped(lists: list[list[Tensor]], *args: Any) -> dict[Any, Any]:
        where = gpu.marks.device_of(lists[0][0])
        return {(where, kind): found for (_, kind), found in group(lists, *args).items()}

    return grouped


def _of_tensors(gpu: Gpu) -> dict[str, Any]:
    """What tensors say and do."""

    def to(tensor: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
        if args and isinstance(args[0], Tensor):
            kwargs |= {"device": args[0].device, "dtype": args[0].dtype}
            args = args[1:]
        where, dtype, non_blocking, layout = torch._C._nn._parse_to(*args, **kwargs)
        how: dict[str, Any] = {"dtype": dtype or tensor.dtype}
        if layout is not None:
            how["memory_format"] = layout
        target = None if where is None else gpu.device(where)
        if target is None or target == tensor.device:
            return _to(tensor, copy=copy, **how)
        if "meta" in (target.type, tensor.device.type):
            return _to(tensor, device=target, copy=copy, **how)
        return gpu.moved(tensor, target, non_blocking=non_blocking, **how)

    def numpy(tensor: Tensor, **kwargs: Any) -> Any:
        if tensor.device != CPU:
            raise TypeError(
                f"can't convert {tensor.device} device type tensor to numpy. Use Tensor.cpu() to "
                "copy the tensor to host memory first."
            )
        return _numpy(tensor, **kwargs)

    def tolist(tensor: Tensor) -> Any:
        if tensor.device == CPU:
            return _tolist(tensor)
        gpu.operations.wait("tolist")
        with _disable_current_modes():
            return _tolist(tensor)

    def set_item(tensor: Tensor, index: Any, value: Any) -> None:
        gpu.operations.sets_a_number = not isinstance(value, Tensor)
        try:
            _set_item(tensor, index, value)
        finally:
            gpu.operations.sets_a_number = False

    def to_gpu(
        tensor: Tensor, device: Any = None, non_blocking: bool = False, **how: Any
    ) -> Tensor:
        return to(tensor, gpu.device(device or gpu.kind), non_blocking=non_blocking, **how)

    new = {name: _placed(gpu, getattr(torch.Tensor, name)) for name in (*OF_A_TENSOR, *DRAWS)}
    return new | {
        "device": property(gpu.marks.device_of),
        "is_cuda": property(lambda t: gpu.marks.device_of(t).type == "cuda"),
        "is_mps": property(lambda t: gpu.marks.device_of(t).type == "mps"),
        "get_device": lambda t: -1 if t.device == CPU else t.device.index,
        "to": to,
        "cpu": lambda t, **how: to(t, "cpu", **how),
        gpu.kind: to_gpu,
        "numpy": numpy,
        "tolist": tolist,
        "__setitem__": set_item,
        "pin_memory": lambda t, device=None: gpu.marks.pin(t.clone()),
        "is_pinned": lambda t, device=None: gpu.marks.is_pinned(t),
    }


def _placed(gpu: Gpu, make: Callable[..., Tensor], *, brings: bool = False) -> Any:
    """`make`, which may be asked for a device.

    Args:
        brings: whether what it is given is the host's.
    """

    def made(*args: Any, device: Any = None, **kwargs: Any) -> Tensor:
        of = [a.device for a in args if isinstance(a, Tensor)]
        target = gpu.device(device) if device is not None else of[0] if of else CPU
        _check_generator(kwargs.get("generator"), target)
        if device is None:
            pinned = kwargs.pop("pin_memory", False)
            made = make(*args, **kwargs)
            return gpu.marks.pin(made) if pinned else made
        if target.type != gpu.kind and target != CPU:
            return make(*args, device=device, **kwargs)
        if brings:
            made = make(*args, **kwargs)
            return made if made.device == target else made.to(target)
        pinned = kwargs.pop("pin_memory", False)
        with gpu.operations.at(target):
            made = make(*args, **kwargs)
        if pinned:
            gpu.marks.pin(made)
        return made

    return made


def _check_generator(generator: torch.Generator | None, device: torch.device) -> None:
    if generator is not None and generator.device.type != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found "
            f"'{generator.device.type}' (at {line()})"
        )


def _generator(gpu: Gpu) -> type[torch.Generator]:
    class Generator(torch._C.Generator):
        def __new__(cls, device: Any = "cpu") -> Generator:
            made = super().__new__(cls)
            made.pretended = gpu.device(device)
            made.held = SimpleNamespace(captured=False)
            return made

        device = property(lambda self: self.pretended)

        def graphsafe_get_state(self) -> Generator:
            other = Generator(self.device)
            other.held = self.held
            return other

        def graphsafe_set_state(self, other: Generator) -> None:
            self.held = other.held
            if self in torch.cuda.default_generators:
                gpu.state.random = self.held

        def clone_state(self) -> Generator:
            return Generator(self.device)

    return Generator


def _autocast(gpu: Gpu) -> type[torch.autocast]:
    class Autocast(torch.autocast):
        def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
            super().__init__("cpu" if device_type == gpu.kind else device_type, *args, **kwargs)

    return Autocast


def _of_cuda(gpu: Gpu) -> dict[str, Any]:
    """`torch.cuda`, of which all is here that isoloss uses."""
    state = gpu.state

    @contextmanager
    def on_stream(stream: Stream | None) -> Iterator[None]:
        before = state.stream
        state.stream = stream or before
        try:
            yield
        finally:
            state.stream = before

    class Event:
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...
        def record(self, stream: Any = None) -> None: ...
        def wait(self, stream: Any = None) -> None: ...
        def query(self) -> bool:
            return True

        def synchronize(self) -> None:
            gpu.operations.wait("event")

    def set_mode(mode: int | str) -> None:
        names = ("default", "warn", "error")
        state.sync_debug_mode = names.index(mode) if isinstance(mode, str) else mode

    def handle() -> tuple[int, int]:
        state.handles += 1
        return 0, state.handles

    def used(device: Any = None) -> int:
        return gpu.marks.used(gpu.device(device or gpu.kind))

    total = gpu.memory or 1 << 37
    generators = tuple(torch.Generator(f"cuda:{k}") for k in range(gpu.count))
    state.random = generators[0].held
    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: gpu.count,
        "current_device": lambda: 0,
        "set_device": lambda device: None,
        "device": lambda device: nullcontext(),
        "is_bf16_supported": lambda including_emulation=True: gpu.capability >= (8, 0),
        "get_device_capability": lambda device=None: gpu.capability,
        "get_device_name": lambda device=None: "pretended",
        "get_device_properties": lambda device=None: SimpleNamespace(
            name="pretended", total_memory=total, multi_processor_count=132,
            major=gpu.capability[0], minor=gpu.capability[1],
        ),
        "get_arch_list": lambda: ["sm_{}{}".format(*gpu.capability)],
        "synchronize": lambda device=None: gpu.operations.wait("synchronize"),
        "empty_cache": lambda: None,
        "get_per_process_memory_fraction": lambda device=None: state.share,
        "set_per_process_memory_fraction": lambda share, device=None: setattr(
            state, "share", share
        ),
        "mem_get_info": lambda device=None: (total - used(device), total),
        "memory_allocated": used,
        "memory_reserved": used,
        "max_memory_allocated": lambda device=None: gpu.marks.peak,
        "max_memory_reserved": lambda device=None: gpu.marks.peak,
        "reset_peak_memory_stats": lambda device=None: setattr(gpu.marks, "peak", 0),
        "manual_seed": lambda seed: None,
        "manual_seed_all": lambda seed: None,
        "get_rng_state": lambda device=None: torch.get_rng_state(),
        "set_rng_state": lambda new, device=None: torch.set_rng_state(new),
        "default_generators": generators,
        "Stream": Stream,
        "Event": Event,
        "stream": on_stream,
        "current_stream": lambda device=None: state.stream,
        "default_stream": lambda device=None: state.default_stream,
        "set_stream": lambda stream: setattr(state, "stream", stream),
        "CUDAGraph": lambda keep_graph=False: Graph(state),
        "graph": Capture,
        "graph_pool_handle": handle,
        "MemPool": lambda: Pool(state),
        "is_current_stream_capturing": lambda: state.capturing is not None,
        "get_sync_debug_mode": lambda: state.sync_debug_mode,
        "set_sync_debug_mode": set_mode,
    }  # fmt: skip


def _of_mps(gpu: Gpu) -> dict[str, Any]:
    """`torch.mps`."""
    device = torch.device("mps", 0)
    return {
        "synchronize": lambda: gpu.operations.wait("synchronize"),
        "empty_cache": lambda: None,
        "current_allocated_memory": lambda: gpu.marks.used(device),
        "driver_allocated_memory": lambda: gpu.marks.used(device),
        "recommended_max_memory": lambda: gpu.memory or 1 << 37,
        "get_rng_state": torch.get_rng_state,
        "set_rng_state": torch.set_rng_state,
        "manual_seed": lambda seed: None,
    }


@contextmanager
def pretended_gpu(
    capability: tuple[int, int] = (9, 0),
    memory: int | None = None,
    count: int = 1,
    kind: str = "cuda",
) -> Iterator[Gpu]:
    """Inside, this machine has `count` GPUs of one `kind`, "cuda" or "mps"."""
    gpu = Gpu(kind, capability, memory, count)
    names = (*FACTORIES, "normal", "bernoulli", "multinomial")
    made = {name: _placed(gpu, getattr(torch, name)) for name in names}
    made |= {name: _placed(gpu, getattr(torch, name), brings=True) for name in OF_VALUES}
    with ExitStack() as patches:

        def replace(owner: Any, **those: Any) -> None:
            for name, new in those.items():
                patches.enter_context(patch.object(owner, name, new, create=True))

        replace(torch, Generator=_generator(gpu), autocast=_autocast(gpu))
        replace(torch, **made)
        replace(torch.nn.functional, one_hot=gpu.one_hot)
        replace(torch._C, _group_tensors_by_device_and_dtype=_grouped(gpu))
        replace(torch.optim.Optimizer, _accelerator_graph_capture_health_check=lambda its: None)
        replace(torch.Tensor, **_of_tensors(gpu))
        if kind == "cuda":
            replace(torch.cuda, **_of_cuda(gpu))
            pools, uses = gpu.state.pools, gpu.state.uses
            replace(torch._C, _cuda_endAllocateToPool=lambda index, pool: pools.remove(pool))
            replace(torch._C, _cuda_releasePool=lambda index, pool: uses.subtract([pool]))
        else:
            replace(torch.mps, **_of_mps(gpu))
            replace(torch.backends.mps, is_available=lambda: True, is_built=lambda: True)
        patches.enter_context(gpu.operations)
        yield gpu
