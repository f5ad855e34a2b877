"""Runs beside each other: their curves, their differences, and what of them cannot be compared."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from isoloss.errors import IsolossError
from isoloss.events import Done, Log, Metric, Paused, Progress, Started
from isoloss.geometry.surface import Surface
from isoloss.library.columns import difference
from isoloss.library.comparison.comparison import Comparing, View
from isoloss.results.certificates import CertificateRow, write_certificates
from isoloss.results.charts import names_in, write_points
from isoloss.results.tables import Row, write_table
from isoloss.settings import (
    AttackSettings,
    CertifySettings,
    DefendSettings,
    ImportSettings,
    ProbeSettings,
    TrainSettings,
)

DATA = Log("data: digits, 10 classes, 1,437 training and 360 test images of 32×32")


def metric(epoch, loss=1.0, test=0.5, lr=0.1):
    return Metric(epoch, lr, loss, 0.5, loss + 0.1, test)


def row(eps, correct, samples=100, attack="pgd", norm="linf", sigma=math.nan, seed=0, **more):
    defense = "none" if math.isnan(sigma) else "noise"
    share, exact = correct / samples, exact_ends(correct, samples)
    return Row(
        "net", defense, sigma, attack, norm, eps, seed, samples, correct, share, *exact, **more
    )


def exact_ends(correct, samples):
    exact = stats.binomtest(correct, samples).proportion_ci(0.95, "exact")
    return exact.low, exact.high


@pytest.fixture
def compared(scanned):
    """The comparison of all runs, in the order of their names."""

    def compared(view=None, comparing=None):
        comparing = comparing or Comparing()
        entries = scanned()
        comparing.read([entries[name] for name in sorted(entries)])
        return comparing.seen(view or View())

    return compared


def chart(found, name):
    return next(chart for chart in found.charts if chart.name == name)


def test_training_curves_are_those_reported(begin, compared):
    begin("a", TrainSettings(), Started(1), metric(0, 3.0), metric(1, 2.0), Done(9.0))
    begin("b", TrainSettings(lr=0.2), Started(1), metric(0, 5.0), metric(0.5, math.nan))
    found = compared()
    assert [c.name for c in found.charts] == ["loss", "accuracy", "lr"]
    loss = chart(found, "loss")
    assert [(t.run, t.name) for t in loss.traces] == [
        (0, "test"), (0, "train"), (1, "test"), (1, "train"),
    ]  # fmt: skip
    assert loss.traces[1].ys.tolist() == [3.0, 2.0]
    assert loss.traces[0].ys.tolist() == [3.1, 2.1]
    assert loss.traces[3].xs.tolist() == [0.0, 0.5]
    assert math.isnan(loss.traces[3].ys[1])
    assert [t.name for t in chart(compared(View(parts=("train",))), "loss").traces] == ["train"] * 2
    smooth = chart(compared(View(smooth=0.5)), "loss").traces[1]
    assert smooth.raw is not None
    assert smooth.raw.tolist() == [3.0, 2.0]
    assert smooth.ys.tolist() == pytest.approx([3.0, (0.5 * 3 + 2) / 1.5])
    assert chart(compared(View(smooth=0.5)), "lr").traces[0].raw is None


def test_steps_follow_from_progress_and_minutes_leave_pauses_out(begin, compared, folder):
    settings = TrainSettings(epochs=4)
    begin(
        "a", settings, Started(1), Progress("train", 1, 48, 1.0, "steps"), metric(0), metric(1),
        metric(2), Paused(), at=1000.0,
    )  # fmt: skip
    lines = (folder / "a" / "events.jsonl").read_text()
    # Resumed an hour later, it repeats the epoch that it was stopped in.
    resumed = [(5000.0, Started(2)), (5003.0, metric(2)), (5004.0, metric(3))]
    from isoloss.events import to_line

    more = "".join(to_line(event, time) + "\n" for time, event in resumed)
    (folder / "a" / "events.jsonl").write_text(lines + more)
    assert chart(compared(View(along="step")), "loss").traces[0].xs.tolist() == [0, 12, 24, 36]
    seconds = chart(compared(View(along="time")), "loss").traces[0].xs * 60
    # The clock stands at 1000 at the start, one second an event; then 1 + … of the new process.
    assert seconds.tolist() == pytest.approx([2.0, 3.0, 3.0 + 3.0, 3.0 + 4.0])


def test_what_does_not_apply_is_said_in_a_line(begin, compared):
    begin("net", TrainSettings(), Started(1), Progress("train", 1, 50, 1.0, "steps"), metric(0))
    begin("old", ImportSettings(checkpoints=("x.pt",), model="vgg11", data="digits"), metric(0))
    attack = begin("pgd", AttackSettings(source="digits-classifier"))
    write_table(attack.table_path, [row(0.0, 90), row(0.1, 40)])
    found = compared()
    assert [c.name for c in found.charts] == ["loss", "accuracy", "lr", "linf"]
    assert "Without training curves: pgd." in found.remarks
    assert "Without accuracy against ε: net, old." in found.remarks
    by_step = compared(View(along="step"))
    assert {t.run for t in chart(by_step, "loss").traces} == {0}
    assert "Without training curves by step: old, pgd." in by_step.remarks
    assert [c.name for c in compared(View(what=("accuracy",))).charts] == ["linf"]


def test_the_worst_case_is_thick_and_first_and_counts(begin, compared):
    for name, less in (("a", 0), ("b", 10)):
        run = begin(name, AttackSettings(source="digits-classifier"))
        counts = {"pgd": (90, 40), "square": (90, 35), "worst": (90, 20 - less)}
        write_table(run.table_path, [
            row(eps, right, attack=attack)
            for attack, its in counts.items()
            for eps, right in zip((0.0, 8 / 255), its, strict=True)
        ])  # fmt: skip
    found = compared()
    traces = chart(found, "linf").traces
    assert [t.name for t in traces if t.is_thick] == ["worst of all attacks"] * 2
    assert names_in(found.charts, "accuracy")[0] == "worst of all attacks"
    (accuracy,) = (c for c in found.table.columns if c.name == "accuracy_at_eps")
    assert [c.value for c in accuracy.cells] == [0.2, 0.1]
    assert (accuracy.cells[0].low, accuracy.cells[0].high) == pytest.approx(exact_ends(20, 100))


def test_of_one_attack_the_worst_case_is_drawn_where_it_says_more(begin, compared):
    for name, worst in (("a", (90, 40)), ("b", (90, 39))):
        run = begin(name, AttackSettings(source="digits-classifier"))
        rows = [row(0.0, 90), row(0.1, 40)]
        rows += [row(e, k, attack="worst") for e, k in zip((0.0, 0.1), worst, strict=True)]
        write_table(run.table_path, rows)
    assert [(t.run, t.is_thick) for t in chart(compared(), "linf").traces] == [
        (0, False), (1, False), (1, True),
    ]  # fmt: skip


def test_published_results_are_of_the_same_data_and_never_among_the_points(
    begin, compared, tmp_path
):
    of = ("a", "cifar10", "linf"), ("b", "digits", "linf"), ("c", "cifar10", "l2")
    for name, data, norm in of:
        run = begin(name, AttackSettings(source="digits-classifier", data=data, norm=norm))
        write_table(run.table_path, [row(0.0, 90, norm=norm), row(0.1, 40, norm=norm)])
    assert not any(c.references for c in compared().charts)
    found = compared(View(reference=("all",)))
    for norm, others in (("linf", 8), ("l2", 5)):
        behind = chart(found, norm).references
        assert len(behind) == others
        assert {(r.data, r.norm, r.is_certified) for r in behind} == {("cifar10", norm, False)}
    some = compared(View(reference=("Engstrom2019Robustness", "Wong2020Fast")))
    assert [[r.name for r in c.references] for c in some.charts] == [
        ["Wong2020Fast", "Engstrom2019Robustness"], ["Engstrom2019Robustness"],
    ]  # fmt: skip
    points = write_points(tmp_path / "points.csv", found.charts, [*found.names])
    assert "2020" not in points.read_text(encoding="utf-8")
    assert all(trace.run < 3 for c in found.charts for trace in c.traces)


def test_accuracies_have_exact_intervals_and_norms_axes_of_their_own(begin, compared):
    one = begin("a", AttackSettings(source="digits-classifier"))
    write_table(one.table_path, [row(0.1, 40), row(0.0, 90), row(0.1, 60, attack="square")])
    other = begin("b", AttackSettings(source="digits-classifier", norm="l2"))
    write_table(other.table_path, [row(0.5, 10, norm="l2", seed=s) for s in (0, 1)])
    found = compared()
    pgd, square = chart(found, "linf").traces
    assert (pgd.name, square.name) == ("PGD", "Square")
    assert pgd.xs.tolist() == [0.0, 0.1]
    assert (pgd.low[1], pgd.high[1]) == pytest.approx(exact_ends(40, 100))
    assert [t.run for t in chart(found, "l2").traces] == [1]  # two seeds are one line


def test_average_certified_radii_stand_beside_each_other_with_their_errors(begin, compared):
    for name, seeds in (("one", (0.4,)), ("two", (0.5, 0.7))):
        run = begin(name, CertifySettings(source="/net", seeds=len(seeds)))
        rows = [
            row(0.0, 3, 4, "certificate", "l2", 0.25, seed, votes=100, average_radius=average,
                average_radius_error=0.01 * (seed + 1))
            for seed, average in enumerate(seeds)
        ]  # fmt: skip
        write_table(run.table_path, rows)
    table = compared().table
    (column,) = [c for c in table.columns if c.name == "average_certified_radius"]
    assert [cell.text for cell in column.cells] == ["0.4 ± 0.01", "0.6 ± 0.02"]
    low, high = column.cells[1].low, column.cells[1].high
    assert (low, high) == pytest.approx((0.6 - 1.96 * 0.02, 0.6 + 1.96 * 0.02))


def test_certificates_are_stairs_where_all_are_known(begin, compared):
    run = begin("c", CertifySettings(source="digits-classifier"))
    rows = [row(r, k, 4, "certificate", "l2", 0.25, votes=100) for r, k in ((0.0, 3), (0.5, 1))]
    write_table(run.table_path, rows)
    assert chart(compared(), "radius").traces[0].steps is None
    radii = (0.2, 0.6, 0.4, 0.0)
    write_certificates(
        run.certificates_path,
        [CertificateRow("net", 0.25, 0, k, 1, 1 if r else 0, r, 1) for k, r in enumerate(radii)],
    )
    steps = chart(compared(), "radius").traces[0].steps
    assert steps[0].tolist() == [0.0, 0.2, 0.4, 0.6]
    assert steps[1].tolist() == [0.75, 0.5, 0.25, 0.0]


def test_the_table_has_what_differs_and_what_resulted(begin, compared, tmp_path):
    begin("a", TrainSettings(lr=0.1, seed=1), DATA, metric(1, test=0.75), Done(1.0))
    begin("b", TrainSettings(lr=0.1, seed=2, epochs=9), DATA, metric(9, test=0.9), Done(1.0))
    table = compared().table
    assert [c.name for c in table.columns] == [
        "seed", "epochs", "test_accuracy", "test_loss", "epoch",
    ]  # fmt: skip
    assert table.lines()[0] == ["Run", "Seed", "Epochs", "Test accuracy", "Test loss", "Epoch"]
    cell = table.columns[2].cells[0]
    assert (cell.low, cell.high) == pytest.approx(exact_ends(270, 360))
    assert cell.text == "75.0 % (70.2 to 79.4)"
    with table.write_csv(tmp_path / "t.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["run"], first["seed"], float(first["test_accuracy"])) == ("a", "1", 0.75)
    assert float(first["test_accuracy_low"]) == pytest.approx(cell.low)
    told = list(table.as_json())
    assert told[1]["settings"] == {"seed": 2, "epochs": 9}
    assert told[1]["figures"]["test_accuracy"] == 0.9
    assert json.loads(json.dumps(told)) == told


def test_figures_of_evaluations_have_the_interval_of_their_row(begin, compared):
    run = begin("a", AttackSettings(source="digits-classifier"))
    at = 8 / 255
    write_table(run.table_path, [row(0.0, 95), row(at, 40), row(at, 30, attack="square")])
    table = compared().table
    cells = {c.title: c.cells[0] for c in table.columns if c.is_figure}
    for title, k in (("Accuracy at ε", 30), ("Clean accuracy", 95)):
        assert (cells[title].low, cells[title].high) == pytest.approx(exact_ends(k, 100))
    assert cells["ε"].text == "8/255"


def test_surfaces_are_compared_by_how_rough_they_are_with_what_errors_leave_open(begin, compared):
    axis = np.linspace(-1, 1, 21)
    wavy = axis[:, None] ** 2 + axis**2 + 0.3 * np.cos(9 * axis[:, None]) + 1
    for name, stderr in (("exact", 0.0), ("noisy", 0.05)):
        surface = Surface.from_loss(axis, axis, wavy)
        run = begin(name, ProbeSettings(source=Path("net")), Started(1), Done(1.0))
        replace(surface, loss_stderr=np.full((21, 21), stderr)).save(run.surface_path)
    columns = {column.name: column for column in compared().table.columns}
    assert [cell.value for cell in columns["basins"].cells] == [4, 2]
    exact, noisy = columns["non-convex_share"].cells
    assert exact.value == noisy.value
    assert exact.text == f"{100 * exact.value:.1f} %"
    assert noisy.text.endswith("(0.0 to 100.0)")
    assert (noisy.low, noisy.high) == (0, 1)
    assert math.isnan(exact.low)
    assert "±" in columns["total_variation"].cells[1].text


def test_figures_of_other_kinds_are_other_columns(begin, compared):
    begin("a", TrainSettings(), DATA, metric(1, test=0.75), Done(1.0))
    run = begin("b", AttackSettings(source="digits-classifier"), Done(1.0))
    write_table(run.table_path, [row(0.0, 95), row(0.1, 40)])
    table = compared().table
    columns = {c.title: [cell.text for cell in c.cells] for c in table.columns}
    assert columns["Kind"] == ["train", "attack"]
    assert columns["Test accuracy"][1] == columns["Accuracy at ε"][0] == "–"
    assert "Batch size" not in columns  # of which an attack says nothing


def test_rows_are_sorted_by_any_column_and_what_has_nothing_comes_last(begin, compared):
    begin("a", TrainSettings(lr=0.1), metric(1, test=0.5))
    begin("b", TrainSettings(lr=0.01), metric(1, test=0.9))
    begin("c", TrainSettings(lr=1.0))
    table = compared().table
    titles = [c.title for c in table.columns]
    rate, accuracy = (1 + titles.index(t) for t in ("Learning rate", "Test accuracy"))
    assert table.order(rate) == [1, 0, 2]
    assert table.order(accuracy, reverse=True) == [1, 0, 2]
    assert table.order(accuracy) == [0, 1, 2]
    assert table.order(0, reverse=True) == [2, 1, 0]


def test_a_run_grows_and_only_what_is_new_is_read(begin, compared, folder):
    run = begin("a", TrainSettings(), Started(1), metric(0, 3.0))
    comparing = Comparing()
    assert chart(compared(comparing=comparing), "loss").traces[1].ys.tolist() == [3.0]
    run.emit(metric(1, 2.0))
    assert chart(compared(comparing=comparing), "loss").traces[1].ys.tolist() == [3.0, 2.0]
    (folder / "a" / "events.jsonl").write_text("")  # begun anew
    run.emit(metric(0, 9.0))
    assert chart(compared(comparing=comparing), "loss").traces[1].ys.tolist() == [9.0]


def test_runs_of_other_images_are_said_to_be(begin, compared):
    for name, split in (("a", "test"), ("b", "train")):
        run = begin(name, AttackSettings(source="digits-classifier", split=split))
        write_table(run.table_path, [row(0.0, 95)])
    assert any("not of the same images: split test, train" in r for r in compared().remarks)


def test_damaged_runs_are_told_among_the_others(begin, compared, folder):
    begin("a", TrainSettings(), metric(0))
    begin("b", TrainSettings())
    (folder / "b" / "run.json").write_text("{")
    (folder / "b" / "events.jsonl").write_bytes(b"\xff\n{}\n")
    run = begin("c", AttackSettings(source="digits-classifier"))
    run.table_path.write_text("no table\n")
    found = compared()
    assert found.names == ("a", "b", "c")
    states = next(c for c in found.table.columns if c.name == "state")
    assert states.cells[1].text == "damaged"
    assert np.isfinite(chart(found, "loss").traces[0].ys).all()


def test_a_weight_that_is_none_is_refused():
    for weight in (1.0, -0.1, math.nan):
        with pytest.raises(IsolossError, match="--smooth must be from 0 to below 1"):
            View(smooth=weight)


def test_a_setting_that_means_another_thing_in_each_kind_is_called_by_neither(begin, compared):
    begin("a", CertifySettings(source="digits-classifier", draws=400), Started(1))
    begin("b", DefendSettings(source="digits-classifier", denoiser="small", draws=9), Started(1))
    titles = {c.name: c.title for c in compared().table.columns}
    assert titles["draws"] == "Draws"
    begin("c", DefendSettings(source="digits-classifier", denoiser="small", draws=8), Started(1))
    entries = compared().table
    (column,) = (c for c in entries.columns if c.name == "draws")
    assert [cell.value for cell in column.cells] == [400, 9, 8]


def test_a_setting_of_one_kind_alone_has_the_label_of_its_form(begin, compared):
    begin("a", DefendSettings(source="digits-classifier", denoiser="small", draws=9), Started(1))
    begin("b", DefendSettings(source="digits-classifier", denoiser="small", sigma=(0.25, 0.5)))
    columns = {c.name: c for c in compared().table.columns}
    assert columns["draws"].title == DefendSettings.model_fields["draws"].title
    assert [cell.text for cell in columns["sigma"].cells] == ["0.25", "0.25, 0.5"]


def test_attacks_are_told_by_their_labels(begin, compared, scanned):
    begin("a", AttackSettings(source="digits-classifier", attacks="pgd,square"), at=1000.0)
    begin("b", AttackSettings(source="digits-classifier", attacks="mine:twice"), at=2000.0)
    asked = {"source": "digits-classifier", "denoiser": "digits-denoiser"}
    begin("c", DefendSettings(**asked, attacks="eot,transfer"), at=3000.0)
    table = compared().table
    column = next(c for c in table.columns if c.name == "attacks")
    assert [cell.text for cell in column.cells] == ["PGD, Square", "twice", "EOT, transfer"]
    assert column.cells[0].value == "pgd,square"  # in files as it is typed
    assert difference(scanned()["b"]) == "Attacks twice"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"samples": 100}, {"samples": 200}, "samples 100 by seed 0, 200 by seed 0"),
        ({"samples": 100}, {"samples": 100, "seed": 1}, "samples 100 by seed 0, 100 by seed 1"),
        ({"samples": 100}, {"samples": 360}, "samples 100 by seed 0, all"),
        ({"samples": 100}, {"samples": 100, "steps": 5}, ""),
        ({"samples": 360}, {"samples": 500, "seed": 3}, ""),
    ],
)
def test_runs_of_other_samples_are_said_to_be(begin, compared, first, second, said):
    for name, asked in (("a", first), ("b", second)):
        run = begin(name, AttackSettings(source="digits-classifier", **asked), DATA)
        write_table(run.table_path, [row(0.0, 95)])
    begin("c", TrainSettings(), DATA, metric(0))  # of which there are no accuracies of attacks
    others = [r for r in compared().remarks if "same images" in r]
    assert others == ([f"Accuracies are not of the same images: {said}."] if said else [])
