"""The run library: what the runs in any number of folders are, found, filtered, told and tidied.

Read `entry` (what is known of one run), `key_figures` and `about` (what it came to, what a person
says of it), `reading`, `library` (all of them, kept in step with the disk), `query` and `columns`
(how command line and window find and show them), `estimate` (what another run will cost), `sweeps`,
`trash`; then `comparison` (several of them beside each other).
Imports `jobs`, `results`, `geometry` and what is below; neither torch nor anything that draws.
"""
