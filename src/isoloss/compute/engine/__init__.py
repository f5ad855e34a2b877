"""Evaluating many points of a plane: moving the weights, batches, what comes next.

Read `evaluator` (one point) and `moving`, then `schedule` (all points), then `multilevel` (as few
samples as a tolerance needs). Imports `planes`, `networks`, `data` and `machine`.
"""
