"""What can be asked of a probe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from isoloss.settings.base import (
    AbsolutePath,
    Grid,
    NetworkSettings,
    Range,
    as_range,
)


class ProbeSettings(NetworkSettings):
    """Evaluate loss and accuracy over a plane through a trained network's parameters."""

    kind: Literal["probe"] = "probe"
    split: Literal["train", "test"] = Field(
        default="train", title="Split", description="Which part of the data the loss is taken over"
    )
    samples: int | None = Field(
        default=None,
        ge=1,
        title="Samples",
        description="Evaluate on at most this many samples, drawn at random once; by default on "
        "all",
    )
    tolerance: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        title="Tolerance",
        description="Stop when the error is below this share of the surface's range everywhere, "
        "for example 0.01; by default all samples are evaluated at every point",
    )
    plane: Literal["random", "pca", "line", "interpolate"] = Field(
        default="random",
        title="Plane",
        description="random: two filter-normalized directions; pca: the trajectory's two leading "
        "principal components (Li et al. 2018); line: one random direction; interpolate: the line "
        "to another network",
    )
    to: AbsolutePath | None = Field(
        default=None,
        title="Other network",
        description="The network at the other end of interpolate: a training run or a checkpoint",
        json_schema_extra={"only_with": {"plane": ["interpolate"]}},
    )
    also: tuple[AbsolutePath, ...] = Field(
        default=(),
        title="Also",
        description="With pca: further training runs of the same network whose trajectories the "
        "plane shows too",
        json_schema_extra={"only_with": {"plane": ["pca"]}},
    )
    planes: int = Field(
        default=1,
        ge=1,
        le=1000,
        title="Planes",
        description="With random: the mean, and the spread, over so many planes of consecutive "
        "seeds",
        json_schema_extra={"only_with": {"plane": ["random"]}},
    )
    normalize: Literal["filter", "layer", "none"] = Field(
        default="filter",
        title="Normalization",
        description="What random directions are scaled to: the norm of each filter of the network "
        "(Li et al. 2018), of each layer, or nothing",
        json_schema_extra={"only_with": {"plane": ["random", "line"]}},
    )
    grid: Grid = Field(
        default=(25, 25),
        title="Grid",
        description="Points: N, or AxB along α and β",
        json_schema_extra={"only_with": {"plane": ["random", "pca"]}},
    )
    alpha_range: Annotated[Range | None, BeforeValidator(as_range)] = Field(
        default=None,
        title="Range of α",
        description="Low and high end along the first direction; by default −1 to 1, or with pca "
        "what holds the whole trajectory",
    )
    beta_range: Annotated[Range | None, BeforeValidator(as_range)] = Field(
        default=None,
        title="Range of β",
        description="Likewise along the second direction",
        json_schema_extra={"only_with": {"plane": ["random", "pca"]}},
    )
    points: int = Field(
        default=401,
        ge=2,
        le=100_001,
        title="Points",
        description="Of a line or an interpolation",
        json_schema_extra={"only_with": {"plane": ["line", "interpolate"]}},
    )
    batch_norm: Literal["frozen", "recalibrated"] = Field(
        default="frozen",
        title="Batch norm",
        description="frozen: the statistics of the network (Li et al. 2018), between two networks "
        "those in between; recalibrated: measured anew on training samples at every point",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        title="Batch size",
        description="Samples evaluated at once; by default what suits the device",
    )
    points_at_once: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        title="Points at once",
        description="Grid points evaluated together, which small networks may gain from; by "
        "default measured at the start",
    )

    @property
    def is_curve(self) -> bool:
        """Whether it is one direction that is probed, not two."""
        return self.plane in ("line", "interpolate")

    @model_validator(mode="after")
    def _what_the_plane_needs(self) -> ProbeSettings:
        if (self.plane == "interpolate") != (self.to is not None):
            raise ValueError(
                "to interpolate, say where to: give --to"
                if self.to is None
                else "--to is for --plane interpolate"
            )
        if self.also and self.plane != "pca":
            raise ValueError("--also is for --plane pca")
        if self.planes > 1 and self.plane != "random":
            raise ValueError("--planes is for --plane random")
        return self

    @model_validator(mode="after")
    def _pca_needs_a_trajectory(self) -> ProbeSettings:
        if self.plane == "pca" and self.networks[0].kind == "checkpoint":
            raise ValueError("a pca plane needs a training run's folder with its trajectory")
        return self
