"""What is written along the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.texturing import quantity


def axis_titles(shown: list[SurfaceLayer]) -> tuple[str, str, str]:
    """α and β, with the share of variance they explain when the plane came from PCA."""
    told = shown[0].surface.meta.get("explained_variance_ratio") if len(shown) == 1 else None
    ratios = list(cast("Sequence[float]", told)) if isinstance(told, list | tuple) else []
    names = ["α", "β"]
    if len(ratios) >= 2:
        names = [
            f"{name} (PC{k}, {100 * float(share):.1f} %)"
            for k, (name, share) in enumerate(zip(names, ratios, strict=False), start=1)
        ]
    return names[0], names[1], quantity(shown)
