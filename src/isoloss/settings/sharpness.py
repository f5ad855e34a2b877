"""What can be asked of the sharpness of a network."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from isoloss.settings.base import (
    SCALES,
    SPLITS,
    WHERE,
    NetworkPath,
    NetworkSettings,
    OwnLoss,
    Targets,
    Where,
    check_has_checkpoints,
    stride_of,
)

DENSITY_DIRECTIONS = 8
"""Random directions of the spectral density."""


class SharpnessSettings(NetworkSettings):
    """Find how the loss curves and rises around networks, by its second derivatives."""

    measures_curvature: ClassVar[bool] = True
    kind: Literal["sharpness"] = "sharpness"
    also: tuple[NetworkPath, ...] = Field(
        default=(),
        title="Further networks",
        description="Further networks, on the same samples",
        json_schema_extra={"positional": True},
    )
    every: Where = Field(
        default="network",
        title="Where",
        description="checkpoint: at every checkpoint of the training, with 2/η, the learning "
        "rate's, beside the largest eigenvalue (Cohen et al. 2021); a number N: at each Nth",
        json_schema_extra=WHERE,
    )
    split: Literal["train", "test"] = Field(
        default="train",
        title="Split",
        description="Which part of the data the loss is taken over",
        json_schema_extra=SPLITS,
    )
    samples: int | None = Field(
        default=None,
        ge=2,
        title="Samples",
        description="See at most so many, drawn at random once; errors say what the rest may "
        "change; by default all",
    )
    largest: int = Field(
        default=5,
        ge=0,
        le=1000,
        title="Eigenvalues",
        description="So many of the largest",
    )
    smallest: int = Field(
        default=1,
        ge=0,
        le=1000,
        title="Smallest ones",
        description="So many of the smallest eigenvalues, which are negative at a saddle",
    )
    tolerance: float = Field(
        default=1e-3,
        gt=0,
        lt=1,
        title="Tolerance",
        description="The error at which eigenvalues are known well enough, as a share of the "
        "farthest of them",
    )
    steps: int = Field(
        default=100,
        ge=1,
        le=10_000,
        title="Steps",
        description="Of the method of Lanczos at most, each a product of the matrix with a vector",
    )
    probes: int = Field(
        default=16,
        ge=2,
        le=10_000,
        title="Random directions",
        description="From which the trace is estimated (Hutch++, Meyer et al. 2021)",
    )
    density: int = Field(
        default=0,
        ge=0,
        le=1000,
        title="Density",
        description=f"Steps of the spectral density, each a product with {DENSITY_DIRECTIONS} "
        "random vectors (Ghorbani et al. 2019); 0 leaves it out",
    )
    scale: Literal["none", "filter"] = Field(
        default="none",
        title="Scale",
        description="filter measures weights in the norms of their filters: networks that differ "
        "by a scale of these then have the same eigenvalues, else not (Dinh et al. 2017)",
        json_schema_extra={"words": {"none": "As they are", "filter": SCALES["filter"]}},
    )
    matrix: Literal["hessian", "gauss-newton"] = Field(
        default="hessian",
        title="Matrix",
        description="gauss-newton leaves out how the network itself curves; of cross-entropy",
        json_schema_extra={"words": {"hessian": "Hessian", "gauss-newton": "Gauss–Newton"}},
    )
    radius: float = Field(
        default=0.05,
        gt=0,
        allow_inf_nan=False,
        title="Radius",
        description="Of the ball in which the largest rise of the loss is looked for (SAM, Foret "
        "et al. 2021); at the scale of filters in units of their norms",
    )
    noise: float = Field(
        default=0.1,
        gt=0,
        allow_inf_nan=False,
        title="Noise",
        description="Size of the filter-normalized noise under which the mean rise is found",
    )
    parameters: str = Field(
        default="all",
        title="Parameters",
        description="Which may move: all, or names and patterns as layer4.* with blanks between "
        "them",
    )
    loss: OwnLoss = None
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        title="Batch size",
        description="Samples at once; by default what suits the device",
    )

    @property
    def sources(self) -> tuple[Path, ...]:
        """All networks."""
        return (self.source, *self.also)

    @property
    def targets(self) -> Targets:
        """Anything; with a loss of the user's own the network need not classify."""
        return "any" if self.loss is None else "as given"

    @field_validator("parameters")
    @classmethod
    def _some(cls, parameters: str) -> str:
        if not parameters.strip():
            raise ValueError("say which: all, or names and patterns")
        return parameters

    @model_validator(mode="after")
    def _can_be(self) -> SharpnessSettings:
        twice = [s for k, s in enumerate(self.sources) if s in self.sources[:k]]
        if twice:
            raise ValueError(f"{twice[0]} is given twice")
        if self.largest + self.smallest == 0:
            raise ValueError("ask for one eigenvalue at least: --largest 1")
        if self.precision not in ("auto", "fp32"):
            raise ValueError(
                "second derivatives are found in fp32, which rounding would drown: leave "
                "--precision away"
            )
        if stride_of(self.every):
            check_has_checkpoints(self.networks, self.every)
        return self
