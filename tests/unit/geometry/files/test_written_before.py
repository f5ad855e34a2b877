"""Files of older versions are read as they were written: PLY that called α and β `alpha beta`."""

from pathlib import Path

import numpy as np

import isoloss

BEFORE = Path(__file__).parent / "written_before"


def test_a_surface_and_its_path_from_before_vertices_had_colours():
    surface = isoloss.load(BEFORE / "valley.ply")
    alpha, beta = np.array([-1.0, -0.25, 0.5, 1.1]), np.array([-2.0, 0.1, 3.0])
    loss = alpha[:, None] ** 2 + beta**2 / 3
    loss[0, 1], loss[3, 2] = np.inf, np.nan
    for name, values in {
        "alpha": alpha,
        "beta": beta,
        "loss": loss,
        "accuracy": np.exp(-loss),
        "loss_stderr": loss / 7,
        "count": np.arange(12).reshape(4, 3),
        "spread": np.sqrt(loss),
    }.items():
        np.testing.assert_allclose(getattr(surface, name), values, rtol=1e-15)
    assert surface.meta == {"model": "vgg11", "title": "Täler"}
    (path,) = surface.trajectories
    assert path.meta == {"name": "sgd"}
    for name, values in {
        "alpha": alpha / 3,
        "beta": alpha**2,
        "loss": 1 / alpha**2,
        "off_plane": alpha**4,
        "epoch": np.arange(4.0),
        "lr": np.full(4, 0.1),
    }.items():
        np.testing.assert_allclose(getattr(path, name), values, rtol=1e-15)


def test_what_ships_is_in_the_format_of_today(tmp_path):
    """So that MeshLab and Blender show its colours, and nobody's first file is an old one."""
    shipped = Path(__file__).parents[4] / "data" / "surfaces"
    for file in ("vgg11-digits-pca.ply", "vgg11-digits-random.ply", "iris.ply"):
        isoloss.load(shipped / file).save(tmp_path / file)
    assert len(list(tmp_path.iterdir())) == 4  # one has a trajectory
    for file in tmp_path.iterdir():
        (header, _, data), (ours, _, shown) = (
            (folder / file.name).read_bytes().partition(b"end_header\n")
            for folder in (shipped, tmp_path)
        )
        assert (header, len(data)) == (ours, len(shown))
