"""The robustness lab: attacks, denoised smoothing, certificates.

Read `attacks/pgd.py` first, then `smoothing/smoothing.py`, `speed` (networks made faster) and
`evaluation` (all of it as runs). Imports torch, `compute`, `results`, `run` and `settings`.
"""

import importlib
from typing import Any

from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.protocol import LEGACY, Protocol
from isoloss.robustness.attacks.apgd import apgd
from isoloss.robustness.attacks.autoattack import autoattack
from isoloss.robustness.attacks.eot import eot_pgd
from isoloss.robustness.attacks.fab import fab
from isoloss.robustness.attacks.minimal import Minimal, minimal_norm
from isoloss.robustness.attacks.pgd import attack, pgd
from isoloss.robustness.attacks.square import square
from isoloss.robustness.attacks.sweep import AtEpsilon, sweep
from isoloss.robustness.quantities.adversarial import Adversarial
from isoloss.robustness.quantities.denoised import Denoised
from isoloss.robustness.smoothing.adaptive import StraightThrough
from isoloss.robustness.smoothing.certify import Certificate, certify, predict
from isoloss.robustness.smoothing.purification import Purification
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing, GaussianSmoothing, Smoothing
from isoloss.robustness.smoothing.statistics import (
    certified_radius,
    clopper_pearson_interval,
    clopper_pearson_lower,
)
from isoloss.robustness.smoothing.timestep import timestep_for_sigma
from isoloss.robustness.smoothing.votes import Votes, vote
from isoloss.robustness.speed.fast_classifier import Fast

__all__ = [
    "LEGACY",
    "Adversarial",
    "AtEpsilon",
    "Attacked",
    "Certificate",
    "Denoised",
    "DenoisedSmoothing",
    "Fast",
    "GaussianSmoothing",
    "Minimal",
    "Protocol",
    "Purification",
    "Smoothing",
    "StraightThrough",
    "Table",  # pyright: ignore[reportUnsupportedDunderAll]
    "Votes",
    "apgd",
    "attack",
    "autoattack",
    "certified_radius",
    "certify",
    "clopper_pearson_interval",
    "clopper_pearson_lower",
    "eot_pgd",
    "evaluate",  # pyright: ignore[reportUnsupportedDunderAll]
    "fab",
    "minimal_norm",
    "pgd",
    "predict",
    "square",
    "sweep",
    "timestep_for_sigma",
    "vote",
]

# What stands on runs and figures, which stand on this.
_ABOVE = {"evaluate": "isoloss.evaluation_in_memory", "Table": "isoloss.robustness_table"}


def __getattr__(name: str) -> Any:
    if name not in _ABOVE:
        raise AttributeError(f"module 'isoloss.robustness' has no attribute {name!r}")
    return getattr(importlib.import_module(_ABOVE[name]), name)
