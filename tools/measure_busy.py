"""Measure what runs get of a machine that others use too, with and without what isoloss settles.

    python tools/measure_busy.py probe --beside 2 --turns 12 --seconds 2
    python tools/measure_busy.py attack --beside 0

Three contestants do the same work in turns, in processes that are loaded once: *settled*, as runs
do it; *as PyTorch is*, with what OpenMP does by itself; and *apart*, as many processes as there are
processors, of one thread each. These wait for nobody, so that what they do together is the fair
share of the work at that moment, whatever else the machine does. Ratios are taken within a round of
turns and given as medians. `--beside N` adds N processes that only compute, one thread each.
`--nice` has *settled* step back too, as jobs of the window do.

The work: `probe` evaluates points of a plane (VGG-11, bf16 where there is such), `train` takes
steps, `attack` climbs by PGD. Prints JSON, with the load it ran under.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

CHOSEN = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "KMP_LIBRARY")
CONTESTANTS = ("settled", "as PyTorch is", "apart")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", choices=WORK)
    parser.add_argument("--beside", type=int, default=0, metavar="N")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--network", default="vgg11")
    parser.add_argument("--spins", help="GOMP_SPINCOUNT of the first contestant [what is settled]")
    parser.add_argument("--against", default="300000", help="GOMP_SPINCOUNT of the second [300000]")
    parser.add_argument("--nice", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked)
    else:
        print(json.dumps(measure(asked), indent=2))


def measure(asked: argparse.Namespace) -> dict:
    from isoloss.bench.load import Load

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ExitStack() as stack:
        field = {
            "settled": [Worker(asked, {"GOMP_SPINCOUNT": asked.spins} if asked.spins else {})],
            "as PyTorch is": [
                Worker(asked, {"GOMP_SPINCOUNT": asked.against, "KMP_BLOCKTIME": "200"})
            ],
            "apart": [Worker(asked, {"OMP_NUM_THREADS": "1"}) for _ in range(count or 1)],
        }
        for workers in field.values():
            for worker in workers:
                stack.callback(worker.end)
        for workers in field.values():
            together(workers, 1.0)  # the first of everything takes longer
        for _ in range(asked.beside):
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(busy.kill)
        load, rates = Load(), {name: [] for name in field}
        for _ in range(asked.turns):
            for name in random.sample(CONTESTANTS, len(CONTESTANTS)):
                rates[name].append(together(field[name], asked.seconds))
        told = load.as_json()
    pairs = [*zip(*(rates[name] for name in CONTESTANTS), strict=True)]
    return {
        "work": asked.work, "network": asked.network, "beside": asked.beside, "load": told,
        "units a second": {name: round(statistics.median(r), 1) for name, r in rates.items()},
        "settled of the fair share": spread([s / f for s, _, f in pairs]),
        "as PyTorch is, of the fair share": spread([p / f for _, p, f in pairs]),
        "settled over as PyTorch is": spread([s / p for s, p, _ in pairs]),
    }  # fmt: skip


def spread(ratios: list[float]) -> dict:
    return {
        "median": round(statistics.median(ratios), 3),
        "quartiles": [round(q, 3) for q in statistics.quantiles(ratios)[::2]],
    }


def together(workers: list["Worker"], seconds: float) -> float:
    """Units a second of all of them at once."""
    for worker in workers:
        worker.ask(seconds)
    return sum(worker.answer() for worker in workers)


class Worker:
    """A process that has its work at hand, and does it when it is asked to."""

    def __init__(self, asked: argparse.Namespace, environment: dict[str, str]) -> None:
        words = [sys.executable, __file__, asked.work, "--network", asked.network, "--serve"]
        words += ["--nice"] if asked.nice and "KMP_BLOCKTIME" not in environment else []
        own = {k: v for k, v in os.environ.items() if k not in CHOSEN} | environment
        self._process = subprocess.Popen(
            words, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, seconds: float) -> None:
        print(seconds, file=self._process.stdin, flush=True)

    def answer(self) -> float:
        return float(self._process.stdout.readline())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def serve(asked: argparse.Namespace) -> None:
    """For each line, a number of seconds, work so long, and say how many units a second."""
    import isoloss  # noqa: F401  settles

    if asked.nice:
        from isoloss.system.priority import step_back

        step_back()
    units = WORK[asked.work](asked.network)
    next(units)
    for line in sys.stdin:
        began, done = time.perf_counter(), 0
        while (taken := time.perf_counter() - began) < float(line):
            done += next(units)
        print(done / taken, flush=True)


def subject(name: str):
    import torch

    from isoloss.bench.probe import small_cnn
    from isoloss.compute.networks.models import build_model

    torch.manual_seed(0)
    small = name == "small CNN"
    model = small_cnn(10) if small else build_model(name, 10, 32, mean=(0.5,) * 3, std=(0.25,) * 3)
    return model.eval(), torch.rand(64, 3, 32, 32), torch.arange(64) % 10


def probe(name: str) -> Iterator[int]:
    import torch

    from isoloss import random_plane
    from isoloss.bench.probe_peers import Probed
    from isoloss.compute.engine.evaluator import Evaluator
    from isoloss.compute.machine.device import reduced_precisions
    from isoloss.compute.machine.memory import keep_freed_memory

    keep_freed_memory()
    device = torch.device("cpu")
    probed = Probed(name, *subject(name))
    precision = [*reduced_precisions(device), "fp32"][0]
    plane, data = random_plane(probed.model), probed.samples(device)
    evaluator = Evaluator(probed.model, plane, data, None, device, precision=precision)
    while True:
        evaluator.move_to(random.random(), random.random())
        evaluator.mean_loss(len(data))
        yield len(data)


def train(name: str) -> Iterator[int]:
    import torch

    from isoloss.compute.machine.device import arithmetic, reduced_precisions
    from isoloss.compute.machine.memory import keep_freed_memory
    from isoloss.compute.training.weight_gradients import weights_apart

    keep_freed_memory()
    device = torch.device("cpu")
    precision = [*reduced_precisions(device), "fp32"][0]
    model, x, y = subject(name)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)
    with weights_apart(model, device):
        while True:
            with arithmetic(device, precision):
                loss = torch.nn.functional.cross_entropy(model(x).float(), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield len(x)


def attack(name: str) -> Iterator[int]:
    from isoloss.compute.machine.memory import keep_freed_memory
    from isoloss.robustness.ascent.protocol import Protocol
    from isoloss.robustness.attacks.pgd import attack as climbed
    from isoloss.robustness.speed.fast_classifier import Fast

    keep_freed_memory()
    model, x, y = subject(name)
    fast, steps = Fast(model, x), 4
    protocol = Protocol("busy", steps, keep_best=False)
    while True:
        climbed(fast, x[:32], y[:32], 8 / 255, protocol, batch_size=32)
        yield 32 * steps


WORK = {"probe": probe, "train": train, "attack": attack}

if __name__ == "__main__":
    main()
