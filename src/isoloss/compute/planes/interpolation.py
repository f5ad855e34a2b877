"""The line from one network to another."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from isoloss.compute.networks.checkpoints import Checkpoint, load_into
from isoloss.compute.networks.copying import copied
from isoloss.compute.networks.permutations import symmetries
from isoloss.compute.networks.reals import can_move, check_finite, widened
from isoloss.compute.planes.alignment import aligned, check_same_losses
from isoloss.compute.planes.plane import Plane, PlaneInputs, state_of, zeros_like
from isoloss.errors import IsolossError
from isoloss.events import Event, Log, Progress
from isoloss.naming import dtype_name


def build(inputs: PlaneInputs) -> Plane | Generator[Event, None, Plane]:
    """The interpolation that a probe asks for."""
    (end,) = inputs.ends
    if inputs.settings.align:
        return _build_aligned(inputs, end)
    return interpolation(inputs.model, inputs.model.state_dict(), end, key=inputs.settings.key)


def _build_aligned(inputs: PlaneInputs, end: Path) -> Generator[Event, None, Plane]:
    model, samples = inputs.model, inputs.samples
    assert samples is not None
    symmetry = symmetries(model)
    yield Progress("alignment", 0, 1, 0.0, "networks")
    start, target = model.state_dict(), state_in(model, end, "the end", inputs.settings.key)
    found = aligned(model, symmetry, state_of(model), target)
    check_same_losses(model, samples, target, found.state)
    yield Log(
        f"{found.channels} channels aligned, in {found.groups} orders: the networks are "
        f"{found.after:.4g} apart, {found.before:.4g} before"
    )
    plane = interpolation(model, start, found.state)
    facts = {"distance": found.after, "distance_before_alignment": found.before}
    return replace(plane, facts=facts)


def interpolation(
    model: nn.Module, start: Checkpoint, end: Checkpoint, *, key: str | None = None
) -> Plane:
    """The line from one checkpoint to another: θ(α) = (1 − α)·start + α·end; η is zero.

    All parameters move, those with one dimension too, and so do floating-point buffers: the
    batch-norm statistics of one end would be wrong at the other.

    Args:
        model: a network of the checkpoints' architecture; it is left as it is.
        start, end: paths, state dicts (nested ones too) or networks.
        key: which network, where a checkpoint holds several.

    Raises:
        IsolossError: if a checkpoint is of another architecture, not finite, or what does not move
            differs.

    Source: Goodfellow, Vinyals, Saxe 2015, "Qualitatively Characterizing Neural Network
    Optimization Problems", section 3.
    """
    origin = state_in(model, start, "the start", key)
    target = state_in(model, end, "the end", key)
    moving = dict(model.named_parameters()) | dict(model.named_buffers())
    delta = {
        k: (widened(target[k]) - widened(origin[k])).to(origin[k].dtype)
        for k in moving
        if k in origin and can_move(origin[k])
    }
    for name, parameter in model.named_parameters():
        if not can_move(parameter) and (origin[name] != target[name]).any():
            raise IsolossError(
                f"{name} is another at the end, and of {dtype_name(parameter.dtype)}, which "
                "does not move: no line leads from one network to the other"
            )
    return Plane(origin, delta, zeros_like(delta), "interpolate")


def state_in(
    model: nn.Module, checkpoint: Checkpoint, role: str, key: str | None
) -> dict[str, Tensor]:
    """The whole state of `model` with a checkpoint in it; messages call a state dict its `role`.

    Raises:
        IsolossError: if it is of another architecture, or not finite.
    """
    filled = copied(model)
    label = str(checkpoint) if isinstance(checkpoint, str | Path) else role
    load_into(filled, checkpoint, label, key)
    state = state_of(filled)
    check_finite(state, label)
    return state
