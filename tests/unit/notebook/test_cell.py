"""Work in a notebook: one bar in the cell, mistakes in a line."""

import sys
import traceback
from types import SimpleNamespace

import pytest

from isoloss.app import _can_open_here
from isoloss.errors import IsolossError
from isoloss.events import Done, Log, Metric, Paused, Progress
from isoloss.shown import cell
from isoloss.shown.cell import MOST, CellBar, in_notebook, progress_bar
from isoloss.terminal import ProgressBar


class Output:
    """In place of IPython's: what the one output of a cell has shown, in turn."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.made = 0

    def display(self, bundle, raw, display_id):
        assert raw
        assert display_id is True
        self.made += 1
        self.update(bundle, raw)
        return self

    def update(self, bundle, raw):
        self.shown.append(bundle)


@pytest.fixture
def output(monkeypatch):
    output = Output()
    shell = SimpleNamespace(kernel=object())
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=output.display))
    return output


def test_a_kernel_has_a_bar_of_its_own(output, monkeypatch):
    assert in_notebook()
    assert isinstance(progress_bar(), CellBar)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", SimpleNamespace)  # a terminal's
    assert isinstance(progress_bar(), ProgressBar)
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def test_a_window_leaves_the_kernel_as_it_is(output, monkeypatch):
    monkeypatch.delenv("PYOPENGL_PLATFORM", raising=False)
    assert not _can_open_here()
    monkeypatch.delitem(sys.modules, "IPython")
    assert _can_open_here()


def test_it_is_one_output_however_much_happens(output, monkeypatch):
    monkeypatch.setattr(cell, "INTERVAL", 3600.0)
    bar = CellBar()
    for done in range(1000):
        bar.show(Progress("probe", done + 1, 1000, 50.0, "points"))
        bar.show(Log(f"line {done}"))
    bar.close()
    assert output.made == 1
    assert len(output.shown) == 2
    last = output.shown[-1]["text/html"]
    assert last.count("<progress ") == 1
    assert 'value="1.0000"' in last
    assert "100 %, 1,000/1,000 points" in last
    assert last.count("<div>") == MOST + 1
    assert "line 999" in last


def test_what_ended_stays_and_what_is_said_comes_in_turn(output, monkeypatch):
    monkeypatch.setattr(cell, "INTERVAL", 0.0)
    bar = CellBar()
    for event in (
        Progress("look", 16, 16, 9.0, "points"), Log("bf16 is <accurate>"),
        Metric(1, 0.1, 2.0, 0.5), Progress("probe", 1, 4, 2.0, "points"), Paused(), Done(61),
    ):  # fmt: skip
        bar.show(event)
    assert output.shown[-1]["text/plain"].split("\n") == [
        "look  100 %  16/16 points  9.0/s", "bf16 is <accurate>", "epoch   1.00  loss 2.0000",
        "probe  25 %  1/4 points  2.0/s  2 s left", "paused", "done in 1 min 1 s",
    ]  # fmt: skip
    assert "bf16 is &lt;accurate&gt;" in output.shown[-1]["text/html"]
    before = len(output.shown)
    bar.close()
    assert len(output.shown) == before


def test_nothing_happened_nothing_is_shown(output):
    CellBar().close()
    assert output.shown == []


def test_a_mistake_is_a_line_and_where_it_was_made():
    source = "import isoloss\nx = 1\nisoloss.load('nowhere.ply')\n"
    with pytest.raises(IsolossError) as raised:
        exec(compile(source, "<cell>", "exec"), {})
    head, *where = raised.value._render_traceback_()
    assert head == f"IsolossError: {raised.value}"
    assert [line.split(":")[0].strip() for line in where] == ["line 3"]
    assert "Traceback" in "".join(traceback.format_exception(raised.value))


def test_one_that_nobody_raised_has_no_place():
    assert IsolossError("no")._render_traceback_() == ["IsolossError: no"]
