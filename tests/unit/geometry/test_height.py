"""Height scales: which kind, how far, and where the ticks are."""

import math

import numpy as np
import pytest

from isoloss.geometry.height import HeightScale, SignedScale, clamped, with_scale
from isoloss.geometry.ticks import log_ticks, nice_ticks, number_label, power_label


def bowl(n=25):
    axis = np.linspace(-1, 1, n)
    return axis[:, None] ** 2 + axis[None, :] ** 2


def test_a_range_within_a_decade_is_linear_and_whole():
    scale = HeightScale.automatic(bowl() + 1)
    assert (scale.kind, scale.lo, scale.hi) == ("linear", 1.0, 3.0)


def test_a_range_of_decades_is_logarithmic_and_whole():
    values = np.exp(4 * bowl())
    scale = HeightScale.automatic(values)
    assert scale.kind == "log"
    assert scale.lo == pytest.approx(1.0)
    assert scale.hi == pytest.approx(math.exp(8))


@pytest.mark.parametrize("spike", [1e6, 1e300])
def test_one_spike_does_not_flatten_the_rest(spike):
    values = bowl() + 1
    values[3, 4] = spike
    scale = HeightScale.automatic(values)
    assert scale.kind == "linear"
    assert scale.apply(np.delete(values.ravel(), 3 * 25 + 4)).max() > 0.6
    assert scale.apply(spike) == 1.0


def test_nan_and_infinities_do_not_count():
    values = bowl() + 1
    values[0] = [np.nan, np.inf, -np.inf, *[np.nan] * 22]
    scale = HeightScale.automatic(values)
    assert 1.0 <= scale.lo < scale.hi <= 3.0
    heights = scale.apply([np.nan, np.inf, -np.inf])
    assert math.isnan(heights[0])
    assert heights[1:].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("value", [0.0, 2.3, -7.0, 1e-320, 1e100, -1e100, 5e-324])
def test_a_constant_lies_half_way_up(value):
    scale = HeightScale.automatic(np.full((5, 5), value))
    assert scale.apply(value) == pytest.approx(0.5)
    assert scale.ticks() is not None


@pytest.mark.parametrize(
    "values",
    [[], [np.nan], [np.inf], [-np.inf, np.nan], [-1e308, 1e308], [0, 1e308], [1e-300, 1e300]],
)
@pytest.mark.parametrize("log", [None, True, False])
def test_odd_values_still_give_a_scale(values, log):
    scale = HeightScale.automatic(values, log)
    heights = scale.apply(np.linspace(scale.lo, scale.hi, 7))
    assert (np.diff(heights) >= 0).all()
    assert ((heights >= 0) & (heights <= 1)).all()
    scale.ticks()


def test_log_on_demand_puts_what_is_not_positive_at_the_bottom():
    scale = HeightScale.automatic([-1.0, 0.0, 0.5, 1.0], log=True)
    assert scale.kind == "log"
    assert scale.apply([-1.0, 0.0]).tolist() == [0.0, 0.0]
    assert HeightScale.automatic(np.exp(4 * bowl()), log=False).kind == "linear"


@pytest.mark.parametrize("scale", [HeightScale("linear", -2, 3), HeightScale("log", 1e-3, 40)])
def test_invert_undoes_apply(scale):
    values = scale.invert(np.linspace(0, 1, 11))
    np.testing.assert_allclose(scale.apply(values), np.linspace(0, 1, 11), atol=1e-12)


def test_a_log_scale_shows_equal_ratios_as_equal_steps():
    assert HeightScale("log", 0.01, 100).apply([0.1, 1, 10]).tolist() == pytest.approx(
        [0.25, 0.5, 0.75]
    )


def test_a_shared_scale_holds_all():
    shared = HeightScale.covering([HeightScale("log", 0.1, 1), HeightScale("log", 0.5, 9)])
    assert shared == HeightScale("log", 0.1, 9)
    assert HeightScale.covering([shared, HeightScale("linear", 0, 1)]).kind == "linear"


def test_a_shared_scale_is_logarithmic_where_all_values_together_span_decades():
    low, high = np.linspace(0.7, 3.8, 50), np.geomspace(0.03, 22, 50)
    scales = [HeightScale.automatic(low), HeightScale.automatic(high)]
    assert [s.kind for s in scales] == ["linear", "log"]
    union = HeightScale.automatic(np.concatenate([low, high]))
    shared = HeightScale.covering(scales)
    assert (shared.kind, shared.lo, shared.hi) == ("log", *map(pytest.approx, (0.03, 22)))
    assert shared.kind == union.kind
    assert HeightScale.covering(scales[:1] * 2).kind == "linear"
    assert HeightScale.covering(scales, log=False).kind == "linear"


