"""The automatic checks, tried on outcomes made by hand."""

import json

import numpy as np
import pytest

from isoloss.robustness.evaluation.evaluation_warnings import is_more_often, warnings_of
from isoloss.robustness.evaluation.journal import Journal
from isoloss.robustness.evaluation.plan import MAIN, STUDY, Plan
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.evaluation.summary import summary, under_all
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings
from isoloss.settings.attack_kinds import CLEAN

N = 100


EPS = (0.1, 0.5)


VALUES = 3 * 32 * 32


def texts(*right):
    """The outcomes of N images of which the first so many are right, for each radius."""
    return ["1" * k + "0" * (N - k) for k in right]


def outcome(epsilons, right, **others):
    everything = {
        "images": list(range(N)), "labels": [0] * N, "eps": list(epsilons), "right": right,
        "right_in_8_bits": right, "without_gradient": texts(*[0] * len(right)),
        "seconds": [1.0] * len(right), "single": right, "worst": right, "votes": [],
        "predicted": [], "radius": [], "successes": [], "answers": [],
    }  # fmt: skip
    return json.dumps(everything | others).encode()


def results(tmp_path, settings, right, studies=(), classes=10, **others):
    """A run in which each attack leaves so many images right, at each radius."""
    plan = Plan.of(settings, N)
    plan = Plan(plan.combinations, ((0, N),), plan.studies)
    journal = Journal(tmp_path / "units.jsonl")
    for k, combination in enumerate(plan.combinations):
        counts = right[combination.attack]
        epsilons = settings.epsilons if combination.sigma else (0.0, *settings.epsilons)
        if combination.attack == CLEAN:
            epsilons = (0.0,)
        made = counts if isinstance(counts[0], str) else texts(*counts)
        journal.append((MAIN, k, 0), outcome(epsilons, made, **others.get(combination.attack, {})))
    for k, study in enumerate(plan.studies):
        for varied, value, count in studies:
            if (varied, value) == (study.varied, study.value):
                journal.append((STUDY, k, 0), outcome(EPS[:1], texts(count)))
    names = tuple(network.label for network in settings.networks)
    return Results(settings, plan, names, classes, journal)


def attack(**others):
    return AttackSettings(source="/net", eps=EPS, **{"attacks": "pgd,square"} | others)


def defend(**others):
    asked = {"attacks": "transfer,bpda,eot,square"} | others
    return DefendSettings(source="/net", denoiser="x/y", eps=EPS, **asked)


def ids(found):
    return [warning.id for warning in warnings_of(found, VALUES)]


def test_nothing_is_said_against_what_is_as_it_should_be(tmp_path):
    good = results(tmp_path, attack(), {"pgd": [95, 10, 0], "square": [95, 30, 1]})
    assert ids(good) == []
    assert summary(good, [], VALUES) == (
        "net keeps 10.0 % (4.9 to 17.6) of 100 images right under the worst of all attacks at "
        "ε = 0.1 in L∞, no more than half of the 95.0 % (88.7 to 98.4) that it has right "
        "unattacked. No check has found a reason to distrust these numbers."
    )


@pytest.mark.parametrize(
    ("attacks", "targeted", "said"),
    [
        ("pgd", "3", "under PGD (gradients aim at class 3) at ε"),
        ("pgd,square", "runner-up", "all attacks (gradients aim at the runner-up) at ε"),
        ("apgd_ce", "3", "under APGD-CE at ε"),
        ("square", "least-likely", "under Square (black box) at ε"),
    ],
)
def test_the_verdict_says_at_what_attacks_have_aimed(tmp_path, attacks, targeted, said):
    settings = attack(attacks=attacks, targeted=targeted)
    made = results(tmp_path, settings, {each: [95, 10, 0] for each in attacks.split(",")})
    assert said in summary(made, [], VALUES)


@pytest.mark.parametrize(("clean", "warned"), [(10, True), (16, True), (17, False), (0, True)])
def test_what_may_be_chance_is_no_accuracy(tmp_path, clean, warned):
    # 16 of 100 are 9.4 % at least, in nineteen of twenty cases; 10 % is chance.
    found = results(tmp_path, attack(attacks="pgd"), {"pgd": [clean, 0, 0]}, classes=10)
    low = found.row(found.curves[0], 0.0).low
    assert (low <= 0.1) == warned
    assert ids(found) == ["clean-accuracy-may-be-chance"] * warned
    said = summary(found, warnings_of(found, VALUES), VALUES)
    assert ("not to be trusted" in said) == warned
    assert ("nothing is left to attack" in said) == (clean == 0)


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ({"pgd": [95, 40, 0], "square": [95, 20, 1]}, "black-box-beats-white-box"),
        ({"pgd": [95, 40, 60], "square": [95, 80, 70]}, "larger-ball-less-harm"),
        ({"pgd": [95, 40, 30], "square": [95, 80, 70]}, "attack-is-broken"),
    ],
)
def test_attacks_that_do_too_little_are_called_out(tmp_path, right, expected):
    found = ids(results(tmp_path, attack(), right))
    assert expected in found


