"""A robustness run in two or three plain sentences."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from isoloss.results.attacks import CERTIFICATE, attack_of
from isoloss.results.certificates import farthest_radius
from isoloss.results.radii import NORMS
from isoloss.results.tables import Doubt
from isoloss.robustness.evaluation.standing import Bits, Standing
from isoloss.robustness.smoothing.statistics import clopper_pearson_interval
from isoloss.settings import CertifySettings, DefendSettings
from isoloss.settings.robustness import RADII

# What says something against a number, not only about how exactly it is known.
MILD = ("few-samples", "attack-not-proven", "mostly-abstained", "radius-out-of-reach")
USUAL_RADIUS = 0.5
"""In L2: at which certificates are summed up, where the draws reach so far."""


def verdict(standing: Standing, doubts: list[Doubt], values: int) -> str:
    """What a run has come to.

    Args:
        values: of an image, channels × height × width.
    """
    settings = standing.settings
    if settings.kind == "attack":
        said = _of_attack(standing)
    elif settings.kind == "defend":
        said = _of_defense(standing, settings)
    else:
        said = _of_certificates(standing, settings, values)
    return f"{said} {_trust(doubts)}"


def under_all(standing: Standing, network: int, sigma: float | None, eps: float) -> Bits:
    """(N,) which images are right under every attack on one network, whatever the seed.

    With a defense, transferred images count as one of the attacks. Clean images are looked at with
    the first seed alone: nobody chooses the noise that suits them least.
    """
    attacks = {c.attack for c in standing.curves if c.attack != CERTIFICATE}
    return _under(standing, network, sigma, eps, attacks)


def _under(
    standing: Standing, network: int, sigma: float | None, eps: float, attacks: set[str]
) -> Bits:
    against = [
        standing.bits(c, eps)
        for c in standing.curves
        if c.network == network
        and c.sigma == sigma
        and c.attack in attacks
        and (eps > 0 or c.seed == standing.settings.seed)
    ]
    shortest = min((len(bits) for bits in against), default=0)
    return reduce(np.logical_and, [bits[:shortest] for bits in against], np.ones(shortest, bool))


def _of_attack(standing: Standing) -> str:
    """Of each network: clean, and where half of that is gone."""
    return " ".join(_of_network(standing, k, name) for k, name in enumerate(standing.names))


def _of_network(standing: Standing, network: int, name: str) -> str:
    clean = under_all(standing, network, None, 0.0)
    left = {eps: under_all(standing, network, None, eps) for eps in standing.epsilons[1:]}
    fallen = [eps for eps, right in left.items() if 2 * right.sum() <= clean.sum()]
    said = f"{name} classifies {_share(clean)} of {len(clean)} images rightly"
    if not left:
        return f"{said}."
    if not clean.any():
        return f"{said}: nothing is left to attack."
    eps = fallen[0] if fallen else standing.epsilons[-1]
    how = "no more than half of that is left at" if fallen else "more than half of that is left at"
    return f"{said}; {how} {_ball(standing, eps)}, {_share(left[eps])} under all attacks together."


def _of_defense(standing: Standing, settings: DefendSettings) -> str:
    return " ".join(
        _of_defended(standing, settings, k, name) for k, name in enumerate(standing.names)
    )


def _of_defended(standing: Standing, settings: DefendSettings, network: int, name: str) -> str:
    """Of a network's best σ: what a transferred attack would make one believe."""
    attacks = {c.attack for c in standing.curves if c.sigma is not None}
    transfer = {attack for attack in attacks if not attack_of(attack).adaptive}
    has_transfer, is_known = bool(transfer), attacks != transfer

    def transferred(sigma: float, eps: float) -> Bits:
        return _under(standing, network, sigma, eps, transfer)

    def adaptive(sigma: float, eps: float) -> Bits:
        return under_all(standing, network, sigma, eps)

    def gap(eps: float) -> float:
        shown = (transferred(s, eps).mean() if has_transfer else 1.0 for s in settings.sigma)
        return max(
            a - adaptive(s, eps).mean() for a, s in zip(shown, settings.sigma, strict=True)
        )  # fmt: skip

    epsilons = standing.epsilons[1:] or (0.0,)
    eps = max(epsilons, key=gap)
    sigma = max(settings.sigma, key=lambda s: float(adaptive(s, eps).mean()))
    clean, plain = adaptive(sigma, 0.0), under_all(standing, network, None, 0.0)
    said = (
        f"Behind noise of σ = {sigma:g} and the denoiser, {name} classifies {_share(clean)} of "
        f"{len(clean)} clean images rightly, undefended {_share(plain)}."
    )
    left = _share(adaptive(sigma, eps))
    without = _share(under_all(standing, network, None, eps))
    if has_transfer:
        shown = _share(transferred(sigma, eps))
        if not is_known:
            return (
                f"{said} At {_ball(standing, eps)} images made for the undefended network leave "
                f"{shown}, undefended {without}; no adversary here knows of the defense."
            )
        return (
            f"{said} At {_ball(standing, eps)} images made for the undefended network leave "
            f"{shown}; adversaries who know of the defense leave {left}, where undefended "
            f"{without} are left."
        )
    return (
        f"{said} At {_ball(standing, eps)} all attacks together leave {left}, undefended {without}."
    )


