"""The example notebook, run by a kernel, and what it shows in a browser."""

import base64
import html
import io
import os
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from nbclient import NotebookClient
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.notebook import picture, surfaces

EXAMPLE = Path(__file__).parents[2] / "examples" / "notebook.ipynb"
EVIL = "</script><script>globalThis.ran = 1</script>\"><img src=x onerror='globalThis.ran = 1'>"
HOSTILE = f"isoloss.Surface.from_loss(*grid, surface.loss, title={EVIL!r}, quantity={EVIL!r})"
NOTHING = "isoloss.Surface.from_loss(*grid, surface.loss * float('nan'))"
SILENT = "_ = isoloss.probe(model, [(x, y)], plane, [0, 1], [0, 1], progress=False)"
WINDOW = "isoloss.view(surface, block=False)"
FURTHER = (f"grid = surface.alpha, surface.beta\n{HOSTILE}", NOTHING, SILENT, f"x = 1\n{WINDOW}")
READY = "document.documentElement?.dataset.ready === 'true'"
AXIS = np.linspace(-1, 1, 9)
CURVE = Surface.from_loss(AXIS, np.zeros(1), AXIS[:, None] ** 2)
BOWL = Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2 + 0.1)


def executed(folder: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(EXAMPLE, 4)
    for source in FURTHER:
        notebook.cells.append(nbformat.v4.new_code_cell(source))
    notebook.cells[-1].metadata.tags = ["raises-exception"]
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return notebook


def as_page(cell: nbformat.NotebookNode) -> str:
    """What a frontend makes of the outputs of a cell: the richest of each."""
    shown: list[str] = []
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/html" in data:
            shown.append(data["text/html"])
        elif "image/svg+xml" in data or "image/png" in data:
            kind = "svg+xml" if "image/svg+xml" in data else "png"
            content = data[f"image/{kind}"]
            if kind == "svg+xml":
                content = base64.b64encode(content.encode()).decode()
            shown.append(f'<img src="data:image/{kind};base64,{content}">')
        else:
            said = data.get("text/plain") or output.get("text") or "\n".join(output.traceback)
            shown.append(f"<pre>{html.escape(said)}</pre>")
    return "<!doctype html><meta charset=utf-8><title>x</title>" + "".join(shown)


def colours(png: bytes) -> int:
    return len(
        np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3), axis=0)
    )


