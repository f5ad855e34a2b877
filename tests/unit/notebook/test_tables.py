"""Trajectories, planes and evaluations as tables of a cell."""

import math
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.unit.notebook.test_in_short import HOSTILE, path
from torch import nn

from isoloss.compute.planes.custom_plane import custom_plane
from isoloss.compute.planes.random_plane import random_plane
from isoloss.notebook import evaluations
from isoloss.results.tables import EvaluationWarning, Row


class Cells(HTMLParser):
    """What is in each cell of a table, row by row; refuses what a cell may not hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert {name for name, _ in attrs} <= {"style", "scope"}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if "tr" in self.tags and "bdi" in self.tags[-1:]:
            self.rows[-1][-1] = data


def row(attack: str, eps: float, right: int, **more: object) -> Row:
    return Row("net", "none", math.nan, attack, "linf", eps, 0, 100, right, right / 100,
               right / 100 - 0.05, right / 100 + 0.05, **more)  # fmt: skip


def table(*rows: Row, doubts: tuple[EvaluationWarning, ...] = (), summary: str = "") -> str:
    return evaluations.html(SimpleNamespace(rows=rows, doubts=doubts, summary=summary))


def test_a_trajectory_has_a_row_for_each_checkpoint():
    cells = Cells(path(3)._repr_html_())
    assert cells.rows == [
        ["epoch", "loss", "α", "β", "off the plane", "learning rate"],
        ["0", "1.1", "0.5", "−0.5", "0.3", "0.1"],
        ["1", "0.6", "0.25", "−0.25", "0.3", "0.1"],
        ["2", "0.1", "0", "0", "0.3", "0.1"],
    ]


def test_of_a_long_one_the_ends_and_some_between():
    cells = Cells(path(50_000)._repr_html_())
    epochs = [int(row[0]) for row in cells.rows[1:] if row[0].isdigit()]
    assert len(cells.rows) == 21
    assert epochs[0] == 0
    assert cells.rows[-1][0] in ("49999", "5×10⁴")


def test_an_evaluation_has_a_row_for_each_attack_and_a_column_for_each_radius():
    rows = [row("pgd", 0.0, 90), row("pgd", 8 / 255, 40), row("square", 8 / 255, 60)]
    cells = Cells(table(*rows))
    assert cells.rows == [
        ["", "clean", "ε = 8/255"],
        ["net, PGD", "90.0 % (85–95)", "40.0 % (35–45)"],
        ["net, Square (black box)", "", "60.0 % (55–65)"],
    ]


def test_what_speaks_against_it_is_said_below():
    doubt = EvaluationWarning("weak", "PGD finds nothing")
    said = table(row("pgd", 0.1, 50), doubts=(doubt,), summary="Half resists.")
    assert re.search(r"Half resists\..*Doubt: PGD finds nothing \[weak\]", said)


def test_many_radii_are_shortened_to_the_smallest_and_the_largest():
    cells = Cells(table(*(row("pgd", k / 100, 100 - k) for k in range(40))))
    assert cells.rows[0][1] == "clean"
    assert cells.rows[0][-1] == "ε = 0.39"
    assert len(cells.rows[0]) == 13


def test_an_evaluation_without_rows_is_an_empty_table():
    assert Cells(table()).rows == [[""]]


def test_a_plane_says_what_moves_and_how_its_directions_lie():
    model = nn.Linear(3, 2)
    delta = {"weight": torch.ones(2, 3)}
    eta = {"weight": torch.eye(3)[:2]}
    cells = Cells(custom_plane(model, delta, eta)._repr_html_())
    # cos = 2 / (√6 · √2)
    assert cells.rows == [
        ["weights that move", "6"],
        ["norms of δ and η", "2.449, 1.414"],
        ["cosine of δ and η", "0.577"],
    ]
    assert "Random plane" in random_plane(model)._repr_html_()


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name):
    hostile = row("pgd", 0.1, 50)
    hostile = Row(**{**hostile.__dict__, "network": name})
    doubt = EvaluationWarning(name, name)
    for shown in (
        path(3, name=name)._repr_html_(),
        table(hostile, doubts=(doubt,), summary=name),
    ):
        tags = {"table", "caption", "bdi", "thead", "tbody", "tr", "th", "td", "p"}
        assert set(Cells(shown).tags) <= tags
        assert len(shown) < 10_000
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", shown)


def test_numbers_are_those_of_the_path():
    one = path(7)
    shown = Cells(one._repr_html_()).rows[1:]
    losses = np.array([float(cells[1]) for cells in shown])
    np.testing.assert_allclose(losses, one.loss, rtol=1e-3)
