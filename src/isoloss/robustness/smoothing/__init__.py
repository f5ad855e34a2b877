"""Randomized smoothing: noise, denoisers, votes, certificates.

Read `smoothing` (a classifier behind noise and a denoiser), then `votes`, `certify`, and `adaptive`
(attacks on it). `denoiser`, `denoising_loss`, `denoiser_training` are about the denoiser. Stands on
`attacks` and `compute`.
"""
