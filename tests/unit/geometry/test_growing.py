"""The growing surface: every cell is whole at every instant, and a second process can watch."""

import json

import numpy as np
import pytest

from isoloss import IsolossError
from isoloss.geometry.analysis.ensemble import ensemble
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface

AXES = np.linspace(0, 1, 3), np.linspace(0, 1, 4)


def created(folder, **meta):
    return GrowingSurface.create(folder, *AXES, 10, True, meta)


def test_a_second_reader_sees_a_cell_sharpen(tmp_path):
    growing = created(tmp_path)
    assert not GrowingSurface.open(tmp_path).snapshot().computed.any()
    growing.add((1, 2), 6.0, 20.0, 1, 2)
    assert GrowingSurface.open(tmp_path).snapshot().loss[1, 2] == 3
    growing.add((1, 2), 3.0, 9.0, 1, 1)
    seen = GrowingSurface.open(tmp_path).snapshot()
    assert (seen.loss[1, 2], seen.count[1, 2]) == (3, 3)
    assert seen.accuracy[1, 2] == pytest.approx(2 / 3)
    assert seen.computed.sum() == 1


def test_a_kill_while_a_cell_is_written_leaves_what_was_there(tmp_path):
    growing = created(tmp_path)
    growing.add((0, 0), 4.0, 8.0, 1, 2)
    # All of the new record is there but the byte that makes it count.
    growing.slots[0, 0, 1 - growing.valid[0, 0]] = (99.0, 0.5, 1.0, 99.0, 99.0, 7, 5)
    reopened = GrowingSurface.open(tmp_path, writable=True)
    assert reopened.snapshot().loss[0, 0] == 2
    reopened.add((0, 0), 2.0, 4.0, 1, 1)
    assert reopened.snapshot().loss[0, 0] == 2
    assert reopened.count[0, 0] == 3


def test_all_of_the_population_leaves_no_error(tmp_path):
    growing = created(tmp_path)
    growing.add((0, 0), 5.0, 9.0, 3, 4)
    assert growing.snapshot().loss_stderr[0, 0] > 0
    growing.add((0, 0), 5.0, 9.0, 3, 6)
    assert growing.snapshot().loss_stderr[0, 0] == 0


def test_not_finite_sums_are_results():
    growing = GrowingSurface.in_memory(*AXES, 10, False, {})
    growing.add((0, 0), np.inf, np.inf, 0, 2)
    growing.add((0, 0), 1.0, 1.0, 0, 2)
    growing.add((0, 1), np.nan, np.nan, 0, 10)
    surface = growing.snapshot()
    assert np.isposinf(surface.loss[0, 0])
    assert np.isnan(surface.loss[0, 1])
    assert surface.computed.sum() == 2


def test_a_signalling_nan_is_one_like_any_other(tmp_path, recwarn):
    growing = created(tmp_path)
    growing.put((0, 0), 1.0, 0.5, 0.1, 3)
    signalling = np.array([0x7FF0000000000001], np.uint64).view(np.float64)
    growing.slots["loss"][0, 0] = signalling
    surface = GrowingSurface.open(tmp_path).snapshot()
    assert np.isnan(surface.loss[0, 0])
    _ = surface.loss - 1.0
    assert not recwarn.list


def test_a_cleared_surface_begins_from_nothing(tmp_path):
    growing = created(tmp_path)
    for _ in range(2):
        growing.add((2, 3), 6.0, 20.0, 1, 2)
    growing.clear()
    assert not GrowingSurface.open(tmp_path).snapshot().computed.any()
    growing.add((2, 3), 2.0, 4.0, 1, 1)
    assert growing.snapshot().loss[2, 3] == 2


def test_what_is_said_of_a_surface_can_grow_too(tmp_path):
    growing = created(tmp_path, precision="bf16")
    growing.describe(tmp_path, audit=0.001)
    assert GrowingSurface.open(tmp_path).meta == {"precision": "bf16", "audit": 0.001}


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize(
    "damage",
    ["missing", "short", "long", "another shape", "another kind", "another order", "below 0",
     "doubtful words"],
)  # fmt: skip
def test_damage_is_one_line(tmp_path, recwarn, damage, writable):
    growing = created(tmp_path)
    slots = tmp_path / "slots.npy"
    if damage == "missing":
        slots.unlink()
    elif damage == "short":
        slots.write_bytes(slots.read_bytes()[:200])
    elif damage == "long":
        slots.write_bytes(slots.read_bytes() + b"x" * 112)
    elif damage == "another order":
        np.save(slots, np.asfortranarray(np.load(slots)))
    elif damage == "doubtful words":
        slots.write_bytes(slots.read_bytes().replace(b"'loss'", b"'l\\ss'", 1))
    elif damage == "below 0":
        growing.put((0, 0), 1.0, 0.5, 0.1, -3)
    elif damage == "another shape":
        np.save(tmp_path / "valid.npy", np.zeros((2, 2), np.uint8))
    else:
        np.save(slots, np.zeros((3, 4, 2)))
    size = slots.stat().st_size if slots.exists() else 0
    with pytest.raises(IsolossError, match=r"damaged: .*; delete that folder"):
        GrowingSurface.open(tmp_path, writable=writable)
    assert not slots.exists() or slots.stat().st_size == size
    assert not recwarn.list


def test_a_description_that_is_none_is_one_line(tmp_path):
    created(tmp_path)
    (tmp_path / "surface.json").write_text(json.dumps({"alpha": 3}))
    with pytest.raises(IsolossError, match="damaged"):
        GrowingSurface.open(tmp_path)


def test_an_ensemble_of_unfinished_surfaces_takes_what_there_is():
    def surface(values, count):
        values = np.array(values, float)
        return Surface(
            np.arange(2.0), np.arange(2.0), values, values / 10, values * 0 + 0.3,
            np.array(count), {"plane": "random"},
        )  # fmt: skip

    mean = ensemble(
        [
            surface([[1, 2], [3, np.nan]], [[5, 5], [5, 0]]),
            surface([[3, 4], [np.nan, np.nan]], [[5, 5], [0, 0]]),
        ]
    )
    np.testing.assert_array_equal(mean.loss, [[2, 3], [3, np.nan]])
    np.testing.assert_allclose(mean.spread, [[2**0.5, 2**0.5], [np.nan, np.nan]])
    np.testing.assert_allclose(mean.loss_stderr[0], 0.3 / 2**0.5)
    np.testing.assert_array_equal(mean.count, [[10, 10], [5, 0]])
