"""Measure the landscapes of images and the quantities on a plane: what they take, and find.

    python tools/measure_landscapes.py image
    python tools/measure_landscapes.py quantity --grid 11
    python tools/measure_landscapes.py quantity --grid 5 --model own:resnet20 --checkpoint FILE \\
        --data imagefolder:/data/cifar10

`image` times whole commands: a plane through a digit, undefended, behind one draw of noise and a
denoiser, and behind the mean of twenty. `quantity` takes plain probes and probes with the
adversarial loss in turns and gives the ratio of what they take, by the clock and of processors;
then it attacks the same samples anew at some cells, with all steps from the images themselves, and
gives what the attack that goes on from the cell beside found less. Prints JSON.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call

import isoloss
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.training.network import load_network
from isoloss.robustness import Adversarial
from isoloss.robustness.ascent.ball import ball_of
from isoloss.settings import ProbeSettings

DEFENDED = ["--denoiser", "digits-denoiser", "--sigma", "0.25", "--draws"]
CELLS = 12
"""At which the attack is begun anew."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("image", "quantity"))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--grid", type=int, default=11)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--eps", type=float, nargs="+", default=[8 / 255])
    parser.add_argument("--norm", default="linf")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--model")
    parser.add_argument("--checkpoint", default="digits-classifier")
    parser.add_argument("--data")
    asked = parser.parse_args()
    print(json.dumps(image(asked) if asked.what == "image" else quantity(asked), indent=2))


def image(asked: argparse.Namespace) -> dict:
    cases = {"undefended": [], "one draw": [*DEFENDED, "1"], "mean of 20 draws": [*DEFENDED, "20"]}
    return {
        name: [_command([*words, "--image", str(turn)]) for turn in range(asked.turns)]
        for name, words in cases.items()
    }


def _command(words: list[str]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        probe = ["probe", "digits-classifier", "--space", "input", "--grid", "51", "--eps", "0.1"]
        command = [sys.executable, "-m", "isoloss", *probe, *words, "--out", f"{folder}/run"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        last = (Path(folder) / "run" / "events.jsonl").read_text().splitlines()[-1]
    return {
        "seconds": round(seconds, 1),
        "of processors": round(
            used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, 1
        ),
        "of the run itself": round(json.loads(last)["seconds"], 1),
    }


def _busy(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def quantity(asked: argparse.Namespace) -> dict:
    given = {"model": asked.model, "data": asked.data} if asked.model else {}
    settings = ProbeSettings(source=asked.checkpoint, split="test", **given)
    network = load_network(settings, settings.networks[0])
    split = network.dataset.split("test")
    inputs, targets = split.tensors()
    data = [(as_inputs(inputs[: asked.samples]), targets[: asked.samples])]
    plane = isoloss.random_plane(network.model, seed=0)
    axis = np.linspace(-0.5, 0.5, asked.grid)

    def probe(*quantities):
        return isoloss.probe(
            network.model, data, plane, axis, axis, precision="fp32", device="cpu",
            progress=False, quantities=quantities,
        )  # fmt: skip

    report = {"samples": len(data[0][1]), "grid": asked.grid, "steps": asked.steps}
    probe()  # the first one warms up
    for eps in asked.eps:
        attack = Adversarial(eps, steps=asked.steps, norm=asked.norm)
        turns = [(_taken(probe), _taken(partial(probe, attack))) for _ in range(asked.turns)]
        report[f"eps {eps:.4g}"] = {
            "times a plain probe": _median_ratio(turns, 0),
            "of processors": _median_ratio(turns, 1),
            **_against_anew(network.model, data, plane, axis, attack, probe(attack)),
        }
    return report


def _taken(action: Callable[[], object]) -> tuple[float, float]:
    start, busy = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - busy


def _median_ratio(turns: list, k: int) -> float:
    return round(statistics.median(with_it[k] / plain[k] for plain, with_it in turns), 2)


def _against_anew(model, data, plane, axis, attack, surface) -> dict:
    """What plain PyTorch finds anew at some cells, against what the surface has there."""
    ((images, labels),) = data
    cells = np.random.default_rng(0).permutation(len(axis) ** 2)[:CELLS]
    shares = []
    for cell in cells:
        i, j = divmod(int(cell), len(axis))
        at = _network_at(model, plane, axis[i], axis[j])
        clean, anew = _anew(at, images, labels, attack)
        found = surface.columns["adversarial"][i, j]
        shares.append(float((found - clean) / (anew - clean)))
    whole = surface.loss - surface.columns["adversarial"]
    return {
        "rise found, of that anew, mean": round(statistics.mean(shares), 4),
        "least": round(min(shares), 4),
        "most by which it is below the clean loss": float(whole.max()),
    }


def _network_at(model, plane, alpha, beta):
    moved = {
        name: tensor + alpha * plane.delta[name] + beta * plane.eta[name]
        if name in plane.delta else tensor
        for name, tensor in model.state_dict().items()
    }  # fmt: skip
    moved = {name: t.float() if t.is_floating_point() else t for name, t in moved.items()}
    return lambda images: functional_call(model, moved, (images,))


def _anew(at, images, labels, attack) -> tuple[float, float]:
    """The mean clean loss, and the mean over images of the largest loss of all iterates."""
    ball, here = ball_of(attack.norm, attack.eps), images
    clean = best = F.cross_entropy(at(images), labels, reduction="none").detach()
    for length in (*attack.lengths, 0.0):
        here = here.detach().requires_grad_()
        losses = F.cross_entropy(at(here), labels, reduction="none")
        (gradient,) = torch.autograd.grad(losses.sum(), here)
        best = torch.maximum(best, losses.detach())
        here = ball.project(here.detach() + length * ball.ascent(gradient), images).clamp(0, 1)
    return float(clean.double().mean()), float(best.double().mean())


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
