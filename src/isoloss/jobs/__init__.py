"""Processes that resume runs, or draw: spawned, followed through files and pipes, cancelled.

Read `process`, `job` and `follow` (runs), `devices` and `queue` (which of them, and when), then
`render_job` (pictures and movies). Imports `run`, `run_folder` and `events`; neither torch nor
anything that draws.
"""
