"""Looking through the images that a robustness run has kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from isoloss.app.state.runs.example_browser import UNDEFENDED, ExampleBrowser, magnified, rgba
from isoloss.errors import IsolossError
from isoloss.results.saved_examples import Index, read_examples, read_index
from isoloss.results.tables import AccuracyInterval, Row

LABELS = [1, 0, 2, 1]
EPS = [0.01, 0.1]
K = len(LABELS)


def write(folder: Path, name: str, eps: list[float], *, defended: bool, seed: int) -> dict:
    """A file of random images; returns its tensors."""
    rng = np.random.default_rng(seed)
    shape = (len(eps), K, 3, 8, 6)
    images = rng.random(shape, np.float32)
    tensors = {
        "images": images,
        "predicted": rng.integers(0, 3, shape[:2]),
        "confidence": rng.random(shape[:2], np.float32),
    }
    if defended:
        tensors["noisy"] = images + 0.3 * rng.standard_normal(shape).astype(np.float32)
        tensors["denoised"] = np.clip(images + 0.01, 0, 1)
    save_file(tensors, folder / name)
    return tensors


@pytest.fixture
def examples(tmp_path) -> tuple[Index, dict[str, dict]]:
    """A defense's examples: undefended PGD, clean, transfer and EOT."""
    plan = {
        "0000.safetensors": ("none", None, "pgd", [0.0, *EPS]),
        "0001.safetensors": ("denoised", 0.25, "clean", [0.0]),
        "0002.safetensors": ("denoised", 0.25, "transfer", EPS),
        "0003.safetensors": ("denoised", 0.25, "eot", EPS),
    }
    tensors = {
        attack + ("" if sigma is None else " defended"): write(
            tmp_path, name, eps, defended=sigma is not None, seed=k
        )
        for k, (name, (_, sigma, attack, eps)) in enumerate(plan.items())
    }
    files = [
        {"file": name, "network": "net", "defense": defense, "sigma": sigma, "attack": attack,
         "norm": "linf", "seed": 0, "eps": eps}
        for name, (defense, sigma, attack, eps) in plan.items()
    ]  # fmt: skip
    content = {"schema": 1, "data": "toy", "classes": ["a", "b", "c"], "images": [5, 6, 7, 8],
               "labels": LABELS, "files": files}  # fmt: skip
    (tmp_path / "examples.json").write_text(json.dumps(content))
    return read_index(tmp_path), tensors


def point(attack: str, sigma: float, eps: float) -> Row:
    share = AccuracyInterval(1, 0.5, 0.1, 0.9)
    return Row("net", "denoised" if sigma == sigma else "none", sigma, attack, "linf", eps, 0,
               2, share.correct, share.accuracy, share.low, share.high)  # fmt: skip


def pixels(image: np.ndarray) -> np.ndarray:
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8).transpose(1, 2, 0)


def test_one_image_of_a_file_is_what_all_of_it_holds(examples):
    index, _ = examples
    whole = read_examples(index.files[3], index)
    for k in range(K):
        alone = read_examples(index.files[3], index, only=k)
        np.testing.assert_array_equal(alone.images[:, 0], whole.images[:, k])
        np.testing.assert_array_equal(alone.denoised[:, 0], whole.denoised[:, k])
        np.testing.assert_array_equal(alone.predicted[:, 0], whole.predicted[:, k])


def test_it_begins_with_a_defense_and_who_knows_of_it(examples):
    index, _ = examples
    browser = ExampleBrowser()
    assert browser.settle(index)
    assert (browser.network, browser.sigma, browser.attack) == ("net", 0.25, "eot")
    assert browser.eps in EPS
    assert browser.sigmas(index) == [UNDEFENDED, 0.25]
    assert browser.attacks(index) == ["transfer", "eot"]
    assert browser.radii(index) == [0.0, *EPS]


def test_the_pictures_of_a_defended_point(examples):
    index, tensors = examples
    browser = ExampleBrowser(image=2)
    browser.go_to(point("eot", 0.25, 0.1))
    view = browser.view(index)
    assert view.label == 2
    tiles = {tile.title: tile for tile in view.tiles}
    assert list(tiles) == ["Clean", "Adversarial", "Noisy", "Denoised", "Difference"]
    eot, clean = tensors["eot defended"], tensors["clean defended"]
    np.testing.assert_array_equal(tiles["Clean"].pixels[..., :3], pixels(clean["images"][0, 2]))
    np.testing.assert_array_equal(tiles["Adversarial"].pixels[..., :3], pixels(eot["images"][1, 2]))
    np.testing.assert_array_equal(tiles["Noisy"].pixels[..., :3], pixels(eot["noisy"][1, 2]))
    np.testing.assert_array_equal(tiles["Denoised"].pixels[..., :3], pixels(eot["denoised"][1, 2]))
    answer = tiles["Denoised"].answer
    assert answer.predicted == eot["predicted"][1, 2]
    assert answer.right == (eot["predicted"][1, 2] == 2)
    assert answer.confidence == pytest.approx(eot["confidence"][1, 2])
    assert tiles["Clean"].answer.predicted == clean["predicted"][0, 2]
    assert tiles["Adversarial"].answer is None
    assert all((tile.pixels[..., 3] == 255).all() for tile in view.tiles)


