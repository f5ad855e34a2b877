"""Attacks, defenses and certifications as runs: planned, carried out in units, summed up in tables.

Read `evaluation` first, then `plan`, `trials` and `journal`.
"""
