"""Automatic checks of a robustness run: what would make its numbers say less than they seem to.

After Carlini et al. 2019, "On Evaluating Adversarial Robustness", https://arxiv.org/abs/1902.06705,
and Athalye, Carlini, Wagner 2018, https://arxiv.org/abs/1802.00420: gradients that are masked show
in black-box or transferred attacks that do better, in larger balls that do no more harm, and in a
largest ball that leaves any accuracy at all. Comparisons are image by image, and said to differ
where a one-sided sign test (McNemar's, exact) does at 5 %; of comparisons at several radii that is
the level of all together (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from scipy import stats

from isoloss.results.certificates import farthest_radius
from isoloss.results.radii import NORMS
from isoloss.results.tables import EvaluationWarning
from isoloss.results.worst_case import Bits
from isoloss.robustness.ascent.protocol import protocol_of
from isoloss.robustness.evaluation.convergence import convergence, resisting_others
from isoloss.robustness.evaluation.plan import Combination
from isoloss.robustness.evaluation.results import Results
from isoloss.settings.attack_kinds import attack_of, strongest

LEVEL = 0.05
WIDE = 0.1  # half of an interval's width
FLAT = 0.05  # fraction of the images without gradient
MUCH_DOUBT = 0.05  # the probability that a certificate is wrong
LIKE = 1.5
"""Noise of a training that is so many times another's, or less, is like it."""
ENOUGH = 20  # images, to say of an accuracy that it may be chance


def warnings_of(results: Results, values: int) -> list[EvaluationWarning]:
    """All there is to be said against the numbers of a run, the gravest first.

    Args:
        values: of an image, channels × height × width.
    """
    found = list(results.findings)
    found += [
        warning
        for combination in results.curves
        if not combination.is_certificate
        for warning in _about(results, combination, values)
    ]
    found += _of_noise_in_training(results)
    found += _of_clean_images(results)
    found += _of_protocol(results)
    found += _of_convergence(results)
    found += _of_certificates(results)
    found += _of_intervals(results)
    return list(dict.fromkeys(found))


def _about(results: Results, combination: Combination, values: int) -> Iterator[EvaluationWarning]:
    warning = _template(results, combination)
    kind = attack_of(combination.attack)
    if kind.adaptive:
        yield from _of_monotony(results, combination, warning)
    if kind.is_white_box:
        yield from _of_the_largest(results, combination, warning, values)
        yield from _of_flatness(results, combination, warning)
    if kind.is_own:
        yield from _of_strayed(results, combination, warning)
    if kind.adaptive and not kind.is_baseline:
        yield from _of_baselines(results, combination, warning)
    if _is_best_by_gradients(results, combination):
        yield from _of_rivals(results, combination, warning)


def _of_strayed(
    results: Results, combination: Combination, warning: EvaluationWarning
) -> Iterator[EvaluationWarning]:
    """What an attack of one's own gave that an adversary may not show."""
    strayed, norm = results.strayed(combination), NORMS[results.settings.norm]
    outside = {eps: s for eps, s in strayed.items() if s.outside}
    spoilt = {eps: s for eps, s in strayed.items() if s.spoilt}
    if outside:
        eps = max(outside, key=lambda e: (outside[e].farthest > e, outside[e].outside))
        worst, head = outside[eps], f"at ε = {eps:.4g}, {_images(outside[eps].outside)}"
        if worst.farthest > eps:
            yield replace(
                warning,
                id="outside-the-ball",
                message=f"{head} that {combination.attack} gave lay outside the ball, up to "
                f"{worst.farthest:.4g} from their own in {norm}, or outside [0, 1]: they were "
                "brought back, and it may do more if it stays inside",
            )
        else:
            yield replace(
                warning,
                id="outside-the-range",
                message=f"{head} that {combination.attack} gave lay outside [0, 1] and were "
                "clamped: it may do more if it stays inside",
            )
    if spoilt:
        eps = max(spoilt, key=lambda e: spoilt[e].spoilt)
        yield replace(
            warning,
            id="not-finite",
            message=f"at ε = {eps:.4g}, {_images(spoilt[eps].spoilt)} that {combination.attack} "
            "gave had values that are not finite, and count as not attacked",
        )


