"""What there is to share, and whether a page that was shared shows what is seen now."""

import pytest

from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.dialogs.share_dialog import ShareDialog
from isoloss.app.dialogs.shared_page import SharedPage
from isoloss.app.state.opening.opener import open_path
from isoloss.jobs.follow import FollowedRun
from isoloss.results.tables import Row, write_table
from isoloss.run import Run
from isoloss.settings import AttackSettings


@pytest.fixture
def run(tmp_path):
    """An attack that has found something, and is not done."""
    run = Run.create(tmp_path / "runs" / "attacked", AttackSettings(source="net", eps=(0.1,)))
    row = Row("net", "none", float("nan"), "pgd", "linf", 0.1, 0, 40, 20, 0.5, 0.34, 0.66)
    write_table(run.table_path, [row])
    return run


@pytest.fixture
def dialog(workspace):
    return ShareDialog(workspace, Renderings(workspace.messages, workspace.preferences))


def test_surfaces_are_first_and_a_run_has_a_page_alone(dialog, opened, run):
    assert [*dialog.subjects] == ["Surfaces"]
    opened.evaluations.show(FollowedRun(run))
    assert [*dialog.subjects] == ["Surfaces", "Robustness run attacked"]
    assert len(dialog.formats) > 3
    dialog.choices.of = "Robustness run attacked"
    assert [format.name for format in dialog.formats] == [".html"]
    dialog.open()
    assert dialog.path.endswith("attacked.html")
    opened.scene.hidden = frozenset(opened.document.layers)
    assert [*dialog.subjects] == ["Robustness run attacked"]


def test_nothing_is_shared_where_nothing_is_open_or_found(dialog, workspace, tmp_path):
    assert not dialog.is_possible
    empty = Run.create(tmp_path / "runs" / "e", AttackSettings(source="net"))
    workspace.evaluations.show(FollowedRun(empty))
    assert not dialog.is_possible


def test_a_size_does_not_wait_for_the_end_of_a_surface_that_grows(dialog, opened):
    before = dialog._what()
    layer = opened.scene.shown[0]
    layer.touch()
    assert dialog._what() == before
    opened.change(contours=not opened.appearance.contours)
    assert dialog._what() != before


def test_what_a_page_shows_is_the_view_of_its_time_and_less(opened, surface, tmp_path):
    document = opened.document
    first, second = document.layers
    document.view.hidden = frozenset()
    page = SharedPage(tmp_path / "page.html", document)
    assert page.shows(document)
    document.view.hidden = frozenset({first})
    assert page.shows(document)
    document.move(second, 0)
    assert not page.shows(document), "its numbers are of another order"
    document.move(second, 2)
    assert page.shows(document)
    document.arrange(2)
    assert not page.shows(document), "it has one viewport"
    document.arrange(1)
    open_path(opened, surface.save(tmp_path / "c.ply"))
    assert not page.shows(document)
    assert not page.is_there


def test_a_page_lacks_what_was_hidden_at_its_time(opened, tmp_path):
    document = opened.document
    first, second = document.layers
    document.view.hidden = frozenset({first})
    page = SharedPage(tmp_path / "page.html", document)
    document.view.hidden = frozenset({second})
    assert not page.shows(document)
