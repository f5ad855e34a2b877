"""Attacks: PGD and its relatives, EOT, Square, AutoAttack, and sweeps over several ε.

Read `pgd` first; `context` says what an attack of a run is given, `own` what one of one's own is.
Which there are is registered in `isoloss.settings.attack_kinds`. What they share is in
`isoloss.robustness.ascent`.
"""
