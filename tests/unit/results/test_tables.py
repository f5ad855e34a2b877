"""Table and report as files."""

import csv

from isoloss.results.tables import (
    EvaluationWarning,
    Report,
    Row,
    read_report,
    read_table,
    write_report,
    write_table,
)


def test_the_files_come_back_as_they_were(tmp_path):
    rows = [
        Row("net", "none", float("nan"), "pgd", "linf", 8 / 255, 3, 7, 5, 5 / 7, 0.1, 0.9),
        Row("näin, \"so\"", "denoised", 0.25, "eot", "l2", 0.5, 0, 9, 1, 1 / 9, 0.0, 0.4, 20, 1, 2,
            2 / 9, 0.1, 0.5, 0, 0.0, 0.0, 0.3, 1, 0, 2.5),
        Row("net", "noise", 0.25, "certificate", "l2", 0.5, 0, 9, 1, 1 / 9, 0.0, 0.4),
    ]  # fmt: skip
    path = write_table(tmp_path / "robustness.csv", rows)
    with path.open(encoding="utf-8", newline="") as file:
        counts = [
            [line[f"{name}_correct"] for name in ("single", "worst")] + [line["correct_in_8_bits"]]
            for line in csv.DictReader(file)
        ]
    assert counts == [["", "", "0"], ["2", "0", "1"], ["", "", ""]], "uncounted is not none"
    assert [repr(row) for row in read_table(path)] == [repr(row) for row in rows]
    report = Report(
        "So.", (EvaluationWarning("a-b", "why", "net", 0.25, "eot"),), ({"k": [1]},), {"n": 2}
    )
    back = read_report(write_report(tmp_path / "report.json", report))
    assert back == report
    assert [d.concerns(row) for d in back.warnings for row in rows] == [False] * 3
    assert EvaluationWarning("x", "").concerns(rows[0])
    assert EvaluationWarning("x", "", "net", None, "pgd").concerns(rows[0])