def _images(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"


_SEES_LESS = {
    "no gradient": (
        "black-box-beats-white-box",
        "the black-box attack, which sees no gradient, fools more images than {attack}: its "
        "gradients are masked, and its accuracy overstates the robustness",
    ),
    "no defense": (
        "transfer-beats-white-box",
        "images made for the undefended network fool more than {attack} on the defense itself "
        "does: its gradients are masked",
    ),
    "another gradient": (
        "straight-through-beats-exact",
        "leaving the denoiser out of the gradient fools more images than {attack}, the exact "
        "one: the denoiser masks gradients",
    ),
    "another network": (
        "surrogate-beats-white-box",
        "images made on another network fool more of this one's than {attack} does: its gradients "
        "are masked",
    ),
}
"""What attacks see that must not do better than the best one by gradients, and what it means if
they do."""


def _what_it_sees(name: str) -> str:
    kind = attack_of(name)
    if kind.is_own:  # nobody knows
        return "all"
    if kind.made_on:
        return "another network"
    if not kind.adaptive:
        return "no defense"
    if kind.is_baseline:
        return "nothing"
    if not kind.needs_gradients:
        return "no gradient"
    return "all" if kind.exact else "another gradient"


def _rivals(results: Results, combination: Combination) -> list[Combination]:
    """Of the attacks on the same network those that see less."""
    beside = [c for c in _beside(results, combination) if c != combination]
    return [c for sees in _SEES_LESS for c in beside if _what_it_sees(c.attack) == sees]


def _beside(results: Results, combination: Combination) -> list[Combination]:
    """All attacks on the same network behind the same noise, with the same seed."""
    return [c for c in results.curves if replace(c, attack=combination.attack) == combination]


def _of_rivals(
    results: Results, combination: Combination, warning: EvaluationWarning
) -> Iterator[EvaluationWarning]:
    """Attacks that see less and must not do better."""
    radii = results.epsilons[1:]
    for rival in _rivals(results, combination):
        key, message = _SEES_LESS[_what_it_sees(rival.attack)]
        for eps in radii:
            ours, theirs = results.bits(combination, eps), results.bits(rival, eps)
            if is_more_often(ours, theirs, LEVEL / len(radii)):
                lost, more = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
                said = message.format(attack=attack_of(combination.attack).label)
                yield replace(
                    warning,
                    id=key,
                    message=f"at ε = {eps:.4g}, {said} ({lost} images against {more})",
                )
                break


def _of_baselines(
    results: Results, combination: Combination, warning: EvaluationWarning
) -> Iterator[EvaluationWarning]:
    """What every attack must beat, at one radius at least, and nowhere be beaten by."""
    radii, enough = results.epsilons[1:], results.bits(combination, 0.0).sum() >= ENOUGH
    baselines = [c for c in _beside(results, combination) if attack_of(c.attack).is_baseline]
    for baseline in baselines if enough else ():
        name, level = attack_of(baseline.attack).label, LEVEL / len(radii)
        ours = {eps: results.bits(combination, eps) for eps in radii}
        theirs = {eps: results.bits(baseline, eps) for eps in radii}
        lost = [eps for eps in radii if is_more_often(ours[eps], theirs[eps], level)]
        won = any(is_more_often(theirs[eps], ours[eps], level) for eps in radii)
        eps = lost[0] if lost else radii[-1]
        left = f"{combination.attack} leaves {_percent(ours[eps])} of the images right, {name}"
        if lost:
            yield replace(
                warning,
                id="noise-beats-attack",
                message=f"at ε = {eps:.4g}, {left} no more than {_percent(theirs[eps])}: the "
                "attack is broken",
            )
        elif not won and ours[eps].any():
            yield replace(
                warning,
                id="no-better-than-noise",
                message=f"at no ε does {combination.attack} fool more images than {name} of that "
                f"size, beyond chance (at {eps:.4g}, {left} {_percent(theirs[eps])}): what resists "
                "it may resist no attack; take a larger ε, or a stronger one",
            )


def _of_monotony(
    results: Results, combination: Combination, warning: EvaluationWarning
) -> Iterator[EvaluationWarning]:
    steps = list(pairwise(results.epsilons))
    for smaller, larger in steps:
        before, after = results.bits(combination, smaller), results.bits(combination, larger)
        if is_more_often(after, before, LEVEL / len(steps)):
            yield replace(
                warning,
                id="larger-ball-less-harm",
                message=f"accuracy under {combination.attack} rises from {_percent(before)} at ε = "
                f"{smaller:.4g} to {_percent(after)} at {larger:.4g}, where every image of the "
                "smaller ball is allowed too: the attack is not trusted to find them",
            )
            return


def _of_the_largest(
    results: Results, combination: Combination, warning: EvaluationWarning, values: int
) -> Iterator[EvaluationWarning]:
    largest = results.epsilons[-1]
    row = results.row(combination, largest)
    if row is None or row.low <= 1 / results.classes:
        return
    left = (
        f"under {combination.attack}, {100 * row.accuracy:.1f} % of the images are still right at "
        f"the largest ε, {largest:.4g}, where chance is {100 / results.classes:.1f} %"
    )
    # Within such a distance every image can be made grey: nobody can tell the classes apart.
    grey = {"linf": 0.5, "l2": 0.5 * math.sqrt(values)}
    if largest >= grey[results.settings.norm]:
        yield replace(
            warning,
            id="attack-is-broken",
            message=f"{left}: no network can resist that much, so the attack is broken",
        )
    else:
        yield replace(
            warning,
            id="attack-not-proven",
            message=f"{left}: add a larger ε to see that the attack works at all",
        )


def _of_flatness(
    results: Results, combination: Combination, warning: EvaluationWarning
) -> Iterator[EvaluationWarning]:
    attacked = [e for e in results.epsilons if e > 0]
    flat = [results.bits(combination, e, "without_gradient") for e in attacked]
    fraction = max((float(f.mean()) for f in flat if len(f)), default=0.0)
    if fraction > FLAT:
        yield replace(
            warning,
            id="no-gradient",
            message=f"{combination.attack} found no gradient at all for {100 * fraction:.0f} % of "
            "the images, which it then left alone: what they resist is not an attack",
        )
    spoilt = max(
        (int(results.bits(combination, e, "not_finite").sum()) for e in attacked), default=0
    )
    if spoilt:
        yield replace(
            warning,
            id="gradient-not-finite",
            message=f"the gradient of {warning.network} is not finite at {_images(spoilt)}, where "
            f"{combination.attack} then stood still: what resists there is not an attack",
        )


def _of_clean_images(results: Results) -> Iterator[EvaluationWarning]:
    for combination in results.curves:
        row, chance = results.row(combination, 0.0), 1 / results.classes
        if combination.sigma is not None or row is None or row.samples < ENOUGH:
            continue
        if row.low <= chance:
            yield EvaluationWarning(
                "clean-accuracy-may-be-chance",
                f"{row.network} classifies {100 * row.accuracy:.1f} % of {row.samples} clean "
                f"images rightly, where chance is {100 * chance:.1f} %: are these its data, and "
                "its classes in its order?",
                row.network,
            )


def _of_noise_in_training(results: Results) -> Iterator[EvaluationWarning]:
    """Behind noise alone a network answers what it has hardly seen, unless it was trained so."""
    for combination in results.curves:
        sigma, name = combination.sigma, results.names[combination.network]
        trained, said = results.noise.get(name), results.trained_with(combination.network)
        if not sigma or trained is None or not said:
            continue
        if not sigma / LIKE <= trained <= sigma * LIKE:
            yield EvaluationWarning(
                "not-trained-with-this-noise",
                f"{name} sees noise of σ = {sigma:g} without a denoiser and was {said}: one that "
                f"is trained with --noise {sigma:g} is the baseline that others compare with",
                name, sigma,
            )  # fmt: skip


def _of_protocol(results: Results) -> Iterator[EvaluationWarning]:
    settings = results.settings
    if settings.kind == "certify":
        return
    protocol = protocol_of(settings)
    for eps in settings.epsilons:
        if (shortfall := protocol.shortfall(eps)) is not None:
            yield EvaluationWarning("steps-do-not-reach", shortfall)
            break
    kinds = [attack_of(name) for name in settings.attack_names]
    if all(kind.is_own for kind in kinds):
        yield EvaluationWarning(
            "only-own-attacks",
            "nothing here says how strong these attacks are: their accuracy is one that robustness "
            f"does not exceed; add {'pgd' if settings.kind == 'attack' else 'eot'} to compare",
        )
    if any(kind.is_white_box for kind in kinds):
        return
    if settings.kind == "attack":
        yield EvaluationWarning(
            "no-attack-by-gradients",
            "no attack here sees gradients: its accuracy says nothing about an adversary who has "
            "the network; add pgd",
        )
    else:
        yield EvaluationWarning(
            "no-adaptive-attack",
            "no attack here sees gradients through the defense: its accuracy says nothing about an "
            "adversary who knows of the defense; add eot",
        )


def _of_convergence(results: Results) -> Iterator[EvaluationWarning]:
    for study, (values, right, eps) in convergence(results).items():
        combination, varied = study
        asked = int(getattr(results.settings, varied))
        if asked not in values or values[-1] <= asked:
            continue
        with_asked, with_more = right[values.index(asked)], right[-1]
        # What a stronger attack has fooled already is not robust, however little this one finds.
        resisting = resisting_others(results, combination, eps, len(with_more))
        before, after = with_asked & resisting, with_more & resisting
        # A few images on which steps differ prove nothing; a tenth of them does say something.
        gained = int(before.sum()) - int(after.sum())
        if is_more_often(before, after) or gained > max(0.1 * len(with_more), 2):
            yield replace(
                _template(results, combination),
                id=f"more-{varied}-fool-more",
                message=f"at ε = {eps:.4g}, {values[-1]} {varied} instead of {asked} bring "
                f"accuracy from {_percent(with_asked)} to {_percent(with_more)} on "
                f"{len(with_more)} images: the attack has not converged",
            )


def _of_certificates(results: Results) -> Iterator[EvaluationWarning]:
    settings = results.settings
    if settings.kind != "certify":
        return
    if settings.alpha > MUCH_DOUBT:
        yield EvaluationWarning(
            "certificates-may-be-wrong",
            f"with α = {settings.alpha:g}, that is how often a certificate may be wrong: 0.001 is "
            "usual",
        )
    for combination in results.curves:
        row, sigma = results.row(combination, 0.0), combination.sigma or 0.0
        draws = settings.draws
        farthest = farthest_radius(sigma, draws, settings.alpha)
        beyond = [radius for radius in settings.radii if farthest < radius < 4 * sigma]
        if beyond:
            yield replace(
                _template(results, combination),
                id="radius-out-of-reach",
                message=f"{draws} draws certify no radius beyond {farthest:.3g} at σ = {sigma:g}, "
                "whatever the network: that nothing is certified there says nothing of it",
            )
        if row is not None and row.abstained > 0.5 * row.samples:
            yield replace(
                _template(results, combination),
                id="mostly-abstained",
                message=f"for {row.abstained} of {row.samples} images the draws leave open which "
                "class it is: more draws, or a better denoiser, would say more",
            )


def _of_intervals(results: Results) -> Iterator[EvaluationWarning]:
    widest = max((row.high - row.low for row in results.rows), default=0.0)
    if widest / 2 > WIDE:
        samples = max(row.samples for row in results.rows)
        yield EvaluationWarning(
            "few-samples",
            f"{samples} images leave accuracies uncertain by ±{50 * widest:.0f} points: take more",
        )


def is_more_often(one: Bits, other: Bits, level: float = LEVEL) -> bool:
    """Whether `one` is true of more of the same images than `other`, beyond chance."""
    n = min(len(one), len(other))
    wins, losses = int((one[:n] & ~other[:n]).sum()), int((other[:n] & ~one[:n]).sum())
    if wins <= losses:
        return False
    test = stats.binomtest(wins, wins + losses, 0.5, alternative="greater")
    return float(test.pvalue) < level


def _is_best_by_gradients(results: Results, combination: Combination) -> bool:
    """Whether it is the strongest of those on the same network whose convergence is studied, or
    without any of all that follow its gradients."""
    kinds = [attack_of(c.attack) for c in _beside(results, combination)]
    studied = [kind.name for kind in kinds if "steps" in kind.studied]
    best = studied or [k.name for k in kinds if k.is_white_box and not k.is_own]
    return bool(best) and strongest(best) == combination.attack


def _template(results: Results, combination: Combination) -> EvaluationWarning:
    name = results.names[combination.network]
    return EvaluationWarning("", "", name, combination.sigma, combination.attack)


def _percent(right: Bits) -> str:
    return f"{100 * float(right.mean()):.1f} %"
