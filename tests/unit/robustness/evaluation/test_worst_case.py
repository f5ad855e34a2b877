"""The worst case over all attacks, against one taken image by image in plain Python."""

import json
import random
from dataclasses import asdict

import pytest

from isoloss.results.robustness_files import RobustnessFiles
from isoloss.results.tables import Report, read_table, write_report, write_table
from isoloss.robustness.evaluation.journal import Journal
from isoloss.robustness.evaluation.plan import MAIN, Plan
from isoloss.robustness.evaluation.results import Results
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings
from isoloss.settings.attack_kinds import WORST

EPS = (0.1, 0.2, 0.5)
BLOCKS = ((0, 3), (3, 9), (9, 20))


def made(tmp_path, settings, draw, done=lambda unit: True):
    """A run whose outcomes are drawn: `draw(combination, ε, image, what)` says what is right."""
    plan = Plan(Plan.of(settings, 20).combinations, BLOCKS, (), settings.epsilons)
    journal = Journal(tmp_path / "units.jsonl")
    for unit in filter(done, plan.units):
        combination, radii = plan.combination(unit), plan.radii(unit)
        images = [100 + k for k in range(*plan.places(unit))]

        def texts(what, combination=combination, radii=radii, images=images):
            return ["".join("01"[draw(combination, e, k, what)] for k in images) for e in radii]

        drawn = combination.sigma is not None
        content = {
            "images": images, "labels": [0] * len(images), "eps": radii, "right": texts("right"),
            "right_in_8_bits": texts("right_in_8_bits"), "seconds": [0.0] * len(radii),
            "without_gradient": ["0" * len(images)] * len(radii),
            "single": texts("single") if drawn else [], "worst": texts("worst") if drawn else [],
            "votes": [[0] * len(images)] * len(radii) * drawn, "predicted": [], "radius": [],
            "successes": [], "answers": [],
        }  # fmt: skip
        journal.append(unit, json.dumps(content).encode())
    names = tuple(network.label for network in settings.networks)
    return Results(settings, plan, names, 10, journal)


def drawing(seed):
    """Answers at random, but the same whenever they are asked for."""

    def draw(combination, eps, image, what):
        return random.Random(f"{seed} {combination} {eps} {image} {what}").random() < 0.8

    return draw


def by_hand(settings, draw, network, sigma, seed, eps, images, what="right"):
    """How many images no attack of this network, noise and seed fools within ε."""
    combinations = [
        c for c in Plan.of(settings, 20).combinations
        if (c.network, c.sigma, c.seed) == (network, sigma, seed)
    ]  # fmt: skip
    clean = next((c for c in combinations if c.is_clean), combinations[0])
    attacks = [c for c in combinations if not c.is_clean]
    return sum(
        draw(clean, 0.0, k, what)
        and all(draw(c, e, k, what) for c in attacks for e in settings.epsilons if e <= eps)
        for k in images
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "settings",
    [
        AttackSettings(source="/a", also=("/b",), eps=EPS, seeds=2),
        AttackSettings(source="/a", eps=EPS, norm="l2", attacks="square"),
        DefendSettings(source="/a", denoiser="x/y", eps=EPS, sigma=(0.25, 0.5)),
        DefendSettings(source="/a", also=("/b", "/c"), denoiser="x/y", eps=EPS, attacks="eot"),
    ],
)
def test_an_image_is_right_only_if_no_attack_fools_it_within_epsilon(tmp_path, settings, seed):
    draw = drawing(seed)
    results = made(tmp_path, settings, draw)
    rows = [row for row in results.rows if row.attack == WORST]
    defenses = 1 + len(settings.sigma)
    assert len(rows) == settings.seeds * len(settings.sources) * defenses * (1 + len(EPS))
    everybody = range(100, 120)
    for row in rows:
        sigma = None if row.sigma != row.sigma else row.sigma
        of = settings, draw, results.names.index(row.network), sigma, row.seed, row.eps, everybody
        assert (row.samples, row.correct) == (20, by_hand(*of))
        assert row.correct_in_8_bits == by_hand(*of, "right_in_8_bits")
        assert row.norm == settings.norm
        if sigma is not None:
            assert (row.votes, row.single_correct) == (settings.votes, by_hand(*of, "single"))
            assert row.worst_correct == by_hand(*of, "worst")
    for row in rows:
        larger = [r for r in rows if r.curve == row.curve and r.eps > row.eps]
        assert all(r.correct <= row.correct for r in larger), "a larger ball holds the smaller one"
    assert repr(read_table(write_table(tmp_path / "robustness.csv", rows))) == repr(rows)


def test_while_a_run_goes_on_it_is_of_the_images_that_all_have_seen(tmp_path):
    settings, draw = AttackSettings(source="/a", eps=EPS, attacks="pgd,square,noise"), drawing(7)
    missing = {(MAIN, 0, 2), (MAIN, 1, 1), (MAIN, 2, 2)}  # another block of each
    results = made(tmp_path, settings, draw, lambda unit: unit not in missing)
    rows = {row.eps: row for row in results.rows if row.attack == WORST}
    for eps in (0.0, *EPS):
        assert rows[eps].samples == 3
        assert rows[eps].correct == by_hand(settings, draw, 0, None, 0, eps, range(100, 103))
    (tmp_path / "units.jsonl").unlink()
    none = made(tmp_path, settings, draw, lambda unit: unit[1] != 1)
    assert {row.attack for row in none.rows} == {"pgd", "noise"}, "square has seen nothing yet"


@pytest.mark.parametrize(
    "settings",
    [
        AttackSettings(source="/a", also=("/b",), eps=EPS, seeds=2),
        DefendSettings(source="/a", also=("/b",), denoiser="x/y", eps=EPS, sigma=(0.25, 0.5)),
    ],
)
def test_of_an_older_run_it_is_put_together_when_its_files_are_read(tmp_path, settings):
    run = Run.create(tmp_path / "run", settings)
    run.outcomes_path.parent.mkdir()
    results = made(run.outcomes_path.parent, settings, drawing(4))
    before = [row for row in results.rows if not row.is_worst_case]
    write_table(run.table_path, before)
    files = RobustnessFiles()
    files.read(run)
    assert [row.attack for row in files.rows] == [row.attack for row in before], "it goes on"
    write_report(run.report_path, Report("It is so."))
    files = RobustnessFiles()
    files.read(run)
    for read, expected in zip(files.rows, results.rows, strict=True):
        floats = {k: v for k, v in asdict(expected).items() if isinstance(v, float)}
        exact = {k: pytest.approx(v, nan_ok=True, abs=1e-9) for k, v in floats.items()}
        assert asdict(read) == asdict(expected) | exact
    # What the journal does not have, it does not make up.
    for spoilt in (b"", b"{", run.outcomes_path.read_bytes().replace(b"1", b"0")):
        run.outcomes_path.write_bytes(spoilt)
        files = RobustnessFiles()
        files.read(run)
        assert repr(files.rows) == repr(read_table(run.table_path))
    run.outcomes_path.unlink()
    files = RobustnessFiles()
    files.read(run)
    assert repr(files.rows) == repr(read_table(run.table_path))


def test_certificates_have_no_worst_case(tmp_path):
    settings = CertifySettings(source="/a", denoiser="x/y")
    plan = Plan(Plan.of(settings, 20).combinations, BLOCKS)
    results = Results(settings, plan, ("a",), 10, Journal(tmp_path / "units.jsonl"))
    assert results.rows == []