@pytest.mark.parametrize("attack", ["pgd", "square"])
def test_the_undefended_network_is_heard_on_images_made_for_it(examples, attack):
    index, tensors = examples
    first, *others = index.files
    index = replace(index, files=(replace(first, attack=attack), *others))
    browser = ExampleBrowser(image=1)
    browser.go_to(point("transfer", 0.25, 0.01))
    adversarial = browser.view(index).tiles[1]
    assert adversarial.title == "Adversarial"
    assert adversarial.asked == "undefended"
    assert adversarial.answer.predicted == tensors["pgd"]["predicted"][1, 1]


def test_the_pictures_of_an_undefended_point(examples):
    index, tensors = examples
    browser = ExampleBrowser()
    browser.go_to(point("pgd", math.nan, 0.1))
    tiles = browser.view(index).tiles
    assert [tile.title for tile in tiles] == ["Clean", "Adversarial", "Difference"]
    assert tiles[1].answer.predicted == tensors["pgd"]["predicted"][2, 0]
    browser.eps = 0.0
    tiles = browser.view(index).tiles
    assert tiles[2].note == "× 1"
    assert (tiles[2].pixels[..., :3] == 128).all()


def test_choices_without_examples_give_way(examples):
    index, _ = examples
    browser = ExampleBrowser("gone", 0.5, 7, "bpda", 0.09, 99)
    browser.settle(index)
    assert (browser.network, browser.sigma, browser.seed) == ("net", 0.25, 0)
    assert browser.attack == "eot"
    assert browser.eps == 0.1
    assert browser.image == K - 1


def test_an_index_without_files_shows_nothing(examples):
    index, _ = examples
    empty = Index("toy", (), (), (), ())
    assert ExampleBrowser().view(empty) is None
    only_clean = Index(index.data, index.classes, index.images, index.labels, index.files[1:2])
    browser = ExampleBrowser()
    titles = [tile.title for tile in browser.view(only_clean).tiles]
    assert titles == ["Clean", "Noisy", "Denoised"]
    assert browser.radii(only_clean) == [0.0]


def test_a_difference_is_magnified_and_nothing_of_it_cut_off():
    difference = np.array([[[0.031, -0.02], [0.0, 0.01]]], np.float32)
    shown, factor = magnified(difference)
    assert factor == pytest.approx(16)
    np.testing.assert_allclose((shown - 0.5) / factor, difference, atol=1e-6)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert magnified(np.zeros((3, 2, 2), np.float32))[1] == 1
    assert magnified(np.full((1, 1, 1), 1.0, np.float32))[1] == 0.5
    assert np.isfinite(magnified(np.full((1, 1, 1), np.nan, np.float32))[0]).all()


def test_grey_images_and_what_is_no_number_are_shown():
    image = np.array([[[0.0, 1.0], [np.nan, 2.0]]], np.float32)
    assert rgba(image)[..., 0].tolist() == [[0, 255], [0, 255]]
    assert rgba(image).shape == (2, 2, 4)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"\xff" * 400),
        lambda path: path.write_bytes(path.read_bytes()[:500]),
        lambda path: save_file({"images": np.zeros((2, K, 3, 8, 6), np.float32)}, path),
        lambda path: save_file({"images": np.zeros(3, np.float32)}, path),
        lambda path: save_file(
            {
                "images": np.zeros((2, K + 1, 3, 8, 6), np.float32),
                "predicted": np.zeros((2, K + 1), np.int64),
                "confidence": np.zeros((2, K + 1), np.float32),
            },
            path,
        ),
    ],
)
def test_a_file_that_holds_no_examples_is_told(examples, break_it):
    index, _ = examples
    break_it(index.files[3].path)
    browser = ExampleBrowser()
    browser.go_to(point("eot", 0.25, 0.1))
    with pytest.raises(IsolossError, match=r"0003\.safetensors") as refused:
        browser.view(index)
    assert "\n" not in str(refused.value)
