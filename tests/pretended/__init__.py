"""A GPU that is not there: values are computed on the CPU, and what a GPU would refuse is refused.

    from tests.pretended import pretended_gpu

    with pretended_gpu() as gpu:
        isoloss.probe(network, data, plane, device="cuda", …)
    gpu.waits     # Counter {("compute/engine/schedule.py:234", "tolist"): 16}: the host has waited
    gpu.copies    # Counter {("compute/data/batch.py:80", "to the device"): 2}
    gpu.launches  # operations on the device; the kernels of a replayed graph are not among them

Inside, `torch.cuda` says that there is a GPU, and tensors sent to "cuda" say that they are on it,
with their views and all that operations make of them. As on a GPU
- operations on tensors of several devices raise, as do generators of another device and `numpy()`;
- `.item()`, `bool()`, `.tolist()`, `.cpu()`, `nonzero`, masks as indices,
  `torch.cuda.synchronize()`, and copies from memory that is not pinned wait; each is counted by the
  line of isoloss that asks for it (where isoloss does not, by that of the test), and refused in a
  graph's capture and in the sync debug mode "error";
- a graph's capture notes operations and where their tensors lie, and its replay carries them out
  there; what Python has decided meanwhile is as it was. A failed one leaves the stream, the
  allocator's pool and the default generator as PyTorch 2.11 leaves them;
- with `memory`, what exceeds it raises `torch.OutOfMemoryError`.

`pretended_gpu` takes `capability` (9, 0), `memory` in bytes (none: no end of it), `count` of GPUs,
and `kind` "mps" for Apple's, which has no float64. What it cannot show: whether kernels give what
the CPU gives, and how long they take.
"""

from tests.pretended.device import Gpu, pretended_gpu

__all__ = ["Gpu", "pretended_gpu"]
