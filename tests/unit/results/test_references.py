"""Published results: what ships, which of it fits, and how it is told apart from one's own."""

import csv
import math

import pytest

from isoloss import IsolossError
from isoloss.app.state.runs.accuracy_curves import place_among, stretched
from isoloss.resources import resource_folder
from isoloss.results.references import chosen, data_set_called, fitting, references


def test_what_ships_is_what_was_published():
    by = {(r.name, r.data, r.norm): r for r in references()}
    engstrom = by["Engstrom2019Robustness", "cifar10", "linf"]
    assert dict(zip(engstrom.eps, engstrom.accuracy, strict=True)) == {0: 0.8703, 8 / 255: 0.4925}
    assert by["Salman2020Do_R50", "imagenet", "linf"].accuracy == (0.6402, 0.3496)
    assert by["Rice2020Overfitting", "cifar10", "l2"].accuracy == (0.8867, 0.6768)
    cohen = by["Cohen2019Certified", "cifar10", "l2"]
    assert cohen.is_certified
    assert cohen.eps == (0, 0.25, 0.5, 0.75)
    assert cohen.accuracy == (0.748, 0.6, 0.428, 0.266)
    assert len(by) == len(references()), "each once"
    for one in references():
        assert list(one.eps) == sorted(one.eps)
        assert one.eps[0] == 0
        assert list(one.accuracy) == sorted(one.accuracy, reverse=True)
        assert all(0 <= a <= 1 for a in one.accuracy)
        assert one.source
        assert one.paper
    path = resource_folder("data") / "references" / "published.csv"
    with path.open(encoding="utf-8") as file:
        assert sum(1 for _ in csv.DictReader(file)) == sum(len(r.eps) for r in references())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("cifar10", "cifar10"), ("CIFAR-10", "cifar10"), ("/data/cifar_10/test", "cifar10"),
        ("cifar10-lossless", "cifar10"), ("cifar100", ""), ("cifar-100", ""), ("digits", ""),
        ("imagenet", "imagenet"), ("ImageNet-1k", "imagenet"), ("imagenet-sample", "imagenet"),
        ("imagenette", ""), ("tiny-imagenet-200", ""), ("imagenet-c", ""), ("imagenet100", ""),
        ("mini_imagenet", ""), ("", ""), ("a.b:c", ""),
    ],
)  # fmt: skip
def test_data_are_known_by_their_names(name, meant):
    assert data_set_called(name) == meant


def test_only_what_is_of_the_same_data_norm_and_kind_fits():
    assert {r.norm for r in fitting("cifar10", "l2")} == {"l2"}
    assert not any(r.is_certified for r in fitting("cifar10", "l2"))
    assert [r.name for r in fitting("cifar10", "l2", is_certified=True)] == ["Cohen2019Certified"]
    assert fitting("cifar100", "linf") == ()
    every = chosen("all", "cifar10", "linf")
    assert {r.name for r in every} > {"Wong2020Fast", "Carmon2019Unlabeled"}
    (one,) = chosen(["Wong2020Fast"], "imagenet", "linf")
    assert one.accuracy == (0.5562, 0.2624)
    assert chosen((), "digits", "linf") == []


def test_what_is_published_is_of_test_images():
    assert fitting("cifar10", "linf", split="train") == ()
    assert chosen((), "cifar10", "linf", split="train") == []
    with pytest.raises(IsolossError, match="of test images, and these are train images: leave"):
        chosen("all", "cifar10", "linf", split="train")


@pytest.mark.parametrize(
    ("names", "data", "norm", "said"),
    [
        ("all", "digits", "linf", "no published accuracies of digits in L∞: leave it out"),
        ("Cohen2019Certified", "cifar10", "l2", "of published accuracies of cifar10 in L2 there"),
        ("nonesuch", "digits", "linf", "nonesuch: nothing is known by that name, and there are no"),
        (["all", "nobody"], "", "l2", "nobody: nothing is known by that name, and there are no"),
        ("Wong2020Fast", "digits", "linf", "--reference: there are no published accuracies of dig"),
        (["all", "nobody"], "cifar10", "linf", "--reference nobody: of published accuracies"),
        ("Salman2020Do_R50", "cifar10", "linf", "Engstrom2019Robustness"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(names, data, norm, said):
    with pytest.raises(IsolossError) as refused:
        chosen(names, data, norm)
    assert said in str(refused.value)


def test_any_radius_has_its_place_between_those_of_a_stretched_axis():
    places = stretched([0.0, 0.01, 0.1])
    assert [place_among(r, places) for r in places] == pytest.approx(list(places.values()))
    middle = place_among(math.sqrt(0.01 * 0.1), places)
    assert middle == pytest.approx((places[0.01] + places[0.1]) / 2)
    assert place_among(0.005, places) == pytest.approx(places[0.01] / 2)
    assert place_among(0.11, places) is None
    assert place_among(0.01, {}) is None
    assert place_among(0.0, {0.0: 0.0}) == 0.0
