"""The names of what lies in the folder of a run; `Run` has the paths.

What each holds is in docs/architecture.md. The inside of `surface/` is `GrowingSurface`'s own.
"""

from pathlib import Path

from isoloss.paths import is_file

RUN = "run.json"
EVENTS = "events.jsonl"
JOB_LOG = "job.log"
ABOUT = "about.json"
LOCK = ".lock"
STOP = ".stop"

CHECKPOINTS = "checkpoints"
POINTS = "trajectory.json"
RESUME = "resume.safetensors"
STOPPED = "stopped.safetensors"
DENOISER = "denoiser"
BEZIER = "bezier.safetensors"

PLANE = "plane.safetensors"
GROWING = "surface"
SAMPLES = "samples.npy"
SURFACE = "surface.ply"
MINIMA = "surface-minima.csv"
TRAJECTORY = "trajectory.ply"
CURVE = "curve.npz"
EPOCHS = "epochs.csv"
DEFENDED_GROWING = "defended"
DEFENDED = "defended.ply"

OUTCOMES = "outcomes"
UNITS = "units.jsonl"
TABLE = "robustness.csv"
CERTIFICATES = "certificates.csv"
SHARPNESS = "sharpness.csv"
REPORT = "report.json"
REPORT_TEXT = "report.md"
EXAMPLES = "examples"
FIGURES = "figures"


def is_run(folder: Path) -> bool:
    """Whether `folder` is a run's; never raises."""
    return is_file(folder / RUN)
