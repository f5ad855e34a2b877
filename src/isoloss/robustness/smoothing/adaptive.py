"""Attacks on a denoised network by one who knows of the defense: exact gradients, and BPDA.

Athalye, Carlini, Wagner 2018, "Obfuscated Gradients Give a False Sense of Security",
https://arxiv.org/abs/1802.00420. A denoiser returns about what it was given, so that in BPDA the
identity stands in for it backwards; forwards the denoiser itself is used. Both average over draws
of noise (`isoloss.robustness.attacks.eot`).
"""

from __future__ import annotations

from torch import Tensor, nn

from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.eot import expected_ascent
from isoloss.robustness.smoothing.smoothing import Around, Denoising


class StraightThrough(Around):
    """A defense whose denoiser counts as the identity when differentiated; attack it with EOT.

    The UNet is run forwards only, which makes it about three times cheaper than exact gradients.
    """

    defense: Denoising

    def logits(self, images: Tensor, noise: Tensor) -> Tensor:
        """The logits of the defense; gradients pass the denoiser as if it were the identity."""
        noisy = self.defense.noisy(images, noise)
        change = self.defense.cleaned(noisy.detach(), noise).detach() - noisy.detach()
        return self.defense.classifier(noisy + change)


def eot_attack(context: AttackContext) -> Attack:
    """PGD with EOT through the whole defense, by its exact gradients."""
    return _through(context.differentiable, context)


def bpda_attack(context: AttackContext) -> Attack:
    """PGD with EOT, with the denoiser replaced by the identity in the gradient (BPDA)."""
    assert isinstance(context.model, Denoising)
    return _through(StraightThrough(context.model), context)


def _through(defense: nn.Module, context: AttackContext) -> Attack:
    return lambda x, y, eps: expected_ascent(
        defense, x, context.aimed(defense, x, y), eps, context.protocol, context.draws,
        context.generator, batch_size=context.batch_size, loss=context.loss, watch=context.watch,
    )  # fmt: skip
