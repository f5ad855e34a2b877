"""Evaluating many points of a plane: moving the weights, batches, precision, what comes next.

Read `evaluator` (one point), then `schedule` (all points), then `multilevel` (as few as a tolerance
needs).
"""
