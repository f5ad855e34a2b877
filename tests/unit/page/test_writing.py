"""The file of a page, without a browser."""

import base64
import hashlib
import re

import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.page import writing
from isoloss.page.glsl import sources
from isoloss.page.summary import summary
from isoloss.page.writing import page_of, write_page
from isoloss.scene.files.staging import stage

AXIS = np.linspace(-1, 1, 5)
LOSS = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 0.25


@pytest.fixture(autouse=True)
def _no_picture(monkeypatch):
    monkeypatch.setattr(writing, "_picture", lambda *_given: "")


def surface(**meta: object) -> Surface:
    return Surface.from_loss(AXIS, AXIS, LOSS, **meta)


def test_its_policy_names_the_very_script_and_style_that_are_in_it():
    page = page_of(stage(surface()))
    policy = re.search('Content-Security-Policy" content="(.*?)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]


def test_it_asks_for_nothing_outside_of_itself():
    page = page_of(stage(surface()), "isoloss export https://example.com --out x.html")
    text = re.sub(r"<pre>.*?</pre>", "", page)
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:|//)""", text)
    assert "import(" not in text
    assert "fetch(" not in text


def test_what_made_it_is_told():
    page = page_of(stage(surface(model="a <b> net")), "isoloss export 'my file.ply' --out x.html")
    assert "isoloss export &#x27;my file.ply&#x27; --out x.html" in page
    assert "<dt><bdi>model</bdi></dt><dd><bdi>a &lt;b&gt; net</bdi></dd>" in page


def test_a_surface_without_a_number_is_no_page(tmp_path):
    nothing = Surface.from_loss(AXIS, AXIS, np.full(LOSS.shape, np.nan))
    with pytest.raises(IsolossError, match="nothing to show"):
        write_page(stage(nothing), tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def test_the_summary_says_where_it_is_lowest_and_what_lacks():
    loss = LOSS.copy()
    loss[0, 0] = np.inf
    known = np.full(LOSS.shape, np.nan)
    errors = np.full(LOSS.shape, 0.031)
    counts = np.ones(LOSS.shape, np.int64)
    counts[4, 4] = 0
    said = summary(stage(Surface(AXIS, AXIS, loss, known, errors, counts, {"title": "Bowl"})))
    assert said.startswith("Bowl: a surface of the loss at 5 × 5 points, α from −1 to 1")
    assert "lowest loss is 0.25 ± 0.031 at α 0, β 0; its highest 2" in said
    assert "no finite number: 1. Points not computed yet: 1." in said


def test_shaders_are_ours_in_the_dialect_of_webgl():
    for name, text in sources().items():
        assert text.startswith("#version 300 es\n"), name
        assert text.count("#version") == 1
        assert "#include" not in text
        assert "PEELED" not in text
        assert text.count("{") == text.count("}")
