"""What is computed says in one line what it is, however much it is and whatever it is called."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.analysis.curve import curve_of
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

AXIS = np.linspace(-1, 1, 5)
LOSS = AXIS[:, None] ** 2 + 2 * AXIS[None, :] ** 2 + 0.25
HOSTILE = (
    "</script><script>x</script>",
    "a\nb\tc\x1b[31m",
    "\u202eloss",
    "x" * 10**6,
    "word " * 9999,
)


def path(points: int, **meta: object) -> Trajectory:
    along = np.linspace(0.5, 0, points)
    return Trajectory(along, -along, 2 * along + 0.1, 0 * along + 0.3, np.arange(float(points)),
                      0 * along + 0.1, meta)  # fmt: skip


def test_a_surface_says_where_it_lies_and_what_is_missing():
    loss = LOSS.copy()
    loss[0, 0], loss[0, 1], loss[1, 1] = np.nan, np.inf, 9.0
    whole = Surface.from_loss(AXIS, 2 * AXIS, loss, title="mine")
    count = whole.count.copy()
    count[1, 1] = count[4, 4] = 0
    surface = replace(whole, count=count, trajectories=(path(3), path(4)))
    assert repr(surface) == (
        "<Surface of mine: 5×5 points, α −1 to 1, β −2 to 2, loss 0.25 to 3.25, 2 not computed, "
        "2 not finite, 2 trajectories>"
    )


@pytest.mark.parametrize(
    ("surface", "said"),
    [
        (Surface.from_loss(AXIS, AXIS[:1] * 0, LOSS[:, :1]),
         "<Curve: 5 points, α −1 to 1, loss 2.25 to 3.25>"),
        (Surface.from_loss(AXIS, AXIS, 0 * LOSS),
         "<Surface: 5×5 points, α −1 to 1, β −1 to 1, loss 0>"),
        (Surface.from_loss(AXIS[:0], AXIS[:0], LOSS[:0, :0]), "<Surface: no points>"),
        (Surface.from_loss(AXIS[:1], AXIS[:2], np.nan * LOSS[:1, :2]),
         "<Surface: 1×2 points, α −1, β −1 to −0.5, 2 not finite>"),
        (Surface.from_loss(AXIS, AXIS, LOSS, quantity="adversarial loss"),
         "<Surface: 5×5 points, α −1 to 1, β −1 to 1, adversarial loss 0.25 to 3.25>"),
    ],
)  # fmt: skip
def test_of_little_little_is_said(surface, said):
    assert repr(surface) == said


def test_a_trajectory_says_how_it_went():
    assert repr(path(11, name="SGD")) == (
        "<Trajectory SGD: 11 checkpoints, epoch 0 to 10, loss from 1.1 to 0.1, "
        "at most 0.3 off the plane>"
    )
    assert repr(path(2, counted="step")).startswith("<Trajectory: 2 images, step 0 to 1, ")
    assert repr(path(3, counted="t")).startswith("<Trajectory: 3 points, t 0 to 2, ")
    assert repr(path(2, counted=["?"])).startswith("<Trajectory: 2 checkpoints, epoch 0 to 1, ")
    assert repr(path(0)) == "<Trajectory: no checkpoints>"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_neither_break_the_line_nor_fill_the_screen(name):
    shown = [
        Surface.from_loss(AXIS, AXIS, LOSS, title=name, quantity=name),
        path(50_000, name=name),
        curve_of(Surface.from_loss(AXIS, AXIS[:1], LOSS[:, :1], start=name)),
    ]
    for said in map(repr, shown):
        assert len(said) < 300
        assert said.isprintable() or "\u202e" in said
        assert "\n" not in said


def test_a_large_surface_is_no_wall_of_numbers():
    axis = np.arange(300.0)
    assert len(repr(Surface.from_loss(axis, axis, axis[:, None] + axis))) < 100
