"""docs/results.md: made of what is kept, with intervals and figures that others have published."""

import csv
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from tests.unit.results.conftest import REPRODUCE

import write_results
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.settings import ProbeSettings
from results.keeping import _of_surface, _plain
from results.page import page_of, share


def attacked(network, data, rows):
    return {
        "run": {"settings": {"kind": "attack", "data": data}}, "seconds": 3900.0, "device": "cpu",
        "found": {"rows": [
            {"network": network, "attack": attack, "eps": eps, "samples": 200, "correct": correct}
            for attack, eps, correct in rows
        ]},
    }  # fmt: skip


def cells(page, section):
    part = page.split(f"## {section}\n")[1].split("\n## ")[0]
    return [[c.strip() for c in line[1:-1].split("|")] for line in part.splitlines() if "|" in line]


@pytest.mark.parametrize(("right", "of"), [(0, 7), (124, 200), (7, 7), (681, 1000)])
def test_shares_have_exact_intervals(right, of):
    interval = binomtest(right, of).proportion_ci(0.95, method="exact")
    low, high = 100 * interval.low, 100 * interval.high
    assert share(right, of) == f"{100 * right / of:.1f} % ({low:.1f} to {high:.1f})"


def test_an_attack_stands_beside_its_authors_figures(recipes, known):
    rows = [("pgd", 0.0, 140), ("pgd", 1 / 255, 120), ("pgd", 2 / 255, 80), ("worst", 0.0, 140)]
    kept = {"resnet2b-pgd": attacked("resnet2b", "imagefolder:lossless", rows)}
    page = page_of(recipes, {"attack_truth": kept}, known)
    _, _, clean, first, second = cells(page, "An attack's truth")
    assert clean[:4] == ["resnet2b", "lossless", "pgd", "0"]
    assert clean[4:] == [share(140, 200), "69.25 %", "yes", "", ""]
    assert first[3] == "1/255"
    assert first[5:7] == ["62.24 %", "yes"]
    assert first[7:] == [share(120, 140), f"{100 * 62.24 / 69.25:.1f} %"]
    assert second[5:7] == ["54.82 %", "no"]  # 40.0 % (33.2 to 47.1)
    assert cells(page, "Times")[2][1:] == ["resnet2b-pgd", "cpu", "1 h 5 min"]


def test_trainings_planes_and_sharpness_stand_in_their_tables(recipes, known):
    estimate = {"network": "vgg11", "of": "1", "value": 5.0, "half_width": 0.5}
    settings = {"kind": "sharpness", "data": "cifar10", "scale": "filter"}
    base = {"seconds": 1.0, "device": "cuda"}
    found = {"grid": [51, 51], "lowest": 0.01, "highest": 12.345, "explained": [0.5, 0.25],
             "said": {"basins": "3, the deepest 12 %"}}  # fmt: skip
    kept = {
        "resnet56": base | {
            "run": {"settings": {"kind": "train", "data": "cifar10"}},
            "found": {"epoch": 30.0, "right": 8900, "test_images": 10_000},
        },
        "vgg11-pca": base | {
            "run": {"settings": {"kind": "probe", "plane": "pca", "data": None}}, "found": found,
        },
        "batch_size-sharpness": base | {
            "run": {"settings": settings},
            "found": {"rows": [estimate | {"quantity": "largest eigenvalue"}]},
        },
    }  # fmt: skip
    page = page_of(recipes, {"all": kept}, known)
    (error,) = cells(page, "Test errors")[2:]
    assert error[:4] == ["resnet56", "cifar10", "30", share(1100, 10_000)]
    assert error[4].startswith("5.89 % (Li et al. 2018")
    shares = cells(page, "What two directions hold of a training")[2]
    assert shares == ["vgg11-pca", "50.0 %", "25.0 %", "75.0 %"]
    rough = cells(page, "How rough surfaces are")[2]
    assert rough[:5] == ["vgg11-pca", "pca", "51 × 51", "0.01 to 12.35", "3, the deepest 12 %"]
    sharp = cells(page, "Large and small batches")[2]
    assert sharp == ["vgg11", "largest eigenvalue 1", "filter", "5 (4.5 to 5.5)"]


