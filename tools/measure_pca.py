"""Measure a PCA plane of many large checkpoints: time against merely reading them, and memory.

    python tools/measure_pca.py --folder /scratch/pca

writes 100 checkpoints of a ResNet-50 (10.2 GB; a random walk) into a new folder inside `--folder`,
measures each step in a process of its own, prints JSON and deletes what it wrote. With `--cold`
each step starts with nothing of the files in the page cache. Memory is given twice: all that was
resident, and what of it was not mapped from files. Linux only.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torchvision.models import resnet50

from isoloss import Plane, pca_plane
from isoloss.compute.machine.memory import keep_freed_memory
from isoloss.compute.networks.checkpoints import save_tensors

STEP = 1e-3
READ = 1 << 22


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--checkpoints", type=int, default=100)
    parser.add_argument("--cold", action="store_true", help="empty the page cache of the files")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="checkpoints-") as folder:
        paths = walk(Path(folder), asked.checkpoints)
        print(json.dumps(measure_all(paths, asked.cold), indent=2))


def walk(folder: Path, checkpoints: int) -> list[Path]:
    """Checkpoints of a random walk that starts at a freshly initialized network."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    state = resnet50(weights=None).state_dict()
    paths = []
    for i in range(checkpoints):
        for tensor in state.values():
            if tensor.is_floating_point():
                tensor += STEP * torch.randn(tensor.shape, generator=generator)
        paths.append(save_tensors(folder / f"{i:04}.safetensors", state))
    return paths


def measure_all(paths: list[Path], cold: bool) -> dict:
    gigabytes = sum(p.stat().st_size for p in paths) / 1e9
    plane = paths[0].parent / "plane.safetensors"
    steps = {
        "read once": (read, (paths,), 1),
        "pca_plane": (cut, (paths, plane), 2),
        "locate": (locate, (paths, plane), 1),
    }
    report = {"checkpoints": len(paths), "GB": round(gigabytes, 2), "cold": cold}
    for name, (function, arguments, passes) in steps.items():
        if cold:
            forget(paths)
        report[name] = in_process_of_its_own(function, arguments)
        report[name]["GB/s"] = round(passes * gigabytes / report[name]["seconds"], 2)
    return report


def in_process_of_its_own(function: Callable, arguments: tuple) -> dict:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(measured, (function, arguments))


def measured(function: Callable, arguments: tuple) -> dict:
    keep_freed_memory()  # as every run does
    done = threading.Event()
    anonymous = [resident_anonymous()]

    def watch():
        while not done.wait(0.01):
            anonymous.append(resident_anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, busy = time.perf_counter(), time.process_time()
    function(*arguments)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    done.set()
    watcher.join()
    return {
        "seconds": round(seconds, 2),
        "of processors": round(busy, 2),
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "peak MB not of files": round(max(anonymous) / 1e3),
        "MB before": round(anonymous[0] / 1e3),
    }


def resident_anonymous() -> int:
    """kB of this process in memory that no file backs."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split(maxsplit=1)[0])


def forget(paths: Sequence[Path]) -> None:
    os.sync()
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(paths: Sequence[Path]) -> None:
    """The floor: every byte of every file, once."""
    buffer = memoryview(bytearray(READ))
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def cut(paths: Sequence[Path], plane: Path) -> None:
    pca_plane(resnet50(weights=None), paths).save(plane)


def locate(paths: Sequence[Path], plane: Path) -> None:
    Plane.load(plane).locate(paths)


if __name__ == "__main__":
    main()
