"""The window's place, kept from last time: one that cannot be seen or held now is corrected."""

import pytest

from isoloss.app.state.window_place import bring_into_sight

LAYOUT = ";;;<<<AppWindow>>>;;;\n[AppWindow]\nWindowPosition={},{}\nWindowSize={},{}\n;;;<<<X>>>\n"
USUAL = (1280, 800)
ONE = [(0.0, 25.0, 1700.0, 1100.0)]
TWO = [*ONE, (-1920.0, 0.0, 0.0, 1080.0)]


@pytest.mark.parametrize(
    ("kept", "screens", "expected"),
    [
        ((40, 60, 900, 700), ONE, (40, 60, 900, 700)),
        ((40, 60, 300, 200), ONE, (40, 60, 300, 200)),
        ((40, 60, 1, 1), ONE, (40, 60, *USUAL)),
        ((40, 60, 900, 12), ONE, (40, 60, *USUAL)),
        ((40, 60, 0, 0), ONE, (40, 60, *USUAL)),
        ((40, 60, -5, 700), ONE, (40, 60, *USUAL)),
        ((-1500, 90, 900, 700), TWO, (-1500, 90, 900, 700)),
        ((-1500, 90, 900, 700), ONE, (0, 25, 900, 700)),
        ((-850, 90, 900, 700), ONE, (0, 25, 900, 700)),
        ((-700, 90, 900, 700), ONE, (-700, 90, 900, 700)),
        ((1690, 1090, 900, 700), ONE, (0, 25, 900, 700)),
        ((300, -400, 900, 700), ONE, (0, 25, 900, 700)),
        ((-32000, -32000, 160, 28), ONE, (0, 25, *USUAL)),
        ((9000, 9000, 900, 700), [], (9000, 9000, 900, 700)),
    ],
)
def test_what_cannot_be_seen_comes_back(tmp_path, kept, screens, expected):
    layout = tmp_path / "layout.ini"
    layout.write_text(LAYOUT.format(*kept))
    bring_into_sight(layout, screens, USUAL)
    assert layout.read_text() == LAYOUT.format(*expected)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"WindowSize=a,b\nWindowPosition=1\n"])
def test_what_says_nothing_stays(tmp_path, content):
    layout = tmp_path / "layout.ini"
    if content is not None:
        layout.write_bytes(content)
    bring_into_sight(layout, ONE, USUAL)
    assert not layout.exists() if content is None else layout.read_bytes() == content
