"""A robustness run in two or three plain sentences."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from isoloss.naming import percent
from isoloss.results.certificates import farthest_radius
from isoloss.results.radii import NORMS
from isoloss.results.tables import EvaluationWarning, average_radius_in_words
from isoloss.results.worst_case import Bits
from isoloss.robustness.evaluation.plan import Combination
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.smoothing.statistics import clopper_pearson_interval
from isoloss.settings import CertifySettings, DefendSettings, EvaluationSettings
from isoloss.settings.attack_kinds import WORST, attack_of

# What says something against a number, not only about how exactly it is known.
MILD = (
    "few-samples",
    "attack-not-proven",
    "mostly-abstained",
    "radius-out-of-reach",
    "outside-the-range",
    "draws-of-its-own",
    "depends-on-the-batch",
    "gradient-not-finite",
    "not-trained-with-this-noise",
    "labels-assumed",
)
AIMED = {
    "runner-up": "the runner-up",
    "least-likely": "the least likely class",
    "random": "a random class",
}
USUAL_RADIUS = 0.5
"""In L2: at which certificates are summed up, where the draws reach so far."""


def summary(
    results: Results, warnings: list[EvaluationWarning], values: int, computed: str = ""
) -> str:
    """What a run has come to.

    Args:
        values: of an image, channels × height × width.
        computed: how exactly, in a sentence, where that is to be said.
    """
    settings = results.settings
    if settings.kind == "attack":
        said = _of_attack(results)
    elif settings.kind == "defend":
        said = _of_defense(results, settings)
    else:
        said = _of_certificates(results, settings, values)
    return " ".join(filter(None, (said, computed, _trust(warnings))))


def under_all(results: Results, network: int, sigma: float | None, eps: float) -> Bits:
    """(N,) which images are right under every attack on one network, whatever the seed.

    With a defense, transferred images count as one of the attacks. Clean images are looked at once,
    with the first seed: nobody chooses the noise that suits them least.
    """
    attacks = {c.attack for c in results.curves if not c.is_certificate}
    return _under(results, network, sigma, eps, attacks)


def _under(
    results: Results, network: int, sigma: float | None, eps: float, attacks: set[str]
) -> Bits:
    by_seed: dict[int, list[Combination]] = {}
    for c in results.curves:
        if (c.network, c.sigma) == (network, sigma) and c.attack in attacks:
            by_seed.setdefault(c.seed, []).append(c)
    right = [results.worst_case(each).get(eps, np.ones(0, bool)) for each in by_seed.values()]
    right = right if eps > 0 else right[:1]
    shortest = min(map(len, right), default=0)
    return reduce(np.logical_and, [bits[:shortest] for bits in right], np.ones(shortest, bool))


def _of_attack(results: Results) -> str:
    """Of each network: clean, and where half of that is gone."""
    return " ".join(_of_network(results, k, name) for k, name in enumerate(results.names))


def _of_network(results: Results, network: int, name: str) -> str:
    clean = under_all(results, network, None, 0.0)
    left = {eps: under_all(results, network, None, eps) for eps in results.epsilons[1:]}
    fallen = [eps for eps, right in left.items() if 2 * right.sum() <= clean.sum()]
    said = f"{name} classifies {_fraction(clean)} of {len(clean)} images rightly"
    if not left:
        return f"{said}."
    if not clean.any():
        return f"{said}: nothing is left to attack."
    eps = fallen[0] if fallen else results.epsilons[-1]
    how = "no more" if fallen else "more"
    return (
        f"{_kept(results, network, None, eps, left[eps])}, {how} than half of the "
        f"{_fraction(clean)} that it has right unattacked."
    )


def _kept(results: Results, network: int, sigma: float | None, eps: float, right: Bits) -> str:
    """The headline: what is right image by image whatever attacks."""
    names = dict.fromkeys(
        c.attack for c in results.curves if (c.network, c.sigma) == (network, sigma)
    )
    attack = attack_of(WORST if len(names) > 1 else next(iter(names)))
    how = f"{'the ' if attack.name == WORST else ''}{attack.in_reports}{_aimed(results.settings)}"
    name = results.names[network] if sigma is None else _with_training(results, network)
    return (
        f"{name} keeps {_fraction(right)} of {len(right)} images right under "
        f"{how} at {_ball(results, eps)}"
    )


def _aimed(settings: EvaluationSettings) -> str:
    """At what attacks by gradients aim, if not at any wrong class."""
    aim = None if settings.kind == "certify" else settings.targeted
    kinds = map(attack_of, settings.attack_names)
    if aim is None or not any(kind.needs_gradients and not kind.passes for kind in kinds):
        return ""
    return f" (gradients aim at {AIMED.get(aim, f'class {aim}')})"


def _of_defense(results: Results, settings: DefendSettings) -> str:
    return " ".join(_of_defended(results, settings, k) for k in range(len(results.names)))


def _of_defended(results: Results, settings: DefendSettings, network: int) -> str:
    """Of a network's best σ: what a transferred attack would make one believe."""
    attacks = {c.attack for c in results.curves if c.sigma is not None}
    transfer = {attack for attack in attacks if not attack_of(attack).adaptive}
    has_transfer = bool(transfer)
    is_known = any(not attack_of(attack).is_baseline for attack in attacks - transfer)
    purified = results.plan.purified
    sigmas = tuple(purified or settings.sigma)

    def transferred(sigma: float, eps: float) -> Bits:
        return _under(results, network, sigma, eps, transfer)

    def adaptive(sigma: float, eps: float) -> Bits:
        return under_all(results, network, sigma, eps)

    def gap(eps: float) -> float:
        shown = (transferred(s, eps).mean() if has_transfer else 1.0 for s in sigmas)
        return max(a - adaptive(s, eps).mean() for a, s in zip(shown, sigmas, strict=True))

    epsilons = results.epsilons[1:] or (0.0,)
    eps = max(epsilons, key=gap)
    sigma = max(sigmas, key=lambda s: float(adaptive(s, eps).mean()))
    clean, plain = adaptive(sigma, 0.0), under_all(results, network, None, 0.0)
    denoised = "and the denoiser" if results.is_denoised else "without a denoiser"
    behind = f"Behind noise of σ = {sigma:g} {denoised}"
    if purified:
        behind = f"Behind the defense ({purified[sigma]})"
    said = (
        f"{behind}, {_kept(results, network, sigma, eps, adaptive(sigma, eps))}, undefended "
        f"{_fraction(under_all(results, network, None, eps))}; of clean ones {_fraction(clean)}, "
        f"undefended {_fraction(plain)}."
    )
    if not has_transfer:
        return said
    if not is_known:
        return f"{said} No adversary here knows of the defense."
    shown = _fraction(transferred(sigma, eps))
    return f"{said} Adversaries who do not know of the defense leave {shown}."


