"""The classifier and the denoiser that come with the program do what is said of them."""

from pathlib import Path

import pytest
import torch

from isoloss import IsolossError
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks import cifar_resnet
from isoloss.compute.networks.models import build_model
from isoloss.compute.training.network import load_network
from isoloss.resources import resource_folder
from isoloss.robustness import DenoisedSmoothing, GaussianSmoothing
from isoloss.robustness.smoothing.denoiser import load_denoiser
from isoloss.robustness.smoothing.smoothing import check_denoises
from isoloss.run import Run
from isoloss.settings import NetworkSettings
from isoloss.settings.built_in import BUILT_IN_NETWORKS
from isoloss.settings.source import denoiser, trained_network
from isoloss.shipped import shipped_models


@pytest.fixture(scope="module")
def classifier():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_network(NetworkSettings(source=Path("digits-classifier"))).model.eval()
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits():
    test = load_dataset("digits").test
    return as_inputs(test.inputs), test.targets


@torch.no_grad()
def accuracy(model, images, labels):
    if isinstance(model, GaussianSmoothing | DenoisedSmoothing):
        model.generator = torch.Generator().manual_seed(0)
    return float((model(images).argmax(1) == labels).float().mean())


def test_they_are_small_whole_and_found_by_name(tmp_path, monkeypatch):
    assert list(shipped_models()) == ["digits-classifier", "digits-denoiser"]
    files = [f for f in (resource_folder("data") / "models").rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 4e6
    for name, folder in shipped_models().items():
        assert trained_network(name).path == denoiser(name).path == folder
        run = Run.open(folder)
        assert run.is_done
        assert run.settings.data == "digits"
    # What lies in the working folder comes first, and a path is no name.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits-classifier").mkdir()
    assert trained_network("digits-classifier").path == Path("digits-classifier")
    assert trained_network(tmp_path / "digits-denoiser").path == tmp_path / "digits-denoiser"
    with pytest.raises(IsolossError, match="is not a run folder"):
        load_network(NetworkSettings(source=Path("digits-classifier")))


def test_the_classifier_tells_digits_apart(classifier, digits):
    images, labels = digits
    assert accuracy(classifier, images, labels) >= 0.98


@pytest.mark.parametrize(
    ("sigma", "with_noise", "denoised"), [(0.25, 0.985, 0.985), (0.5, 0.55, 0.975)]
)
def test_the_denoiser_gives_back_what_noise_takes(classifier, digits, sigma, with_noise, denoised):
    images, labels = (part[:120] for part in digits)
    unet, scheduler = load_denoiser("digits-denoiser")
    defense = DenoisedSmoothing(classifier, unet, scheduler, sigma)
    check_denoises(defense, images[:8])
    assert accuracy(defense, images, labels) >= denoised
    assert accuracy(GaussianSmoothing(classifier, sigma), images, labels) <= with_noise


def test_the_small_residual_networks_have_as_many_parameters_as_the_paper_says():
    # He et al. 2016, table 6, in millions; their shortcuts have none.
    said = {
        "resnet20": 0.27,
        "resnet32": 0.46,
        "resnet44": 0.66,
        "resnet56": 0.85,
        "resnet110": 1.7,
    }
    with torch.device("meta"):
        counts = {
            n: sum(p.numel() for p in getattr(cifar_resnet, n)(10).parameters())
            for n in BUILT_IN_NETWORKS
            if hasattr(cifar_resnet, n)
        }
    assert counts.keys() == said.keys()
    for name, millions in said.items():
        assert counts[name] / 1e6 == pytest.approx(millions, rel=0.03)
    network = build_model("resnet20", 7, 32, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 7)
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 20 + 2  # and the two projections


def test_the_smallest_network_is_three_convolutions_for_images_of_any_size():
    network = build_model("cnn", 10, 32, mean=(0.5,) * 3, std=(0.5,) * 3)
    weights = 9 * (3 * 16 + 16 * 32 + 32 * 64) + 2 * (16 + 32 + 64) + 10 * (64 * 4 * 4 + 1)
    assert sum(p.numel() for p in network.parameters()) == weights
    for height, width in ((8, 8), (32, 32), (65, 40)):
        assert network(torch.rand(2, 3, height, width)).shape == (2, 10)


def test_one_is_not_taken_for_the_other():
    with pytest.raises(IsolossError, match="has trained a denoiser: give a classifier's run"):
        load_network(NetworkSettings(source=Path("digits-denoiser")))
    with pytest.raises(IsolossError, match=r"is no denoiser: there is no .*config\.json"):
        load_denoiser("digits-classifier")
