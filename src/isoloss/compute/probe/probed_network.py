"""What is probed: a network and, of training runs, their trajectories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from isoloss.compute.networks.checkpoints import as_state
from isoloss.compute.training.network import Network, TrainedPath, load_network, load_path
from isoloss.errors import IsolossError
from isoloss.settings import ProbeSettings
from isoloss.settings.source import trained_network


@dataclass(frozen=True)
class ProbedNetwork:
    """A network, and what else a probe of it is to show.

    Attributes:
        also: the trajectories of other runs that are to be seen beside its own.
        ends: the checkpoints of the other networks that a line or a plane goes through.
    """

    network: Network
    also: tuple[TrainedPath, ...] = ()
    ends: tuple[Path, ...] = ()

    @property
    def paths(self) -> list[TrainedPath]:
        """All trajectories, the network's own first."""
        return [p for p in (self.network.path, *self.also) if p is not None]


def load_probed_network(settings: ProbeSettings) -> ProbedNetwork:
    """Load what is to be probed; refuses what cannot be before anything is written.

    Raises:
        IsolossError: saying what is missing or does not fit.
    """
    network = load_network(settings)
    names = {path.name for path in [network.path] if path is not None}
    also: list[TrainedPath] = []
    for folder in settings.also:
        _, other = load_path(folder)
        _check_same_architecture(network.model, other.checkpoints[-1])
        if other.name in names:
            raise IsolossError(f"two trajectories are called {other.name!r}: rename a run's folder")
        names.add(other.name)
        also.append(other)
    asked = [source for source in (settings.to, settings.third) if source is not None]
    ends = tuple(_checked_end(source, settings.key, network.model) for source in asked)
    return ProbedNetwork(network, tuple(also), ends)


def network_at(source: Path, *, run: bool = False) -> Path:
    """The checkpoint that a path means: the last of a training run, or itself.

    Args:
        run: whether it must be a run.

    Raises:
        IsolossError: if there is none.
    """
    is_file = trained_network(source).kind == "checkpoint"
    return source if is_file and not run else load_path(source)[1].checkpoints[-1]


def _checked_end(source: Path, key: str | None, model: nn.Module) -> Path:
    end = network_at(source)
    _check_same_architecture(model, end, key if end == source else None)
    return end


def _check_same_architecture(model: nn.Module, checkpoint: Path, key: str | None = None) -> None:
    as_state(checkpoint, model, key=key)
