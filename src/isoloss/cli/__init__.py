"""The command line: verbs to settings to runs.

Read `main` first, then `parser` (its verbs), `options` (from settings models) and `run_verbs`.
Imports any other room, each when a verb needs it.
"""

import codecs
import sys

from isoloss.cli.exit_codes import INTERRUPTED


def _as_the_system_has_it(error: UnicodeError) -> tuple[bytes, int]:
    """The bytes of a file's name that are no UTF-8 as they are, so that whoever reads the name
    finds the file; what else cannot be written by its code."""
    assert isinstance(error, UnicodeEncodeError)
    unknown = error.object[error.start : error.end]
    escaped = unknown.encode("utf-8", "surrogateescape") if _is_of_bytes(unknown) else b""
    return escaped or unknown.encode("ascii", "backslashreplace"), error.end


def _is_of_bytes(text: str) -> bool:
    return all("\udc80" <= character <= "\udcff" for character in text)


def entry() -> None:
    """The `isoloss` command."""
    try:
        import io

        from isoloss.cli.main import main

        codecs.register_error("as the system has it", _as_the_system_has_it)
        for stream in (sys.stdout, sys.stderr):
            # On Windows a redirected stream may know no Greek letters.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="as the system has it")
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while it was still being imported
        code = INTERRUPTED
    sys.exit(code)
