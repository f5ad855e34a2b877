"""Random noise as large as an adversary may move an image: what every attack must beat.

Carlini et al. 2019, "On Evaluating Adversarial Robustness", https://arxiv.org/abs/1902.06705
"""

from __future__ import annotations

import torch
from torch import Tensor

from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.ball import ball_of
from isoloss.robustness.attacks.context import Attack, AttackContext


def noise_attack(context: AttackContext) -> Attack:
    """One draw, uniform in the ball of a run's norm, clamped to [0, 1].

    Nothing is asked of what is attacked, so `success` is False throughout: whoever judges the
    images finds it.
    """

    def one_draw(x: Tensor, y: Tensor, eps: float) -> Attacked:
        offsets = ball_of(context.settings.norm, eps).random_offsets(x, context.generator)
        nowhere = torch.zeros_like(y, dtype=torch.bool)
        return Attacked((x + offsets).clamp_(0, 1), nowhere.float(), nowhere, nowhere)

    return one_draw
