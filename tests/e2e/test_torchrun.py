"""Several processes under torchrun, with kills on the way: nothing lost, nothing done twice, and
the network that one process trains."""

import itertools
import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import isoloss
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Log, Metric, Paused, Started
from isoloss.geometry.files.reading import load_trajectories
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import resume

# The network can be told to kill its process, or to wait for ever, in a step of the training, or to
# kill it while it is probed.
USER = """
import os, signal, time
from pathlib import Path
from torch import nn
import torch

HERE = Path(__file__).parent


class Network(nn.Sequential):
    steps = evaluations = 0

    def forward(self, x):
        self.steps += self.training
        self.evaluations += not self.training
        if os.environ.get("MISHAP") == "kill the probe":
            kill_one_while_the_other_waits(int(os.environ["RANK"]), self.evaluations)
        if self.steps == 20 and self.training:
            act(os.environ.get("MISHAP"), int(os.environ.get("RANK", 0)))
        return super().forward(x)


def act(mishap, rank):
    if mishap == "kill" and rank == 1 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    if mishap == "wait" and rank == 0:
        (HERE / "waiting").touch()
        while True:
            time.sleep(0.05)


def kill_one_while_the_other_waits(rank, evaluations):
    # Rank 0 stops in its first unit, so that rank 1 gets enough of the first round's 16.
    killed = HERE / os.environ["MARK"]
    if rank == 1 and evaluations == 20 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    while rank == 0 and evaluations > 4 and not killed.exists():
        time.sleep(0.01)


def network(num_classes):
    head = nn.Linear(36, num_classes)
    return Network(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Dropout(0.0), nn.Flatten(), head)


def data():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 3
    x = torch.rand(60, 3, 8, 8, generator=generator) * 0.5 + y.view(-1, 1, 1, 1) * 0.2
    return (x[:45], y[:45]), (x[45:], y[45:])
"""
# 45 samples: five batches of 8 and one of 5, shared as 2 and 3.
SETTINGS = TrainSettings(
    model="tinyuser:network", data="tinyuser:data", epochs=6, batch_size=8, device="cpu",
    precision="fp32", augment="crop-flip", checkpoints_per_epoch=2,
)  # fmt: skip

SCRIPT = """
import sys
import torch
from torch import nn
import isoloss

torch.manual_seed(0)
torch.set_num_threads(1)
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
data = [(torch.randn(64, 6), torch.arange(64) % 3)]
path = [{k: scale * v for k, v in model.state_dict().items()} for scale in (0.5, 0.8, 1.0)]
found = []
for seed in (0, 1):
    surface = isoloss.probe(
        model, data, isoloss.random_plane(model, seed=seed), range(-9, 10), range(-9, 10),
        trajectory=path, device="cpu", batch_size=4, points_at_once=1, progress=False,
        out=f"{sys.argv[1]} {seed}",
    )
    found.append(float(surface.loss.sum() + surface.trajectories[0].loss.sum()))
print(found)
"""

MAPPING = """
import json, os, signal, time
from pathlib import Path
from isoloss.compute.machine.torchrun_group import process_group

life = os.environ["TORCHELASTIC_RESTART_COUNT"]
results, both_work = Path("results.jsonl"), Path(f"both-work-{life}")
first = life == "0"
group = process_group()
mine = []

def work(unit):
    if group.ranks.rank == 1:
        both_work.touch()
        if first and len(mine) == 3:
            while results.read_text().count(", 1, true]") < 3:
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGKILL)
    while not both_work.exists():
        time.sleep(0.005)
    if group.ranks.rank == 0 or not first:
        time.sleep(0.02)
    mine.append(unit)
    return json.dumps([unit[0] * unit[1], group.ranks.rank]).encode()

if group.ranks.rank:
    group.serve(work)
else:
    results.touch()
    known = map(json.loads, results.read_text().splitlines())
    done = {tuple(unit) for unit, *_ in known}
    missing = [(i, j) for i in range(8) for j in range(25) if (i, j) not in done]
    with results.open("a", buffering=1) as file:
        for unit, result in group.map(missing, work):
            file.write(json.dumps([unit, *json.loads(result), first]) + "\\n")
    group.release()
group.close()
"""


