"""The demo as it is: a real training and two real 25×25 surfaces."""

import numpy as np
from PIL import Image

import isoloss
from isoloss.geometry.files.reading import load_trajectories


def test_the_headless_demo(isoloss_command, tmp_path):
    done = isoloss_command("demo", "--headless", check=0, timeout=900)
    folder = tmp_path / "runs" / "demo"
    for plane in ("random", "pca"):
        surface = isoloss.load(folder / plane)
        assert surface.shape == (25, 25)
        assert surface.is_complete
        # The network has learnt, and its minimum lies where the two planes have their origin.
        assert surface.loss[np.abs(surface.alpha).argmin(), np.abs(surface.beta).argmin()] < 0.5
        assert np.nanmax(surface.accuracy) > 0.9
    assert len(load_trajectories(folder / "pca")[0]) == 17
    pictures = sorted(folder.glob("*.png"))
    assert len(pictures) == 4
    for path in pictures:
        assert str(path) in done.stdout
        with Image.open(path) as picture:
            assert picture.size == (1600, 1000)
            assert len(picture.convert("RGB").getcolors(1 << 22)) > 2000
    again = isoloss_command("demo", "--headless", check=0, timeout=60)
    assert str(pictures[0]) in again.stdout
