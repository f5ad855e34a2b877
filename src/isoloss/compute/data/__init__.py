"""Samples and labels.

Read `dataset` (what a data set is), `datasets` (those there are, by name), `image_folder`, then
`shuffled_samples` (the order in which a probe sees them). Imports `machine`.
"""
