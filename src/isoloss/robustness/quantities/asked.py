"""The quantities that the settings of a probe ask for."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from isoloss.compute.data.batch import as_network_takes, size_of
from isoloss.compute.data.dataset import shuffled
from isoloss.compute.engine.quantities import OfClass, Quantity
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.training.network import Network
from isoloss.errors import IsolossError
from isoloss.robustness.quantities.adversarial import Adversarial
from isoloss.robustness.quantities.denoised import Denoised
from isoloss.robustness.quantities.images import images_of
from isoloss.robustness.smoothing.own_denoiser import OwnDenoiser, denoiser_of
from isoloss.robustness.speed.fast_denoiser import FastDenoiser
from isoloss.settings import ProbeSettings
from isoloss.settings.probe import CLASS


def quantities_asked_for(
    settings: ProbeSettings, network: Network, data: ProbedData, device: torch.device
) -> tuple[Quantity, ...]:
    """All that are asked for, in order; of a class, its loss and that of all others.

    Raises:
        IsolossError: saying which cannot be.
    """
    found: list[Quantity] = []
    for name in settings.quantities:
        if name == "adversarial":
            found.append(
                Adversarial(settings.epsilon, settings.steps, settings.norm, settings.step_size)
            )
        elif name == "denoised":
            found.append(_denoised(settings, data, device))
        else:
            found += of_class(name.removeprefix(CLASS), network.dataset.classes)
    return tuple(found)


def of_class(name: str, classes: Sequence[str]) -> list[OfClass]:
    """The loss of the class that a name, or a number, means, and that of all others.

    Blanks in a name may be written as _ or -, and its capitals small.

    Raises:
        IsolossError: saying which there are.
    """
    known = [_plain(known) for known in classes]
    if _plain(name) in known:
        label = known.index(_plain(name))
    elif name.isdecimal() and int(name) < len(classes):
        label = int(name)
    else:
        named = ", ".join(classes[:20]) + (", …" if len(classes) > 20 else "")
        choices = f"choose of {named}" if classes else "these samples have none"
        raise IsolossError(f"there is no class {name!r}: {choices}")
    return [OfClass(label, classes[label], others) for others in (False, True)]


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")


def _denoised(settings: ProbeSettings, data: ProbedData, device: torch.device) -> Denoised:
    assert settings.denoiser is not None
    images = images_of(as_network_takes(data.batches[0]), "the denoised loss")
    unet, scheduler = denoiser_of(settings.denoiser, [settings.sigma], images.shape[1])
    if isinstance(unet, OwnDenoiser):
        unet.settle(images.to(device))
    fast = FastDenoiser(unet, images, device, "fp32")
    # The places in the data, by which an evaluation draws an image's noise.
    order = shuffled(sum(map(size_of, data.batches)), settings.seed).tolist()
    indices = None if data.left_out else order
    return Denoised(fast, scheduler, settings.sigma, indices=indices, seed=settings.seed)
