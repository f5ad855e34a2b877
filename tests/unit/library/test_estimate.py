"""What a run will cost, told from runs like it or from a trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from isoloss.events import Done, Log, Metric, Paused, Progress, Started, to_line
from isoloss.library.entry import Entry
from isoloss.library.estimate import COSTS, Estimate, about, estimate, work_ratio
from isoloss.settings import (
    KINDS,
    AttackSettings,
    CertifySettings,
    DefendSettings,
    ProbeSettings,
    SharpnessSettings,
    TrainSettings,
)
from isoloss.work import Pace

SOURCE = Path("digits-classifier")


def done(settings, seconds, **known):
    asked = settings.model_dump(mode="json", exclude={"kind"})
    of_digits = {"network": "resnet20", "data": "digits", "samples": (1437, 360)}
    return Entry(
        Path("/runs/before"),
        settings.kind,
        state="done",
        settings=asked,
        seconds=seconds,
        **{"device": "cpu", **of_digits, **known},
    )


@pytest.mark.parametrize(
    ("before", "settings", "times"),
    [
        (TrainSettings(model="resnet20", epochs=2), TrainSettings(model="resnet20", epochs=9), 4.5),
        # All 1,437 training samples, at 4 times as many points.
        (ProbeSettings(source=SOURCE, grid=(10, 10)), ProbeSettings(source=SOURCE, grid=20), 4),
        (
            ProbeSettings(source=SOURCE, grid=(10, 10), samples=100),
            ProbeSettings(source=SOURCE, grid=(10, 10), planes=3),
            3 * 14.37,
        ),
        (
            ProbeSettings(source=SOURCE, plane="line", points=100),
            ProbeSettings(source=SOURCE, plane="line", points=50, split="test"),
            0.5 * 360 / 1437,
        ),
        (
            SharpnessSettings(source=SOURCE, steps=80, probes=20, samples=100),
            SharpnessSettings(source=SOURCE, steps=80, probes=20, density=50),
            5 * 14.37,
        ),
        # 500 images are asked for, and there are 360.
        (
            CertifySettings(source=SOURCE, draws=900, samples=36),
            CertifySettings(source=SOURCE, draws=9900, sigma=(0.25, 0.5)),
            10 * 10 * 2,
        ),
        (
            AttackSettings(source=SOURCE, attacks="pgd", eps=(0.1,), samples=100),
            AttackSettings(source=SOURCE, attacks="pgd", eps=(0.1, 0.2), samples=200, seeds=3),
            2 * 2 * 3,
        ),
    ],
)
def test_more_work_takes_longer(before, settings, times):
    found = estimate(settings, [done(before, 10.0, memory=2 * 10**9)])
    assert found is not None
    assert found.seconds == pytest.approx(10 * times)
    assert (found.memory, found.basis) == (2 * 10**9, "before")


def test_the_most_similar_run_counts():
    runs = [done(TrainSettings(model="resnet20", epochs=e), 7.0 * e + 3) for e in (100, 20, 1)]
    found = estimate(TrainSettings(model="resnet20", epochs=25), runs)
    assert found is not None
    assert found.seconds == pytest.approx(1.25 * 143)


@pytest.mark.parametrize(
    "other",
    [
        {"network": "vgg11"},
        {"data": "cifar10"},
        {"seconds": None},
        {"is_from_here": False},
        {"kind": "probe"},
    ],
)
def test_runs_of_something_else_tell_nothing(other):
    run = replace(done(TrainSettings(model="resnet20"), 10.0), **other)
    assert estimate(TrainSettings(model="resnet20"), [run]) is None


def test_runs_on_another_device_or_in_another_precision_tell_nothing():
    run = done(TrainSettings(model="resnet20"), 10.0, device="cuda:0")
    asked = TrainSettings(model="resnet20")
    assert estimate(asked, [run]) is not None
    assert estimate(asked.model_copy(update={"device": "cuda"}), [run]) is not None
    assert estimate(asked.model_copy(update={"device": "cpu"}), [run]) is None
    assert estimate(asked.model_copy(update={"precision": "fp32"}), [run]) is None


def test_what_is_found_out_on_the_way_cannot_be_told():
    run = done(ProbeSettings(source=SOURCE), 10.0)
    assert estimate(ProbeSettings(source=SOURCE, tolerance=0.01), [run]) is None


def test_sharpness_at_every_checkpoint_takes_as_long_as_there_are_checkpoints(tmp_path):
    def trained(name, count):
        folder = tmp_path / name / "checkpoints"
        folder.mkdir(parents=True)
        for name in (*(f"{k:04}" for k in range(count)), "resume", "stopped"):
            (folder / f"{name}.safetensors").touch()
        return folder.parent

    long, short = trained("long", 12), trained("short", 3)
    one = SharpnessSettings(source=long, samples=100)
    every = one.model_copy(update={"every": "checkpoint"})
    assert work_ratio(every, one, None) == 12
    shares = [every.model_copy(update={"every": n}) for n in (1, 5, 12, 40)]
    assert [work_ratio(each, one, None) for each in shares] == [12, 3, 1, 1]
    both = every.model_copy(update={"also": (short,)})
    assert work_ratio(both, every, None) == (12 + 3) / 12
    cost = COSTS.get("sharpness")
    assert cost is not None
    sample = cost.sample(both)
    assert (sample.every, sample.also) == ("network", ())
    unknown = every.model_copy(update={"source": tmp_path / "nothing"})
    assert work_ratio(unknown, one, None) is None


def test_every_kind_of_run_says_what_its_work_is():
    assert set(COSTS.names()) == set(KINDS)
    defend = DefendSettings(source=SOURCE, denoiser="digits-denoiser")
    more = defend.model_copy(update={"steps": 200, "draws": 80, "sigma": (0.1, 0.2)})
    ratio = work_ratio(more, defend, None)
    assert ratio is not None
    assert ratio > 20


def attacking(names, **more):
    return AttackSettings(source=SOURCE, attacks=names, **more)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("pgd", 3 * 20),
        ("square", 500),
        ("noise", 1),
        # 100 steps each, towards one class or nine; FAB asks once more where a step has led.
        ("apgd_ce", 3 * 100),
        ("apgd_dlr", 3 * 100),
        ("apgd_t", 3 * 100 * 9),
        ("fab_t", 4 * 100 * 9),
        ("autoattack", 3 * 100 + 3 * 100 * 9 + 4 * 100 * 9 + 5000),
    ],
)
def test_an_attack_takes_as_long_as_it_asks_of_networks(name, answers):
    ratio = work_ratio(attacking(name), attacking("pgd"), None)
    assert ratio == pytest.approx((answers + 1) / (60 + 1))


def test_settings_make_standard_attacks_no_longer():
    longer = {"steps": 200, "restarts": 5, "queries": 9000}
    for name in ("autoattack", "apgd_ce", "apgd_dlr", "apgd_t", "fab_t"):
        assert work_ratio(attacking(name, **longer), attacking(name), None) == 1
    assert work_ratio(attacking("square", **longer), attacking("square"), None) == 9001 / 501


def test_images_made_for_the_undefended_network_ask_for_no_draws():
    def of(draws, attacks):
        return DefendSettings(source=SOURCE, denoiser="none", draws=draws, attacks=attacks)

    assert work_ratio(of(80, "transfer"), of(8, "transfer"), None) == 1
    assert work_ratio(of(80, "apgd_ce"), of(8, "apgd_ce"), None) == pytest.approx(10, rel=0.01)
    assert work_ratio(of(80, "square"), of(8, "square"), None) == pytest.approx(10, rel=0.03)


def test_the_longest_attack_is_tried():
    asked = attacking("pgd,autoattack,noise")
    cost = COSTS.get("attack")
    assert cost is not None
    assert cost.sample(asked).attacks == "autoattack"
    assert cost.sample(attacking("pgd,square", steps=400)).attacks == "pgd"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.3, "1 s"),
        (3, "5 s"),
        (41, "40 s"),
        (89, "90 s"),
        (100, "2 min"),
        (727, "12 min"),
        (5399, "90 min"),
        (9100, "2.5 h"),
        (86400 * 3, "3 days"),
    ],
)
def test_times_are_said_no_more_exactly_than_they_are_known(seconds, said):
    assert about(seconds) == said


def test_an_estimate_in_words():
    assert Estimate(727, 1_960_000_000).in_words == "about 12 min, 2 GB"
    assert Estimate(30).in_words == "about 30 s"


def test_a_trial_tells_the_pace_of_its_last_second():
    pace = Pace(1.0)
    steps = [(0, 0), (2, 10), (4, 20), (4.5, 70), (5, 120)]  # at first 5 units a second, then 100
    for now, units in steps:
        pace.take(Progress("probe", units, 1000, 0.0), now)
    assert pace.seconds == 5
    assert pace.whole == pytest.approx(10.0)
    pace.take(Log("an audit"), 60.0)
    pace.take(Progress("probe", 125, 1000, 0.0), 61.0)
    assert pace.seconds == 5


def test_a_run_that_was_interrupted_has_taken_all_its_time(begin, scanned):
    run = begin("r", None, Started(1, "cpu"), Metric(1, 0.1, 1.0, 0.5), Paused())  # 2 s
    more = [(5000.0, Started(2)), (5004.0, Started(2, "cpu")), (5007.0, Done(7.1))]
    with run.events_path.open("a") as file:
        file.writelines(to_line(event, time) + "\n" for time, event in more)
    assert scanned()["r"].seconds == pytest.approx(9.0)


def test_what_the_data_have_is_read_from_what_a_run_says_first(begin, scanned):
    said = "data: digits, 10 classes, 1,437 training and 360 test images of 8×8"
    begin("r", None, Started(1), Log(said))
    assert scanned()["r"].samples == (1437, 360)
