"""Retake both pictures of docs/lab.md, of runs that are made for it in the folder named, or there
already, a minute of two cores:

    xvfb-run -s "-screen 0 1280x800x24" .venv/bin/python tools/pictures/lab.py FOLDER
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
ATTACK = "--samples 100 --eps 0.02 0.05 0.1 --attacks pgd"
COMMANDS = (
    "train --model cnn --epochs 8 --batch-size 64 --schedule cosine --out runs/rates "
    "--sweep lr=0.1,0.03,0.01,0.003",
    "probe runs/rates-lr0.1 --plane pca --samples 256 --out runs/rates-pca",
    f"attack runs/rates-lr0.1 {ATTACK} --out runs/lr0.1-attack",
    f"attack runs/rates-lr0.01 {ATTACK} --out runs/lr0.01-attack",
    "compare runs/lr0.1-attack runs/lr0.01-attack --what accuracy "
    f"--out {PICTURES / 'comparison.png'}",
)

os.environ["ISOLOSS_GUI_SHOTS"] = str(PICTURES)  # which the driver asks for when it is imported
sys.path.insert(0, str(ROOT / "tests" / "gui"))

from drive import Driver, drive  # noqa: E402


def lab(d: Driver) -> None:
    """A sweep is chosen in the library, and its curves are compared."""
    workspace = d.parts.workspace
    d.until(lambda: workspace.runs.library.is_whole, "the library")
    workspace.comparison.compare_tag("rates")
    workspace.comparison.change(parts=("test",))
    d.parts.choose_layout("Compare")
    d.until(lambda: workspace.comparison.shown.comparison.charts, "the curves")
    d.until(lambda: d.ctx.item_exists("//Compare/copy"), "the layout")
    d.ctx.yield_(60)
    d.shot("lab.png")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    os.environ["ISOLOSS_CONFIG_DIR"] = str(Path("config").absolute())
    for words in COMMANDS:
        subprocess.run([sys.executable, "-m", "isoloss", *words.split()], check=True)
    drive(lab)
