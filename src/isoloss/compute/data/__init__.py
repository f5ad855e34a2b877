"""Samples and labels: built-in data sets, folders of images, the shuffled order of a probe."""