@pytest.mark.parametrize(
    "args", [("linear", 1, 1), ("linear", 2, 1), ("log", 0, 1), ("linear", 0, math.inf)]
)
def test_an_impossible_scale_is_refused(args):
    with pytest.raises(ValueError, match="scale needs"):
        HeightScale(*args)


@pytest.mark.parametrize(
    ("lo", "hi", "labels"),
    [
        (0, 1, ["0", "0.25", "0.50", "0.75", "1.00"]),
        (-1, 1, ["−1.0", "−0.5", "0", "0.5", "1.0"]),
        (0.3, 4.2, ["1", "2", "3", "4"]),
        (0, 4e6, ["0", "10⁶", "2×10⁶", "3×10⁶", "4×10⁶"]),
    ],
)
def test_linear_ticks(lo, hi, labels):
    assert [t.label for t in nice_ticks(lo, hi, 5)] == labels


@pytest.mark.parametrize("lo", [-3.3, 0.0, 1.7e-9, 0.4, 812.0])
@pytest.mark.parametrize("decades", [0.05, 0.5, 1, 2.2, 4, 9, 17])
def test_log_ticks_are_inside_ascending_and_few(lo, decades):
    lo = abs(lo) + 1e-4
    scale = HeightScale("log", lo, lo * 10**decades)
    ticks = [t.value for t in scale.ticks(6)]
    assert 1 <= len(ticks) <= 10
    assert ticks == sorted(set(ticks))
    assert scale.lo * 0.999 <= ticks[0] <= ticks[-1] <= scale.hi * 1.001


def test_labels_are_written_as_people_do():
    assert [power_label(v) for v in (0.01, 1, 1000)] == ["10⁻²", "1", "10³"]
    assert [number_label(v) for v in (999.7, 999.4, 99.97)] == ["1000", "999", "100"]
    assert [number_label(v) for v in (0, -0.25, 1500, 2.5e6, -3e-7, math.inf)] == [
        "0",
        "−0.25",
        "1500",
        "2.5×10⁶",
        "−3×10⁻⁷",
        "∞",
    ]


ORDINARY = 1e-6 * np.exp(12 * bowl(41))


@pytest.mark.parametrize("odd", [0.0, -1e-9])
def test_one_cell_that_is_not_positive_does_not_flip_the_scale(odd):
    values = ORDINARY.copy()
    values[20, 20] = odd
    scale = HeightScale.automatic(values)
    assert (scale.kind, scale.hi) == ("log", pytest.approx(ORDINARY.max()))
    assert scale.lo == np.sort(values.ravel())[1]
    assert scale.beyond([odd, scale.lo, scale.hi, scale.hi * 1.01]).tolist() == [-1, 0, 0, 1]
    values[:, 20] = odd
    assert HeightScale.automatic(values).kind == "linear", "a valley of zeros is no accident"
    values = ORDINARY.copy()
    values[20, 20] = -5.0
    assert HeightScale.automatic(values).kind == "linear", "far below zero is no rounding"


def test_beyond_twelve_decades_spikes_are_clamped_and_never_the_valley():
    values = 1e-2 * (1 + bowl(41))
    values[:3] = 1e13
    scale = HeightScale.automatic(values, log=True)
    assert scale.lo == values.min()
    assert scale.apply(np.unique(values)[1]) > 0
    whole = 10 ** (-30 + 30 * bowl(41))
    scale = HeightScale.automatic(whole)
    assert scale.lo == whole.min()
    assert (scale.beyond(whole) > 0).mean() <= 0.1, "a landscape of sixty decades is no spike"


def test_a_scale_says_what_it_is():
    assert with_scale("loss", HeightScale("log", 1, 100)) == "loss, log"
    assert with_scale("loss", HeightScale("linear", 1, 100)) == "loss"
    assert with_scale("curvature", SignedScale(3.0, 0.1)) == "curvature, signed log"
    assert clamped(HeightScale("linear", 615850, 615864.3), ">") == "> 615864.3: clamped"


def test_the_range_of_a_float_is_shown():
    scale = HeightScale.automatic(1e300 * (1 + bowl()))
    assert (scale.lo, scale.hi) == (1e300, pytest.approx(3e300))


def test_heights_over_all_decades_of_a_double_are_turned_back_into_values():
    scale = HeightScale("log", 1e-300, 1e307)
    heights = np.linspace(0, 1, 41)
    values = scale.invert(heights)
    assert values[0] == scale.lo
    assert values[-1] == scale.hi
    np.testing.assert_allclose(scale.apply(values), heights, atol=1e-12)
    assert len(log_ticks(*(float(v) for v in scale.invert([1e-6, 1 - 1e-6])), 14)) > 5
