"""A page in a cell: all of it, in a frame that reaches nothing, above a picture."""

import base64
from html.parser import HTMLParser

import pytest

from isoloss.notebook.frame import framed

PAGES = (
    "<!doctype html><p class='a'>x &amp; y</p>",
    "</iframe><script>x</script>",
    "'\"><&amp;quot; \u202e</div>",
    "{}%s\\",
)


class Tags(HTMLParser):
    """What elements there are, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_whole_and_nothing_of_it_is_around(page):
    found = Tags(framed(page, b"a picture", f"words {page}", (720, 450))).found
    assert [tag for tag, _ in found] == ["style", "div", "img", "iframe"]
    image, frame = found[2][1], found[3][1]
    assert frame["srcdoc"] == page
    assert frame["sandbox"] == "allow-scripts"
    assert frame["title"] == image["alt"] == f"words {page}"
    assert base64.b64decode((image["src"] or "").partition(",")[2]) == b"a picture"
    assert (image["width"], image["height"]) == ("720", "450")
