"""A layer tells what runs of sharpness have found of its network."""

from __future__ import annotations

import json

import numpy as np
import pytest

from isoloss.app.state.runs.network_sharpness import NetworkSharpness
from isoloss.events import Done
from isoloss.geometry.surface import Surface
from isoloss.library.library import Library
from isoloss.results.sharpness import Place
from isoloss.results.sharpness_files import SharpnessJournal
from isoloss.run import Run
from isoloss.scene.layer import SurfaceLayer
from isoloss.settings import ProbeSettings, SharpnessSettings, TrainSettings

EXACT = [0.0, 0.0, 0.0]


@pytest.fixture
def runs(tmp_path):
    for name in ("one", "other"):
        Run.create(tmp_path / name, TrainSettings())
    return Library([tmp_path])


def probed(library, source):
    folder = library.folders[0] / f"of-{source}"
    run = Run.create(folder, ProbeSettings(source=library.folders[0] / source))
    run.emit(Done(1.0))
    axis = np.arange(2.0)
    return SurfaceLayer("surface", Surface.from_loss(axis, axis, np.ones((2, 2))), source=folder)


def measured(library, name, found, **asked):
    """A run whose subjects have found this."""
    folder = library.folders[0] / name
    run = Run.create(folder, SharpnessSettings(**asked))
    journal = SharpnessJournal(run.outcomes_path, {})
    for k, (place, value) in enumerate(found):
        if value is None:
            journal.append((k, 0, 0), place, json.dumps({"left_out": "not finite"}).encode())
            continue
        rise = {"rise_in_mean": [value / 10, 0.0, 0.0, value / 100]}
        journal.append((k, 0, 0), place, json.dumps(rise).encode())
        ends = {"largest": [[value, 0.1, 0.0, 0.25]], "smallest": [], "error": 0.0}
        journal.append((k, 1, 0), place, json.dumps(ends).encode())
        trace = {"trace": [2 * value, *EXACT], "groups": {}}
        journal.append((k, 2, 0), place, json.dumps(trace).encode())


def test_the_newest_run_about_the_network_says_what_it_is(runs):
    folder = runs.folders[0]
    layer, other = probed(runs, "one"), probed(runs, "other")
    runs.scan()
    known = NetworkSharpness(runs)
    assert known.facts(layer) == []
    measured(
        runs, "both", [(Place("other"), 4.0), (Place("one"), 12.0)],
        source=folder / "other", also=(folder / "one",),
    )  # fmt: skip
    runs.scan()
    told = [("λmax", "12 ± 0.25"), ("Trace", "24"), ("Rise", "1.2 ± 0.12, 10 % noise")]
    assert known.facts(layer) == told
    assert known.facts(other)[0] == ("λmax", "4 ± 0.25")
    elsewhere = SurfaceLayer("file", layer.surface, source=folder / "x.ply")
    assert known.facts(elsewhere) == known.facts(SurfaceLayer("none", layer.surface)) == []


def test_along_a_training_the_last_checkpoint_counts_that_is_finite(runs):
    folder, layer = runs.folders[0], probed(runs, "one")
    places = [Place("one", f"{k:04}.safetensors", float(k), 0.1) for k in range(3)]
    measured(
        runs, "every", zip(places, (3.0, 5.0, None), strict=True),
        source=folder / "one", every="checkpoint",
    )  # fmt: skip
    runs.scan()
    assert NetworkSharpness(runs).facts(layer)[0] == ("λmax", "5 ± 0.25")