def test_all_that_it_computes_shows_itself(tmp_path, chromium):
    notebook = executed(tmp_path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    by_line = {cell.source.strip().splitlines()[-1]: cell for cell in cells}
    assert all(output.output_type != "stream" for cell in cells for output in cell.outputs)

    said = {line: cell.outputs[-1].data for line, cell in by_line.items()
            if cell.outputs and cell.outputs[-1].output_type == "execute_result"}  # fmt: skip
    assert all(
        data["text/plain"].count("\n") == 0 for line, data in said.items() if line != "table"
    )
    assert said["plane"].keys() == {"text/plain", "text/html"}
    assert "explained variance" in said["plane"]["text/html"]
    assert "13 checkpoints" in said["surface.trajectories[0]"]["text/html"]
    assert said["surface"].keys() == {"text/plain", "text/html", "image/png"}
    assert said["surface"]["text/plain"].startswith(
        "<Surface of A small network on the digits: 25×25"
    )
    assert colours(base64.b64decode(said["surface"]["image/png"])) > 100
    assert len(said["surface"]["text/html"]) < 400_000
    (curve,) = (data for data in said.values() if data["text/plain"].startswith("<Curve of "))
    assert curve.keys() == {"text/plain", "image/svg+xml", "image/png"}
    assert ">accuracy</text>" in curve["image/svg+xml"]
    assert "worst of all attacks" in said["table"]["text/html"]
    figures = [data for data in said.values() if data["text/plain"].startswith("<Figure size")]
    assert [colours(base64.b64decode(data["image/png"])) > 100 for data in figures] == [True] * 3
    assert (tmp_path / "digits.pdf").read_bytes().startswith(b"%PDF")

    bar, _ = by_line["surface"].outputs
    assert bar.data["text/html"].count("<progress ") == 2  # its points, its path
    assert 'value="1.0000"' in bar.data["text/html"]
    assert by_line[SILENT].outputs == []
    assert list(by_line[NOTHING].outputs[0].data) == ["text/plain"]
    (mistake,) = by_line[WINDOW].outputs
    assert [line.strip() for line in mistake.traceback] == [
        "IsolossError: there is no display: isoloss.render makes pictures without a window",
        f"line 2: {WINDOW}",
    ]

    for cell in (by_line["surface"], by_line[HOSTILE]):
        page = tmp_path / "cell.html"
        page.write_text(as_page(cell), encoding="utf-8")
        chromium.resize(1000, 760)
        chromium.open(page)
        at = chromium.run(
            "(({x, y, width, height}) => [x, y, width, height])"
            "(document.querySelector('iframe').getBoundingClientRect())"
        )
        assert at[2] / at[3] == pytest.approx(1.6, abs=0.01)
        with chromium.in_frame():
            chromium.wait(READY)
            assert chromium.run("isolossPage.views[0].layers.length") == 1
            before = chromium.run("isolossPage.views[0].camera.azimuth")
            assert chromium.run("globalThis.ran") is None
        middle = at[0] + at[2] / 2, at[1] + at[3] / 2
        assert colours(chromium.screenshot((*at[:2], at[2], at[3]))) > 1000
        chromium.drag(middle, (middle[0] + 100, middle[1]))
        with chromium.in_frame():
            chromium.wait(f"isolossPage.views[0].camera.azimuth !== {before}")
        assert chromium.run("globalThis.ran") is None
        assert chromium.complaints == []
        assert {request.partition(":")[0] for request in chromium.requests} <= {"file", "data"}


def test_without_opengl_matplotlib_draws_what_is_shown(monkeypatch):
    def none(*_given, **_options):
        raise IsolossError("there is no OpenGL")

    monkeypatch.setattr(picture, "render", none)
    surface = Surface.from_loss(AXIS, AXIS, BOWL.loss)
    shown = Image.open(io.BytesIO(surface._repr_png_()))
    assert shown.size == picture.SIZE
    assert colours(surface._repr_png_()) > 100
    assert base64.b64encode(surface._repr_png_()).decode() in surface._repr_html_()


def test_figures_have_the_heights_and_colours_of_the_window():
    holed = BOWL.loss.copy()
    holed[4, 4] = np.nan
    path = Trajectory(AXIS[[0, 4]], AXIS[[0, 4]], np.array([2.1, 0.1]), 0 * AXIS[:2],
                      np.arange(2.0), 1 + 0 * AXIS[:2])  # fmt: skip
    for loss, holes in ((BOWL.loss, 0), (holed, 4)):
        surface = replace(Surface.from_loss(AXIS, AXIS, loss), trajectories=(path,))
        figure = surface.figure(in_space=True, smooth=False, title="A bowl")
        space, bar = figure.axes
        (cells,) = (c for c in space.collections if isinstance(c, Poly3DCollection))
        assert len(cells.get_facecolor()) == (len(AXIS) - 1) ** 2 - holes
        line = next(line for line in space.lines if line.get_marker() == "o")
        # 0.1 and 2.1 are the ends of the scale.
        np.testing.assert_allclose(line.get_data_3d()[2], [1, 0], atol=1e-6)
        assert [text.get_text() for text in figure.texts] == ["A bowl"]
        shades = {tuple(patch.get_facecolor()) for patch in bar.patches}
        flat = surface.figure(title="A bowl")
        assert {tuple(patch.get_facecolor()) for patch in flat.axes[-1].patches} == shades
    width = int(85 / 25.4 * 100).to_bytes(4, "big")
    assert surface.figure(width_mm=85, dpi=100)._repr_png_()[16:20] == width


@pytest.mark.parametrize(
    ("surface", "options", "said"),
    [
        (BOWL, {"texture": "accuracy"}, "there is no accuracy in surface"),
        (BOWL, {"textur": "height"}, "'textur'"),
        (BOWL, {"width_mm": 5}, "width_mm must be from 20"),
        (replace(BOWL, loss=BOWL.loss * np.nan), {}, "no value that can be drawn"),
        (replace(BOWL, loss=BOWL.loss * np.nan), {"in_space": True}, "no value that can be drawn"),
        (CURVE, {"in_space": True}, "is a curve"),
        (CURVE, {"azimuth": 3}, "is a curve"),
    ],
)
def test_figures_that_cannot_be_are_refused_in_a_line(surface, options, said):
    with pytest.raises(IsolossError, match=said) as refused:
        surface.figure(**options)
    assert "\n" not in str(refused.value)
    assert "--" not in str(refused.value)


def test_a_large_surface_is_thinned_and_that_is_said(monkeypatch):
    monkeypatch.setattr(surfaces, "MOST", 20)
    monkeypatch.setattr(surfaces, "picture_of", lambda _surface: b"")
    axis = np.arange(10.0)
    loss = axis[:, None] + 100 * axis
    surface = Surface.from_loss(axis, axis, loss)
    surface.columns["margin"] = -loss
    thin = surfaces._thinned(surface)
    at = [0, 3, 6, 9]
    np.testing.assert_array_equal(thin.loss, loss[np.ix_(at, at)])
    np.testing.assert_array_equal(thin.columns["margin"], -loss[np.ix_(at, at)])
    np.testing.assert_array_equal(thin.alpha, at)
    assert "4 × 4 of 10 × 10 points are shown" in surface._repr_html_()


def test_a_small_sign_keeps_its_colour():
    ramp = np.linspace(0, 255, 200).astype(np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp, 128, 255), axis=-1).astype(np.uint8)
    pixels[100:103, 100:103] = (255, 0, 0, 255)
    few = picture._in_few_colors(pixels)
    shown = np.asarray(few.convert("RGB")).astype(int)
    assert len(few.getcolors(1000) or ()) <= 256
    assert np.abs(shown[101, 101] - (255, 0, 0)).max() < 40
