"""`isoloss.sharpness`: of a network and data that are at hand."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from torch import nn

from isoloss.compute.curvature.measuring import Asked, Measuring, told
from isoloss.compute.curvature.products import Matrix, Scale
from isoloss.compute.data.reading import read_batches
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.for_scripts import in_one_line, watch
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.networks.copying import check_network
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.results.sharpness import Sharpness


@in_one_line()
@random_numbers_kept()
def sharpness(
    model: nn.Module,
    data: Any,
    loss: Loss | None = None,
    *,
    largest: int = 5,
    smallest: int = 1,
    tolerance: float = 1e-3,
    steps: int = 100,
    probes: int = 16,
    density: int = 0,
    radius: float = 0.05,
    noise: float = 0.1,
    scale: Scale = "none",
    matrix: Matrix = "hessian",
    parameters: Sequence[str] | None = None,
    samples: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    on_event: Callable[[Event], object] | None = None,
) -> Sharpness:
    """How the mean loss curves around a network, and how far it rises nearby.

    Batch norms keep their statistics. Of a loss with kinks, as of rectifiers, second derivatives
    are those between the kinks.

    Args:
        model, data, loss: as for `isoloss.probe`.
        largest, smallest: how many eigenvalues at either end.
        tolerance: the error at which they are known well enough, in fractions of the largest |λ|.
        steps: products with vectors at most, to find them.
        probes: random directions for the trace.
        density: steps of the quadrature of the spectral density; 0 leaves it out.
        radius: of the ball in which the largest rise is looked for; with filters for a scale in
            units of their norms.
        noise: size of the filter-normalized noise under which the mean rise is found.
        scale: "none" for the Hessian as it is; "filter" for that in units of the filters' norms, of
            weights of two dimensions and more: the same for networks that differ by a scale of
            their filters, which the plain one is not (Dinh et al. 2017).
        matrix: "hessian", or "gauss-newton" of losses of logits.
        parameters: the names of those that are to move; by default all.
        samples: see at most so many, drawn at random once; errors say what the rest may change.
        batch_size: samples at once; by default what suits the device.
        seed: of the order of samples, of directions and noise.
        device: as for `isoloss.probe`.
        progress: whether to show a progress bar on stderr.
        on_event: called with each of `isoloss.events` as it happens.

    Raises:
        IsolossError: if something in the request cannot be, or there is no second derivative.
    """
    check_network(model)
    _check_numbers(largest=largest, smallest=smallest, steps=steps, probes=probes, density=density)
    if largest + smallest == 0:
        raise IsolossError("ask for one eigenvalue at least: largest=1")
    if probes < 2:
        raise IsolossError("the trace of one random direction has no error: probes=2 or more")
    where = choose_device(device)
    given = ProbedData.of(
        read_batches(data, samples, seed), loss, model, where, batch_size=batch_size, seed=seed
    )
    asked = Asked(
        largest, smallest, tolerance, steps, probes, density, radius, noise, scale, matrix, seed
    )
    seen = given.shuffled(seed, where, samples)
    measuring = Measuring(
        asked, model, seen, given.loss, where, given.population,
        parameters=parameters, batch_size=batch_size,
    )  # fmt: skip
    found: list[dict[str, Any]] = []

    def all_of_it() -> Generator[Event]:
        rate = ProgressRate("sharpness", sum(map(asked.work, asked.units)), "products")
        done = 0
        for unit in asked.units:
            found.append((yield from told(measuring.part(unit), rate, done)))
            done += asked.work(unit)

    watch(all_of_it(), progress, on_event)
    facts = {
        "parameters": measuring.curvature.size, "samples": len(seen),
        "population": given.population, "probes": probes, "seed": seed, "loss": given.loss.name,
    }  # fmt: skip
    return Sharpness.of(found, {**asked.facts, **facts})


def _check_numbers(**numbers: int) -> None:
    for name, value in numbers.items():
        if not isinstance(value, int) or value < 0:
            raise IsolossError(f"{name} must be a whole number, 0 or more, not {value!r}")
