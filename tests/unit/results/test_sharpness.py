"""What runs of sharpness keep, and the charts of it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from isoloss.files import number_text
from isoloss.results.charts import limits_of, names_in
from isoloss.results.estimates import Estimate
from isoloss.results.sharpness import Density, Place, Sharpness
from isoloss.results.sharpness_charts import STABLE, sharpness_charts
from isoloss.results.sharpness_files import SharpnessJournal, read_sharpness
from isoloss.run import Run
from isoloss.settings import SharpnessSettings


def eigenvalue(value, half=0.5):
    return {"largest": [[value, half / 2, 0.0, half]], "smallest": [], "error": 0.0}


def at(epoch, value, lr=0.1):
    return Sharpness.of([eigenvalue(value)], {}, Place("net", f"{epoch}.pt", epoch, lr))


def charts(*found):
    return {chart.name: chart for chart in sharpness_charts([found])}


def test_what_was_kept_is_read_but_for_damaged_lines(tmp_path):
    run = Run.create(tmp_path / "run", SharpnessSettings(source=Path("digits-classifier")))
    journal = SharpnessJournal(run.outcomes_path, {})
    place = Place("net", epoch=3.0)
    journal.append((0, 1, 0), place, json.dumps(eigenvalue(2.0)).encode())
    with run.outcomes_path.open("a", encoding="utf-8") as file:
        file.write('{"unit": [0, 2, 0], "place": {}, "found": {"trace": [1.0]}}\n')
        file.write('{"unit": [0, 1, 0], "place": {"network": "n"}, "found": {"largest": [[9')
    journal.append((0, 3, 1), place, b'{"nodes": [[1.0, 2.0]], "weights": [[0.5, 0.5]]}')
    journal.append((0, 3, 0), place, b'{"nodes": [[3.0]], "weights": [[1.0]]}')
    [found] = read_sharpness(run)
    assert found.largest == (Estimate(2.0, 0.25, 0.0, 0.5),)
    assert found.density is not None
    assert found.density.nodes.tolist() == [[3.0, 0.0], [1.0, 2.0]]
    assert found.density.weights.sum(1).tolist() == [1.0, 1.0]
    assert found.facts["radius"] == 0.05
    assert [row[0] for row in found.rows()] == ["largest eigenvalue"]


def test_the_edge_of_stability_is_two_over_the_learning_rate():
    chart = charts(at(0, 10.0), at(1, 18.0), at(2, 21.0))["λmax"]
    own, edge = chart.traces
    assert own.ys.tolist() == [10, 18, 21]
    assert (edge.name, edge.ys.tolist()) == (STABLE, [20, 20, 20])
    assert names_in([chart], "sharpness") == ["λmax", STABLE]  # by which dashes tell them apart
    assert not chart.is_log
    assert limits_of(chart)[1][1] > 21.5  # the upper end of the last interval


@pytest.mark.parametrize(("lr", "is_drawn"), [(0.01, True), (1e-5, False), (math.nan, False)])
def test_an_edge_far_above_is_on_a_logarithmic_axis_or_left_out(lr, is_drawn):
    chart = charts(at(0, 10.0, lr), at(1, 18.0, lr))["λmax"]
    assert chart.is_log is is_drawn
    assert len(chart.traces) == 1 + is_drawn
    if is_drawn:
        assert (chart.traces[0].low > 0).all()


def test_one_network_has_its_eigenvalues_side_by_side():
    found = charts(Sharpness(largest=(Estimate(3, 0, 0, 1), Estimate(2, 0, 0, 1))))
    [trace] = found["eigenvalues"].traces
    assert (trace.xs.tolist(), trace.ys.tolist()) == ([1, 2], [3, 2])
    assert trace.high.tolist() == [4, 3]


@pytest.mark.parametrize(
    ("value", "half", "ends", "words"),
    [
        (2.0, 0.5, (1.5, 2.5), "2 ± 0.5"),
        (0.5, 0.75, (0.0, 1.25), "0.5 (0 to 1.25)"),
        (-0.25, 0.5, (0.0, 0.25), "0 (0 to 0.25)"),  # so may be what the jackknife corrects
        (-1.0, 0.5, (0.0, 0.0), "0"),
        (0.5, 0.0, (0.5, 0.5), "0.5"),
        (0.5, math.nan, (math.nan, math.nan), "0.5"),
    ],
)
def test_the_interval_of_a_norm_ends_at_0(tmp_path, value, half, ends, words):
    found = [
        Sharpness.of(
            [{"gradient_norm": [value, 0.1, 0.0, half], "trace": [value, 0.1, 0.0, half]}],
            {}, Place("net", f"{epoch}.pt", epoch),
        )
        for epoch in (0.0, 1.0)
    ]  # fmt: skip
    norm, trace = found[0].gradient_norm, found[0].trace
    assert norm.interval == pytest.approx(ends, nan_ok=True)
    assert trace.interval == pytest.approx((value - half, value + half), nan_ok=True)
    assert f"gradient {words}" in found[0].said
    found[0].save(tmp_path / "s.csv")
    (row,) = (r for r in (tmp_path / "s.csv").read_text("utf-8").splitlines() if "norm" in r)
    assert row.split(",")[6:9] == [*map(number_text, (norm.value, *ends))]
    [drawn] = charts(*found)["gradient"].traces
    low, high = (norm.value if math.isnan(end) else end for end in ends)
    assert (drawn.low.tolist(), drawn.high.tolist()) == ([low] * 2, [high] * 2)


def test_a_spectrum_is_a_density():
    density = Density(np.array([[-1.0, 0.0, 4.0]]), np.array([[0.25, 0.5, 0.25]]))
    chart = charts(Sharpness(density=density))["spectrum"]
    [trace] = chart.traces
    known = np.nan_to_num(trace.ys)
    assert float(np.trapezoid(known, trace.xs)) == pytest.approx(1, abs=1e-3)
    assert float(np.trapezoid(known * trace.xs, trace.xs)) == pytest.approx(0.75, abs=0.02)
    assert limits_of(chart)[0][0] < -1
