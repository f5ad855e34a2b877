"""What a page is told of surfaces."""

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.page.content import described
from isoloss.page.packing import Packing
from isoloss.page.writing import page_of
from isoloss.scene.files.staging import stage

AXIS = np.linspace(-1, 1, 6)
LOSS = AXIS[:, None] ** 2 + AXIS[None, :] ** 2 + 0.1


def surface(**more) -> Surface:
    accuracy = np.rint(37 * np.clip(1 - LOSS / 4, 0, 1)) / 37
    counts = np.full(LOSS.shape, 37)
    return Surface(AXIS, AXIS, LOSS, accuracy, np.full(LOSS.shape, 0.02), counts, **more)


def test_shares_are_kept_as_what_was_counted():
    packing = Packing()
    (told,) = described(stage(surface()), packing)["surfaces"]
    place, most = told["fields"]["accuracy"]
    assert most == 37
    assert packing.kinds[place] == ("u4", 36)
    assert packing.kinds[told["loss"]] == ("f8", 36)


@pytest.mark.parametrize("counts", [np.full(LOSS.shape, 36), np.arange(36).reshape(LOSS.shape) + 1])
def test_shares_of_other_numbers_are_kept_as_they_are(counts):
    packing = Packing()
    given = surface()
    other = Surface(AXIS, AXIS, LOSS, given.accuracy, given.loss_stderr, counts)
    (told,) = described(stage(other), packing)["surfaces"]
    assert packing.kinds[told["fields"]["accuracy"]] == ("f8", 36)


def test_textures_that_can_be_worked_out_are_not_packed():
    (view,) = described(stage(surface()), Packing())["views"]
    values = {look["name"]: look["values"] for look in view["looks"]}
    assert values["accuracy"] == ["accuracy"]
    assert values["error-bar"] == ["stderr"]
    assert values["slope"] == ["slope"]
    assert isinstance(values["curvature"][0], int)
    assert values["height"] == values["matte"] == [None]


def test_a_surface_that_two_layers_share_is_packed_once():
    shared = surface()
    content = described(stage([shared, shared]), Packing())
    assert len(content["surfaces"]) == 1
    told = content["views"][0]["layers"]
    assert [(x["surface"], x["number"], x["is_derived"]) for x in told] == [
        (0, 1, False),
        (0, 2, False),
    ]


def test_a_page_of_2601_noisy_points_is_below_250_kb():
    axis, chance = np.linspace(-1, 1, 51), np.random.default_rng(0)
    loss = axis[:, None] ** 2 + axis[None, :] ** 2 + 0.1 + chance.normal(0, 0.003, (51, 51))
    accuracy = np.rint(10000 * np.clip(1 - loss / 4, 0, 1)) / 10000
    errors = 0.01 * loss * chance.uniform(0.9, 1.1, loss.shape)
    noisy = Surface(axis, axis, loss, accuracy, errors, np.full(loss.shape, 10000))
    assert len(page_of(stage(noisy))) < 250_000
