"""What a machine has: devices, memory, several processes; and code of the user's own.

Read `device`, then `process_group` (units of work and one process) and `torchrun_group` (several),
which speak through a `session_store`. Imports no other room of compute.
"""
