"""`isoloss.probe_image`: the landscape over a plane through an image that is at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from torch import nn

from isoloss.compute.data.dataset import Split
from isoloss.compute.machine.for_scripts import in_one_line, watch
from isoloss.compute.machine.hashes import digest_of, digest_of_network
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.run_at_hand import resumed
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.geometry.files.reading import load
from isoloss.geometry.surface import Surface
from isoloss.robustness.ascent.refusals import as_images, as_labels
from isoloss.robustness.attacks.context import OwnAttack
from isoloss.robustness.evaluation.at_hand import (
    Attacks,
    check_model,
    class_names,
    named_attacks,
    named_denoiser,
)
from isoloss.robustness.evaluation.setup import Subject
from isoloss.robustness.input_space.probing import InputProbing
from isoloss.robustness.smoothing.own_denoiser import denoiser_of
from isoloss.run_folder import DEFENDED
from isoloss.settings import InputProbeSettings, explain
from isoloss.settings.source import FROM_PYTHON


class ImageLandscape(NamedTuple):
    """The surfaces over one plane through an image.

    Attributes:
        undefended: of the network itself; the way of the attack is the first of its
            `trajectories`.
        defended: of the network behind noise, and a denoiser if one was given; None without.
    """

    undefended: Surface
    defended: Surface | None


@in_one_line()
def probe_image(
    model: nn.Module,
    image: Any,
    label: Any,
    *,
    plane: str = "attack",
    attacks: Attacks | None = None,
    eps: float | None = None,
    norm: str = "linf",
    denoiser: Any = None,
    sigma: float | None = None,
    draws: int = 20,
    height: str = "loss",
    grid: Any = 51,
    index: int = 0,
    out: str | Path | None = None,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    progress: bool = True,
    on_event: Callable[[Event], object] | None = None,
    **options: Any,
) -> ImageLandscape:
    """The loss over the plane x + α·δ + β·η through an image, undefended and behind a defense.

    Args:
        model: (N, C, H, W) images in [0, 1] to (N, classes) logits; normalization belongs inside.
            It is copied, and left as it is.
        image: (C, H, W) or (1, C, H, W), floats in [0, 1] or uint8 from 0 to 255.
        label: its true class.
        plane: "attack", of the direction to what an attack makes of the image, which is at α = 1,
            and a random one; "attacks", of those of two attacks; "random", of two random ones.
        attacks: names as `isoloss probe --space input --help` lists them, or functions of one's
            own, `f(model, x, y, eps) -> images`; by default pgd, for two attacks pgd and square,
            behind a denoiser pgd and eot.
        eps: the radius of the adversary's ball on the [0, 1] scale; by default 8/255, in l2 0.5.
        norm: of the ball, "linf" or "l2".
        denoiser: as for `isoloss.robustness.evaluate`; the second surface is the network behind
            noise and it.
        sigma: the standard deviation of that noise; by default 0.25 with a denoiser. Alone, the
            network sees the noise itself.
        draws: of noise, the same ones at every point, over which that surface is the mean.
        height: "loss", the cross-entropy, or "margin", the lead of the best other class's logit.
        grid: points, N or (A, B).
        index: the image's place in its data, by which its draws are known.
        out: the run's folder: there the same call goes on where an interrupted one has stopped,
            and the window shows it meanwhile. By default nothing is kept.
        name: what titles call the network; by default its class's name.
        classes: the names of the classes; by default numbers.
        progress: whether to show on stderr how far it is.
        on_event: called with every event, such as `isoloss.events.Progress`.
        options: further options of `isoloss probe --space input`, with _ for -: steps, step_size,
            queries, alpha_range, beta_range, clamp, seed, batch_size, device, precision.

    Returns:
        Surfaces whose `columns` hold, beside the loss, the margin (or the cross-entropy) and which
        class is predicted; `loss_stderr` is that over the draws, `count` how many.

    Raises:
        IsolossError: if something cannot be, or an attack of one's own fails, saying where.
    """
    if Ranks.current().world > 1 and out is None:
        raise IsolossError("under torchrun, give out: all processes find the run there")
    check_model(model)
    images = as_images(image if getattr(image, "ndim", 4) != 3 else image[None])
    if len(images) != 1:
        raise IsolossError(f"give one image, not {len(images)}")
    labels = as_labels(torch.as_tensor(label).reshape(-1), images)
    own: dict[str, OwnAttack] = {}
    asked: dict[str, Any] = {
        "source": FROM_PYTHON + (name or type(model).__name__),
        "plane": plane,
        "eps": eps,
        "norm": norm,
        "sigma": sigma,
        "draws": draws,
        "height": height,
        "grid": grid,
        "image": index,
        **options,
    }
    if attacks is not None:
        asked["attacks"] = named_attacks(attacks, own)
    if denoiser is not None:
        asked["denoiser"] = named_denoiser(denoiser)
    try:
        settings = InputProbeSettings.model_validate(asked)
    except ValidationError as error:
        raise IsolossError(explain(error)) from error
    called = class_names(model, images, labels, classes)
    sigmas = [] if settings.noise is None else [settings.noise]
    subject = Subject(
        {settings.networks[0].label: model},
        Split(images, labels),
        (settings.image,),
        called,
        settings.data or "data given in Python",
        f"an image of {len(called)} classes",
        digest_of(digest_of_network(model), model.state_dict()),
        None if denoiser is None else denoiser_of(denoiser, sigmas, images.shape[1]),
        own,
    )
    probing = InputProbing.prepare(settings, subject)
    passing = None if out is not None else Path(mkdtemp(prefix="isoloss-"))
    folder = (passing or Path()) / (out or settings.networks[0].label)
    folder = folder.expanduser().absolute()
    try:
        watch(resumed(folder, settings, probing), progress, on_event)
        defended = None if settings.noise is None else load(folder / DEFENDED)
        return ImageLandscape(load(folder), defended)
    finally:
        if passing is not None:
            rmtree(passing, ignore_errors=True)
