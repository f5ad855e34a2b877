"""Names and metadata that would like to run: nothing does, and nothing breaks."""

import io

import numpy as np
import pytest
from PIL import Image

from isoloss.geometry.surface import Surface
from isoloss.page.writing import PICTURE, page_of, write_page
from isoloss.scene import Scene, SurfaceLayer
from isoloss.scene.document import Document
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import Marker

AXIS = np.linspace(-1, 1, 7)
LOSS = AXIS[:, None] ** 2 + AXIS[None, :] ** 2
HOSTILE = {
    "end of script": "</script><script>globalThis.ran = 1</script>",
    "image": "<img src=x onerror='globalThis.ran = 1'>",
    "quotes": "\"><svg onload=globalThis.ran=1>' onfocus='globalThis.ran=1' autofocus='",
    "comment": "<!--<script>",
    "address": "<a href='javascript:globalThis.ran=1'>x</a><iframe src='https://example.com'>",
    "slots": "{{script}}{{data}} ${globalThis.ran = 1} \\u003cscript>",
    "right to left": "\u202e\u2067loss\u2066 אבג\u200f\u061c",
    "controls": "a\x00b\x07c\ud800d\u2028e\u2029f\x1b[31m\r\n\tg",
    "long": "x" * 10**6,
    "long words": "word " * 200_000,
    "styles": "</style><style>body{display:none}</style>",
    "closing": "]]></title></textarea></noscript><meta http-equiv=refresh content='0;url=https://x'>",
}


def batched(kinds, size):
    names = list(kinds)
    return [names[k : k + size] for k in range(0, len(names), size)]


def hostile(text: str) -> SurfaceLayer:
    meta = {"title": text, text[:200]: {text[:200]: [text]}, "quantity": text, "axes": [text] * 2}
    surface = Surface.from_loss(AXIS, AXIS, LOSS, **meta)
    marker = Marker(0.1, 0.2, 0.5, text)
    return SurfaceLayer(text, surface, markers=(marker,))


@pytest.mark.parametrize("kinds", batched(HOSTILE, 4), ids=", ".join)
def test_nothing_of_it_runs(kinds, opened):
    layers = [hostile(HOSTILE[kind]) for kind in kinds]
    views = [Scene(layers, hidden=frozenset(layers) - {layer}) for layer in layers]
    page = opened(Document(layers, views, arrangement=4))
    page.run("document.getElementById('about').open = true; isolossPage.views[0].draw()")
    assert page.run("globalThis.ran") is None
    assert page.run("document.scripts.length") == 3
    assert page.run("document.images.length") == 1
    assert page.run("document.querySelectorAll('iframe, a, svg, base, form, link').length") == 0
    assert page.run("document.querySelectorAll('style').length") == 1
    assert page.run("document.querySelectorAll('.view').length") == 4
    assert page.run("document.body.offsetHeight") > 100
    assert page.complaints == []


def test_the_policy_lets_no_other_script_run(opened):
    page = opened(hostile("plain"))
    page.run(
        "const s = document.createElement('script'); s.textContent = 'globalThis.ran = 1'; "
        "document.body.append(s); document.body.insertAdjacentHTML('beforeend', "
        "'<img src=https://example.com/x.png id=x>')"
    )
    page.wait("document.getElementById('x').complete")
    assert page.run("globalThis.ran") is None
    refused = [complaint for complaint in page.complaints if "Content Security Policy" in complaint]
    assert any("Executing inline script" in complaint for complaint in refused)
    assert any("https://example.com/x.png" in complaint for complaint in refused)


def test_a_frame_that_may_only_run_scripts_shows_it_too(chromium, tmp_path):
    page = page_of(stage(hostile("in a frame")))
    quoted = page.replace("&", "&amp;").replace('"', "&quot;")
    outer = tmp_path / "outer.html"
    outer.write_text(
        "<!doctype html><meta charset=utf-8><style>body{margin:0;background:#fff}</style>"
        f'<iframe sandbox="allow-scripts" width="640" height="400" srcdoc="{quoted}"></iframe>',
        encoding="utf-8",
    )
    chromium.emulate(prefers_color_scheme="dark")
    chromium.open(outer)

    def colors() -> int:
        shot = Image.open(io.BytesIO(chromium.screenshot((150, 80, 300, 200)))).convert("RGB")
        return len(set(shot.resize((60, 40)).get_flattened_data()))

    for _ in range(50):
        if colors() > 500:
            break
    assert colors() > 500
    assert chromium.complaints == []


def test_without_webgl_there_is_the_picture(chromium, tmp_path):
    path = tmp_path / "page.html"
    write_page(stage(hostile("no WebGL")), path)
    script = chromium.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="HTMLCanvasElement.prototype.getContext = () => null",
    )
    try:
        chromium.open(path)
        assert chromium.run("document.getElementById('still').naturalWidth") == PICTURE[0]
        assert chromium.run("document.getElementById('still').checkVisibility()")
        assert chromium.run("document.getElementById('tools').checkVisibility()") is False
        assert chromium.complaints == []
    finally:
        chromium.call("Page.removeScriptToEvaluateOnNewDocument", **script)
