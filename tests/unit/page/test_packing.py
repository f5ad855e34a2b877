"""Arrays as text: what the page reads is what was packed."""

import base64
import zlib

import numpy as np
import pytest

from isoloss.page.packing import TYPES, Packing, bent, rounded, shares


def unpacked(packing: Packing) -> list[np.ndarray]:
    """As page.js does it."""
    content, found = zlib.decompress(base64.b64decode(packing.text())), []
    for kind, count in packing.kinds:
        size = np.dtype(TYPES[kind]).itemsize
        planes, content = content[: count * size], content[count * size :]
        whole = np.frombuffer(planes, np.uint8).reshape(size, count).T.copy()
        found.append(whole.view(TYPES[kind]).ravel())
    assert not content
    return found


def test_every_bit_of_a_double_comes_back_and_what_is_there_is_kept_once():
    values = np.array([0.1, -0.0, np.nan, np.inf, 5e-324, 1.7976931348623157e308])
    packing = Packing()
    places = [packing.add(values, "f8"), packing.add([1, 2, 3], "u1"), packing.add(values, "f8")]
    assert places == [0, 1, 0]
    first, second = unpacked(packing)
    assert first.tobytes() == values.tobytes()
    assert second.tolist() == [1, 2, 3]


def test_an_empty_array_is_one():
    packing = Packing()
    packing.add([], "f8")
    assert [len(x) for x in unpacked(packing)] == [0]


@pytest.mark.parametrize("fine", [True, False])
def test_shares_are_off_by_half_a_step_and_nan_stays(fine):
    values = np.append(np.linspace(0, 1, 999), np.nan)
    coded, kind = shares(values, fine=fine)
    most = np.iinfo(TYPES[kind]).max
    assert coded[-1] == most
    assert np.abs(coded[:-1] / (most - 1) - values[:-1]).max() <= 0.5 / (most - 1) + 1e-15


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 30)])
def test_what_is_bent_is_summed_to_what_it_was(shape):
    values = np.random.default_rng(0).random(shape)
    values[0, 0] = np.nan
    coded = shares(values, fine=True)
    packing = Packing()
    packing.add(*bent(coded))
    (found,) = unpacked(packing)
    sums = found.reshape(shape).astype(np.uint64).cumsum(0).cumsum(1) % (1 << 16)
    assert (sums == coded[0]).all()


def test_rounded_numbers_keep_their_digits_and_what_is_no_number():
    values = np.array([1.23456789, -9.87654321e-12, 3e30, 0.0, np.nan, np.inf, -np.inf])
    found = rounded(values, 12)
    assert np.allclose(found[:4], values[:4], rtol=2.0**-12, atol=0)
    assert np.isnan(found[4])
    assert found[5:].tolist() == [np.inf, -np.inf]
    assert not (found[:4].view(np.uint32) & 0xFFF).any()
