"""Standard AutoAttack, as torchattacks has it: an optional extra.

Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks", https://arxiv.org/abs/2003.01690
"""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.robustness.attacks.ascent import Attacked
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.objective import frozen
from isoloss.robustness.attacks.sweep import misclassified

# Targeted attacks of the ensemble aim at so many classes.
LEAST_CLASSES = 4


def check_autoattack(classes: int) -> None:
    """Refuse to begin what could not be carried out.

    Raises:
        IsolossError: without torchattacks, or with too few classes.
    """
    if importlib.util.find_spec("torchattacks") is None:
        raise IsolossError(
            "autoattack needs torchattacks: pip install 'isoloss[autoattack]', or leave it out of "
            "--attacks"
        )
    if classes < LEAST_CLASSES:
        raise IsolossError(
            f"autoattack is for {LEAST_CLASSES} classes and more, the data have {classes}: leave "
            "it out of --attacks"
        )


def autoattack(context: AttackContext) -> Attack:
    """`standard_autoattack` in the norm of a run."""
    return lambda x, y, eps: standard_autoattack(
        context.model, x, y, eps, context.settings.norm, context.classes, context.seed,
        batch_size=context.batch_size,
    )  # fmt: skip


def standard_autoattack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    norm: str,
    classes: int,
    seed: int,
    *,
    batch_size: int | None = None,
) -> Attacked:
    """Attack with APGD on two losses, FAB and Square, each on what resists the ones before.

    Args:
        model, x, y, eps: as for `pgd`.
        norm: "linf" or "l2".
        classes: of the network.

    Raises:
        IsolossError: as `check_autoattack`.
    """
    check_autoattack(classes)
    import torchattacks

    size = batch_size or max(len(x), 1)
    found: list[Tensor] = []
    # The ensemble seeds PyTorch itself: nobody else should notice.
    devices = [x.device] if x.device.type == "cuda" else []
    with frozen(model), torch.random.fork_rng(devices), torch.enable_grad():
        for some, truth in zip(x.split(size), y.split(size), strict=True):
            name = {"linf": "Linf", "l2": "L2"}[norm]
            ensemble = torchattacks.AutoAttack(
                model, norm=name, eps=eps, version="standard", n_classes=classes, seed=seed
            )
            found.append(ensemble(some, truth).detach())
    images = torch.cat(found).to(x.dtype)
    success = misclassified(model, images, y, batch_size)
    nowhere = torch.zeros_like(success)
    return Attacked(images, success.float(), success, nowhere)