def _of_certificates(results: Results, settings: CertifySettings, values: int) -> str:
    largest = max(settings.sigma)
    farthest = farthest_radius(largest, settings.draws, settings.alpha)
    reached = [r for r in settings.radii if 0 < r <= farthest]
    radius = max((r for r in reached if r <= USUAL_RADIUS), default=min(reached, default=0.0))
    each = [_of_certified(results, k, radius) for k in range(len(results.names))]
    if radius == 0:
        if settings.radii == (0.0,):
            return " ".join(each)
        return f"{' '.join(each)} So few draws certify no radius beyond {farthest:.2g} in L2."
    # If all values move by the same, that is how far they may.
    linf = 255 * radius / math.sqrt(values)
    return f"{' '.join(each)} In L∞, {radius:g} in L2 promises no more than {linf:.2g}/255."


def _of_certified(results: Results, network: int, radius: float) -> str:
    """Of a network, at the σ at which most is certain within `radius`."""
    best = max(
        (c for c in results.curves if c.network == network and c.seed == results.settings.seed),
        key=lambda c: row.accuracy if (row := results.row(c, radius)) else -1.0,
    )
    clean, within = results.row(best, 0.0), results.row(best, radius)
    assert clean is not None
    assert within is not None
    sure = f"{_interval(within.correct, within.samples)} of {within.samples} images"
    if radius > 0:
        sure += (
            f" within {radius:g} in L2, for {_interval(clean.correct, clean.samples)} at the "
            "images themselves"
        )
    behind = "" if results.is_denoised else " without a denoiser"
    said = (
        f"At σ = {best.sigma:g}{behind}, {_with_training(results, network)} is certified to be "
        f"right for {sure}"
    )
    if clean.abstained:
        said += f"; for {clean.abstained} the draws leave open which class it is"
    return f"{said}. Its average certified radius is {average_radius_in_words([clean])}."


def _with_training(results: Results, network: int) -> str:
    """A network's name, and with what noise it was trained where that matters."""
    trained = results.trained_with(network)
    return f"{results.names[network]} ({trained})" if trained else results.names[network]


def _trust(warnings: list[EvaluationWarning]) -> str:
    grave = sorted({warning.id for warning in warnings if warning.id not in MILD})
    if grave:
        several = f"{len(grave)} checks have" if len(grave) > 1 else "A check has"
        return f"{several} found these accuracies not to be trusted as robustness: " + ", ".join(
            key.replace("-", " ") for key in grave
        ) + "."  # fmt: skip
    if warnings:
        return f"Mind what the checks say: {warnings[0].message}."
    return "No check has found a reason to distrust these numbers."


def _ball(results: Results, eps: float) -> str:
    return f"ε = {eps:.4g} in {NORMS[results.settings.norm]}"


def _fraction(right: Bits) -> str:
    return _interval(int(right.sum()), len(right)) if len(right) else "none"


def _interval(k: int, n: int) -> str:
    low, high = clopper_pearson_interval(k, n)
    return f"{percent(k / n)} ({100 * low:.1f} to {100 * high:.1f})"
