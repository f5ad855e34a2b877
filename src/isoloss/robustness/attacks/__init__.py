"""Attacks: PGD and its relatives, EOT, Square, and sweeps over several ε.

Read `pgd`, then `ascent` (the loop they share) and `ball` (steps and projections).
"""
