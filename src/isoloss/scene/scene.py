"""What is to be drawn, as plain state."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from isoloss.geometry.arrays import Array
from isoloss.geometry.height import HeightScale
from isoloss.geometry.mesh import BOX_HEIGHT, DisplayMesh
from isoloss.naming import drawable
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.colormaps import CLASSES, DIVERGING, OWN
from isoloss.scene.cut import Cut
from isoloss.scene.layer import SurfaceLayer

Palette = tuple[str, bool]
"""A colormap, and whether it runs from its other end."""

FLOOR = -0.22
"""Height of the floor of the box, where the floor's contours lie."""


@dataclass(frozen=True)
class Frame:
    """How (α, β, loss) map into the box [-1, 1] × [-1, 1] × [0, 0.9·gain].

    Attributes:
        alpha, beta: (lo, hi) of the box along each axis.
        scale: from loss to height.
        gain: stretches the heights.
    """

    alpha: tuple[float, float]
    beta: tuple[float, float]
    scale: HeightScale
    gain: float = 1.0

    @property
    def top(self) -> float:
        """z of the top of the scale."""
        return BOX_HEIGHT * self.gain

    @property
    def corners(self) -> Array:
        """(8, 3) of the box, from the floor to its top."""
        heights = (FLOOR, self.top)
        return np.array(list(itertools.product((-1.0, 1.0), (-1.0, 1.0), heights)))

    @property
    def stretch(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Scale and offset that bring what is placed in the box of gain 1 into this one."""
        return (1.0, 1.0, self.gain), (0.0, 0.0, 0.0)

    def place(self, alpha: ArrayLike, beta: ArrayLike, loss: ArrayLike) -> Array:
        """(n, 3) positions in the box of n points."""
        x = _to_unit(np.asarray(alpha, np.float64), self.alpha)
        y = _to_unit(np.asarray(beta, np.float64), self.beta)
        z = self.scale.apply(loss) * self.top
        return np.stack(np.broadcast_arrays(x, y, z), axis=-1)

    def mesh_to_world(self, mesh: DisplayMesh) -> tuple[Array, Array]:
        """(3,) scale and (3,) offset from the mesh's own unit coordinates into the box."""
        lo = self.place(mesh.alpha[0], mesh.beta[0], self.scale.lo)
        hi = self.place(mesh.alpha[-1], mesh.beta[-1], self.scale.lo)
        scale = np.array([(hi[0] - lo[0]) / 2, (hi[1] - lo[1]) / 2, self.top])
        return scale, np.array([(hi[0] + lo[0]) / 2, (hi[1] + lo[1]) / 2, 0.0])


@dataclass(eq=False)
class Scene:
    """Layers, seen from a camera, with an appearance: all that one viewport shows.

    Attributes:
        hidden: the layers that this viewport does not show.
        height_scale: one that is not this scene's own, where viewports are linked.
        beside: further layers whose values the colours are to span, where viewports are linked.
        cut: the line along which the surfaces are sliced.
    """

    layers: list[SurfaceLayer] = field(default_factory=list[SurfaceLayer])
    camera: Camera = field(default_factory=Camera)
    appearance: Appearance = field(default_factory=Appearance)
    title: str = ""
    height_scale: HeightScale | None = None
    hidden: frozenset[SurfaceLayer] = frozenset()
    beside: tuple[SurfaceLayer, ...] = ()
    cut: Cut | None = None

    @property
    def visible(self) -> list[SurfaceLayer]:
        """The layers that are not hidden, whether or not they have values."""
        return [x for x in self.layers if x not in self.hidden]

    @property
    def shown(self) -> list[SurfaceLayer]:
        """The visible layers that have at least one value."""
        return [x for x in self.visible if x.has_values]

    @property
    def shows_difference(self) -> bool:
        """Whether differences of surfaces, and nothing else, are visible."""
        shown = self.shown
        return bool(shown) and all(layer.surface.is_difference for layer in shown)

    @property
    def heading(self) -> str:
        """What is written above: the title, else the only surface's name; "" if it is switched
        off."""
        shown = self.shown
        if not self.appearance.title or self.title or len(shown) != 1:
            return drawable(self.title) if self.appearance.title else ""
        only = shown[0]
        return drawable(only.name if only.derived else only.surface.title or only.name)

    @property
    def drawn_appearance(self) -> Appearance:
        """The appearance as drawn: a sign is read from a diverging colormap, classes from
        one of their own."""
        appearance = self.appearance
        has_it = any(layer.has(appearance.texture) for layer in self.shown)
        if has_it and appearance.texture.paint == "classes":
            return replace(appearance, colormap=CLASSES, reverse_colormap=False)
        signed = appearance.texture.signed if has_it else None
        if signed is None:
            signed = self.shows_difference
        if signed and appearance.colormap not in DIVERGING:
            return replace(appearance, colormap=DIVERGING[0], reverse_colormap=False)
        return appearance

    @property
    def palettes(self) -> dict[SurfaceLayer, Palette]:
        """The colormap of each visible layer that is a surface of its own, and its direction."""
        appearance = self.drawn_appearance
        chosen = (appearance.colormap, appearance.reverse_colormap)
        first: dict[int, SurfaceLayer] = {}
        for layer in self.shown:
            first.setdefault(id(layer.surface), layer)
        differs = any(x.surface.is_difference for x in first.values())
        apart = appearance.own_colors and not differs and appearance.colormap != CLASSES
        return {
            layer: (OWN[(k - 1) % len(OWN)], False) if k and apart else chosen
            for k, layer in enumerate(first.values())
        }

    def appearance_of(self, layer: SurfaceLayer) -> Appearance:
        """The appearance as drawn, with the layer's own colormap."""
        drawn = self.drawn_appearance
        alike = (p for other, p in self.palettes.items() if other.surface is layer.surface)
        name, reverse = next(alike, (drawn.colormap, drawn.reverse_colormap))
        return replace(drawn, colormap=name, reverse_colormap=reverse)

    @property
    def paths(self) -> list[tuple[SurfaceLayer, int, int]]:
        """(layer, index, number) of the trajectories that are drawn: the numbers, by which they
        look, run through all visible layers."""
        if not self.appearance.trajectory:
            return []
        shown = self.shown
        return [(x, k, self.path_number(x, k)) for x in shown for k, _ in x.shown_trajectories]

    def path_number(self, layer: SurfaceLayer, index: int) -> int:
        """The number of a trajectory among those of all visible layers."""
        shown = self.shown
        before = shown[: shown.index(layer)] if layer in shown else []
        return index + sum(len(x.trajectories) for x in before)

    def go_to_epoch(self) -> None:
        """Show surfaces through time at the epoch that paths are drawn up to."""
        moving = [layer for layer in self.shown if layer.last is not None]
        log = bool(moving) and self.frame().scale.kind == "log"
        for layer in moving:
            layer.go_to(self.appearance.epoch, log)

    def own_scale(self) -> HeightScale:
        """The height scale that holds every visible layer."""
        log = self.appearance.log_height
        return HeightScale.covering([layer.automatic_scale(log) for layer in self.shown], log)

    def frame(self) -> Frame:
        """The box around the visible layers."""
        shown = self.shown
        scale = self.height_scale or self.own_scale()
        gain = self.appearance.height_gain
        if not shown:
            return Frame((-1.0, 1.0), (-1.0, 1.0), scale, gain)
        alphas = [layer.surface.alpha for layer in shown]
        betas = [layer.surface.beta for layer in shown]
        alpha = float(min(a[0] for a in alphas)), float(max(a[-1] for a in alphas))
        beta = float(min(b[0] for b in betas)), float(max(b[-1] for b in betas))
        if self.appearance.equal_aspect:
            longest = max(alpha[1] - alpha[0], beta[1] - beta[0])
            alpha, beta = (_around(span, longest) for span in (alpha, beta))
        return Frame(alpha, beta, scale, gain)


def _around(span: tuple[float, float], length: float) -> tuple[float, float]:
    """As long as said, with the same middle; one of no length stays a point."""
    lo, hi = span
    air = (length - (hi - lo)) / 2 if hi > lo else 0.0
    return lo - air, hi + air


def _to_unit(values: Array, span: tuple[float, float]) -> Array:
    lo, hi = span
    return 2 * (values - lo) / (hi - lo) - 1 if hi > lo else np.zeros_like(values)
