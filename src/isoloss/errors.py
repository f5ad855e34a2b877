"""The one exception whose message is written for the person at the keyboard."""

from __future__ import annotations

import traceback


class IsolossError(Exception):
    """Something the user asked for cannot be done; the message says what and how to mend it.

    The message is one line. The command line prints it and exits with code 2; the window shows it
    as a notification, a notebook below the line of the cell that asked. Anything else that escapes
    is a defect of the program.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        lines = [f"{type(self).__name__}: {self}"]
        for frame in reversed(traceback.extract_tb(self.__traceback__)):
            if frame.name.startswith(("<module>", "<cell line")):
                return [*lines, f"  line {frame.lineno}: {frame.line}"]
        return lines
