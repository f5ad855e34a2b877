"""Processes that resume runs, or draw: spawned, followed through files and pipes, cancelled.

Read `process`, `job`, `follow` and `stopping` (runs), `devices` and `queue` (which of them, and
when), then `trial_job` (what a run will take) and `render_job` (pictures and movies). Imports
`run`, `run_folder` and `events`; neither torch nor anything that draws.
"""
