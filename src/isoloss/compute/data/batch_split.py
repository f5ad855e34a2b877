"""A split of anything that can be probed with a loss, though it has no classes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from isoloss.compute.data.batch import Batch, tensors
from isoloss.compute.data.dataset import Split
from isoloss.compute.data.reading import GivenBatches
from isoloss.errors import IsolossError


class BatchSplit(Split):
    """Batches of tensors in whatever they are nested in, for which there are no class indices.

    Args:
        name: of the data, in messages.
    """

    _given: GivenBatches
    _name: str

    def __init__(self, given: GivenBatches, name: str) -> None:
        self.__dict__.update(_given=given, _name=name)

    def __len__(self) -> int:
        return self._given.population

    @property
    def inputs(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """There are none of one shape."""
        raise self._refused()

    @property
    def targets(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """There are no class indices."""
        raise self._refused()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input of the first batch; () where there is no such thing."""
        first = self._given.batches[0]
        inputs: Any = first[0] if isinstance(first, tuple) else first
        return tuple(inputs.shape[1:]) if isinstance(inputs, Tensor) else ()

    def held(self) -> list[Batch]:
        """The batches."""
        return self._given.batches

    @property
    def in_batches(self) -> bool:
        """Whether the data came in batches."""
        return self._given.own

    def tensors(self) -> list[Tensor]:
        """All tensors in the batches."""
        return [tensor for batch in self._given.batches for tensor in tensors(batch)]

    def _refused(self) -> IsolossError:
        return IsolossError(
            f"{self._name} has not one class index for each input: it can be probed, with --loss, "
            "and neither trained on nor attacked"
        )
