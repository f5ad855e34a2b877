"""What a probe of a plane in parameter space finds beside the loss: that of attacked images, and
that behind a denoiser.

Read `images` (which samples these can be), then `adversarial` and `denoised`; `asked` makes of
settings what they ask for. Imports `attacks`, `smoothing`, `speed`, `compute` and `settings`.
"""
