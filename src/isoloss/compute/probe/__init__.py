"""A probe: in memory (`in_memory`, which is `isoloss.probe`) and as a run folder (`probe_run`).

Both compute surfaces with `surface_probing`. Imports all other rooms of compute.
"""
