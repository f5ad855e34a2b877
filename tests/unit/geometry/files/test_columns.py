"""Further columns of a surface: kept by every file that is read again, and by what grows."""

import json
from dataclasses import replace

import numpy as np
import pytest

from isoloss import IsolossError, load
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface

AXIS = np.linspace(0, 1, 4)
RNG = np.random.default_rng(0)
MARGIN, CLASS = RNG.standard_normal((4, 3)), RNG.integers(0, 9, (4, 3)).astype(np.float64)
SURFACE = replace(
    Surface.from_loss(AXIS, AXIS[:3], RNG.random((4, 3)), model="net"),
    columns={"margin": MARGIN, "predicted": CLASS},
)


@pytest.mark.parametrize("suffix", ["ply", "npz"])
def test_columns_come_back_exactly(tmp_path, suffix):
    again = load(SURFACE.save(tmp_path / f"x.{suffix}"))
    assert list(again.columns) == ["margin", "predicted"]
    np.testing.assert_array_equal(again.columns["margin"], MARGIN)
    np.testing.assert_array_equal(again.columns["predicted"], CLASS)
    assert again.meta == SURFACE.meta


def test_a_column_is_written_for_other_programs_too(tmp_path):
    header = SURFACE.save(tmp_path / "x.csv").read_text().splitlines()[0]
    assert header.endswith("count,margin,predicted")
    assert "margin" in SURFACE.save(tmp_path / "x.vts").read_text()


def test_columns_fit_the_grid():
    with pytest.raises(IsolossError, match="margin has shape"):
        replace(SURFACE, columns={"margin": MARGIN[:2]})


@pytest.mark.parametrize("named", [5, ["loss"], [7], ["nothing"], "margin", {"margin": 1}, ["x"]])
def test_a_description_that_names_what_is_no_column_costs_nothing(tmp_path, named):
    for suffix in ("ply", "npz"):
        plain = replace(SURFACE, columns={}, meta={"columns": named})
        again = load(plain.save(tmp_path / f"x.{suffix}"))
        np.testing.assert_array_equal(again.loss, SURFACE.loss)
        assert again.columns == {}


def test_a_growing_surface_keeps_columns_in_its_folder(tmp_path):
    grown = GrowingSurface.create(tmp_path, AXIS, AXIS[:3], 9, True, {}, ("margin", "predicted"))
    grown.put((2, 1), 0.5, 1.0, 0.1, 4, -2.5, 7.0)
    again = GrowingSurface.open(tmp_path).snapshot()
    assert (again.columns["margin"][2, 1], again.columns["predicted"][2, 1]) == (-2.5, 7)
    assert np.isnan(again.columns["margin"]).sum() == 11
    described = json.loads((tmp_path / "surface.json").read_text())
    assert described["columns"] == ["margin", "predicted"]
    for wrong in (["margin"], 5, "ab", [1, 2], ["margin", "margin"]):
        (tmp_path / "surface.json").write_text(json.dumps({**described, "columns": wrong}))
        with pytest.raises(IsolossError, match="is damaged"):
            GrowingSurface.open(tmp_path)


def test_a_growing_surface_without_columns_is_described_as_before(tmp_path):
    GrowingSurface.create(tmp_path, AXIS, AXIS, 9, True, {})
    assert "columns" not in json.loads((tmp_path / "surface.json").read_text())
