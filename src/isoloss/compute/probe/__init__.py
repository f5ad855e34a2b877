"""A probe: in memory (`in_memory`, which is `isoloss.probe`) and as a run folder (`probe_run`).

Both go through `plane_probing` (a surface and the `shown_paths` upon it), which stands on
`surface_probing` (one surface, as a `request` asks). What they are given is `probed_network` and
`probed_data`; `probing_at_hand` is the run that `isoloss.probe` begins. Imports all other rooms of
compute.
"""
