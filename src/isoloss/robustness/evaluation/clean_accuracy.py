"""Whether clean accuracies are what they should be: as recorded in training, and no lower than by
another normalization of the images, of which nothing may say which is the right one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from isoloss.compute.networks.statistics import Statistics
from isoloss.results.tables import EvaluationWarning
from isoloss.results.worst_case import Bits
from isoloss.robustness.attacks.sweep import misclassified
from isoloss.robustness.evaluation.evaluation_warnings import LEVEL, is_more_often
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.evaluation.setup import ModelUnderAttack, Setup
from isoloss.robustness.smoothing.statistics import clopper_pearson_interval

LOOKED_AT = 32
"""Clean images that are looked at under other normalizations."""
SURE = 0.999
"""The confidence with which an accuracy is not the one recorded."""
FAR = 0.02
"""Accuracies that are nearer are not called apart."""


def doubts_of_clean_accuracy(setup: Setup, results: Results) -> list[EvaluationWarning]:
    """What speaks against the clean accuracies of a run's networks."""
    return [*_unlike_its_training(setup, results), *_by_others(setup)]


def _unlike_its_training(setup: Setup, results: Results) -> Iterator[EvaluationWarning]:
    if results.settings.split != "test":
        return
    for combination in results.curves:
        name = results.names[combination.network]
        recorded = setup.subject.recorded.get(name, math.nan)
        row = results.row(combination, 0.0)
        if combination.sigma is not None or row is None or math.isnan(recorded):
            continue
        low, high = clopper_pearson_interval(row.correct, row.samples, SURE)
        if not low <= recorded <= high and abs(row.accuracy - recorded) > FAR:
            yield EvaluationWarning(
                "unlike-its-training",
                f"{name} classifies {100 * row.accuracy:.1f} % of {row.samples} clean images "
                f"rightly, where its training recorded {100 * recorded:.1f} % on its test images: "
                "are these its data, prepared as in training?",
                name,
            )


def _by_others(setup: Setup) -> Iterator[EvaluationWarning]:
    for model in setup.models:
        others = setup.subject.other_statistics.get(model.name, {})
        if not others:
            continue
        own = _right(model, None, setup)
        right = {choice: _right(model, statistics, setup) for choice, statistics in others.items()}
        best = max(right, key=lambda choice: int(right[choice].sum()))
        if is_more_often(right[best], own, LEVEL / len(right)):
            yield EvaluationWarning(
                "another-normalization-fits",
                f"{model.name}, given images {_given(setup, model.name)}, classifies "
                f"{int(own.sum())} of {len(own)} clean images rightly; with --normalization {best} "
                f"({others[best]}) it is {int(right[best].sum())}",
                model.name,
            )


def _given(setup: Setup, name: str) -> str:
    return setup.subject.given.get(name, "as they are, in [0, 1]")


def _right(model: ModelUnderAttack, statistics: Statistics | None, setup: Setup) -> Bits:
    """Which of the first clean images are classified rightly, normalized otherwise."""
    images, labels = setup.images[:LOOKED_AT], setup.labels[:LOOKED_AT]
    if statistics is not None:
        (mean, std), (own_mean, own_std) = (
            (torch.tensor(values).view(-1, 1, 1).to(images) for values in (s.mean, s.std))
            for s in (statistics, Statistics.of(model.reference.network))
        )
        # What the network's own normalization makes the other one of.
        images = (images - mean) / std * own_std + own_mean
    wrong = misclassified(model.reference, images, labels, setup.batch_sizes.counting)
    return np.array((~wrong).tolist(), bool)
