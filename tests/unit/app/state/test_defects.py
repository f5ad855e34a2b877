"""What a person is told when the program itself is at fault, and what stands in the file."""

import pytest

from isoloss.app.state.defects import ISSUES, LARGEST, defects_path, in_words
from isoloss.version import __version__


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


def defect(text: str) -> Exception:
    try:
        raise ZeroDivisionError(text)
    except ZeroDivisionError as error:
        return error


def test_it_says_what_is_lost_where_it_stands_and_where_to_send_it(folder):
    said = in_words("Slice", defect("of\nmine"))
    assert "\n" not in said
    assert len(said) - len(str(defects_path())) < 190
    for part in ("Slice may stay empty", "jobs are kept", str(defects_path()), ISSUES):
        assert part in said
    assert "ZeroDivisionError" not in said
    text = defects_path().read_text()
    for part in ("Slice", __version__, "Traceback", "test_defects.py", "ZeroDivisionError: of"):
        assert part in text


def test_defects_come_one_after_the_other_and_never_fill_the_disk(folder):
    in_words("One", defect("first"))
    in_words("Two", defect("second"))
    text = defects_path().read_text()
    assert text.index("first") < text.index("second")
    defects_path().write_text("x" * (LARGEST + 1))
    in_words("Three", defect("third"))
    assert len(defects_path().read_text()) < LARGEST


def test_where_nothing_can_be_written_the_terminal_has_it(folder, capsys):
    folder.write_text("no folder")
    said = in_words("Slice", defect("mine"))
    assert "send what the terminal says to" in said
    assert "ZeroDivisionError" in capsys.readouterr().err
