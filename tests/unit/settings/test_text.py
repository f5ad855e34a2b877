"""Settings as a command line."""

from pathlib import Path

from isoloss.settings import (
    ProbeSettings,
)
from isoloss.settings.text import command_line


def test_the_command_line_leaves_out_what_changes_nothing():
    settings = ProbeSettings(source=Path("/a"), plane="line", grid=(51, 51), points=9)
    words = command_line(settings, Path("out"))
    assert "--points 9" in words
    assert "--grid" not in words
