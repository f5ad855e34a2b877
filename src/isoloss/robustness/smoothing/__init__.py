"""Randomized smoothing: noise, denoisers, votes, certificates."""
