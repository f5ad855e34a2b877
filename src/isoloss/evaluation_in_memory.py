"""`isoloss.robustness.evaluate`: attacks on a network and images that are at hand, as a run.

The run is that of `isoloss attack` and `isoloss defend`, and comes to the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, cast
from weakref import finalize

from pydantic import ValidationError
from torch import nn

from isoloss.compute.data.dataset import Split
from isoloss.compute.machine.for_scripts import in_one_line, watch
from isoloss.compute.machine.hashes import digest_of, digest_of_network
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.run_at_hand import resumed
from isoloss.compute.machine.user_code import name_of
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.figures.robustness.drawing import write_usual
from isoloss.robustness.ascent.losses import OwnLoss
from isoloss.robustness.ascent.refusals import as_images, as_labels
from isoloss.robustness.attacks.context import OwnAttack
from isoloss.robustness.evaluation.at_hand import (
    Attacks,
    as_numbers,
    check_model,
    class_names,
    named_attacks,
    named_denoiser,
)
from isoloss.robustness.evaluation.evaluation import Evaluation
from isoloss.robustness.evaluation.setup import Subject, order_of, own_loss_of
from isoloss.robustness.smoothing.own_denoiser import denoiser_of
from isoloss.robustness.smoothing.purification import usual_sigmas
from isoloss.robustness_table import Table
from isoloss.run import Run
from isoloss.settings import AttackSettings, DefendSettings, NetworkSettings, Settings, explain
from isoloss.settings.robustness_fields import is_denoiser
from isoloss.settings.source import FROM_PYTHON
from isoloss.settings.text import missing


@in_one_line()
def evaluate(
    model: nn.Module,
    x: Any,
    y: Any,
    attacks: Attacks | None = None,
    eps: Any = None,
    *,
    denoiser: Any = None,
    sigma: Any = None,
    norm: str = "linf",
    out: str | Path | None = None,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    progress: bool = True,
    on_event: Callable[[Event], object] | None = None,
    **options: Any,
) -> Table:
    """Accuracies of a network under attack, with exact intervals and automatic checks.

    Args:
        model: (N, C, H, W) images in [0, 1] to (N, classes) logits; normalization belongs inside.
            It is copied, and left as it is.
        x: (N, C, H, W) images, floats in [0, 1] or uint8 from 0 to 255, as tensor or array.
        y: (N,) true classes, integers from 0.
        attacks: names of those that `isoloss attack --help`, or behind a denoiser `isoloss defend
            --help`, lists; functions of one's own, `f(model, x, y, eps) -> images`
            (`isoloss.robustness.attacks.own`); or both, as `{"mine": f, "pgd": "pgd"}`. By default
            pgd, square and noise, behind a denoiser transfer, bpda, eot, square and noise.
        eps: radii on the [0, 1] scale; by default as on the command line.
        denoiser: a folder or a name as for `isoloss defend`; (UNet, scheduler), or a pipeline, of
            diffusers; or a function of noisy images (N, C, H, W), not clamped, and σ to denoised
            ones, in which gradients flow. With it what is attacked is the network behind noise;
            with "none" it sees the noise itself.
        sigma: standard deviations of that noise on the [0, 1] scale; by default 0.25.
        norm: of the radii, "linf" or "l2".
        out: the run's folder: there the same call goes on where an interrupted one has stopped,
            the window shows it meanwhile, and figures are drawn. Under torchrun all processes share
            the work; each calls this, and is given the table. By default nothing is kept.
        name: what tables and figures call the network; by default its class's name.
        classes: the names of the classes; by default numbers.
        progress: whether to show on stderr how far it is.
        on_event: called with every event, such as `isoloss.events.Progress`.
        options: further options of `isoloss attack` and `isoloss defend`, with _ for -: samples (by
            default all), seed, seeds, steps, step_size, restarts, loss (a name, or a function of
            (N, classes) logits and (N,) classes), targeted, schedule, momentum, convergence,
            queries, protocol, keep, batch_size, device, precision; of a defense also draws, votes,
            iterate, draws_by, and purify (t*), purify_steps, purify_sampler, purify_eta for the
            network behind a purification instead; data and split are what figures call the images.

    Raises:
        IsolossError: if something cannot be, or an attack of one's own fails, saying where.
    """
    if Ranks.current().world > 1 and out is None:
        raise IsolossError("under torchrun, give out: all processes find the run there")
    check_model(model)
    images = as_images(x)
    labels = as_labels(y, images)
    if len(images) == 0:
        raise IsolossError("there are no images to attack")
    own: dict[str, OwnAttack] = {}
    asked: dict[str, Any] = {
        "source": FROM_PYTHON + (name or type(model).__name__),
        "norm": norm,
        "samples": len(images),
        **options,
    }
    if attacks is not None:
        asked["attacks"] = named_attacks(attacks, own)
    for given, values in (("eps", eps), ("sigma", sigma)):
        if values is not None:
            asked[given] = as_numbers(values)
    loss = options.get("loss")
    loss = cast("OwnLoss", loss) if callable(loss) else None
    if loss is not None:
        asked["loss"] = FROM_PYTHON + name_of(loss).strip("<>")
    settings = _settings(asked, denoiser)
    loaded = None
    if is_denoiser(settings.denoiser):
        sigmas = usual_sigmas() if settings.purify else settings.sigma
        loaded = denoiser_of(denoiser, sigmas, images.shape[1])
    called = class_names(model, images[:2], labels[:2], classes)
    order = order_of(len(images), settings)
    subject = Subject(
        {settings.networks[0].label: model},
        Split(images, labels).take(order),
        tuple(order.tolist()),
        called,
        settings.data or "data given in Python",
        f"{len(images)} images of {len(called)} classes",
        digest_of(digest_of_network(model), model.state_dict()),
        loaded,
        own,
        own_loss=loss or own_loss_of(settings),
    )
    watched = partial(watch, progress=progress, on_event=on_event)
    return _carried_out(settings, subject, out, watched)


def _carried_out(
    settings: AttackSettings | DefendSettings,
    subject: Subject,
    out: str | Path | None,
    watched: Callable[[Generator[Event]], None],
) -> Table:
    evaluation = Evaluation.prepare(settings, subject)
    passing = None if out is not None else Path(mkdtemp(prefix="isoloss-"))
    folder = (passing or Path()) / (out or settings.networks[0].label)
    folder = folder.expanduser().absolute()
    try:
        watched(resumed(folder, settings, evaluation))
        table = Table.of(Run.open(folder))
    except BaseException:
        if passing is not None:
            rmtree(passing, ignore_errors=True)
        raise
    if passing is not None:
        finalize(table, rmtree, passing, ignore_errors=True)
    elif Ranks.current().rank == 0:
        try:
            list(write_usual(folder))
        except Exception as error:  # whatever is wrong with fonts, disks or old files
            warnings.warn(f"no figures of {folder}: {error}", stacklevel=4)
    return table


def _settings(asked: dict[str, Any], denoiser: Any) -> AttackSettings | DefendSettings:
    """What is asked for, validated: of an attack, or where there is a denoiser of a defense."""
    kind = AttackSettings if denoiser is None else DefendSettings
    if denoiser is not None:
        asked = asked | {"denoiser": named_denoiser(denoiser)}
    elif "sigma" in asked:
        raise IsolossError(
            "sigma is the noise of a defense: give its denoiser too, or denoiser='none' for the "
            "noise alone"
        )
    elif "purify" in asked:
        raise IsolossError("purify is a defense by a denoiser: give that too")
    of_files = {"kind", "also", *NetworkSettings.model_fields} - {"data", *Settings.model_fields}
    usual = [name for name in kind.model_fields if name not in of_files]
    for name in asked:
        if name not in (*usual, "source"):
            raise IsolossError(f"evaluate has no option {name!r}: choose of {', '.join(usual)}")
    try:
        settings = kind.model_validate(asked)
    except ValidationError as error:
        raise IsolossError(explain(error)) from error
    for name in asked:
        if wanted := missing(settings, name):
            raise IsolossError(f"{name} is for {wanted}")
    return settings
