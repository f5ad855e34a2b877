"""What has newly been opened, as layouts go by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.app.state.opening.opened import Opened
from isoloss.app.state.opening.opener import open_path
from isoloss.run import Run
from isoloss.settings import AttackSettings


@pytest.fixture
def evaluation(workspace, tmp_path):
    def open_one(name):
        run = Run.create(tmp_path / name, AttackSettings(source=Path("digits-classifier")))
        return workspace.show_evaluation(workspace.runs.follow(run))

    return open_one


def test_news_are_told_once(opened):
    told = Opened(opened)
    assert told.has_nothing
    assert told.news(at_work=False) == "surface"
    assert told.news(at_work=False) == ""
    assert not told.has_nothing


def test_kinds_are_told_apart_and_pictures_come_first(workspace, surface, tmp_path, evaluation):
    told = Opened(workspace)
    evaluation("one")
    assert told.news(at_work=False) == "robustness"
    path = surface.save(tmp_path / "a.ply")
    open_path(workspace, path)
    assert told.news(at_work=False) == "surface"
    open_path(workspace, path)
    evaluation("two")
    assert told.news(at_work=False) in ("surface", "robustness")
    evaluation("two")
    assert told.news(at_work=False) == ""


def test_news_wait_while_a_hand_is_at_work(workspace, evaluation):
    told = Opened(workspace)
    first = evaluation("one")
    assert told.news(at_work=True) == ""
    assert told.news(at_work=False) == "robustness"
    workspace.evaluations.close(first)
    assert told.news(at_work=True) == ""
    assert told.has_nothing
    workspace.evaluations.show(first.followed)
    assert told.news(at_work=False) == "robustness"


def test_a_comparison_is_news_where_a_session_brings_nothing_else(workspace, tmp_path, evaluation):
    told = Opened(workspace)
    workspace.comparison.compare_tag("rates")
    assert told.news(at_work=False) == ""  # chosen in Runs
    kept = workspace.comparison.compared
    workspace.comparison.restore(kept)
    assert told.news(at_work=True) == ""
    assert told.news(at_work=False) == "comparison"
    assert not told.has_nothing
    evaluation("one")
    workspace.comparison.restore(kept)
    assert told.news(at_work=False) == "robustness"
    assert told.news(at_work=False) == ""
    workspace.comparison.restore(None)
    assert told.news(at_work=False) == ""
