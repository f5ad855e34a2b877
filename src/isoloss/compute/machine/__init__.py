"""What a machine has: devices, memory, several processes; code of the user's own; runs on it.

Read `device` (`unusable`: why one cannot be taken; `deterministic`: what is asked of a GPU's
kernels) and `memory` (what says that it did not suffice), then `process_group` (units of work and
one process) and `torchrun_group` (several), which speak through a `session_store`. `recording` is
what all kinds of runs have in common while they are resumed; `run_at_hand` begins one from a
script, `for_scripts` tells that script what happens. Imports no other room of compute.
"""
