"""Check and measure on a GPU all that isoloss claims of one, in the first minutes there is one.

    python tools/measure_gpu.py --data imagefolder:cifar10 --out gpu.json   # all, 14 minutes
    python tools/measure_gpu.py --half 1 --budget 470 --out gpu.json        # what matters most
    python tools/measure_gpu.py --half 2 --budget 350 --out gpu.json        # the rest, added
    python tools/measure_gpu.py --device cpu --tiny --out tiny.json         # to try the script
    python tools/measure_gpu.py --out gpu.json --write docs/benchmarks.md   # into the page

Parts come in the order of what would be missed most, each with the seconds that it needs on an
H200; one for which there is no time is left out and says so. The file is written after every part,
and holds those of earlier calls too. What lacks a package is left out as well: what that is stands
at the beginning. Nothing is asserted: read "correct" and "faults".
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import json
import os
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = {
    "torch": "torch", "numpy": "numpy", "scipy": "scipy", "pydantic": "pydantic",
    "safetensors": "safetensors", "filelock": "filelock", "platformdirs": "platformdirs",
    "threadpoolctl": "threadpoolctl", "huggingface_hub": "huggingface_hub", "PIL": "pillow",
    "torchvision": "torchvision", "timm": "timm", "diffusers": "diffusers",
    "sklearn": "scikit-learn", "plyfile": "plyfile", "contourpy": "contourpy",
    "matplotlib": "matplotlib", "h5py": "h5py", "OpenGL": "PyOpenGL",
}  # fmt: skip
"""By the names they are imported by."""


@dataclass(frozen=True)
class Part:
    """One that is measured.

    Attributes:
        place: module:function, which is given the `Subjects`.
        seconds: on an H200.
        half: of a session that has two goes at a GPU.
    """

    name: str
    place: str
    seconds: float
    half: int = 1


PARTS = (
    Part("machine", "gpu.correctness:machine", 10),
    Part("correct", "gpu.correctness:correct", 60),
    Part("faults", "gpu.correctness:faults", 35),
    Part("rates", "gpu.probing:rates", 75),
    Part("surfaces", "gpu.probing:surfaces", 100),
    Part("pgd", "gpu.attacking:pgd", 90),
    Part("recordings", "gpu.probing:recordings", 20),
    Part("behind_noise", "gpu.attacking:behind_noise", 60, 2),
    Part("random_search", "gpu.attacking:random_search", 15, 2),
    Part("training", "gpu.learning:training", 35, 2),
    Part("denoiser_training", "gpu.learning:denoiser_training", 25, 2),
    Part("kill_and_resume", "gpu.learning:kill_and_resume", 75, 2),
    Part("rendering", "gpu.drawing:rendering", 30, 2),
    Part("sharpness", "gpu.curving:sharpness", 30, 2),
    Part("sizes", "gpu.probing:sizes", 40, 2),
    Part("large", "gpu.probing:large", 25, 2),
)


def main(arguments: list[str] | None = None) -> int:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", default="digits", help="or cifar10, imagefolder:PATH, patterns")
    parser.add_argument("--budget", type=float, default=840, help="seconds for everything")
    parser.add_argument("--half", type=int, choices=(1, 2))
    parser.add_argument("--parts", help="only these, with commas between")
    parser.add_argument("--tiny", action="store_true", help="quick, and of no meaning as figures")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put what is in --out there")
    asked = parser.parse_args(arguments)
    if asked.write is not None:
        from gpu.page import write

        write(asked.write, json.loads(asked.out.read_text(encoding="utf-8")))
        return 0
    return measure(asked)


def measure(asked: argparse.Namespace) -> int:
    until = time.monotonic() + asked.budget
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        names = " ".join(PACKAGES[name] for name in missing)
        tell(f"not installed, and left out what needs it: {names}")
        tell(f"wheels at hand: {sys.executable} -m pip install --no-index --no-deps WHEELS")
    if "torch" in missing:
        return 2
    importlib.import_module("isoloss")  # before torch, whose threads it settles
    import torch

    from isoloss.bench.load import Load
    from isoloss.compute.machine.device import choose_device
    from isoloss.compute.machine.memory import keep_freed_memory

    keep_freed_memory()
    device = choose_device(asked.device)
    data = "patterns" if asked.data == "digits" and "sklearn" in missing else asked.data
    subjects = importlib.import_module("gpu.subjects").Subjects(device, data, until, asked.tiny)
    report: dict[str, Any] = {}
    if asked.out.exists():
        report = json.loads(asked.out.read_text(encoding="utf-8"))
    wanted = None if asked.parts is None else asked.parts.split(",")
    load = Load()
    for part in PARTS:
        if (wanted is not None and part.name not in wanted) or asked.half not in (None, part.half):
            continue
        began, left = time.monotonic(), subjects.left
        if left < part.seconds and not asked.tiny:
            report[part.name] = f"left out: {left:.0f} s left, it takes about {part.seconds:.0f}"
        else:
            tell(f"{part.name} … ({left:.0f} s left)")
            report[part.name] = carried_out(part, subjects)
        report.setdefault("seconds", {})[part.name] = round(time.monotonic() - began, 1)
        report["missing"], report["load"] = missing, load.as_json()
        gc.collect()
        if device.type == "cuda":
            try:
                torch.cuda.empty_cache()
            except RuntimeError as error:
                report.setdefault("broken", []).append(f"after {part.name}: {told(error)}")
        asked.out.write_text(json.dumps(report, indent=1, default=str), encoding="utf-8")
    print(json.dumps(report, default=str))
    return 0


def carried_out(part: Part, subjects: Any) -> Any:
    """What a part has found, or why it has not."""
    try:
        module, _, function = part.place.partition(":")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(importlib.import_module(module), function)(subjects)
    except ModuleNotFoundError as error:
        return f"left out: {PACKAGES.get(str(error.name), error.name)} is not installed"
    except Exception as error:
        return {"error": told(error), "where": traceback.format_exc(limit=-3)[-800:]}


def told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def find_isoloss() -> None:
    """Where it is not installed it is the checkout's, for the processes that are begun here too."""
    if importlib.util.find_spec("isoloss") is None:
        source = str(Path(__file__).absolute().parent.parent / "src")
        sys.path.insert(1, source)
        others = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = os.pathsep.join([source, others] if others else [source])


if __name__ == "__main__":
    find_isoloss()
    sys.exit(main())
