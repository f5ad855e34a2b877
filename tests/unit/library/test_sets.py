"""Sets of runs that differ in nothing but seeds: which these are, and what is said of them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from isoloss.errors import IsolossError
from isoloss.events import Done, Log, Metric, Started
from isoloss.library.comparison.comparison import Comparing, View
from isoloss.library.comparison.measured import Quantity, networks_of
from isoloss.library.comparison.sets import in_words
from isoloss.results.means import Mean
from isoloss.results.sharpness import Place
from isoloss.results.sharpness_files import SharpnessJournal
from isoloss.results.tables import Row, write_table
from isoloss.settings import AttackSettings, ProbeSettings, SharpnessSettings, TrainSettings

DATA = Log("data: digits, 10 classes, 1,437 training and 360 test images of 32×32")
SLOW, FAST = (0.60, 0.64, 0.71), (0.80, 0.85, 0.84)


@pytest.fixture
def comparing(scanned):
    """All runs, in the order of their names."""

    def comparing():
        entries, found = scanned(), Comparing()
        found.read([entries[name] for name in sorted(entries)])
        return found

    return comparing


def train(begin, name, accuracy, **settings):
    metric = Metric(1, 0.1, 1.0, 0.5, 2 - accuracy, accuracy)
    return begin(name, TrainSettings(**settings), Started(1), DATA, metric, Done(1.0))


def trainings(begin, seeds=(0, 1, 2)):
    for k, (slow, fast) in enumerate(zip(SLOW, FAST, strict=True)):
        train(begin, f"a{k}", slow, lr=0.01, seed=k)
        train(begin, f"b{k}", fast, lr=0.1, seed=seeds[k])


def attack(begin, name, source, right, images=range(6)):
    run = begin(name, AttackSettings(source=source), Started(1), DATA, Done(1.0))
    texts = ["111110", right]
    rows = [
        Row("net", "none", float("nan"), "pgd", "linf", eps, 0, 6, text.count("1"),
            text.count("1") / 6, 0.1, 0.9)
        for eps, text in zip((0.0, 8 / 255), texts, strict=True)
    ]  # fmt: skip
    write_table(run.table_path, rows)
    run.outcomes_path.parent.mkdir()
    line = {"unit": [0, 0, 0], "eps": [0.0, 8 / 255], "images": [*images], "right": texts,
            "single": [], "worst": [], "right_in_8_bits": []}  # fmt: skip
    run.outcomes_path.write_text(json.dumps(line) + "\n")
    return run


def test_runs_alike_but_for_seeds_are_a_set(begin, comparing, tmp_path):
    trainings(begin)
    found = comparing().sets()
    assert [(s.name, len(s.members)) for s in found.sets] == [
        ("Learning rate 0.01", 3), ("Learning rate 0.1", 3),
    ]  # fmt: skip
    accuracy, loss = found.differences
    assert accuracy.quantity.title == "Test accuracy"
    ends = stats.ttest_rel(SLOW, FAST).confidence_interval()
    assert (accuracy.found.low, accuracy.found.high) == pytest.approx((ends.low, ends.high))
    assert accuracy.found.how == loss.found.how == "paired by seed"
    low, high = (f"{-100 * end:.3g}" for end in (ends.high, ends.low))
    assert str(accuracy) == (
        "Test accuracy: Learning rate 0.01 is less accurate than Learning rate 0.1 by 18 points "
        f"({low} to {high})."
    )
    assert "2 comparisons, counted after Holm" in found.said[2]
    (line, *_) = found.lines()[1:]
    assert line[:2] == ["Learning rate 0.01", "3"]
    assert line[2].startswith("65 % (51.1")
    # Of images and seeds: what 360 test images leave open is the same for all.
    assert "spread 5.6 points, of seeds 5.6 points" in line[2]
    text = found.write_csv(tmp_path / "sets.csv").read_text(encoding="utf-8")
    rows = [*csv.DictReader(text.splitlines())]
    assert [row["set"] for row in rows[:4:2]] == ["Learning rate 0.01", "Learning rate 0.1"]
    assert float(rows[4]["p"]) == pytest.approx(stats.ttest_rel(SLOW, FAST).pvalue)
    assert rows[4]["differs"] == "true"
    first, _, third, _ = found.as_json()
    assert first["means"]["test_accuracy"]["count"] == 3
    assert third["how"] == "paired by seed"
    json.dumps([first, third], allow_nan=False)


def test_what_errors_leave_open_of_a_figure_is_not_compared_as_one(begin, scanned):
    begin("p", ProbeSettings(source="net"), Started(1), DATA, Done(1.0))
    ends = {f"{name}{end}": 0.5 for name in ("variation", "nonconvex") for end in ("_low", "_high")}
    figures = {"lowest": 0.1, "variation": 1.0, "nonconvex": 0.25, **ends}
    entry = replace(scanned()["p"], figures=figures)
    (network,) = networks_of(entry, (), ())
    found = {q.title: (e.value, q.is_share) for q, e in network.found.items()}
    assert found == {
        "Lowest loss": (0.1, False), "Total variation": (1.0, False),
        "Non-convex share": (0.25, True),
    }  # fmt: skip


@pytest.mark.parametrize(("mean", "said"), [
    (Mean(3, 1234.4, 987.6, 1481.4, 99.4, 99.6, 12.0, "runs"),
     "1234 (987.6 to 1481), spread 99, of seeds 12"),
    (Mean(3, 250.0, -100.0, 600.0, 100.2, 1.0, 100.0, "runs"),
     "250 (−100 to 600), spread 100, of seeds 100"),
])  # fmt: skip
def test_numbers_of_sets_are_written_out(mean, said):
    assert in_words(Quantity("trace", "Trace"), mean) == said


def test_of_other_seeds_sets_are_independent(begin, comparing):
    trainings(begin, seeds=(3, 4, 5))
    accuracy = comparing().sets().differences[0].found
    ends = stats.ttest_ind(SLOW, FAST, equal_var=False).confidence_interval()
    assert (accuracy.low, accuracy.high) == pytest.approx((ends.low, ends.high))
    assert accuracy.how == "Welch's t"


def test_a_field_tells_sets_apart_and_what_else_varies_is_said(begin, comparing):
    trainings(begin)
    train(begin, "c0", 0.9, lr=0.1, seed=7, epochs=3)
    assert len(comparing().sets().sets) == 3
    by_rate = comparing().sets(["lr"])
    assert [(s.name, len(s.members)) for s in by_rate.sets] == [
        ("Learning rate 0.01", 3), ("Learning rate 0.1", 4),
    ]  # fmt: skip
    assert "Runs of a set differ in epochs: that is part of their spread." in by_rate.remarks
    by_name = comparing().sets(["name"])
    assert [s.name for s in by_name.sets] == ["a", "b", "c"]
    assert "Each set is compared with the first, a." in by_name.remarks
    with pytest.raises(IsolossError, match="told apart by width: none of these runs has it"):
        comparing().sets(["width"])


def test_other_data_are_refused_and_said_in_the_window(begin, comparing):
    train(begin, "a", 0.5)
    train(begin, "b", 0.6, data="cifar10")
    with pytest.raises(IsolossError, match=r"are of digits \(test split\), cifar10") as caught:
        comparing().sets()
    assert "\n" not in str(caught.value)
    (remark,) = comparing().seen(View(sets=())).sets.remarks
    assert remark.startswith("Sets of runs are compared on the same data")
    assert comparing().sets(["data"]).differences


def test_one_run_each_speaks_of_two_networks(begin, comparing):
    train(begin, "a", 0.75)
    train(begin, "b", 0.80, lr=0.2)
    found = comparing().sets()
    accuracy, loss = found.differences
    assert str(accuracy).startswith("Test accuracy: Of these two networks, a and b do not differ")
    assert "beyond what samples explain" in str(accuracy)
    assert str(loss) == "Test loss: a and b differ by 0.05; errors are not known."
    assert any("not of how it was trained" in remark for remark in found.remarks)
    # The exact interval of 270 of 360.
    exact = stats.binomtest(270, 360).proportion_ci(0.95, "exact")
    mean = found.sets[0].means[accuracy.quantity]
    assert (mean.low, mean.high) == pytest.approx((exact.low, exact.high))


def test_two_attacks_on_the_same_images_are_paired_by_image(begin, comparing, folder):
    for k in range(3):
        train(begin, f"net{k}", 0.5, lr=0.1 + k)
        images = range(6) if k < 2 else range(1, 7)
        attack(begin, f"pgd{k}", folder / f"net{k}", ("011000", "111110", "111110")[k], images)
    robust = [
        d.found for d in comparing().sets().differences
        if d.quantity.title == "Accuracy at ε 8/255"
    ]  # fmt: skip
    ours, theirs = np.array([0, 1, 1, 0, 0, 0]), np.array([1, 1, 1, 1, 1, 0])
    ends = stats.ttest_rel(ours, theirs).confidence_interval()
    assert [found.how for found in robust] == ["paired by image", "independent samples"]
    assert (robust[0].low, robust[0].high) == pytest.approx((ends.low, ends.high))


def test_networks_of_a_sharpness_run_are_sets_by_their_trainings(begin, comparing, folder):
    values = {"a0": 10.0, "a1": 12.0, "b0": 30.0, "b1": 33.0}
    for name in values:
        train(begin, name, 0.5, lr=0.1 if name[0] == "a" else 0.2, seed=int(name[1]))
    also = tuple(folder / name for name in ("a1", "b0", "b1"))
    settings = SharpnessSettings(source=folder / "a0", also=also)
    run = begin("sharp", settings, Started(1), DATA, Done(1.0))
    journal = SharpnessJournal(run.outcomes_path, {})
    for k, (name, value) in enumerate(values.items()):
        found = {"largest": [[value, 0.1, 0.2, 0.5]], "trace": [100.0, 1.0, 1.0, 2.0]}
        journal.append((k, 0, 0), Place(name), json.dumps(found).encode())
    sets = comparing().sets(["lr"])
    largest = next(d for d in sets.differences if d.quantity.name == "eigenvalue")
    ends = stats.ttest_rel([10, 12], [30, 33]).confidence_interval()
    assert (largest.found.low, largest.found.high) == pytest.approx((ends.low, ends.high))
    assert "Learning rate 0.1 is flatter than Learning rate 0.2 by 20.5 (" in str(largest)
    mean = next(s for s in sets.sets if s.kind == "sharpness").means[largest.quantity]
    assert mean.within == pytest.approx(np.hypot(0.1, 0.2))
    assert mean.between == pytest.approx(np.sqrt(2 - 0.04))  # all saw the same samples
    trace = next(d for d in sets.differences if d.quantity.name == "trace")
    assert str(trace) == "Trace: Learning rate 0.1 and Learning rate 0.2 are the same in all runs."
