"""Retake the pictures of docs/curvature.md, of runs that are made for it in the folder named, or
there already, a minute of two cores: python tools/pictures/curvature.py FOLDER"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SAMPLES = "--samples 128 --tolerance 0.01 --probes 8"
COMMANDS = (
    # As gradient descent as can be: large batches, a rate that stays, no momentum.
    "train --model cnn --epochs 12 --batch-size 512 --optimizer sgd --momentum 0 --lr 0.2 "
    "--schedule constant --out runs/steady",
    f"sharpness runs/steady --every checkpoint --density 24 {SAMPLES} --largest 2 "
    "--out runs/steady-sharpness",
    "probe runs/steady --plane hessian --grid 31 --samples 256 --out runs/steady-hessian",
    f"render runs/steady-sharpness --out {PICTURES / 'sharpness.png'} --theme light --width-mm 130",
    f"render runs/steady-hessian --out {PICTURES / 'hessian.png'} --size 780x540 --theme light",
)


def main() -> None:
    """Make the runs, and draw them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    for words in COMMANDS:
        subprocess.run([sys.executable, "-m", "isoloss", *words.split()], check=True)


if __name__ == "__main__":
    main()
