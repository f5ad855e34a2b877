"""The tables of attacks, defenses and certificates in docs/results.md."""

import pytest

from isoloss.results.certificates import farthest_radius
from results.defenses import certificates, worst_cases
from results.page import _reported, page_of, share


def run(kind, rows=(), right=(), protocol="standard", **more):
    settings = {"kind": kind, "protocol": protocol, "data": "imagefolder:cifar10-jpeg", **more}
    return {
        "run": {"settings": settings}, "seconds": 1.0, "device": "cpu",
        "found": {"rows": [*rows], "right": [*right]},
    }  # fmt: skip


def seen(attacks, images, right, sigma=0.25):
    return {
        "network": "resnet50", "sigma": sigma, "attacks": attacks.split(), "images": images,
        "right": {str(eps): text for eps, text in right.items()},
    }  # fmt: skip


def row(attack, eps, correct, sigma=None, **more):
    return {
        "network": "resnet50", "sigma": sigma, "attack": attack, "eps": eps, "samples": 10,
        "correct": correct, "votes": 0, **more,
    }  # fmt: skip


def cells(lines):
    return [[c.strip() for c in line[1:-1].split("|")] for line in lines][2:]


def test_the_worst_case_is_over_both_runs_image_by_image():
    gradients = seen("eot bpda", [7, 3, 5, 9], {0.0: "1111", 0.01: "1011", 0.5: "0001"})
    square = seen("square", [7, 3, 5], {0.0: "111", 0.01: "110", 0.5: "110"})
    found = cells(worst_cases({
        "defended": run("defend", right=[gradients]), "square": run("defend", right=[square]),
    }, {}))  # fmt: skip
    assert [line[2] for line in found] == ["0", "0.01", "0.5"]
    assert [line[5] for line in found] == [
        f"**{share(3, 3)}**", f"**{share(1, 3)}**", f"**{share(0, 3)}**",
    ]  # fmt: skip
    assert {line[6] for line in found} == {"3"}  # which both have seen
    assert [line[7] for line in found] == ["", "eot, bpda, square", "eot, bpda, square"]


def test_what_withstands_one_radius_withstands_smaller_ones_of_another_run():
    coarse = seen("eot", [1, 2], {0.0: "11", 0.02: "01"})
    fine = seen("square", [1, 2], {0.0: "11", 0.01: "10", 0.03: "10"})
    runs = {"a": run("defend", right=[coarse]), "b": run("defend", right=[fine])}
    by_eps = {line[2]: line[5] for line in cells(worst_cases(runs, {}))}
    assert by_eps == {
        "0": f"**{share(2, 2)}**", "0.01": f"**{share(1, 2)}**",
        "0.02": f"**{share(0, 2)}**", "0.03": f"**{share(0, 2)}**",
    }  # fmt: skip


def test_the_original_protocol_is_told_by_one_draw_beside_what_was_reported():
    defended = row("transfer", 0.02, 6, sigma=0.25, votes=20, single_correct=4)
    beside = row("pgd", 0.02, 1)  # on the undefended network, to compare with
    worst = row("worst", 0.02, 2, sigma=0.25, votes=20, single_correct=2)
    runs = {
        "legacy": run("attack", [row("pgd", 0.02, 3)], protocol="legacy"),
        "legacy-defended": run("defend", [beside, defended, worst], protocol="legacy"),
    }
    plain, behind = cells(worst_cases(runs, {("resnet50", 0.25, 0.02): 34.4}))
    assert plain == ["resnet50", "", "0.02", "", share(3, 10), "", "", ""]
    assert behind == ["resnet50", "0.25", "0.02", "34.4 %", share(4, 10), "", "", ""]


def test_an_attack_for_comparison_is_not_mixed_with_the_one_that_was_asked_for():
    runs = {
        "undefended": run("attack", right=[seen("pgd square", [1, 2], {0.0: "11"}, None)]),
        "defended": run("defend", right=[seen("pgd", [1], {0.0: "1"}, None)]),
    }
    ((*_, images, _),) = cells(worst_cases(runs, {}))
    assert images == "2"


@pytest.mark.parametrize(("sigma", "reached"), [(0.25, 3), (0.5, 5)])
def test_certificates_stand_beside_cohens(sigma, reached):
    radii = (0.0, 0.25, 0.5, 0.75, 1.0)
    rows = [row("certificate", r, 9 - k, sigma=sigma) for k, r in enumerate(radii)]
    assert sum(r <= farthest_radius(sigma, 1000, 0.001) for r in radii) == reached
    own, cohen = cells(certificates({"c": run("certify", rows, draws=1000, alpha=0.001)}))
    said = [share(9 - k, 10) for k in range(reached)]
    assert own == [
        "resnet50", f"{sigma:g}", "10", "1,000", *said, *["out of reach"] * (5 - reached)
    ]  # fmt: skip
    assert cohen[1:] == ["0.25", "500", "100,000", "74.8 %", "60.0 %", "42.8 %", "26.6 %", ""]
    assert cells(certificates({})) == []


def test_what_the_experiment_reported_is_read_by_network_and_noise(recipes, known):
    reported = _reported(known)
    assert reported["resnet50", None, 0.0] == 84.3
    assert reported["resnet50", 0.25, 0.1] == 23.2
    assert reported["resnet50_cbam", 0.25, 0.005] == 54
    assert "## Attacks and defenses" not in page_of(recipes, {}, known)
