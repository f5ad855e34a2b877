"""Means over seeds and differences of sets of runs, against SciPy and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from isoloss import difference_of, mean_of
from isoloss.errors import IsolossError
from isoloss.geometry.analysis.student import quantile, two_sided, welch
from isoloss.results.estimates import Estimate
from isoloss.results.means import Difference, with_all_counted

A, B = [3.0, 4.0, 7.5, 5.1], [1.0, 2.0, 2.2]


@pytest.mark.parametrize("freedom", [1, 1.37, 2, 5.5, 30, 999, 1e5, math.inf])
def test_the_distribution_is_scipys(freedom):
    t = np.array([0.0, 1e-9, 0.3, 1.0, 2.0, 10.0, 1e4, np.inf, np.nan, -2.0])
    expected = 2 * stats.t.sf(np.abs(t), freedom)
    np.testing.assert_allclose(two_sided(t, freedom), expected, rtol=1e-8, atol=1e-100)
    for level in (0.5, 0.95, 0.999):
        expected = stats.t.ppf((1 + level) / 2, freedom)
        assert quantile(freedom, level) == pytest.approx(expected, rel=1e-10)
    assert np.isnan(quantile([2.0, np.nan])).tolist() == [False, True]


def test_a_mean_is_students():
    found = mean_of(A)
    low, high = stats.t.interval(0.95, 3, np.mean(A), stats.sem(A))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.spread == pytest.approx(np.std(A, ddof=1))
    assert (found.count, found.over) == (4, "runs")
    assert math.isnan(found.within)
    assert math.isnan(found.between)


def test_what_a_seed_changes_is_told_from_what_was_measured_wrongly():
    each = [Estimate(v, 0.6, 0.8, 2.0) for v in A]
    variance = np.var(A, ddof=1)
    assert mean_of(each).within == pytest.approx(1.0)
    assert mean_of(each).between == pytest.approx(math.sqrt(variance - 1.0))
    shared = mean_of(each, same_samples=True)
    assert shared.between == pytest.approx(math.sqrt(variance - 0.64))
    assert mean_of([Estimate(v, 9.0, 0.0, 18.0) for v in A]).between == 0
    (one,) = [mean_of(each[:1])]
    assert (one.low, one.high, one.over) == (1.0, 5.0, "samples")
    assert math.isnan(one.spread)


def test_the_mean_of_norms_is_none_below_0():
    norms = [Estimate(v, 0.3, 0.0, 0.6).not_below(0.0) for v in (0.1, 0.2, 1.5)]
    found, free = mean_of(norms), mean_of([v.value for v in norms])
    assert free.low < 0 == found.low
    assert (found.value, found.high, found.spread) == (free.value, free.high, free.spread)
    alone = mean_of(norms[:1])
    assert (alone.low, alone.high, alone.over) == (0.0, pytest.approx(0.7), "samples")
    assert mean_of([norms[0], -1.0]).low < 0


def test_differences_are_scipys():
    independent = stats.ttest_ind(A, B, equal_var=False)
    found = difference_of(A, B)
    ends = independent.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-10)
    assert found.p == pytest.approx(independent.pvalue, rel=1e-10)
    assert found.freedom == pytest.approx(independent.df)
    assert found.how == "Welch's t"
    paired = stats.ttest_rel(A[:3], B)
    found = difference_of(A[:3], B, paired=True)
    ends = paired.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-10)
    assert found.p == pytest.approx(paired.pvalue, rel=1e-10)
    assert found.how == "paired by seed"


def test_one_run_beside_several_spreads_as_these_do():
    found = difference_of(A, [1.0])
    error = np.std(A, ddof=1) * math.sqrt(1 + 1 / 4)
    assert found.value == np.mean(A) - 1
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 3) * error)
    turned = difference_of([1.0], A)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_two_networks_alone_are_told_apart_over_samples():
    a, b = Estimate(3.0, 0.3, 0.0, 0.6), Estimate(2.0, 0.4, 0.0, 0.8)
    found = difference_of([a], [b])
    assert (found.low, found.high) == pytest.approx((0.0, 2.0))
    assert found.over == "samples"
    assert difference_of([3.0], [2.0]) == Difference(1.0) or math.isnan(
        difference_of([3.0], [2.0]).low
    )
    assert not difference_of([3.0], [2.0]).is_apart
    ours, theirs = np.array([1.0, 1, 0, 1, 1]), np.array([0.0, 1, 0, 0, 1])
    found = difference_of([0.8], [0.4], images=ours - theirs)
    ends = stats.ttest_rel(ours, theirs).confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.how == "paired by image"


def test_without_any_spread():
    same, apart = difference_of([1.0, 1.0], [1.0, 1.0]), difference_of([0.3] * 3, [0.2] * 3)
    assert (same.low, same.high, same.p, same.how) == (0, 0, 1, "no spread")
    assert not same.is_apart
    assert apart.is_sure
    assert apart.how == "no spread"
    assert mean_of([2.0, 2.0]).low == mean_of([2.0, 2.0]).high == 2.0


def test_several_comparisons_are_counted_after_holm():
    # The example of Holm's paper, worked by hand: 4 × .01, 3 × .005 … in order.
    given = [Difference(1.0, 0.1, 2.0, p, 5.0, "Welch's t") for p in (0.01, 0.04, 0.03, 0.005)]
    adjusted = [d.adjusted for d in with_all_counted([*given, Difference(1.0)])]
    assert adjusted[:4] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert math.isnan(adjusted[4])
    assert [d.is_sure for d in with_all_counted(given)] == [True, False, False, True]


def test_intervals_hold_what_they_say():
    """Each of 4000 draws of 3 and 5 seeds: the interval has the truth in 93 to 97 %."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(2, 1, (4000, 3)), rng.normal(1, 3, (4000, 5))
    error, freedom = welch(a.var(1, ddof=1) / 3, b.var(1, ddof=1) / 5, 3, 5)
    off = np.abs(a.mean(1) - b.mean(1) - 1)
    assert 0.93 < np.mean(off <= quantile(freedom) * error) < 0.97
    half = quantile(2) * a.std(1, ddof=1) / math.sqrt(3)
    assert 0.93 < np.mean(np.abs(a.mean(1) - 2) <= half) < 0.97
    # These are what the functions give.
    first = difference_of(a[0].tolist(), b[0].tolist())
    assert first.high - first.value == pytest.approx(quantile(freedom[0]) * error[0])
    assert mean_of(a[0].tolist()).high - a[0].mean() == pytest.approx(half[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_of([]), "a number at least"),
        (lambda: mean_of([1.0, math.nan]), "not finite"),
        (lambda: difference_of([1.0, math.inf], [1.0]), "not finite"),
        (lambda: difference_of(A, B, paired=True), "these have 4 and 3"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(call, message):
    with pytest.raises(IsolossError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
