"""What is saved is loaded, to the last bit, whatever the values: random surfaces, hostile ones."""

import itertools

import numpy as np
import pytest

import isoloss
from isoloss import IsolossError, Surface
from isoloss.geometry.files.formats import FORMATS, Format

GRIDS = ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count")
HARD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308, 1 / 3, 1e-300]
AXES = [(0.0, 1.0), (1e6, 1 / 32), (-3e4, 1e-6), (0.0, 1e-20), (1e20, 1e15), (1 / 3, 0.1)]
BOTH = [f for f in FORMATS if f.read and f.write]
META = [
    {},
    {"title": "a--b -- < & > \"'\n\u2028 损失 \x01 \ud800", "nested": [{"a": None}, 1e-300, True]},
    {"model": "x" * 5000, "-->": "]]>", "isoloss ": '{"kind": "trajectory"}'},
]


def some_axis(rng: np.random.Generator, points: int) -> np.ndarray:
    steps = np.cumsum(rng.integers(1, 4, points)).astype(float)
    offset, step = AXES[rng.integers(len(AXES))]
    return offset + step * steps


def some_surface(seed: int, shape: tuple[int, int]) -> Surface:
    rng = np.random.default_rng(seed)

    def some(choices: list[float], share: float, usual: np.ndarray) -> np.ndarray:
        return np.where(rng.random(shape) < share, rng.choice(choices, shape), usual)

    return Surface(
        some_axis(rng, shape[0]),
        some_axis(rng, shape[1]) if shape[1] > 1 else np.zeros(1),
        some(HARD, rng.random(), np.exp(rng.normal(0, 9, shape))),
        some([np.nan, 0.0, 1.0, 5e-324], rng.random(), rng.random(shape)),
        some([np.nan, np.inf, 0.0, 1e308], rng.random(), rng.random(shape)),
        rng.choice([0, 1, 50_000, 2**31 - 1, 2**31, 3_000_000_000, 2**53], shape),
        dict(META[seed % len(META)]),
        spread=some([np.nan, np.inf], 0.2, rng.random(shape)) if seed % 2 else None,
    )


def assert_same(back: Surface, surface: Surface) -> None:
    for name in (*GRIDS, "spread"):
        got, expected = getattr(back, name), getattr(surface, name)
        assert (got is None) == (expected is None)
        if expected is not None:
            np.testing.assert_array_equal(got, expected, name)
            np.testing.assert_array_equal(np.signbit(got), np.signbit(expected), name)


@pytest.mark.parametrize("format", BOTH, ids=lambda f: f.name)
def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path, format: Format):
    shapes = [(2, 2), (2, 9), (9, 2), (6, 5)]
    for seed, shape in zip(range(12), itertools.cycle(shapes), strict=False):
        surface = some_surface(seed, shape)
        back = isoloss.load(surface.save(tmp_path / f"s{format.name}"))
        assert_same(back, surface)
        if format.name != ".csv":  # which has no place for it
            assert back.meta == surface.meta


@pytest.mark.parametrize("format", [f for f in BOTH if "curve" in f.holds], ids=lambda f: f.name)
def test_so_are_curves(tmp_path, format: Format):
    for seed in range(6):
        curve = some_surface(seed, (seed + 2, 1))
        assert_same(isoloss.load(curve.save(tmp_path / f"c{format.name}")), curve)


@pytest.mark.parametrize("format", BOTH, ids=lambda f: f.name)
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("accuracy", 1.5, r"accuracies, as 1\.5, are no shares"),
        ("accuracy", -0.25, r"accuracies, as -0\.25"),
        ("loss_stderr", -1e-9, "loss_stderr are negative"),
        ("count", -1, "count are negative"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, format, name, value, message):
    surface = some_surface(3, (3, 4))
    getattr(surface, name)[1, 2] = value
    with pytest.raises(IsolossError, match=message):
        surface.save(tmp_path / f"s{format.name}")
    assert list(tmp_path.iterdir()) == []


def test_counts_that_no_ply_holds_are_refused_and_npz_holds_them(tmp_path):
    surface = some_surface(0, (3, 3))
    surface.count[1, 1] = 2**53 + 1
    with pytest.raises(IsolossError, match=r"beyond .* s\.ply: \.npz holds them"):
        surface.save(tmp_path / "s.ply")
    assert list(tmp_path.iterdir()) == []
    for suffix in (".npz", ".vts", ".csv"):
        assert isoloss.load(surface.save(tmp_path / f"s{suffix}")).count[1, 1] == 2**53 + 1


def test_a_difference_may_have_negative_accuracies(tmp_path):
    surface = some_surface(1, (3, 3))
    surface.accuracy[:] = -0.5
    surface.meta["difference"] = True
    for suffix in (".ply", ".npz", ".vts"):
        back = isoloss.load(surface.save(tmp_path / f"s{suffix}"))
        np.testing.assert_array_equal(back.accuracy, -0.5)
