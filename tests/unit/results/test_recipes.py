"""The recipes of examples/reproduce: command lines that isoloss takes, as the issue of results asks
for them."""

import importlib
import json
import re
from functools import cache

import pytest
from tests.unit.results.conftest import REPRODUCE

from gallery_stories import STORIES
from isoloss.cli.options import settings_from
from isoloss.cli.parser import parser_for
from isoloss.settings import KINDS
from make_gallery import GALLERY


@cache
def settings_of(*typed):
    namespace = parser_for(typed).parse_args(typed)
    return settings_from(KINDS[namespace.kind], namespace)


@pytest.fixture
def asked(recipes):
    """{run: its settings}."""
    by_run = {
        run: command
        for recipe in recipes
        for run, command in zip(recipe.runs, recipe.commands, strict=True)
    }
    return {run: settings_of(*command.split()) for run, command in by_run.items()}


def test_each_script_is_a_recipe_of_the_list(recipes):
    scripts = {p.stem for p in REPRODUCE.glob("*.py") if "RECIPE = " in p.read_text()}
    assert scripts == {recipe.name for recipe in recipes}
    by_run = {}
    for recipe in recipes:
        for command, run in zip(recipe.commands, recipe.runs, strict=True):
            assert re.fullmatch(r"[\w-]+", run), command
            # One run of a name in several recipes is one run.
            assert by_run.setdefault(run, command) == command


def test_each_command_line_is_taken_and_so_is_its_quick_size(recipes, asked):
    quick = importlib.import_module("quick_size").quick
    for recipe in recipes:
        for command, run in zip(recipe.commands, recipe.runs, strict=True):
            whole, small = asked[run], settings_of(*quick(command.split()))
            assert small.kind == whole.kind
            if whole.kind == "train":
                assert small.epochs == 2
            elif whole.kind == "probe-input":
                assert small.grid == (5, 5)
            else:
                assert small.samples <= 24


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("attack A B --eps 0.1 0.2 --seed 3", "attack A B --seed 3"),
        ("defend A --convergence steps draws --draws 8 --denoiser D", "defend A --denoiser D"),
        ("attack A --protocol legacy --attacks pgd", "attack A --protocol legacy --attacks pgd"),
        ("probe A --space input --draws 8 --grid 41", "probe A --space input --draws 8"),
    ],
)
def test_little_stands_in_place_of_what_was_asked(recipes, typed, expected):
    words = importlib.import_module("quick_size").quick(typed.split())
    assert " ".join(words).startswith(f"{expected} --")
    assert len({w for w in words if w.startswith("--")}) == sum(w.startswith("--") for w in words)
    assert ("--steps" in words) == ("legacy" not in typed)


def test_trainings_that_are_compared_differ_in_what_they_are_compared_by(asked):
    def differ(one, other):
        a, b = asked[one].model_dump(), asked[other].model_dump()
        return {name for name in a if a[name] != b[name]}

    assert differ("resnet56", "resnet56_noshort") == {"model"}
    assert differ("resnet50", "resnet50_cbam") == {"model"}
    assert differ("resnet20", "resnet20-small_lr") == {"lr"}
    assert differ("resnet20", "resnet20-large_batch") == {"lr", "batch_size"}


def test_stories_are_of_runs_and_ship_only_once_they_are_seen(asked):
    by_session = {f"{story.name}.isoloss": story for story in STORIES}
    for story in STORIES:
        assert all(asked[side.run].kind.startswith("probe") for side in story.sides)
    shipped = json.loads((GALLERY / "stories.json").read_text(encoding="utf-8"))["stories"]
    for entry in shipped:
        story = by_session[entry["session"]]
        assert story.seen
        assert (story.title, [*story.sentences]) == (entry["title"], entry["sentences"])


def test_the_defense_is_attacked_as_much_as_the_issue_asks(asked):
    defended, square, undefended = (
        asked[run] for run in ("defended", "defended-square", "undefended")
    )
    legacy = [asked[run] for run in ("legacy", "legacy-defended")]
    assert {s.protocol for s in legacy} == {"legacy"}
    assert {s.samples for s in (*legacy, undefended)} == {500}
    assert legacy[0].epsilons == legacy[1].epsilons == undefended.epsilons
    for s in (defended, square, legacy[1], asked["certified"]):
        assert s.sigma == (0.25, 0.5)
        assert len(s.sources) == 2
    assert "eot" in defended.attack_names
    assert (defended.steps, defended.draws) >= (20, 8)
    assert {"square"} == {*square.attack_names}
    assert "square" in undefended.attack_names
    assert min(square.queries, undefended.queries) >= 1000
    assert min(defended.samples, square.samples) >= 100
    assert defended.epsilons == square.epsilons
    assert 0.01 in defended.epsilons
    assert (asked["certified"].samples, asked["certified"].draws) == (200, 1000)
