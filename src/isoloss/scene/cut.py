"""A line through the plane along which a surface is sliced."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """From one point of the plane to another, both as (α, β)."""

    start: tuple[float, float]
    end: tuple[float, float]
