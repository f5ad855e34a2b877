"""Evaluating many points of a plane: moving the weights, batches, what comes next.

Read `losses` (what is evaluated) and `loss_choice` (how it is found, with `targets` and
`input_types`), `evaluator` (one point) and `moving`, then `schedule` (all points), then
`multilevel` (as few samples as a tolerance needs). Imports `planes`, `networks`, `data` and
`machine`.
"""
