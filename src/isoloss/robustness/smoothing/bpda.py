"""BPDA: where a defense hides its gradient, the backward pass takes another way.

Athalye, Carlini, Wagner 2018, "Obfuscated Gradients Give a False Sense of Security",
https://arxiv.org/abs/1802.00420. A denoiser returns about what it was given, so that the identity
stands in for it backwards; forwards the denoiser itself is used.
"""

from __future__ import annotations

from torch import Tensor

from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing, Smoothing


class StraightThrough(Smoothing):
    """A defense whose denoiser counts as the identity when differentiated; attack it with EOT.

    The UNet is run forwards only, which makes it about three times cheaper than exact gradients.
    """

    def __init__(self, defense: DenoisedSmoothing) -> None:
        super().__init__(defense.sigma)
        self.defense = defense
        self.generator = defense.generator

    def check(self, images: Tensor) -> None:
        self.defense.check(images)

    def logits(self, images: Tensor, noise: Tensor) -> Tensor:
        noisy = self.defense.noisy(images, noise)
        change = self.defense.denoise(noisy.detach()).detach() - noisy.detach()
        return self.defense.classifier(noisy + change)
