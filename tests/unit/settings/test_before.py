"""Fields that came later mean, in what was saved before, what was done before there were any."""

import json

import pytest

from isoloss import IsolossError
from isoloss.robustness.evaluation.plan import Plan
from isoloss.run import Run
from isoloss.settings import AttackSettings, DefendSettings, as_before, parse_saved, parse_settings
from isoloss.settings.attack_kinds import attack_of

LATER = ("loss", "targeted", "schedule", "momentum", "convergence", "iterate", "draws_by")


USUAL = {"attack": "pgd,square", "defend": "transfer,bpda,eot,square"}
"""The attacks that were made where nobody asked for others."""


def saved_before(settings):
    said = {k: v for k, v in settings.model_dump(mode="json").items() if k not in LATER}
    return {**said, "attacks": USUAL[settings.kind]}


@pytest.mark.parametrize(
    "settings",
    [AttackSettings(source="digits-classifier"),
     DefendSettings(source="digits-classifier", denoiser="digits-denoiser")],
)  # fmt: skip
def test_what_a_run_does_not_say_is_as_it_was(settings):
    old = parse_saved(saved_before(settings))
    assert (settings.loss, old.loss) == ("auto", "ce")
    assert old.studied == ("steps", "draws")
    assert parse_saved(settings.model_dump(mode="json")) == settings
    assert parse_settings(saved_before(settings)).loss == "auto"
    assert old.attack_names == tuple(USUAL[settings.kind].split(","))
    assert as_before(settings, old) == old
    asked_for = type(settings)(**settings.model_dump(exclude={"loss"}), loss="auto")
    assert as_before(asked_for, old).loss == "auto"


def test_the_same_call_goes_on_with_a_run_that_was_begun_before(tmp_path):
    settings = AttackSettings(source="digits-classifier", seed=5)
    run = Run.create(tmp_path / "run", settings)
    file = run.folder / "run.json"
    content = json.loads(file.read_text())
    content["settings"] = saved_before(settings)
    file.write_text(json.dumps(content))
    again = Run.create(tmp_path / "run", settings)
    assert again.settings.loss == "ce"
    with pytest.raises(IsolossError, match="other settings"):
        Run.create(tmp_path / "run", AttackSettings(source="digits-classifier", loss="dlr", seed=5))


def studies(settings):
    return [(s.combination.attack, s.varied, s.value) for s in Plan.of(settings, 100).studies]


def test_convergence_is_studied_in_all_that_can_be_varied_and_at_first_as_before():
    attack = AttackSettings(source="digits-classifier", steps=8, queries=40, restarts=3)
    of_steps = [("pgd", "steps", v) for v in (2, 4, 8, 16)]
    assert studies(parse_saved(saved_before(attack))) == of_steps
    assert studies(attack) == [
        *of_steps,
        *(("pgd", "restarts", v) for v in (1, 2, 3, 6)),
        *(("square", "queries", v) for v in (10, 20, 40, 80)),
    ]
    for nothing in ("none", "", " "):
        asked = attack.model_dump() | {"convergence": nothing}
        assert studies(AttackSettings(**asked)) == []
    defend = DefendSettings(source="digits-classifier", denoiser="digits-denoiser")
    before, now = studies(parse_saved(saved_before(defend))), studies(defend)
    assert now[: len(before)] == before
    assert {(a, v) for a, v, _ in now[len(before) :]} == {
        ("pgd", "restarts"), ("eot", "restarts"), ("square", "queries"),
    }  # fmt: skip
    assert "queries" in attack_of("square").studied


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"loss": "hinge"}, "there is no loss 'hinge': choose of auto, ce, margin, dlr"),
     ({"targeted": "-1"}, "one aims at a class, not at '-1'"),
     ({"convergence": "steps,none"}, "convergence is not studied in 'none'"),
     ({"convergence": "epochs"}, "convergence is not studied in 'epochs'"),
     ({"momentum": 1.5}, "less than or equal to 1"),
     ({"schedule": "steep"}, "--schedule"),
     ({"protocol": "legacy", "schedule": "cosine"}, "legacy protocol has its own --schedule"),
     ({"protocol": "legacy", "loss": "dlr"}, "climbs the cross-entropy: leave --loss out")],
)  # fmt: skip
def test_what_there_is_not_is_refused_in_a_line(asked, message):
    with pytest.raises(IsolossError, match=message) as refusal:
        parse_settings({"kind": "attack", "source": "digits-classifier", **asked})
    assert "\n" not in str(refusal.value)
