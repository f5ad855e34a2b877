"""Attacks, defenses and certifications in the window, with real clicks on a real display."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy import stats

from isoloss.events import Done, Started
from isoloss.results.tables import EvaluationWarning, Report, Row, write_report, write_table
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings

NETWORK = Path("digits-classifier")
EPS = (0.05, 0.3)
IMAGES = 4


def row(attack: str, sigma: float | None, eps: float, correct: int, norm: str = "linf") -> Row:
    """A row of 40 images, with the interval that SciPy gives."""
    exact = stats.binomtest(correct, 40).proportion_ci(0.95, method="exact")
    defense = "none" if sigma is None else "denoised"
    sigma = math.nan if sigma is None else sigma
    return Row("digits-classifier", defense, sigma, attack, norm, eps, 0, 40, correct,
               correct / 40, exact.low, exact.high)  # fmt: skip


def finish(run: Run, rows: list[Row], summary: str, *warnings: EvaluationWarning) -> Path:
    """Make `run` one that is done."""
    write_table(run.table_path, rows)
    write_report(run.report_path, Report(summary, warnings, (), {"chance": 0.1}))
    run.emit(Started(1, "cpu"))
    run.emit(Done(12.0))
    return run.folder


@pytest.fixture
def defended(tmp_path: Path) -> Path:
    """A finished defense with the examples it has kept."""
    asked = DefendSettings(source=NETWORK, denoiser="digits-denoiser", eps=EPS)
    run = Run.create(tmp_path / "defended", asked)
    run.examples.mkdir()
    rng = np.random.default_rng(0)
    files = []
    for k, (sigma, attack, eps) in enumerate(
        [(None, "pgd", (0.0, *EPS)), (0.25, "clean", (0.0,)), (0.25, "eot", EPS)]
    ):
        shape = (len(eps), IMAGES, 3, 8, 8)
        tensors = {
            "images": rng.random(shape, np.float32),
            "predicted": rng.integers(0, 10, shape[:2]),
            "confidence": rng.random(shape[:2], np.float32),
        }
        if sigma is not None:
            tensors |= {"noisy": tensors["images"] - 0.2, "denoised": 0.9 * tensors["images"]}
        name = f"{k:04d}.safetensors"
        save_file(tensors, run.examples / name)
        files.append({"file": name, "network": "digits-classifier", "norm": "linf", "seed": 0,
                      "defense": "none" if sigma is None else "denoised", "sigma": sigma,
                      "attack": attack, "eps": eps})  # fmt: skip
    index = {"schema": 1, "data": "digits", "classes": [*"0123456789"], "files": files,
             "images": [*range(IMAGES)], "labels": [1, 7, 5, 6]}  # fmt: skip
    (run.examples / "examples.json").write_text(json.dumps(index))
    rows = [
        row(attack, sigma, eps, correct)
        for attack, sigma, counts in (
            ("pgd", None, (40, 10, 0)),
            ("transfer", 0.25, (38, 37, 30)),
            ("eot", 0.25, (38, 30, 4)),
        )
        for eps, correct in zip((0.0, *EPS), counts, strict=True)
    ]
    warning = EvaluationWarning(
        "masked", "something masks gradients", "digits-classifier", 0.25, "eot"
    )
    return finish(run, rows, "Adversaries who know of the defense leave 10 %.", warning)


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """A finished certification that has kept nothing."""
    run = Run.create(tmp_path / "certified", CertifySettings(source=NETWORK, keep=0))
    counts = {0.0: 38, 0.25: 30, 0.5: 20, 0.75: 0, 1.0: 0, 1.5: 0, 2.0: 0, 3.0: 0}
    rows = [row("certificate", 0.25, eps, correct, "l2") for eps, correct in counts.items()]
    return finish(run, rows, "Half of the images are certified within 0.5 in L2.")


@pytest.fixture
def attacked(tmp_path: Path) -> list[Path]:
    """Two finished attacks on CIFAR-10, as the window finds them among the runs."""
    eps, found = (0.01, 0.03, 0.1, 0.5), []
    for name, worst in (("first", (38, 30, 12, 3, 0)), ("second", (36, 34, 25, 9, 1))):
        asked = AttackSettings(source=NETWORK, data="cifar10", eps=eps)
        run = Run.create(tmp_path / "work" / "runs" / name, asked)
        counts = {"pgd": (38, 31, 13, 4, 0), "square": (38, 36, 20, 8, 1), "worst": worst,
                  "noise": (38, 38, 37, 33, 20)}  # fmt: skip
        rows = [
            row(attack, None, e, correct)
            for attack, its in counts.items()
            for e, correct in zip((0.0, *eps), its, strict=True)
        ]
        found.append(finish(run, rows, "It keeps 30 % right."))
    return found


def test_the_worst_case_is_the_thick_curve_and_others_results_lie_behind(
    travel: Callable[..., None], attacked: list[Path]
) -> None:
    travel("runs/worst_case", *attacked, seconds=200)


def test_a_defense_from_its_form_to_its_images(travel: Callable[..., None]) -> None:
    travel("runs/defend", seconds=280)


def test_a_certification_from_its_form_to_its_images(travel: Callable[..., None]) -> None:
    travel("runs/certify", seconds=280)


def test_runs_are_opened_chosen_kept_and_may_be_damaged(
    travel: Callable[..., None], defended: Path, certified: Path
) -> None:
    travel("runs/evaluations", defended, certified, seconds=200)


def test_from_an_example_to_its_landscape_undefended_beside_defended(
    travel: Callable[..., None], defended: Path
) -> None:
    travel("runs/landscape", defended, seconds=280)


def test_layouts_follow_what_is_opened_and_are_ones_own(
    travel: Callable[..., None], valley: Path, defended: Path
) -> None:
    travel("window/layouts", "begin", valley, defended, seconds=200)
    travel("window/layouts", "again", valley, defended)


def test_panels_stay_of_use_in_a_small_window_with_texts_of_any_size(
    travel: Callable[..., None], valley: Path, defended: Path
) -> None:
    travel("window/sizes", valley, defended, seconds=200)


def test_each_kind_of_attack_and_defense_from_its_form(travel: Callable[..., None]) -> None:
    travel("runs/defenses", seconds=500)
