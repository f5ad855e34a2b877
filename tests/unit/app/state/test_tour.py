"""The tour goes by what its runs are at, and tells what they have found."""

import math
import re
from pathlib import Path

import pytest

from isoloss.app.state.tour import (
    ATTACK,
    CERTIFY,
    DEFEND,
    PROBE,
    STEPS,
    TRAIN,
    TourState,
)
from isoloss.app.state.workspace import Workspace
from isoloss.events import Done, Failed, Metric, Paused, Started
from isoloss.results.tables import Row, write_table
from isoloss.run import Run
from isoloss.settings import KINDS
from isoloss.settings.attack_kinds import CERTIFICATE
from isoloss.settings.text import command_line

DOCS = Path(__file__).parents[4] / "docs"


@pytest.fixture
def tour(workspace):
    return TourState(workspace)


def begin(tour: TourState, run: str) -> Run:
    """The run of a step, as its form asks for it."""
    step = next(step for step in STEPS if step.run == run)
    values = dict(step.asked)
    if step.kind != "train":
        values["source"] = tour.folder(TRAIN)
    return Run.create(tour.folder(run), KINDS[step.kind](**values))


def look(tour: TourState) -> None:
    tour.workspace.runs.library.scan()


def finish(tour: TourState, *runs: str) -> None:
    for name in runs:
        begin(tour, name).emit(Started(1, "cpu"))
        Run.open(tour.folder(name)).emit(Done(3.0))
        folder = tour.folder(name)
        (folder / "report.json").write_text("{}")
        (folder / "checkpoints").mkdir(exist_ok=True)
        (folder / "checkpoints" / "trajectory.json").write_text("[]")
    look(tour)


def row(attack: str, eps: float, correct: int, sigma: float = math.nan) -> Row:
    defense = "none" if math.isnan(sigma) else "denoised"
    return Row("tour-train", defense, sigma, attack, "l2" if attack == CERTIFICATE else "linf",
               eps, 0, 20, correct, correct / 20, 0.0, 1.0)  # fmt: skip


def show(tour: TourState, run: str, *rows: Row) -> None:
    begun = begin(tour, run)
    write_table(begun.table_path, rows)
    tour.workspace.show_evaluation(tour.workspace.runs.follow(begun))
    tour.workspace.evaluations.update(1e9)


def test_there_are_six_and_each_run_is_called_after_the_tour():
    assert [step.title for step in STEPS] == [
        "Train", "Probe", "Attack", "Defend", "Certify", "Compare",
    ]  # fmt: skip
    assert [step.run for step in STEPS] == [TRAIN, PROBE, ATTACK, DEFEND, CERTIFY, ""]
    assert all(step.run.startswith("tour-") for step in STEPS if step.run)
    assert all(step.touches for step in STEPS)


@pytest.mark.parametrize("index", range(5))
def test_what_a_step_asks_for_is_a_run_of_the_network_that_was_trained(tour, index, monkeypatch):
    monkeypatch.chdir(tour.workspace.folder)
    tour.go_to(index)
    values = tour.values()
    assert values.keys() <= KINDS[tour.step.kind].model_fields.keys()
    settings = KINDS[tour.step.kind](**values)
    assert all(getattr(settings, name) == value for name, value in tour.step.asked.items())
    if index:
        assert settings.source == tour.folder(TRAIN)


def test_a_step_waits_for_the_network_and_goes_by_what_its_run_is_at(tour):
    assert tour.phase == "asks"
    tour.go_to(1)
    assert tour.phase == "blocked"
    assert tour.missing == 0
    begin(tour, TRAIN).emit(Started(1, "cpu"))
    look(tour)
    assert tour.phase == "blocked", "the network is not there yet"
    tour.go_to(0)
    assert tour.phase == "stopped", "no process is at work on it"
    Run.open(tour.folder(TRAIN)).emit(Failed("the disk is full"))
    look(tour)
    assert tour.phase == "stopped"
    finish(tour, TRAIN)
    assert tour.phase == "done"
    tour.go_to(1)
    assert tour.phase == "asks"
    assert tour.missing is None


def test_a_run_that_is_followed_says_itself_what_it_is_at(tour):
    run = begin(tour, TRAIN)
    followed = tour.workspace.runs.follow(run)
    assert tour.phase == "stopped"
    followed.status = "running"
    assert tour.phase == "works"
    run.emit(Paused())
    followed.refresh()
    assert tour.phase == "stopped"


