"""Text in scripts that Roboto lacks."""

import numpy as np
import pytest
from PIL import ImageFont

from isoloss.fonts import fallback_files, last_resort
from isoloss.gl.primitives.glyphs import GlyphAtlas


@pytest.fixture
def atlas(context):
    made = GlyphAtlas(24)
    yield made
    made.free()


def picture(atlas, text) -> bytes:
    """What is drawn for one character."""
    run = atlas.run(text)
    assert len(run.place) == 1
    x, y, width, height = (int(v) for v in run.atlas[0])
    return atlas._sheet.crop((x, y, x + width, y + height)).tobytes()


def test_characters_that_roboto_lacks_come_from_other_fonts(atlas):
    assert fallback_files()[0].name == "DejaVuSans.ttf"  # matplotlib brings it along
    drawn = [picture(atlas, c) for c in "∇θЯℓ≥★?"]
    assert len(set(drawn)) == len(drawn)


def test_what_no_font_has_is_a_box(atlas):
    box = ImageFont.truetype(str(last_resort()), 24).getmask("\U0010fffe", anchor="ls")
    assert picture(atlas, "\U0010fffe") == bytes(box)


@pytest.mark.parametrize(
    ("written", "seen"), [("ab שלום cd", "ab םולש cd"), ("דג, ab", "גד, ab"), ("a-b", "a-b")]
)
def test_words_written_from_right_to_left_are_seen_so(atlas, written, seen):
    boxes = [atlas.run(c).atlas[0] for c in seen if c != " "]
    assert np.array_equal(atlas.run(written).atlas, boxes)


def test_a_broken_font_of_the_system_is_passed_over(atlas, tmp_path, monkeypatch):
    from isoloss.gl.primitives import glyphs

    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    monkeypatch.setattr(glyphs, "fallback_files", lambda: (broken, *fallback_files()))
    glyphs._font_with.cache_clear()
    assert picture(atlas, "∇") != picture(atlas, "?")
