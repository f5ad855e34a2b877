"""What the colours of a surface can mean: one entry a texture, from which everything else follows.

Menus, keys, the window's buttons and help, `--texture`, sessions, scalar bars, pictures and figures
read `TEXTURES`; to add a texture is to `register` it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.analysis.beyond_chance import DIFFERS
from isoloss.geometry.arrays import Array
from isoloss.geometry.derivatives import curvature, slope
from isoloss.geometry.height import HeightScale, SignedScale
from isoloss.geometry.surface import Surface
from isoloss.registry import Registry

ValueScale = HeightScale | SignedScale
"""From values to positions in [0, 1] along a colormap, and back."""


@dataclass(frozen=True, eq=False)
class Texture:
    """One meaning that colours can have.

    Attributes:
        name: on the command line and in sessions: lower case, with dashes.
        title: the quantity, as the scalar bar names it.
        detail: what the quantity is, in a few words or signs below its title.
        values: (A, B) of a surface at its grid points, NaN where they are not known; None where
            the colours are those of the height, or none.
        scale: from values of any shape, and from what is asked for (logarithmic? None decides by
            the values), to the scale that shows them best.
        signed: whether values lie on both sides of zero, which is read from a diverging colormap;
            None: those of a difference of surfaces do.
        percent: values are fractions, read in percent.
        least_are_rounding: the least values say nothing: none is said to lie below the scale.
        exists: whether a surface has what is shown.
        paint: how the body of the surface is coloured: by smooth colours; by one for each band
            between contour levels; by one for each class, which its values are the numbers of; by
            one tone, without a meaning; not at all, where lines of the surface's own grid have the
            colours.
        short: the label where room is scarce, if it is not `label`.
        term: what the glossary calls it, if it is not `label`.
        explained: what it shows, in one sentence.
    """

    name: str
    title: str = "loss"
    detail: str = ""
    values: Callable[[Surface], Array] | None = None
    scale: Callable[[Array, bool | None], ValueScale] = HeightScale.automatic
    signed: bool | None = None
    percent: bool = False
    least_are_rounding: bool = False
    exists: Callable[[Surface], bool] = lambda surface: True
    paint: Literal["smooth", "bands", "classes", "one tone", "lines"] = "smooth"
    short: str = ""
    term: str = ""
    explained: str = ""

    HEIGHT: ClassVar[Texture]
    ACCURACY: ClassVar[Texture]
    SLOPE: ClassVar[Texture]
    CURVATURE: ClassVar[Texture]
    ERROR_BAR: ClassVar[Texture]
    SPREAD: ClassVar[Texture]
    DIFFERS: ClassVar[Texture]
    BANDS: ClassVar[Texture]
    MATTE: ClassVar[Texture]
    WIREFRAME: ClassVar[Texture]
    CLASS: ClassVar[Texture]
    MARGIN: ClassVar[Texture]
    CROSS_ENTROPY: ClassVar[Texture]

    def __repr__(self) -> str:
        return f"<Texture {self.name}>"

    @property
    def words(self) -> str:
        """The name within a sentence."""
        return self.name.replace("-", " ")

    @property
    def label(self) -> str:
        """The name shown in the window."""
        return self.words.capitalize()

    @property
    def shows_height(self) -> bool:
        """Whether its colours are those of the height."""
        return self.values is None and self.paint != "one tone"

    @property
    def is_flat(self) -> bool:
        """Whether a figure in the plane can show it: the body of the surface has its colours."""
        return self.paint in ("smooth", "bands", "classes")


TEXTURES = Registry[Texture]("texture")
"""All that can be chosen, in the order of menus and keys."""
register, unregister = TEXTURES.register, TEXTURES.unregister


def texture_named(name: str) -> Texture:
    """The texture of this name or short label, however it is written.

    Raises:
        IsolossError: there is none; says which there are.
    """
    slug = name.lower().replace("_", "-").replace(" ", "-")
    for texture in TEXTURES:
        if slug in (texture.name, texture.short.lower()):
            return texture
    raise IsolossError(f"there is no texture {name!r}; choose one of {', '.join(TEXTURES.names())}")


def _slope_scale(values: Array, log: bool | None) -> HeightScale:
    # At a minimum the slope is zero but for rounding: decades that mean nothing.
    bottom = np.nanquantile(values, 0.01) if np.isfinite(values).any() else 0.0
    return HeightScale.automatic(np.maximum(values, bottom), log)


def _error_bar(surface: Surface) -> Array:
    errors = surface.loss_stderr
    return np.where(surface.computed & (errors > 0), errors, np.nan)


def _spread(surface: Surface) -> Array:
    if surface.spread is None:  # another layer has one
        return np.full(surface.shape, np.nan)
    return np.where(surface.computed, surface.spread, np.nan)


def class_name(surface: Surface, number: int) -> str:
    """What a surface calls the class of a number; the number where it has no name for it."""
    names: Any = surface.meta.get("class_names")
    known = cast("list[Any]", names) if isinstance(names, list) else []
    return str(known[number]) if 0 <= number < len(known) else str(number)


def _column(name: str) -> Callable[[Surface], Array]:
    return lambda s: s.columns.get(name, np.full(s.shape, np.nan))  # another layer has it


def _has_column(name: str) -> Callable[[Surface], bool]:
    return lambda surface: name in surface.columns


Texture.HEIGHT = register(Texture("height"))
Texture.ACCURACY = register(
    Texture(
        "accuracy",
        title="accuracy",
        values=lambda surface: surface.accuracy,
        scale=lambda values, log: HeightScale.automatic(values, bool(log)),
        percent=True,
        exists=lambda surface: bool(np.isfinite(surface.accuracy).any()),
    )
)
Texture.SLOPE = register(
    Texture(
        "slope",
        title="slope",
        detail="|∇loss|",
        values=slope,
        scale=_slope_scale,
        signed=False,
        least_are_rounding=True,
        explained="The length of the loss's gradient within the plane, in loss per unit of α and "
        "β.",
    )
)
Texture.CURVATURE = register(
    Texture(
        "curvature",
        title="curvature",
        detail="∇²loss",
        values=curvature,
        scale=SignedScale.automatic,
        signed=True,
        explained="How fast the slope changes; in a random plane it is an average over all "
        "directions, so that a saddle can look like a valley.",
    )
)
Texture.ERROR_BAR = register(
    Texture(
        "error-bar",
        title="standard error",
        detail="of the loss",
        values=_error_bar,
        signed=False,
        exists=lambda s: bool((np.isfinite(s.loss_stderr) & (s.loss_stderr > 0)).any()),
        term="Standard error",
        explained="How far the mean over the samples seen may lie from the mean over all of them: "
        "two times out of three it is nearer than this.",
    )
)
Texture.SPREAD = register(
    Texture(
        "spread",
        title="spread",
        detail="over planes or networks",
        values=_spread,
        signed=False,
        exists=lambda surface: surface.spread is not None,
        explained="The standard deviation of the loss over several random planes or networks: "
        "where it is large, one alone says little.",
    )
)
Texture.DIFFERS = register(
    Texture(
        DIFFERS,
        title="differs",
        detail="1 higher, −1 lower, 0 chance",
        values=_column(DIFFERS),
        scale=lambda values, log: SignedScale.automatic(values, False),
        exists=_has_column(DIFFERS),
        signed=True,
        explained="Where one surface is above or below the other beyond chance, all cells counted "
        "at once: of the cells that are marked 5 % at most are false.",
    )
)
Texture.BANDS = register(
    Texture(
        "contour-bands",
        paint="bands",
        short="Bands",
        term="Contour levels",
        explained="Lines of equal loss: where they lie close together the surface is steep, and "
        "closed ones surround a valley or a hill.",
    )
)
Texture.MATTE = register(Texture("matte", paint="one tone"))
Texture.WIREFRAME = register(Texture("wireframe", paint="lines"))
Texture.CLASS = register(
    Texture(
        "class",
        title="predicted class",
        values=_column("predicted"),
        exists=_has_column("predicted"),
        paint="classes",
        term="Predicted class",
        explained="Which class the network takes the image for; behind a defense, that which most "
        "draws answer.",
    )
)
Texture.MARGIN = register(
    Texture(
        "margin",
        title="margin",
        detail="of the best other class",
        values=_column("margin"),
        exists=_has_column("margin"),
        scale=SignedScale.automatic,
        signed=True,
        explained="By how much the logit of the best other class leads: above 0 where the image is "
        "misclassified.",
    )
)
Texture.CROSS_ENTROPY = register(
    Texture(
        "cross-entropy",
        title="cross-entropy",
        values=_column("cross_entropy"),
        exists=_has_column("cross_entropy"),
        signed=False,
        explained="The loss at an image, where the surface's height is something else.",
    )
)
