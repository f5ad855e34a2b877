"""The command line: verbs to settings to runs.

Read `main` first, the `isoloss` command, then `parser` (its verbs), `options` (from settings
models) and `run_verbs`. Imports any other room, each when a verb needs it.
"""

from isoloss.cli.main import entry as entry