def test_comparing_takes_attack_and_defense_and_no_run_of_its_own(tour):
    tour.go_to(5)
    assert (tour.phase, tour.missing) == ("blocked", 2)
    finish(tour, TRAIN, ATTACK)
    assert (tour.phase, tour.missing) == ("blocked", 3)
    finish(tour, DEFEND)
    assert tour.phase == "done"


def test_a_finished_result_is_shown_though_the_network_is_gone(tour):
    finish(tour, ATTACK)
    tour.go_to(2)
    assert tour.phase == "done"


def test_the_step_at_hand_outlives_the_window_and_the_end_begins_anew(tour):
    tour.is_open = True
    tour.go_to(3)
    tour.leave()
    again = TourState(Workspace(tour.workspace.folder, type(tour.workspace.preferences).load()))
    assert again.index == 3
    finish(again, ATTACK, DEFEND)
    again.go_to(5)
    again.leave()
    assert again.index == 0
    again.workspace.preferences.tour = 99  # of another version
    assert again.index == 5


def test_what_is_done_is_ticked_and_only_that(tour):
    tour.go_to(1)
    for _ in range(2):
        tour.notice()
        assert tour.touched == set()
    tour.workspace.change(contours=not tour.workspace.appearance.contours)
    tour.notice()
    assert tour.touched == {1}
    tour.watch_anew()
    tour.workspace.change(floor_contours=not tour.workspace.appearance.floor_contours)
    tour.notice()
    assert tour.touched == {1}, "what changed before somebody could touch it is not ticked"
    tour.go_to(0)
    assert tour.touched == set()
    tour.notice()
    tour.drags += 1
    tour.notice()
    assert tour.touched == {0}


def test_the_numbers_told_are_those_that_were_found(tour):
    assert [step.found(tour) for step in STEPS] == [""] * 6
    followed = tour.workspace.runs.follow(begin(tour, TRAIN))
    followed.take(Metric(8.0, 0.01, 0.09, 0.99, 0.1, 0.975))
    assert STEPS[0].found(tour) == "97.5 % of the test images are told right."

    show(tour, ATTACK, *(row("pgd", e, c) for e, c in ((0.0, 20), (0.02, 15), (0.05, 3))))
    assert STEPS[2].found(tour) == "100.0 % are right as they are, 15.0 % at ε = 0.05."

    rows = [row("pgd", 0.05, 3), row("eot", 0.05, 14, 0.25), row("pgd", 0.1, 0)]
    show(tour, DEFEND, *rows)
    assert STEPS[3].found(tour) == "", "one is not known yet"
    write_table(tour.folder(DEFEND) / "robustness.csv", [*rows, row("eot", 0.1, 5, 0.25)])
    tour.workspace.evaluations.update(2e9)
    assert STEPS[3].found(tour) == (
        "Right without and with the defense: at ε = 0.05, 15.0 % and 70.0 %; "
        "at ε = 0.1, 0.0 % and 25.0 %."
    )
    assert "on 20 images" in STEPS[5].found(tour)

    show(
        tour, CERTIFY,
        *(row(CERTIFICATE, e, c, s) for e, c, s in (
            (0.25, 19, 0.25), (1.0, 0, 0.25), (0.25, 17, 1.0), (1.0, 16, 1.0),
        )),
    )  # fmt: skip
    assert STEPS[4].found(tour) == (
        "With σ = 0.25 and 1, proven within 0.25: 95.0 % and 85.0 %; within 1: 0.0 % and 80.0 %."
    )


@pytest.mark.parametrize("step", STEPS[:5], ids=lambda step: step.title)
def test_the_docs_say_the_command_that_a_step_is(step):
    values = dict(step.asked)
    if step.kind != "train":
        values["source"] = f"runs/{TRAIN}"
    said = command_line(KINDS[step.kind](**values), Path("runs") / step.run)
    assert f"`{said.replace(f'{Path.cwd()}/', '')}`" in (DOCS / "tour.md").read_text("utf-8")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_a_step_explains_one_thing_in_two_or_three_sentences(step):
    sentences = re.findall(r"[.:;] ", step.text + " ")
    assert 2 <= len(re.findall(r"\. ", step.text + " ")) <= 3
    assert len(sentences) <= 6
    assert len(step.text) < 300
    for touch in step.touches:
        assert not touch.text.endswith(".")
        assert len(touch.text) <= 60
