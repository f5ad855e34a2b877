"""Colours as those see them who lack one kind of cone."""

from itertools import combinations

import numpy as np
import pytest

from isoloss.scene.colormaps import DIVERGING, NAMES, OWN, SAFE, colormap
from isoloss.scene.theme import THEMES

CONES = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip
"""Of linear RGB; Machado, Oliveira & Fernandes 2009, severity 1."""
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
WHITE = (0.95047, 1.0, 1.08883)
EIGHTH = 32


def lab(colors, cones):
    """(n, 3) CIE L*a*b* of (n, 3) sRGB in [0, 1], seen with `cones`."""
    colors = np.asarray(colors)
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.array(CONES[cones]).T, 0, 1) @ XYZ.T / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def least_apart(seen, steps=1):
    """The least difference between two of them that are at least so many places apart."""
    i, j = np.triu_indices(len(seen), steps)
    return np.linalg.norm(seen[i] - seen[j], axis=1).min()


def is_readable(name, cones):
    seen = lab(colormap(name) / 255, cones)
    lightness = seen[:, 0]
    rises = (lightness - np.maximum.accumulate(lightness)).min() > -0.5
    return (rises or name in DIVERGING) and least_apart(seen, EIGHTH) > 6


def test_white_and_grey_are_seen_the_same_by_all():
    for cones in CONES:
        assert np.allclose(lab([[1, 1, 1], [0.5, 0.5, 0.5]], cones)[:, 1:], 0, atol=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_those_are_called_safe_that_everybody_can_read(name):
    assert (name in SAFE) == all(is_readable(name, cones) for cones in CONES)


def test_the_first_one_is_safe():
    assert NAMES[0] in SAFE


@pytest.mark.parametrize("cones", CONES)
@pytest.mark.parametrize("theme", THEMES)
def test_paths_are_told_apart_by_everybody(theme, cones):
    colors = [THEMES[theme].path_color(k)[:3] for k in range(5)]
    assert least_apart(lab(colors, cones)) > 20


@pytest.mark.parametrize("cones", CONES)
def test_several_surfaces_are_told_apart_by_everybody(cones):
    names = [NAMES[0], *OWN] if cones == "all" else [NAMES[0], *OWN[:-1]]
    seen = [lab(colormap(name) / 255, cones) for name in names]
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(one - other, axis=1).mean() > 10
    for name in OWN:
        assert np.diff(lab(colormap(name) / 255, cones)[:, 0]).min() >= 0
