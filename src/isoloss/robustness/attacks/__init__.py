"""Attacks: PGD and its relatives, EOT, Square, AutoAttack, and sweeps over several ε.

Read `pgd`, then `ascent` (the loop they share), `ball` (steps and projections) and `objective`
(what is climbed); `context` says what an attack of a run is given, `own` what one of one's own is.
Which there are is registered in `isoloss.settings.attack_kinds`. Stands on nothing but `settings`,
`errors` and `compute.machine`.
"""
