"""Attacks, defenses and certifications as runs: planned, carried out in units, summed up in tables.

Read `evaluation` first, then `plan`, `unit_work`, `combination_on_block` and `journal`; `results`
puts together what the journal holds, and `report` says what it comes to. Stands on the rest of
`robustness`, on `compute`, `results` and `run`.
"""
