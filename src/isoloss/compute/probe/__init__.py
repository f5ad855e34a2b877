"""A probe: in memory (`probing`) and as a run folder (`probe_run`)."""
