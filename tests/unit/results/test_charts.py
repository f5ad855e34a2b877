"""Intervals of shares, moving averages, and what charts are written down as."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from scipy import stats

from isoloss.results.charts import Chart, Trace, limits_of, look_of, smoothed, write_points
from isoloss.results.intervals import exact_interval


@pytest.mark.parametrize(
    ("correct", "samples"),
    [(0, 10), (10, 10), (7, 10), (499, 1000), (1, 3), (1, 1), (9_731, 10_000), (50_000, 50_000)],
)
def test_intervals_are_those_of_scipy(correct, samples):
    exact = stats.binomtest(correct, samples).proportion_ci(0.95, "exact")
    low, high = exact_interval(correct, samples)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-10)
    assert low <= correct / samples <= high


def test_an_average_is_the_weighted_mean_of_what_was():
    values = np.random.default_rng(0).normal(size=50)
    for weight in (0.0, 0.3, 0.95):
        found = smoothed(values, weight)
        for t in range(len(values)):
            weights = weight ** np.arange(t, -1, -1.0)
            assert found[t] == pytest.approx(np.average(values[: t + 1], weights=weights))


def test_an_average_begins_where_the_values_do_and_passes_over_what_is_missing():
    assert smoothed(np.full(5, 3.0), 0.9) == pytest.approx(np.full(5, 3.0))
    found = smoothed(np.array([1.0, math.nan, 3.0]), 0.5)
    assert found[[0, 2]] == pytest.approx([1.0, (0.5 * 1 + 3) / 1.5])
    assert math.isnan(found[1])


def test_runs_look_different_from_each_other():
    looks = [look_of(k) for k in range(60)]
    assert len({*looks}) == 60
    assert len({look[:2] for look in looks[:20]}) == 20
    assert len({look[0] for look in looks[:4]}) == 4


@pytest.mark.parametrize(
    ("xs", "across", "is_whole"),
    [([0, 1, 2], "epoch", True), ([3], "number", True), ([0, 0.5, 1], "epoch", False)],
)
def test_epochs_are_counted_where_no_checkpoint_lies_within_one(xs, across, is_whole):
    counted = Trace(0, "", np.array([0.0, 4.0]), np.ones(2))
    trace = Trace(0, "", np.array(xs, float), np.ones(len(xs)))
    assert Chart("λmax", "sharpness", across, "λ", (counted, trace)).is_whole is is_whole
    assert not Chart("radius", "radius", "radius", "", (counted,)).is_whole


def test_limits_hold_all_that_is_drawn():
    xs = np.array([0.0, 1.0, 2.0])
    trace = Trace(0, "", xs, np.array([3.0, math.nan, 2.0]), raw=np.array([9.0, math.nan, -1.0]))
    across, up = limits_of(Chart("loss", "training", "epoch", "loss", (trace,)))
    assert across[0] < 0 < 2 < across[1]
    assert up[0] < -1 < 9 < up[1]
    log = limits_of(Chart("loss", "training", "epoch", "loss", (trace,), is_log=True))[1]
    assert 0 < log[0] < 2 < 9 < log[1]
    alone = Trace(0, "", np.array([0.0]), np.array([0.5]))
    (left, right), (low, high) = limits_of(Chart("loss", "training", "epoch", "loss", (alone,)))
    assert left < 0 < right
    assert low < 0.5 < high


def test_points_are_written_with_what_was_smoothed(tmp_path):
    xs = np.array([0.0, 1.0])
    traces = (
        Trace(0, "test", xs, np.array([2.0, 1.5]), raw=np.array([2.0, 1.0])),
        Trace(1, "PGD", xs, np.array([1.0, math.nan]), low=xs / 2, high=xs),
    )
    charts = [Chart("loss", "training", "epoch", "loss", traces)]
    path = write_points(tmp_path / "points.csv", charts, ["a", "b, c"])
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["run", "plot", "curve", "x", "y", "smoothed", "low", "high"]
    assert rows[2] == ["a", "loss", "test", "1.0", "1.0", "1.5", "", ""]
    assert rows[4] == ["b, c", "loss", "PGD", "1.0", "", "", "0.5", "1.0"]
