"""Make a story of data/gallery the first thing on README.md: its picture, docs/pictures/story.png,
and its words, between the two marks there:

    python tools/pictures/story.py shortcuts
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from isoloss import render
from isoloss.app.state.opening.stories import Story, stories

ROOT = Path(__file__).parents[2]
README, PICTURE = ROOT / "README.md", ROOT / "docs" / "pictures" / "story.png"
BLOCK = re.compile(r"(?<=<!-- story -->\n).*(?=<!-- /story -->)", re.DOTALL)


def main() -> None:
    name = sys.argv[1]
    told = [story for story in stories() if story.session.stem == name]
    if not told:
        sys.exit(f"There is no story {name!r} in data/gallery")
    render(told[0].session, PICTURE, size=(1600, 640), distance=5.9, scale=1.15)
    text = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(lambda _: block(told[0]), text), encoding="utf-8")


def block(story: Story) -> str:
    """What README.md says of it."""
    picture = PICTURE.relative_to(ROOT).as_posix()
    return f"![{story.title}]({picture})\n\n**{story.title}** {' '.join(story.sentences)}\n"


if __name__ == "__main__":
    main()
