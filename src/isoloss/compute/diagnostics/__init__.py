"""Checks of a probed network: is the origin a minimum, is the data as expected?"""
