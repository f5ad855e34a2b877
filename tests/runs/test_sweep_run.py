"""A sweep on the command line: each run is what it would be alone."""

from __future__ import annotations

import json
from pathlib import Path

from isoloss.cli.main import main
from isoloss.run import Run


def trained(*words: str, out: str) -> None:
    asked = ["train", "--model", "tinyuser:network", "--data", "tinyuser:data", "--epochs", "2"]
    assert main([*asked, "--device", "cpu", *words, "--out", out]) == 0


def points(folder: str) -> list[dict[str, float]]:
    content = json.loads((Path(folder) / "checkpoints" / "trajectory.json").read_text())
    return [{k: v for k, v in point.items() if k != "checkpoint"} for point in content]


def test_each_run_of_a_sweep_is_as_if_it_were_alone(in_folder_of_users_module, one_thread):
    trained("--sweep", "lr=0.05,0.01", "seed=0,3", out="runs/swept")
    for lr in ("0.05", "0.01"):
        for seed in ("0", "3"):
            trained("--lr", lr, "--seed", seed, out=f"runs/alone-{lr}-{seed}")
            swept = next(
                run.folder
                for run in map(Run.open, Path("runs").glob("swept-*"))
                if (run.settings.lr, run.settings.seed) == (float(lr), int(seed))
            )
            assert points(str(swept)) == points(f"runs/alone-{lr}-{seed}")