def torchrun(folder, *words, **environment):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.Popen(
        [*command, "--nproc-per-node", "2", "--max-restarts", "1", *words],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder), **environment},
    )  # fmt: skip


def output_of(process):
    """What it printed, once it and all that it started have ended."""
    try:
        return process.communicate(timeout=200)[0]
    except subprocess.TimeoutExpired:
        process.terminate()  # torchrun takes its processes along
        print(process.communicate(timeout=60)[0])
        raise


@pytest.fixture(scope="module")
def by_one_process(tmp_path_factory):
    """A folder with the user's module, and the run in it that one process resumed."""
    folder = tmp_path_factory.mktemp("torchrun")
    (folder / "tinyuser.py").write_text(USER, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "tinyuser", raising=False)
        run = Run.create(folder / "one", SETTINGS)
        list(resume(run))
        yield run
        sys.modules.pop("tinyuser", None)


def assert_same(run, other):
    assert run.is_done
    mine, theirs = read_trajectory(run), read_trajectory(other)
    assert [p.step for p in mine] == [p.step for p in theirs] == list(range(0, 37, 3))
    for name in ("loss", "test_loss", "accuracy", "test_accuracy"):
        np.testing.assert_allclose(
            [getattr(p, name) for p in mine], [getattr(p, name) for p in theirs], atol=1e-5
        )
    mine, theirs = (load_state(r.checkpoints / "0012.safetensors") for r in (run, other))
    assert mine.keys() == theirs.keys()
    for name, weights in mine.items():
        np.testing.assert_allclose(weights, theirs[name], atol=1e-5)


def test_two_processes_of_which_one_is_killed_train_the_network_that_one_does(by_one_process):
    folder = by_one_process.folder.parent
    run = Run.create(folder / "two", SETTINGS)
    process = torchrun(folder, "-m", "isoloss", "run", "two", MISHAP="kill")
    output = output_of(process)
    assert process.returncode == 0, output
    assert Log("resuming at epoch 3") in [event for _, event in run.events()]
    assert run.environment["processes"] == 2
    assert_same(run, by_one_process)


def test_what_torchrun_was_told_to_stop_is_paused_and_one_process_goes_on(by_one_process):
    folder = by_one_process.folder.parent
    run = Run.create(folder / "paused", SETTINGS)
    process = torchrun(folder, "-m", "isoloss", "run", "paused", MISHAP="wait")
    deadline = time.monotonic() + 120
    while not (folder / "waiting").exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    process.terminate()
    # Rank 1 waits for rank 0's gradient meanwhile. The output ends when all processes have.
    output = output_of(process)
    assert "go on with: isoloss run" in output
    assert "Traceback" not in output.partition("go on with")[0]
    assert isinstance(run.events()[-1][1], Paused)
    list(resume(run))
    assert_same(run, by_one_process)


def test_two_processes_train_the_denoiser_that_one_does(by_one_process):
    folder = by_one_process.folder.parent
    asked = TrainSettings(
        task="denoiser", denoiser="tiny", data="tinyuser:data", epochs=2, batch_size=8,
        device="cpu", precision="fp32",
    )  # fmt: skip
    one = Run.create(folder / "denoiser", asked)
    list(resume(one))
    run = Run.create(folder / "denoiser by two", asked)
    process = torchrun(folder, "-m", "isoloss", "run", run.name)
    output = output_of(process)
    assert process.returncode == 0, output
    assert run.is_done
    assert run.environment["processes"] == 2
    mine, theirs = (
        [(e.epoch, e.train_loss, e.test_loss) for _, e in r.events() if isinstance(e, Metric)]
        for r in (run, one)
    )
    assert len(mine) == 3
    np.testing.assert_allclose(mine, theirs, rtol=1e-4)


