"""Strips of saved images: clean | adversarial | noisy | denoised | difference, with answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isoloss.errors import IsolossError
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.gallery import Caption, Cell, Gallery, gallery_figure
from isoloss.figures.robustness.run_results import RunResults
from isoloss.figures.robustness.saved_images import Image, SavedImages, Shot, read_saved_images
from isoloss.figures.sheet import Sheet
from isoloss.geometry.ticks import number_label, round_below
from isoloss.results.radii import NORMS, radius_label
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from isoloss.figures.figure import Figure

RIGHT, WRONG = "✓", "✗"
MOST = 8
"""Rows of a figure."""


@dataclass(frozen=True)
class Difference:
    """What an attack has added, to be seen.

    Attributes:
        picture: (H, W, C) in [0, 1]; where nothing is added, mid grey.
        gain: by so much it is enlarged; 1, 2 or 5 times a power of ten; 0 where there is none.
    """

    picture: Image
    gain: float


def strip_figure(
    run: RunResults, choice: Choice, sheet: Sheet, appearance: Appearance, heading: str
) -> Figure:
    """The figure of `strips`.

    Raises:
        IsolossError: if the run has saved no such images.
    """
    gallery = strips(read_saved_images(run, choice), run, choice, appearance, heading)
    return gallery_figure(gallery, sheet, appearance)


def strips(
    saved: SavedImages, run: RunResults, choice: Choice, appearance: Appearance, heading: str = ""
) -> Gallery:
    """One image with each ε in a column; or, if an ε is chosen or there is but one, several images
    at that, each in a row."""
    by_image = choice.eps is not None or len(saved.eps) == 1
    return (_of_images if by_image else _of_radii)(saved, run, choice, appearance, heading)


def _of_images(
    saved: SavedImages, run: RunResults, choice: Choice, appearance: Appearance, heading: str
) -> Gallery:
    eps = saved.eps[-1] if choice.eps is None else radius_of(saved, choice.eps)
    images = range(min(len(saved.index.images), MOST))
    chosen = images if choice.image is None else [saved.place(choice.image)]
    strips = [_strip(saved.shot(eps, k), appearance) for k in chosen]
    headers = list(dict.fromkeys(name for strip in strips for name in strip))
    about = "" if eps == 0 else f", ε = {radius_label(eps)} in {NORMS[saved.file.norm]}"
    return Gallery(
        heading or (saved.title + about if appearance.title else ""),
        saved.index.label_title,
        headers,
        [saved.index.class_name(saved.index.labels[k]) for k in chosen],
        [[strip.get(name) for name in headers] for strip in strips],
        saved.warnings(run),
        _note(run, attacked=eps > 0),
    )


def _of_radii(
    saved: SavedImages, run: RunResults, choice: Choice, appearance: Appearance, heading: str
) -> Gallery:
    k = saved.place(choice.image)
    strips = [_strip(saved.shot(eps, k), appearance) for eps in saved.eps]
    names = [n for n in strips[-1] if n != "clean"]
    for strip in strips:
        strip.setdefault("adversarial", strip["clean"])  # at 0
    about = f", image {saved.index.images[k]}, {saved.index.label_in_title(k)}"
    return Gallery(
        heading or (saved.title + about if appearance.title else ""),
        f"ε in {NORMS[saved.file.norm]}",
        [radius_header(eps) for eps in saved.eps],
        names,
        [[strip.get(name) for strip in strips] for name in names],
        saved.warnings(run),
        _note(run, attacked=True),
    )


def radius_header(eps: float) -> str:
    """What stands over a column of images."""
    return "0, clean" if eps == 0 else radius_label(eps)


def _strip(shot: Shot, appearance: Appearance) -> dict[str, Cell]:
    """clean | adversarial | noisy | denoised | difference, as far as there are such; the answer
    stands below what is classified."""
    pictures = {"clean": shot.clean}
    if shot.eps > 0:
        pictures["adversarial"] = shot.attacked
    if shot.noisy is not None:
        pictures["noisy"] = shot.noisy
    if shot.denoised is not None:
        pictures["denoised"] = shot.denoised
    cells = {name: Cell(picture) for name, picture in pictures.items()}
    classified = list(cells)[-1]
    cells[classified] = Cell(pictures[classified], answer(shot, THEMES[appearance.theme]))
    if shot.eps > 0:
        added = difference(shot)
        text = f"× {number_label(added.gain)}" if added.gain else "none"
        cells["difference"] = Cell(added.picture, Caption((text,)))
    return cells


def difference(shot: Shot) -> Difference:
    """What is added to the clean image, so that its largest value nearly reaches black or white."""
    added = shot.attacked - shot.clean
    largest = float(np.abs(added).max())
    gain = round_below(0.5 / largest, 1e-3) if largest > 1e-9 else 0.0
    return Difference(np.clip(0.5 + gain * added, 0, 1), gain)


def radius_of(saved: SavedImages, eps: float) -> float:
    """That radius of the run.

    Raises:
        IsolossError: naming those that there are.
    """
    for radius in saved.eps:
        if math.isclose(radius, eps, rel_tol=1e-3, abs_tol=1e-12):
            return radius
    there = ", ".join(f"{radius:.4g}" for radius in saved.eps)
    raise IsolossError(f"there are no images at ε = {eps:g}; there are {there}")


def answer(shot: Shot, theme: Theme) -> Caption:
    """What the network says: right or wrong by sign and colour, the class, how sure it is."""
    sign = RIGHT if shot.is_right else WRONG
    color = theme.minimum if shot.is_right else theme.clamped
    return Caption((f"{sign} {shot.name},", percent(shot.confidence)), color)


def percent(fraction: float) -> str:
    """In whole per cent; what is nearly 1 is not 1."""
    return ">99 %" if 0.995 <= fraction < 1 else f"{100 * fraction:.0f} %"


def _note(run: RunResults, *, attacked: bool) -> str:
    words = [f"{RIGHT} right, {WRONG} wrong: the answer and its softmax, below what is classified"]
    if attacked:
        words.append("difference: adversarial − clean, enlarged as stated, mid grey is none")
    if not run.is_finished:
        words.append("the run is not finished, and not checked yet")
    return "; ".join(words) + "."
