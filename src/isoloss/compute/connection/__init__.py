"""Paths of low loss from one network to another, trained and measured.

Read `moving_bend` (a step along a path), then `path_training` (a run), `in_memory` (in a script)
and `path_barrier` (how far the loss rises along it, and along the straight line). Knows all other
rooms.
"""