def _of_certificates(standing: Standing, settings: CertifySettings, values: int) -> str:
    largest = max(settings.sigma)
    farthest = farthest_radius(largest, settings.draws, settings.alpha)
    radius = max((r for r in RADII if r <= min(farthest, USUAL_RADIUS)), default=0.0)
    each = [_of_certified(standing, k, radius) for k in range(len(standing.names))]
    if radius == 0:
        return f"{' '.join(each)} So few draws certify no radius beyond {farthest:.2g} in L2."
    # If all values move by the same, that is how far they may.
    linf = 255 * radius / math.sqrt(values)
    return f"{' '.join(each)} In L∞, {radius:g} in L2 promises no more than {linf:.2g}/255."


def _of_certified(standing: Standing, network: int, radius: float) -> str:
    """Of a network, at the σ at which most is certain within `radius`."""
    best = max(
        (c for c in standing.curves if c.network == network and c.seed == standing.settings.seed),
        key=lambda c: row.accuracy if (row := standing.row(c, radius)) else -1.0,
    )
    clean, within = standing.row(best, 0.0), standing.row(best, radius)
    assert clean is not None
    assert within is not None
    sure = f"{_interval(within.correct, within.samples)} of {within.samples} images"
    if radius > 0:
        sure += (
            f" within {radius:g} in L2, for {_interval(clean.correct, clean.samples)} at the "
            "images themselves"
        )
    return (
        f"At σ = {best.sigma:g}, {standing.names[network]} is certified to be right for {sure}; "
        f"for {clean.abstained} nothing is certain."
    )


def _trust(doubts: list[Doubt]) -> str:
    grave = sorted({doubt.id for doubt in doubts if doubt.id not in MILD})
    if grave:
        several = f"{len(grave)} checks have" if len(grave) > 1 else "A check has"
        return f"{several} found these accuracies not to be trusted as robustness: " + ", ".join(
            key.replace("-", " ") for key in grave
        ) + "."  # fmt: skip
    if doubts:
        return f"Mind what the checks say: {doubts[0].message}."
    return "No check has found a reason to distrust these numbers."


def _ball(standing: Standing, eps: float) -> str:
    return f"ε = {eps:.4g} in {NORMS[standing.settings.norm]}"


def _share(right: Bits) -> str:
    return _interval(int(right.sum()), len(right)) if len(right) else "none"


def _interval(k: int, n: int) -> str:
    low, high = clopper_pearson_interval(k, n)
    return f"{_percent(k / n)} ({100 * low:.1f} to {100 * high:.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
