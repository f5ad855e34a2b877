"""The robustness lab: attacks, denoised smoothing, certificates. Imports torch."""

from isoloss.robustness.ascent import Attacked
from isoloss.robustness.bpda import StraightThrough
from isoloss.robustness.certify import Certificate, certify, predict
from isoloss.robustness.eot import eot_pgd
from isoloss.robustness.fast import Fast
from isoloss.robustness.pgd import LEGACY, Protocol, attack, pgd
from isoloss.robustness.smoothing import DenoisedSmoothing, GaussianSmoothing, Smoothing
from isoloss.robustness.square import square
from isoloss.robustness.statistics import (
    certified_radius,
    clopper_pearson_interval,
    clopper_pearson_lower,
)
from isoloss.robustness.sweep import AtEpsilon, sweep
from isoloss.robustness.timestep import timestep_for_sigma
from isoloss.robustness.votes import Votes, vote

__all__ = [
    "LEGACY",
    "AtEpsilon",
    "Attacked",
    "Certificate",
    "DenoisedSmoothing",
    "Fast",
    "GaussianSmoothing",
    "Protocol",
    "Smoothing",
    "StraightThrough",
    "Votes",
    "attack",
    "certified_radius",
    "certify",
    "clopper_pearson_interval",
    "clopper_pearson_lower",
    "eot_pgd",
    "pgd",
    "predict",
    "square",
    "sweep",
    "timestep_for_sigma",
    "vote",
]
