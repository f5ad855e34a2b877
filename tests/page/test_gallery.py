"""The gallery of samples: what its command makes is what is committed."""

import base64
import re
import zlib
from pathlib import Path

import isoloss
from isoloss.cli.main import main
from isoloss.page.packing import Packing

ROOT = Path(__file__).parents[2]
COMMAND = ["export", "data/gallery.isoloss", "--out"]
SAMPLES = ("iris", "vgg11-digits-pca", "vgg11-digits-random")
MOST = 3_000_000


def arrays_in(page: Path) -> bytes:
    (packed,) = re.findall(r'id="data"[^>]*>([^<]*)<', page.read_text(encoding="utf-8"))
    return zlib.decompress(base64.b64decode(packed))


def test_the_same_data_make_the_same_page(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    pages = [tmp_path / f"{k}.html" for k in range(2)]
    for page in pages:
        assert main([*COMMAND, str(page)]) == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert pages[0].stat().st_size <= MOST


def test_the_committed_page_holds_the_samples_that_ship():
    page = ROOT / "docs" / "gallery.html"
    assert page.stat().st_size <= MOST
    inside = arrays_in(page)
    for name in SAMPLES:
        surface = isoloss.load(ROOT / "data" / "surfaces" / f"{name}.ply")
        for values in (surface.loss, surface.alpha):
            packing = Packing()
            packing.add(values, "f8")
            (loss,) = packing._parts
            assert loss in inside, (
                f"docs/gallery.html lacks {name}: isoloss {' '.join(COMMAND)} docs/gallery.html"
            )
    assert "docs/gallery.html" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_opens(chromium):
    chromium.open(ROOT / "docs" / "gallery.html")
    chromium.wait("document.documentElement?.dataset.ready === 'true'")
    assert chromium.run("isolossPage.views.length") == 4
    assert chromium.complaints == []
