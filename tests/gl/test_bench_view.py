"""The bench of the viewer measures what it says it does; how fast is not for a test to say."""

import json
import math
from dataclasses import asdict

import pytest

from isoloss.bench import view as bench

TINY = (96, 60)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(bench, "SIZE", TINY)


@pytest.fixture
def file(tmp_path):
    bench.landscape(12).save(tmp_path / "surface.npz")
    return bench.landscape(12).save(tmp_path / "surface.ply")


def numbers(figures):
    for value in figures.values():
        if isinstance(value, dict):
            yield from numbers(value)
        elif isinstance(value, float):
            yield value


def test_everything_is_measured(context, file):
    own = bench.measure_own(file, frames=3)
    assert "OpenGL" in own.renderer
    assert all(math.isfinite(value) for value in numbers(asdict(own)))
    assert own.orbit.count == own.slider.count == 3
    assert 0 < own.orbit.median <= own.orbit.worst
    assert 0 < own.load < own.first <= own.whole
    assert 0 < own.hold <= 1.5 * own.rest


def own_figures() -> dict:
    frames = {"median": 10.0, "worst": 12.0, "count": 5}
    return {
        "renderer": "llvmpipe", "load": 0.1, "load_npz": 0.2, "first": 0.3, "whole": 0.5,
        "orbit": frames, "rest": 0.4, "hold": 0.02, "contours": 0.1, "slider": frames,
        "memory": 80.0,
    }  # fmt: skip


def peer_figures() -> dict:
    frames = {"median": 250.0, "worst": 300.0, "count": 5}
    return {
        "renderer": "llvmpipe", "version": "1", "load": 1.0, "whole": 2.0, "orbit": frames,
        "contours": 0.5, "memory": None,
    }  # fmt: skip


class Measured:
    """Stands for the processes that measure, and notes what they were asked."""

    def __init__(self) -> None:
        self.asked = []

    def __call__(self, program, path, frames):
        there = path.exists(), path.with_suffix(".npz").exists()
        self.asked.append((program, path.name, *there))
        return own_figures() if program == "isoloss" else peer_figures()


def test_beside_pyvista_ratios_are_given(capsys):
    measured = Measured()
    bench.bench_view(as_json=True, sides=(4, 6), peer=True, measure=measured)
    told = json.loads(capsys.readouterr().out)
    first, second = told["view"]
    assert told["load"]["load_before"] >= 0
    assert (first["side"], second["triangles"]) == (4, 50)
    assert first["frame_rate_ratio"] == pytest.approx(25)
    assert first["whole_ratio"] == pytest.approx(4)
    assert measured.asked[:2] == [
        ("isoloss", "4.ply", True, True),
        ("pyvista", "4.ply", True, True),
    ]
    bench.bench_view(as_json=False, sides=(4,), peer=True, measure=measured)
    printed = capsys.readouterr().out
    assert "25.0 times PyVista's frame rate" in printed
    assert printed.splitlines()[-1].startswith("load before ")
    assert "4², 18 triangles" in printed


def test_without_pyvista_it_says_how_to_get_it(capsys):
    measured = Measured()
    bench.bench_view(as_json=False, sides=(4,), peer=False, measure=measured)
    output = capsys.readouterr()
    assert "pip install pyvista" in output.out
    assert "measuring 4²" in output.err
    assert [program for program, *_ in measured.asked] == ["isoloss"]
    bench.bench_view(as_json=True, sides=(4,), peer=False, measure=measured)
    assert json.loads(capsys.readouterr().out)["view"][0]["pyvista"] is None


def test_a_program_in_a_process_of_its_own(file):
    figures = bench.measure_apart("isoloss", file, 1)
    assert figures["orbit"]["count"] == 1
    with pytest.raises(bench.IsolossError, match="isoloss could not be measured"):
        bench.measure_apart("isoloss", file.with_name("none.ply"), 1)