@pytest.mark.parametrize(("largest", "expected"), [(27.6, "not-proven"), (27.8, "is-broken")])
def test_nothing_survives_a_ball_in_l2_that_reaches_grey(tmp_path, largest, expected):
    settings = AttackSettings(source="/net", norm="l2", eps=(0.5, largest), attacks="pgd")
    found = results(tmp_path, settings, {"pgd": [95, 40, 30]})
    assert ids(found) == [f"attack-{expected}"]  # √3072 / 2 = 27.7


def test_several_radii_are_several_chances_to_be_mistaken(tmp_path):
    # Six images of one side only: p = 1/64, which is 5 % of three radii and not of four.
    for radii, warned in ((3, True), (4, False)):
        folder = tmp_path / str(radii)
        folder.mkdir()
        radii_asked = tuple(0.1 * k for k in range(1, radii + 1))
        settings = AttackSettings(source="/net", eps=radii_asked, attacks="pgd,square")
        none = [0] * (radii - 1)
        found = results(folder, settings, {"pgd": [95, 6, *none], "square": [95, 0, *none]})
        assert ("black-box-beats-white-box" in ids(found)) == warned


def test_a_small_largest_ball_proves_nothing(tmp_path):
    settings = AttackSettings(source="/net", eps=(0.01, 0.02), attacks="pgd")
    assert ids(results(tmp_path, settings, {"pgd": [95, 90, 80]})) == ["attack-not-proven"]


@pytest.mark.parametrize(
    ("pgd", "noise", "expected"),
    [
        ([95, 60, 0], [95, 90, 40], []),
        ([95, 60, 0], [95, 90, 0], []),  # it beats noise at one radius
        ([95, 60, 0], [95, 50, 40], ["noise-beats-attack"]),
        ([95, 95, 9], [95, 95, 9], ["no-better-than-noise"]),
        ([95, 95, 8], [95, 95, 13], ["no-better-than-noise"]),  # 5 images: 1/32, and two radii
        ([95, 95, 0], [95, 95, 0], []),  # nothing is left that could resist
        ([19, 19, 4], [19, 19, 4], []),  # too few to say anything
    ],
)
def test_attacks_must_beat_random_noise(tmp_path, pgd, noise, expected):
    made = results(tmp_path, attack(attacks="pgd,noise"), {"pgd": pgd, "noise": noise}, classes=20)
    found = [w for w in warnings_of(made, VALUES) if "noise" in w.id]
    assert [w.id for w in found] == expected
    assert {w.attack for w in found} <= {"pgd"}, "noise itself has nothing to beat"


def test_behind_a_defense_noise_is_no_knowledge_of_it(tmp_path):
    right = {"pgd": [95, 0, 0], "clean": [90], "transfer": [85, 5], "noise": [90, 80]}
    made = results(tmp_path, defend(attacks="transfer,noise"), right)
    assert "no-adaptive-attack" in ids(made)
    assert "No adversary here knows of the defense." in summary(made, [], VALUES)


def test_what_another_network_s_images_do_better_shows_masked_gradients(tmp_path):
    settings = attack(attacks="pgd,surrogates", also=("/b",))
    right = {"pgd": [95, 60, 3], "transfer from net": [95, 80, 50], "transfer from b": [95, 20, 10]}
    found = [w for w in warnings_of(results(tmp_path, settings, right), VALUES) if "surr" in w.id]
    assert [(w.id, w.network, w.attack) for w in found] == [
        ("surrogate-beats-white-box", "net", "pgd")
    ]


@pytest.mark.parametrize("name", ["apgd_ce", "apgd_t", "fab_t"])
def test_masked_gradients_show_whichever_attack_follows_them(tmp_path, name):
    right = {name: [95, 60, 3], "square": [95, 20, 3]}
    found = warnings_of(results(tmp_path, attack(attacks=f"{name},square"), right), VALUES)
    assert ("black-box-beats-white-box", name) in [(w.id, w.attack) for w in found]


def test_images_without_gradient_are_counted(tmp_path):
    settings = attack(attacks="pgd")
    flat = {"without_gradient": texts(0, 20, 20)}
    made = results(tmp_path, settings, {"pgd": [95, 20, 0]}, pgd=flat)
    (warning,) = warnings_of(made, VALUES)
    assert warning.id == "no-gradient"
    assert "20 %" in warning.message


def test_a_defense_that_only_a_transfer_breaks(tmp_path):
    right = {"pgd": [95, 0, 0], "clean": [90], "transfer": [60, 5], "bpda": [70, 5],
             "eot": [80, 5], "square": [85, 40]}  # fmt: skip
    made = results(tmp_path, defend(), right)
    warnings = {warning.id: warning for warning in warnings_of(made, VALUES)}
    assert set(warnings) == {"transfer-beats-white-box", "straight-through-beats-exact"}
    assert warnings["transfer-beats-white-box"].attack == "eot"
    assert warnings["transfer-beats-white-box"].sigma == 0.25
    assert int(under_all(made, 0, 0.25, 0.1).sum()) == 60


