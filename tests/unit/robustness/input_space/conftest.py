"""A probe through an image of what a test has at hand."""

import pytest
import torch

from isoloss.compute.data.dataset import Split
from isoloss.robustness.evaluation.setup import Subject, ready
from isoloss.robustness.input_space.probing import InputProbing
from isoloss.robustness.smoothing.own_denoiser import denoiser_of
from isoloss.run import Run
from isoloss.settings import InputProbeSettings


def halved(noisy, sigma):
    """A denoiser: half way to grey."""
    return 0.5 * noisy + 0.25


@pytest.fixture
def probing_of():
    """Builds a probe through the first of some images, undefended or behind `denoiser`."""

    def build(net, images, labels, denoiser=None, **asked):
        named = {} if denoiser is None else {"denoiser": "python:halved"}
        settings = InputProbeSettings(
            source="python:net", device="cpu", precision="fp32", **{"grid": 5, **named, **asked}
        )
        at = torch.tensor([settings.image])
        sigmas = [] if settings.noise is None else [settings.noise]
        loaded = None if denoiser is None else denoiser_of(denoiser, sigmas, images.shape[1])
        classes = tuple(map(str, range(10)))
        subject = Subject(
            {"net": net}, Split(images, labels).take(at), (settings.image,), classes, "digits",
            "64 images", "", loaded, {},
        )  # fmt: skip
        return InputProbing(settings, ready(settings, subject, sigmas))

    return build


@pytest.fixture
def surfaces_of(tmp_path):
    """Runs a probe to its end; returns its folder."""

    def run_it(probing, name="run"):
        run = Run.create(tmp_path / name, probing.settings)
        for _ in probing.resume(run):
            pass
        return run.folder

    return run_it
