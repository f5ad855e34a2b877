"""Certificates: exact statistics, draws that do not depend on company, coverage as promised."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import nn

from isoloss import IsolossError
from isoloss.results.certificates import farthest_radius
from isoloss.robustness import (
    GaussianSmoothing,
    certified_radius,
    certify,
    clopper_pearson_interval,
    clopper_pearson_lower,
    predict,
    vote,
)
from isoloss.robustness.smoothing.certify import certify_together
from isoloss.robustness.smoothing.smoothing import Together
from isoloss.robustness.smoothing.statistics import is_decided
from isoloss.robustness.smoothing.votes import count_votes

COUNTS = [(0, 1), (1, 1), (50, 100), (51, 100), (99, 100), (100, 100), (997, 1000), (99_000, 10**5)]


@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_bounds_solve_the_binomial_tail(k, n):
    # Clopper–Pearson's definition: the p at which so many successes have probability α.
    lower = clopper_pearson_lower(k, n, 0.001)
    if k:
        assert stats.binom.sf(k - 1, n, lower) == pytest.approx(0.001, rel=1e-8)
    else:
        assert lower == 0
    low, high = clopper_pearson_interval(k, n)
    theirs = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert (low, high) == (pytest.approx(theirs.low, abs=1e-10), pytest.approx(theirs.high))


@pytest.mark.parametrize(("k", "n"), COUNTS)
@pytest.mark.parametrize("sigma", [0.12, 0.25, 1.0])
def test_radii_are_scipys(k, n, sigma):
    lower = special.betaincinv(k, n - k + 1, 0.001) if k else 0.0
    radius = certified_radius(k, n, sigma)
    if lower <= 0.5:
        assert radius is None
    else:
        assert radius == pytest.approx(sigma * special.ndtri(lower), abs=1e-10)


@pytest.mark.parametrize(
    ("n", "radius"), [(100, 0.375), (1000, 0.616), (10_000, 0.800), (100_000, 0.953)]
)
def test_the_largest_reachable_radius(n, radius):
    assert round(certified_radius(n, n, 0.25), 3) == radius


@pytest.mark.parametrize("alpha", [0.5, 0.999999, 1 - 1e-12, math.nextafter(1, 0)])
@pytest.mark.parametrize("n", [1, 100, 10**6])
def test_near_certain_bounds_have_a_finite_radius(alpha, n):
    # All draws are of the class: 1 − α^(1/n), in as many digits as it takes.
    with mpmath.workdps(60):
        missing = 1 - mpmath.mpf(alpha) ** (mpmath.mpf(1) / n)
        expected = 0.25 * math.sqrt(2) * float(mpmath.erfinv(1 - 2 * missing))
    found = certified_radius(n, n, 0.25, alpha)
    if missing >= 0.5:
        assert found is None
        assert farthest_radius(0.25, n, alpha) == 0
    else:
        assert found == pytest.approx(expected, rel=1e-6)
        assert farthest_radius(0.25, n, alpha) == pytest.approx(expected, rel=1e-6)
    assert is_decided(50, 50, alpha) is False


def test_who_leads_too_narrowly_is_not_decided():
    assert is_decided(100, 0)
    assert is_decided(67, 33)  # p = 0.00087
    assert not is_decided(66, 34)  # p = 0.0018
    assert not is_decided(50, 50)
    assert not is_decided(0, 0)


def test_impossible_counts_are_refused():
    for k, n in ((-1, 10), (11, 10), (0, 0)):
        with pytest.raises(IsolossError, match=f"there cannot be {k} successes in {n} trials"):
            certified_radius(k, n, 0.25)
    with pytest.raises(IsolossError, match=r"α must lie between 0 and 1, not be 1\.5"):
        clopper_pearson_lower(1, 2, 1.5)
    with pytest.raises(IsolossError, match="σ must be"):
        certified_radius(1, 2, -0.25)
    for confidence in (95, -0.5, 0, 1, math.nan):
        with pytest.raises(IsolossError, match="the confidence must lie between 0 and 1, not be"):
            clopper_pearson_interval(50, 100, confidence)


class Threshold(nn.Module):
    """Class 0 above one half. Under noise σ its probability at x is Φ((x − ½) / σ), and the
    distance to where it changes, the true radius, is x − ½."""

    def forward(self, images):
        value = images.flatten(1)[:, :1] - 0.5
        return torch.cat([value, -value, torch.full_like(value, -9.0)], 1)


SIGMA = 0.25
DEFENSE = GaussianSmoothing(Threshold(), SIGMA)


def pixels(values):
    return torch.as_tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)


def test_certificates_are_wrong_no_more_often_than_promised():
    distances = np.repeat([0.02, 0.1, 0.2, 0.3], 250)
    alpha = 0.05
    found = list(
        certify(
            DEFENSE, pixels(0.5 + distances), range(1000), 50, 100, alpha=alpha, batch_size=5000
        )
    )
    wrong = np.array(
        [c.predicted == 1 or c.radius > d for c, d in zip(found, distances, strict=True)]
    )
    assert 0 < wrong.sum() <= stats.binom.ppf(0.9999, 1000, alpha)
    # The bound is not idle: far from the border nearly everything is certified, and most of it.
    far = [c for c, d in zip(found, distances, strict=True) if d == 0.3]
    assert np.mean([c.predicted == 0 for c in far]) > 0.95
    assert np.mean([c.radius for c in far]) > 0.6 * 0.3
    near = [c for c, d in zip(found, distances, strict=True) if d == 0.02]
    assert np.mean([c.predicted is None for c in near]) > 0.7
    # The counts themselves have the probability they should.
    for d in (0.1, 0.2):
        right = [
            c.successes for c, at in zip(found, distances, strict=True) if at == d and c.successes
        ]
        expected = stats.norm.cdf(d / SIGMA) * 100
        assert np.mean(right) == pytest.approx(expected, abs=4 * 5 / math.sqrt(250))


def test_a_certificate_follows_from_counts():
    for c in certify(DEFENSE, pixels([0.5, 0.8, 0.99]), [4, 8, 15], 100, 1000):
        assert c.draws == 1000
        radius = certified_radius(c.successes, 1000, SIGMA)
        assert (c.predicted is None) == (radius is None)
        assert c.radius == (radius or 0)
        assert c.lower == clopper_pearson_lower(c.successes, 1000)
        assert (c.answer is None) == (
            not is_decided(*sorted((c.successes, 1000 - c.successes))[::-1])
        )


def test_places_in_the_data_may_be_an_array_or_a_tensor():
    x = pixels([0.3, 0.8])
    told = [list(certify(DEFENSE, x, names, 20, 50))
            for names in ([7, 9], (7, 9), np.array([7, 9]), torch.tensor([7, 9]))]  # fmt: skip
    assert told[1:] == told[:1] * 3


def test_an_image_s_certificate_does_not_depend_on_its_company():
    x, names = pixels(np.linspace(0.3, 0.9, 40)), list(range(100, 140))
    whole = list(certify(DEFENSE, x, names, 30, 250, seed=3))
    # As after a kill: the rest alone, one alone, in other batches, in another order.
    assert list(certify(DEFENSE, x[23:], names[23:], 30, 250, seed=3)) == whole[23:]
    assert list(certify(DEFENSE, x[7:8], [107], 30, 250, seed=3, batch_size=17)) == whole[7:8]
    back = list(certify(DEFENSE, x.flip(0), names[::-1], 30, 250, seed=3, batch_size=64))
    assert back[::-1] == whole
    assert list(certify(DEFENSE, x, names, 30, 250, seed=4)) != whole


def test_classifiers_asked_together_get_the_certificates_they_get_alone():
    x, names = pixels(np.linspace(0.3, 0.9, 20)), list(range(20))

    class Padded(Threshold):
        def forward(self, images):
            return nn.functional.pad(-super().forward(images), (0, 2), value=-9)

    classifiers = Threshold(), Padded()
    alone = [list(certify(GaussianSmoothing(c, SIGMA), x, names, 30, 250)) for c in classifiers]
    assert alone[0] != alone[1]
    both = GaussianSmoothing(Together(classifiers), SIGMA)
    assert list(certify_together(both, x, names, 30, 250)) == list(zip(*alone, strict=True))


def test_more_draws_continue_fewer():
    x, names = pixels([0.5, 0.6]), [0, 1]
    first, rest, all_at_once = (
        count_votes(DEFENSE, x, names, *span) for span in ((0, 130), (130, 470), (0, 470))
    )
    assert torch.equal(first + rest, all_at_once)
    assert all_at_once.sum(1).tolist() == [470, 470]


def test_selection_and_estimation_share_no_draw():
    seen = []

    class Spy(GaussianSmoothing):
        def logits(self, images, noise):
            seen.append(noise.clone())
            return super().logits(images, noise)

    spy = Spy(Threshold(), SIGMA)
    list(certify_together(spy, pixels([0.5, 0.5]), [0, 1], 100, 100))
    draws = torch.cat(seen).flatten()
    assert len(draws.unique()) == len(draws) == 400
    assert abs(float(draws.mean())) < 0.2
    assert 0.85 < float(draws.std()) < 1.15


def test_predictions_abstain_where_the_binomial_test_does():
    values = [0.1, 0.5, 0.51, 0.75]
    answers = predict(DEFENSE, pixels(values), range(4), 400)
    assert answers == [1, None, None, 0]


def test_votes_single_majority_and_worst():
    values = [0.02, 0.45, 0.55, 0.7, 1.0]
    labels = torch.tensor([1, 1, 1, 0, 0])
    votes = vote(DEFENSE, pixels(values), labels, range(5), 400)
    share = votes.counts[:, 0] / 400
    np.testing.assert_allclose(share, stats.norm.cdf((np.array(values) - 0.5) / SIGMA), atol=0.1)
    assert votes.counts.sum(1).tolist() == [400] * 5
    assert votes.majority.tolist() == [True, True, False, True, True]
    right = votes.counts.gather(1, labels[:, None])[:, 0]
    assert votes.always.tolist() == (right == 400).tolist()
    assert not votes.always[1]
    alone = count_votes(DEFENSE, pixels(values), range(5), 0, 1)
    assert torch.equal(votes.single, alone.argmax(1) == labels)


def test_a_tie_is_no_majority_for_either_class():
    x = pixels([0.5] * 20)
    as_first, as_second = (
        vote(DEFENSE, x, torch.full((20,), label), range(20), 2) for label in (0, 1)
    )
    tied = as_first.counts[:, 0] == 1
    assert 0 < int(tied.sum()) < 20
    assert not (as_first.majority | as_second.majority)[tied].any()
    assert (as_first.majority ^ as_second.majority)[~tied].all()


def test_what_cannot_be_certified_is_refused():
    x = pixels([0.2, 0.4])
    with pytest.raises(IsolossError, match="n0 must be 1 or more, not 0"):
        list(certify(DEFENSE, x, [0, 1], 0, 10))
    with pytest.raises(IsolossError, match=r"n must be a whole number, 1 or more, not 10\.0"):
        list(certify(DEFENSE, x, [0, 1], 1, 10.0))
    for indices in ([-1, 0], [0.5, 1], torch.tensor([0.0, 1.0])):
        with pytest.raises(IsolossError, match="indices are whole numbers from 0 on"):
            list(certify(DEFENSE, x, indices, 1, 10))
    with pytest.raises(IsolossError, match="a Threshold is behind no noise: give GaussianSmooth"):
        list(certify(Threshold(), x, [0, 1], 1, 10))
    with pytest.raises(IsolossError, match="there are 2 images and 1 indices"):
        list(certify(DEFENSE, x, [0], 1, 10))
    with pytest.raises(IsolossError, match=r"images must lie in \[0, 1\]"):
        list(certify(DEFENSE, x * 4, [0, 1], 1, 10))

    with pytest.raises(IsolossError, match="batch_size must be 1 or more, not 0"):
        list(certify(DEFENSE, x, [0, 1], 1, 10, batch_size=0))
    with pytest.raises(IsolossError, match=r"labels must be 0 to \d for this network"):
        vote(DEFENSE, x, torch.tensor([0, 9]), range(2), 10)

    class Nan(nn.Module):
        def forward(self, images):
            return Threshold()(images) * torch.nan

    with pytest.raises(IsolossError, match="the defended network gives NaN"):
        list(certify(GaussianSmoothing(Nan(), SIGMA), x, [0, 1], 1, 10))