def test_a_defense_as_a_transfer_shows_it_and_as_it_is(tmp_path):
    right = {"pgd": [95, 0, 0], "clean": [90], "transfer": [85, 40], "bpda": [30, 5],
             "eot": [12, 0], "square": [70, 40]}  # fmt: skip
    made = results(tmp_path, defend(), right)
    assert ids(made) == []
    said = summary(made, [], VALUES)
    assert said.startswith(
        "Behind noise of σ = 0.25 and the denoiser, net keeps 12.0 % (6.4 to 20.0) of 100 images "
        "right under the worst of all attacks at ε = 0.1 in L∞, undefended 0.0 % (0.0 to 3.6); "
    )
    assert "Adversaries who do not know of the defense leave 85.0 %" in said
    row = made.row(made.plan.combinations[-1], 0.0)
    assert (row.correct, row.samples) == (90, N)


def test_a_transfer_alone_says_nothing(tmp_path):
    right = {"pgd": [95, 0, 0], "clean": [90], "transfer": [85, 5]}
    made = results(tmp_path, defend(attacks="transfer"), right)
    assert ids(made) == ["no-adaptive-attack"]
    said = summary(made, [], VALUES)
    assert "net keeps 85.0 % (76.5 to 91.4) of 100 images right under transfer (made for" in said
    assert "undefended 0.0 % (0.0 to 3.6); " in said
    assert "No adversary here knows of the defense." in said


def test_seeds_are_not_knowledge_of_the_defense(tmp_path):
    right = {"pgd": [95, 0, 0], "clean": [90], "transfer": [80, 40], "eot": [80, 40]}
    settings = defend(attacks="transfer,eot", seeds=2)
    made = results(tmp_path, settings, right)
    for k, combination in enumerate(made.plan.combinations):
        if combination.seed == settings.seed + 1 and combination.attack in ("transfer", "eot"):
            outcomes = made.journal.outcomes[MAIN, k, 0]
            outcomes.right[:] = ["0" * 20 + "1" * 60 + "0" * 20, "1" * 40 + "0" * 60]
    assert "know of the defense leave 60.0 %" in summary(made, [], VALUES)


@pytest.mark.parametrize(("more", "warned"), [(38, False), (20, True)])
def test_steps_that_have_not_converged(tmp_path, more, warned):
    studies = [("steps", 5, 60), ("steps", 10, 45), ("steps", 20, 40), ("steps", 40, more)]
    made = results(tmp_path, attack(attacks="pgd"), {"pgd": [95, 40, 0]}, studies)
    assert ids(made) == (["more-steps-fool-more"] if warned else [])


@pytest.mark.parametrize(("pgd", "warned"), [(0, False), (20, False), (80, True)])
def test_a_weak_attack_need_not_converge_beside_a_strong_one(tmp_path, pgd, warned):
    """Of images that PGD has fooled it says nothing how many queries Square would need."""
    studies = [("queries", 250, 60), ("queries", 500, 40), ("queries", 1000, 20)]
    right = {"pgd": [95, pgd, 0], "square": [95, 60, 40]}
    made = results(tmp_path, attack(), right, studies)
    assert ("more-queries-fool-more" in ids(made)) == warned


def test_a_black_box_alone_says_nothing(tmp_path):
    made = results(tmp_path, attack(attacks="square"), {"square": [95, 94, 5]})
    (warning,) = warnings_of(made, VALUES)
    assert warning.id == "no-attack-by-gradients"
    assert "not to be trusted" in summary(made, [warning], VALUES)


@pytest.mark.parametrize(
    ("draws", "sentence", "abstained"),
    [
        (1000, "within 0.5 in L2", 0),
        (100, "within 0.25 in L2", 3),
        (15, "no radius beyond 0.084 in L2", N),
    ],
)
def test_certificates_are_summed_up_where_the_draws_reach(tmp_path, draws, sentence, abstained):
    settings = CertifySettings(source="/net", denoiser="x/y", draws=draws)
    plan = Plan(Plan.of(settings, N).combinations, ((0, N),))
    made = Results(settings, plan, ("net",), 10, Journal(tmp_path / "units.jsonl"))
    found = {
        "predicted": [-1] * abstained + [0] * (N - abstained),
        "radius": [0.08] * N,
        "successes": [draws] * N,
        "answers": [0] * N,
    }
    made.journal.append((MAIN, 0, 0), outcome((), [], **found))
    said = summary(made, [], VALUES)
    assert sentence in said
    assert ("the draws leave open which class it is" in said) == (abstained > 0)
    assert f"; for {abstained} the draws" in said or abstained == 0


def test_legacy_has_a_short_reach(tmp_path):
    settings = attack(protocol="legacy", attacks="pgd")
    assert ids(results(tmp_path, settings, {"pgd": [95, 10, 5]})) == ["steps-do-not-reach"]


def test_differences_are_told_by_an_exact_sign_test():
    ours, theirs = np.zeros(20, bool), np.zeros(20, bool)
    ours[:5] = True  # 5 wins, 0 losses: p = 1/32
    assert is_more_often(ours, theirs)
    assert not is_more_often(ours[1:], theirs[1:])  # 4: p = 1/16
    assert not is_more_often(theirs, ours)
