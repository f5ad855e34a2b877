"""The command line: verbs to settings to runs.

Read `main` first, then `parser` (its verbs), `options` (from settings models) and `run_verbs`.
Imports any other room, each when a verb needs it.
"""

import sys

from isoloss.cli.exit_codes import INTERRUPTED


def entry() -> None:
    """The `isoloss` command."""
    try:
        import io

        from isoloss.cli.main import main

        for stream in (sys.stdout, sys.stderr):
            # On Windows a redirected stream may know no Greek letters.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while it was still being imported
        code = INTERRUPTED
    sys.exit(code)
