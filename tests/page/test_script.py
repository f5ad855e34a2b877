"""The files of a page's script."""

from pathlib import Path

import pytest

import isoloss.page
from isoloss.page.program import SURFACES

FOLDER = Path(isoloss.page.__file__).parent / "script"
FILES = sorted(FOLDER.rglob("*.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_is_a_script_by_itself(file, chromium):
    text = file.read_text(encoding="utf-8")
    found = chromium.call(
        "Runtime.compileScript", expression=text, sourceURL=file.name, persistScript=False
    )
    assert "exceptionDetails" not in found, found
    assert text.count("\n") < 300


def test_the_page_of_surfaces_has_files_that_are_there():
    named = [FOLDER / f"{name}.js" for name in SURFACES]
    assert len(set(named)) == len(named)
    assert set(named) <= set(FILES)
