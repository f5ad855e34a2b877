"""Opening the window, as far as it goes without one."""

from __future__ import annotations

import pytest

from isoloss.app import opening, view
from isoloss.errors import IsolossError


def test_the_window_recovers_before_it_opens(opened, monkeypatch):
    opened.session.keep_running(0, busy=False)
    monkeypatch.setattr(opening, "has_display", lambda: False)
    with pytest.raises(IsolossError, match="no display"):
        opening.run_window([], [], [], None, None)
    assert opened.session.last_path().exists()


def test_runs_to_be_resumed_may_be_given_by_the_older_name(monkeypatch):
    asked = []
    monkeypatch.setattr(opening, "run_window", lambda *arguments: asked.append(arguments[2]))
    view(resume=["a"])
    view(carry_on=["b"])
    view(resume=["a"], carry_on=["b"])
    assert asked == [["a"], ["b"], ["a", "b"]]
