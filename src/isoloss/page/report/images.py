"""Saved images on a page: the galleries of figures as tables of pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.gallery import Cell, Gallery, Picture, levels_of
from isoloss.figures.robustness.maps import Drift, Gates, maps
from isoloss.figures.robustness.run_results import RunResults
from isoloss.figures.robustness.saved_images import combinations, read_saved_images
from isoloss.figures.robustness.stamps import Stamps
from isoloss.figures.robustness.strips import RIGHT, WRONG, strips
from isoloss.geometry.ticks import nice_ticks, number_label
from isoloss.naming import drawable_line
from isoloss.page.frame import escaped
from isoloss.page.report.colours import Colours
from isoloss.page.report.evaluations import radius_axis
from isoloss.page.report.plot import Axis, Line, Pen, Plot, Point
from isoloss.page.report.tables import figure_of, plot_of, said, signs
from isoloss.paths import exists
from isoloss.results.radii import radius_label
from isoloss.results.saved_examples import INDEX, ExampleFile, read_index
from isoloss.run_folder import EXAMPLES
from isoloss.scene.appearance import Appearance

ROOM = 640_000
"""Bytes of HTML of all images; what does not fit is said."""
LARGEST = 112
"""Pixels a side of what is larger."""
_SQUARES = 72
"""Pictures with fewer pixels a side are shown as squares."""
_LIGHT = replace(Appearance(), theme="light")


@dataclass
class Room:
    """How many bytes are left."""

    left: int = ROOM

    def takes(self, text: str) -> bool:
        """Whether there is room for a text, which then is taken."""
        size = len(text.encode())
        if size > self.left:
            return False
        self.left -= size
        return True


def images_of(
    run: RunResults, stamps: Stamps, colours: Colours, name: str, room: Room
) -> Iterator[str]:
    """HTML of the images that a run has saved, one piece for each combination.

    Args:
        name: how names of elements begin.
        room: that all images of the page share.
    """
    folder = run.folder / EXAMPLES
    if not exists(folder / INDEX):
        return
    index = read_index(folder)
    asked = dict.fromkeys(map(_choice, combinations(index) if index.images else ()))
    left_out: list[str] = []
    for k, choice in enumerate(asked):
        saved = read_saved_images(run, choice)
        across = [_gallery(strips(saved, run, choice, _LIGHT), stamps)]
        several: list[str] = []
        if len(saved.eps) > 1:
            last = replace(choice, eps=saved.eps[-1])
            several.append(_gallery(strips(saved, run, last, _LIGHT), stamps))
            if saved.maps:
                across += _maps(maps(saved, run, choice, _LIGHT), stamps, colours, f"{name}-{k}")
        kept = [[piece for piece in pieces if room.takes(piece)] for pieces in (across, several)]
        if any(kept):
            opened = " open" if k == 0 else ""
            columns = "".join(f"<div>{''.join(pieces)}</div>" for pieces in kept if pieces)
            shown = f'<div class="galleries">{columns}</div>'
            yield f"<details{opened}><summary>{said(saved.title)}</summary>{shown}</details>"
        if kept != [across, several]:
            left_out.append(f"more of {saved.title}" if any(kept) else saved.title)
    if left_out:
        yield (
            f'<p class="note">Left out, lest the page grow too large: {said("; ".join(left_out))}. '
            "<code>isoloss render RUN --what examples</code> and <code>maps</code> draw them.</p>"
        )


def _choice(file: ExampleFile) -> Choice:
    sigma = None if np.isnan(file.sigma) else file.sigma
    return Choice(network=file.network, attack=file.attack, sigma=sigma)


def _gallery(gallery: Gallery, stamps: Stamps) -> str:
    """A figure with a table of pictures."""
    head = "".join(f'<th scope="col">{escaped(drawable_line(h))}</th>' for h in gallery.headers)
    rows = "".join(
        f'<tr><th scope="row">{escaped(drawable_line(name))}</th>'
        + "".join(_cell(cell, name, h) for cell, h in zip(row, gallery.headers, strict=True))
        + "</tr>"
        for name, row in zip(gallery.names, gallery.rows, strict=True)
    )
    table = (
        f'<table class="pictures"><thead><tr><th scope="col">{escaped(gallery.corner)}</th>{head}'
        f"</tr></thead><tbody>{rows}</tbody></table>"
    )
    title = escaped(drawable_line(gallery.heading)) + signs(stamps.sign(gallery.warnings))
    return figure_of(title, table, gallery.note)


def _cell(cell: Cell | None, name: str, header: str) -> str:
    if cell is None:
        return "<td></td>"
    text = drawable_line(" ".join(cell.caption.texts))
    kind = {RIGHT: "right", WRONG: "wrong"}.get(text[:1], "quiet")
    answer = escaped(text).replace(" %", "\N{NO-BREAK SPACE}%")
    caption = f'<span class="{kind}">{answer}</span>' if text else ""
    if isinstance(cell.picture, Gates):
        return f"<td>{_gates(cell.picture, f'{name}, {header}')}{caption}</td>"
    assert isinstance(cell.picture, np.ndarray)
    about = escaped(drawable_line(", ".join(filter(None, (name, header, text)))))
    return f"<td>{picture_of(cell.picture, about)}{caption}</td>"


def picture_of(picture: Picture, about: str) -> str:
    """An `img` with the pixels of a picture, (H, W, 1 or 3) in [0, 1], and nothing lost.

    Args:
        about: HTML of what it is.
    """
    levels = levels_of(picture, LARGEST)
    height, width = levels.shape[:2]
    is_grey = bool((levels == levels[..., :1]).all())
    image = Image.fromarray(levels[..., 0] if is_grey else levels)
    written: list[tuple[str, bytes]] = []
    for kind, more in (("png", {"optimize": True}), ("webp", {"lossless": True, "quality": 100})):
        file = io.BytesIO()
        image.save(file, kind.upper(), **more)
        written.append((kind, file.getvalue()))
    kind, data = min(written, key=lambda one: len(one[1]))
    squares = ' class="squares"' if max(width, height) < _SQUARES else ""
    return (
        f'<img{squares} width="{width}" height="{height}" alt="{about}" '
        f'src="data:image/{kind};base64,{base64.b64encode(data).decode("ascii")}">'
    )


def _gates(gates: Gates, about: str) -> str:
    """Gates over channels: dots, and the clean ones as a line."""
    count, top = len(gates.values), gates.top

    def places(values: Iterable[float]) -> list[tuple[float, float]]:
        return [
            (3 + 94 * k / max(count - 1, 1), 96 - 92 * float(v) / top) for k, v in enumerate(values)
        ]

    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places(gates.values))
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places(gates.clean))
    label = escaped(drawable_line(f"{about}: gates of {count} channels"))
    return (
        f'<svg class="gates" viewBox="0 0 100 100" role="img" aria-label="{label}">'
        f'<path class="dots" d="{dots}"/><path class="clean" d="M{line}"/></svg>'
    )


def _maps(gallery: Gallery, stamps: Stamps, colours: Colours, name: str) -> list[str]:
    """The maps, and how far they move, a chart each."""
    plots = [
        _drift(drift, label, colours)
        for drift, label in zip(gallery.aside, gallery.names, strict=True)
        if isinstance(drift, Drift)
    ]
    charts = "".join(plot_of(plot, f"{name}-drift{k}") for k, plot in enumerate(plots))
    return [_gallery(gallery, stamps), f'<div class="plots">{charts}</div>']


def _drift(drift: Drift, label: str, colours: Colours) -> Plot:
    top = drift.top if drift.top > 0 else 1.0
    pen = Pen(colours.name(lambda theme: theme.further_paths[1]), "o", 4.0)
    others = [k for k in range(drift.drift.shape[1]) if k != drift.k]
    eps = np.array(drift.eps)
    points = tuple(
        Point(e, value, radius_label(e), number_label(value, 2),
              [("ε", radius_label(e)), ("drift", number_label(value, 2))])
        for e, value in zip(drift.eps, drift.drift[:, drift.k].tolist(), strict=True)
    )  # fmt: skip
    faint = tuple((eps, drift.drift[:, k].astype(np.float64)) for k in others)
    line = Line("this image", pen, points, faint=faint)
    up = Axis.even("drift", nice_ticks(0.0, 1.06 * top, 5), 0.0, 1.06 * top)
    return Plot(f"Drift of {label}", radius_axis("ε", drift.eps), up, (line,))
