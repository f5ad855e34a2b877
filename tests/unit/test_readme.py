"""README.md begins with a story that ships; what it and the pages beside it link to is there, and
its commands are taken."""

import re
import shlex
from pathlib import Path

import pytest

from isoloss.app.state.opening.stories import stories
from isoloss.cli.parser import parser_for
from pictures.story import BLOCK, PICTURE, README, block

ROOT = README.parent
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
IN_CODE = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^isoloss (?!.*--help)(.+)", re.MULTILINE)
BLOCKS_OF_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def test_the_first_picture_is_of_a_story_that_ships():
    (shown,) = BLOCK.findall(README.read_text(encoding="utf-8"))
    assert shown in map(block, stories())
    assert PICTURE.is_file()


def anchors(page: Path) -> set[str]:
    """What GitHub makes of headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = BLOCKS_OF_CODE.sub("", page.read_text(encoding="utf-8"))
    for name, anchor in LINK.findall(text):
        to = page.parent / name if name else page
        assert to.exists(), name
        if anchor and to.suffix == ".md":
            assert anchor in anchors(to), f"{name}#{anchor}"


@pytest.mark.parametrize("name", ["README.md", "docs/commands.md"])
def test_commands_are_taken(name):
    code = "\n".join(IN_CODE.findall((ROOT / name).read_text(encoding="utf-8")))
    lines = COMMAND.findall(code)
    typed = [words for line in lines if (words := shlex.split(line, comments=True))]
    assert len(typed) > 5
    for words in typed:
        assert parser_for(words).parse_args(words).verb == words[0]