@pytest.mark.parametrize(("plane", "tolerance"), [("pca", None), ("random", 0.2)])
def test_two_processes_of_which_one_is_killed_probe_the_surface_that_one_does(
    by_one_process, plane, tolerance
):
    folder = by_one_process.folder.parent
    settings = ProbeSettings(
        source=by_one_process.folder, plane=plane, grid=(19, 21), tolerance=tolerance,
        device="cpu", precision="fp32", batch_size=8, points_at_once=1,
    )  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as torchrun's processes have
    one = Run.create(folder / f"surface {tolerance}", settings)
    list(resume(one))
    torch.set_num_threads(threads)
    run = Run.create(folder / f"surface {tolerance} by two", settings)
    process = torchrun(folder, "-m", "isoloss", "run", run.name,
                       MISHAP="kill the probe", MARK=f"killed {tolerance}")  # fmt: skip
    output = output_of(process)
    assert process.returncode == 0, output
    events = [event for _, event in run.events()]
    assert sum(isinstance(event, Started) and event.device == "cpu" for event in events) == 2
    tally = next(e.message for e in events if isinstance(e, Log) and e.message.startswith("units"))
    shares = [int(n.replace(",", "")) for n in re.findall(r"rank \d ([\d,]+)", tally)]
    # Rank 1 had evaluated a few before it was killed; what was left was dealt to both again.
    assert len(shares) == 2
    assert sum(shares) > 0
    mine, theirs = isoloss.load(run.folder), isoloss.load(one.folder)
    for name in ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    paths = [load_trajectories(r.folder) for r in (run, one)]
    assert [len(p) for p in paths[0]] == ([13] if plane == "pca" else [])
    for ours, its in zip(*paths, strict=True):
        np.testing.assert_array_equal(ours.loss, its.loss)


def test_units_that_a_killed_process_had_are_dealt_again_and_no_others(tmp_path):
    (tmp_path / "map_units.py").write_text(MAPPING, encoding="utf-8")
    process = torchrun(tmp_path, "map_units.py")
    output = output_of(process)
    assert process.returncode == 0, output
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    units = [tuple(unit) for unit, *_ in lines]
    assert sorted(units) == list(itertools.product(range(8), range(25)))
    assert all(product == i * j for (i, j), product, *_ in lines)
    before = [rank for *_, rank, first in lines if first]
    assert before.count(1) == 3
    assert 0 < len(before) < 200
    # Units take the same time at both: each does about half.
    after = [rank for *_, rank, first in lines if not first]
    assert 0.35 < after.count(1) / len(after) < 0.65


def test_a_script_s_first_process_does_not_end_before_the_second_has_come(tmp_path):
    late = "import os, time\nif os.environ['RANK'] == '1':\n    time.sleep(10)\n"
    (tmp_path / "script.py").write_text(late + SCRIPT, encoding="utf-8")
    process = torchrun(tmp_path, "script.py", "late")
    output = output_of(process)
    assert process.returncode == 0, output
    first, second = (line for line in output.splitlines() if line.startswith("["))
    assert first == second


def test_two_processes_share_the_probes_of_a_script_that_both_run(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    process = torchrun(tmp_path, "script.py", "two")
    output = output_of(process)
    assert process.returncode == 0, output
    command = [sys.executable, "script.py", "one"]
    alone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90)
    # All processes are given the surfaces that one process finds.
    assert output.count(alone.stdout.strip()) == 2, (output, alone)
    for seed in (0, 1):
        run, one = Run.open(tmp_path / f"two {seed}"), Run.open(tmp_path / f"one {seed}")
        assert run.environment["processes"] == 2
        mine, theirs = isoloss.load(run.folder), isoloss.load(one.folder)
        for name in ("loss", "accuracy", "count"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
