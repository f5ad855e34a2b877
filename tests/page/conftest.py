"""One Chromium for all pages."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chromium import Browser
from isoloss.page.writing import write_page
from isoloss.scene.files.staging import stage

SIZE = (640, 400)
"""Of the picture in pages; the line below it, which folds out, has 33 pixels."""
FOOT = 33
READY = "document.documentElement?.dataset.ready === 'true'"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with Browser(SIZE[0], SIZE[1] + FOOT) as browser:
        yield browser


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Callable[..., Browser]:
    """Opens the page of what `stage` is given; nothing may go wrong on the way."""

    def open_(source: Any, **options: Any) -> Browser:
        turned = bool(options.keys() & {"azimuth", "elevation"})
        theme = options.get("theme", "")
        path = tmp_path / "page.html"
        write_page(stage(source, **options), path, "isoloss export", theme, fits=turned)
        chromium.resize(SIZE[0], SIZE[1] + FOOT)
        chromium.emulate(prefers_color_scheme="dark")
        chromium.open(path)
        chromium.wait(READY)
        assert chromium.complaints == []
        assert [r.partition(":")[0] for r in chromium.requests] == ["file", "data"]
        return chromium

    return open_