def test_curvature_stands_beside_that_of_others(recipes, known):
    def found(seconds, stderr):
        return {
            "eigenvalue": 48.0, "error": 2e-3, "eigenvalue_seconds": seconds, "trace": 280.0,
            "stderr": stderr, "probes": 8, "trace_seconds": 2 * seconds,
        }  # fmt: skip

    def bench(images):
        ratios = {"eigenvalue": 6.0, "trace": 6.0, "trace_at_equal_error": 24.0}
        of = {"isoloss": found(10.0, 5.0), "peer": found(60.0, 10.0), "ratios": ratios}
        return {"curvature": [{"images": images, **of}]}

    page = page_of(recipes, {}, known, [bench(4000), bench(512)])
    _, _, own, peer, *more = cells(page, "Curvature beside PyHessian")
    assert own == [
        "512", "isoloss", "48, 0.2 % off", "10 s", "6.0", "280.0 ± 5.0, 8 directions", "20 s",
        "6.0, to the same error 24.0",
    ]  # fmt: skip
    assert peer[:2] == ["512", "PyHessian"]
    assert peer[3:] == ["60 s", "", "280.0 ± 10.0, 8 directions", "120 s", ""]
    assert [row[0] for row in more] == ["4,000", "4,000"]


def test_tables_without_a_row_are_left_out(recipes, known):
    assert "## " not in page_of(recipes, {}, known)


def test_a_surface_is_kept_with_its_shares_and_its_roughness(tmp_path):
    run = Run.create(tmp_path / "pca", ProbeSettings(source=tmp_path, plane="pca"))
    x = np.linspace(-1, 1, 9)
    a, b = np.meshgrid(x, x, indexing="ij")
    none = np.full(a.shape, np.nan)
    meta = {"explained_variance_ratio": [0.75, 0.125]}
    surface = Surface(x, x, a**2 + b**2, none, none, np.full(a.shape, 9), meta)
    surface.save(run.surface_path)
    found = _of_surface(run)
    assert found["explained"] == (0.75, 0.125)
    assert found["said"]["basins"].startswith("1")
    assert found["said"]["not convex"].startswith("0.0 %")


def test_what_is_kept_names_no_folder_and_is_json():
    kept = {
        "a": "imagefolder:/home/me/x/cifar", "b": "/home/me/net.pt", "c": [float("nan"), 1 / 3],
        "d": float("inf"), "e": "see https://a.b/c", "f": "1/255", "g": Path("/home/me/run"),
    }  # fmt: skip
    plain = _plain(kept)
    assert plain == {
        "a": "imagefolder:cifar", "b": "net.pt", "c": [None, 1 / 3], "d": None,
        "e": "see https://a.b/c", "f": "1/255", "g": "run",
    }  # fmt: skip


def test_the_committed_page_is_made_of_what_is_kept(recipes, tmp_path):
    page = tmp_path / "results.md"
    assert write_results.main(["--page", str(page)]) == 0
    committed = write_results.PAGE.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == committed, "python tools/write_results.py"
    for file in write_results.KEPT.glob("*.json"):
        runs = json.loads(file.read_text(encoding="utf-8"))
        (recipe,) = (r for r in recipes if r.name == file.stem)
        assert set(runs) <= set(recipe.runs)
        assert all(run["run"]["settings"] and run["seconds"] > 0 for run in runs.values())


def test_what_is_published_has_a_source_and_a_run_of_a_recipe(recipes, known):
    with (REPRODUCE / "published.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(known)
    names = {run for recipe in recipes for run in recipe.runs}
    for each in known:
        assert each.source
        assert each.run in names or f"{each.run}-pgd" in names
    radii = {p.at for p in known if p.at and p.quantity == "accuracy"}
    assert radii == {float(Fraction(1, 255)), float(Fraction(2, 255))}
