"""Train the networks in data/models anew: a classifier and a denoiser for digits.

About four minutes on two CPU cores. In single precision on the CPU and from fixed seeds, so that
the same machine gives the same files; another's differ by rounding.

Usage: make_digits_models.py [FOLDER FOR THE RUNS]
"""

import json
import shutil
import sys
from pathlib import Path

from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.compute.training.recorded_trajectory import read_trajectory, to_lines
from isoloss.events import Done, Metric, to_line
from isoloss.files import write_json
from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.terminal import ProgressBar
from isoloss.work import resume

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "data" / "models"
COMMON = {"data": "digits", "device": "cpu", "precision": "fp32"}
ASKED = {
    "digits-classifier": TrainSettings(
        **COMMON, model="resnet20", epochs=15, batch_size=64, schedule="cosine",
        checkpoints_per_epoch=1,
    ),
    "digits-denoiser": TrainSettings(
        **COMMON, task="denoiser", denoiser="tiny", epochs=30, batch_size=32, average=0.999,
        checkpoints_per_epoch=0.2,
    ),
}  # fmt: skip
# What says something about the machine rather than about the networks.
UNTOLD = ("system", "python", "processes")


def main() -> None:
    runs = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs"
    for name, settings in ASKED.items():
        run = Run.create(runs / name, settings)
        bar = ProgressBar(label=name)
        for event in resume(run):
            bar.show(event)
        bar.close()
        ship(run, MODELS / name)


def ship(run: Run, folder: Path) -> None:
    """Copy what is needed of a finished run: the settings, the curves and what was learnt."""
    shutil.rmtree(folder, ignore_errors=True)
    described = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    for fact in UNTOLD:
        described["environment"].pop(fact, None)
    write_json(folder / "run.json", described)
    lines = [to_line(e, 0.0) for _, e in run.events() if isinstance(e, Metric | Done)]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shipped = Run.open(folder)
    if described["settings"]["task"] == "denoiser":
        shutil.copytree(run.denoiser_path, shipped.denoiser_path)
        return
    last = read_trajectory(run)[-1]
    save_tensors(
        shipped.checkpoints / last.checkpoint, load_state(run.checkpoints / last.checkpoint)
    )
    write_json(shipped.checkpoints / "trajectory.json", to_lines([last]))


if __name__ == "__main__":
    main()
