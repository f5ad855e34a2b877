"""An attack that is added from outside is one of a run's like those that are there."""

import json
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from isoloss import IsolossError
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.runs.accuracy_curves import curves_of
from isoloss.cli.main import main
from isoloss.figures.robustness.accuracy import accuracy_figure
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.figures.sheet import Sheet
from isoloss.results.tables import read_report, read_table
from isoloss.robustness import Attacked, Fast
from isoloss.robustness.attacks.context import Attack, AttackContext
from isoloss.robustness.attacks.sweep import misclassified
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing
from isoloss.run import Run
from isoloss.scene.appearance import Appearance
from isoloss.settings import AttackSettings, DefendSettings, parse_settings
from isoloss.settings.attack_kinds import AttackKind, attack_names, attack_of, register, unregister
from isoloss.work import resume

EPS = 0.2


EXAMPLE = {}
"""What the example of CONTRIBUTING.md defines."""


def fgsm(context: AttackContext) -> Attack:
    return EXAMPLE["fgsm"](context)


FGSM = AttackKind(
    name="fgsm", seed_number=8, label="FGSM", in_reports="FGSM, one step", hint="one step",
    hue="green", mark="up", offered=("attack", "defend"), needs_gradients=True, rank=2,
    implementation=f"{__name__}:fgsm",
)  # fmt: skip


STARTED_AT = []
"""The states of the generators that `corners` was given."""


def corners(context: AttackContext) -> Attack:
    """Random corners of the ball."""
    assert isinstance(context.model, DenoisedSmoothing)
    assert isinstance(context.undefended, Fast)
    STARTED_AT.append(context.generator.initial_seed())

    def random_corners(x, y, eps):
        signs = torch.empty_like(x).uniform_(-1, 1, generator=context.generator).sign()
        images = (x + eps * signs).clamp(0, 1)
        success = misclassified(context.model, images, y)
        return Attacked(images, success.float(), success, torch.zeros_like(success))

    return random_corners


@pytest.fixture
def registered(worked_example):
    """Registers attacks for the time of a test."""
    EXAMPLE.update(worked_example("A new attack"))
    added = []

    def add(kind):
        added.append(register(kind).name)
        return kind

    yield add
    for name in added:
        unregister(name)


def asked(kind, **others):
    return kind(
        source="digits-classifier", samples=12, keep=2, device="cpu", precision="fp32", eps=(EPS,),
        **others,
    )  # fmt: skip


def done(folder, settings):
    run = Run.create(folder, settings)
    list(resume(run))
    assert run.is_done
    return run


def test_an_attack_from_outside_is_one_of_a_run_s(tmp_path, registered, one_thread, capsys):
    with pytest.raises(ValueError, match="there is no attack 'fgsm': choose of pgd, square, auto"):
        asked(AttackSettings, attacks="fgsm")
    registered(FGSM)
    run = done(tmp_path / "run", asked(AttackSettings, attacks="fgsm,square", queries=5))
    rows = {(row.attack, row.eps): row for row in read_table(run.table_path)}
    assert {name for name, _ in rows} == {"fgsm", "square", "worst"}
    assert parse_settings(json.loads(run.settings.model_dump_json())) == run.settings
    # The same by hand, on the images that the run has saved.
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    assert [file["attack"] for file in index["files"]] == ["fgsm", "square"]
    clean, one_step = rows["fgsm", 0.0], rows["fgsm", EPS]
    assert clean.samples == one_step.samples == 12
    assert clean.correct > one_step.correct, "one step of 0.2 fools some"
    # Everybody who tells attacks apart knows it.
    assert "FGSM, one step" in (run.folder / "report.md").read_text(encoding="utf-8")
    found = {warning.id for warning in read_report(run.report_path).warnings}
    assert "no-attack-by-gradients" not in found, "it sees gradients"
    curves = curves_of(read_table(run.table_path), ())
    assert ("FGSM", "green", "up") in [(c.name, c.hue, c.mark) for c in curves]
    sheet = Sheet(505, None, 8, 72)
    figure = accuracy_figure([read_run_results(run.folder)], sheet, Appearance(), "", "majority")
    words = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert "FGSM" in words
    # So do the window's form and the command line's help.
    form = Form(AttackSettings)
    form.set("source", "digits-classifier")
    form.set("attacks", "pgd,fgsm")
    assert form.settings is not None, form.error
    (row,) = (row for row in form.fields if row.name == "attacks")
    assert "fgsm (one step)" in row.help
    assert any("fgsm" in choice.split(",") for choice in row.choices)
    with pytest.raises(SystemExit):
        main(["attack", "--help"])
    assert "fgsm (one step)" in " ".join(capsys.readouterr().out.split())


def test_an_attack_from_outside_is_resumed(tmp_path, registered, one_thread):
    registered(FGSM)
    settings = asked(AttackSettings, attacks="fgsm,square", queries=5)
    whole, run = done(tmp_path / "whole", settings), Run.create(tmp_path / "run", settings)
    for _ in zip(resume(run), range(4), strict=False):
        pass  # as closing the window does
    assert not run.is_done
    list(resume(run))
    tables = [[replace(r, seconds=0.0) for r in read_table(x.table_path)] for x in (run, whole)]
    assert repr(tables[0]) == repr(tables[1])


def test_behind_a_defense_its_randomness_follows_from_its_number(tmp_path, registered, one_thread):
    registered(replace(FGSM, name="corners", seed_number=23, implementation=f"{__name__}:corners",
                       needs_gradients=False, offered=("defend",)))  # fmt: skip
    STARTED_AT.clear()
    run = done(
        tmp_path / "run",
        asked(DefendSettings, denoiser="digits-denoiser", attacks="corners", votes=2, draws=1,
              steps=1),
    )  # fmt: skip
    expected = [  # seed, number, the block's first image
        int(np.random.SeedSequence([0, 23, first, 0, 1]).generate_state(1, np.uint64)[0]) >> 1
        for first in (0, 2)
    ]
    assert expected == STARTED_AT
    rows = {(row.attack, row.eps) for row in read_table(run.table_path) if row.sigma == 0.25}
    assert rows == {(name, eps) for name in ("corners", "worst") for eps in (0.0, EPS)}
    found = {warning.id for warning in read_report(run.report_path).warnings}
    assert "no-adaptive-attack" in found, "it sees no gradient through the defense"


def test_names_and_seed_numbers_are_given_once():
    # Tables that were made with them depend on these numbers.
    numbers = {name: attack_of(name).seed_number for name in attack_names()}
    order = ("pgd", "square", "autoattack", "transfer", "bpda", "eot", "clean", "certificate")
    later = {"apgd_ce": 10, "apgd_dlr": 11, "apgd_t": 12, "fab_t": 13}
    later |= {"noise": 40, "surrogates": 41, "worst": 42}
    assert numbers == dict(zip(order, count())) | later
    for wrong in (replace(FGSM, name="pgd"), replace(FGSM, seed_number=3)):
        with pytest.raises(IsolossError, match="collides with"):
            register(wrong)
    assert attack_of("of a newer isoloss").in_reports == "of a newer isoloss"
