"""Randomized smoothing: noise, denoisers, votes, certificates.

Read `smoothing` (a classifier behind noise and a denoiser), then `votes`, `certify`, and `adaptive`
(attacks on it). `denoiser_at_steps` is the denoiser that these use, `schedule` what it was trained
with; `denoiser`, `denoiser_files`, `denoising_loss`, `denoiser_training` are about where it comes
from. Stands on `attacks` and `compute`.
"""
