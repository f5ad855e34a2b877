"""Probe runs with quantities beside the loss: killed, dealt out, asked for, exported, refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import isoloss
from isoloss.cli.main import main
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.geometry.analysis.quantities import of_quantity, quantities_of
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import ProbeSettings
from isoloss.work import resume


def asked(trained, **changes):
    given = {
        "source": trained.folder, "grid": (3, 4), "device": "cpu", "precision": "fp32",
        "quantity": "adversarial class:1", "steps": 2, "eps": 0.1,
    }  # fmt: skip
    return ProbeSettings(**{**given, **changes})


def finished(trained, name, **changes):
    run = Run.create(trained.folder.parent / name, asked(trained, **changes))
    list(resume(run))
    return run


class Killed(BaseException):
    pass


def test_a_kill_at_any_instant_changes_nothing(trained, monkeypatch):
    whole = (finished(trained, "run", samples=40).folder / "surface.ply").read_bytes()
    write, written = GrowingSurface._write, 0

    def killed_at(last, *, within):
        def until_then(self, cell, record):
            nonlocal written
            written += 1
            if written == last:
                if within:  # the slot is there, the byte that makes it valid is not
                    self.slots[(*cell, 1 - int(self.valid[cell]))] = record
                raise Killed
            write(self, cell, record)

        return until_then

    for last in (1, 6, 11, 12, 13, 18, 23, 24):
        run = Run.create(trained.folder.parent / f"at{last}" / "run", asked(trained, samples=40))
        monkeypatch.setattr(GrowingSurface, "_write", killed_at(last, within=last % 2 == 0))
        with pytest.raises(Killed):
            list(resume(Run.open(run.folder)))
        monkeypatch.setattr(GrowingSurface, "_write", write)
        list(resume(Run.open(run.folder)))
        assert (run.folder / "surface.ply").read_bytes() == whole, last
        written = 0


def test_whoever_does_a_chain_comes_to_the_same(trained, monkeypatch):
    whole = (finished(trained, "run").folder / "surface.ply").read_bytes()

    def last_ones_first(self, units, work):
        for unit in reversed(units):
            yield unit, work(unit)

    monkeypatch.setattr(ProcessGroup, "map", last_ones_first)
    other = Run.create(trained.folder.parent / "other" / "run", asked(trained))
    list(resume(other))
    assert (other.folder / "surface.ply").read_bytes() == whole


def test_all_are_columns_of_one_surface_in_every_format(trained, tmp_path, capsys):
    run = finished(trained, "some")
    surface = isoloss.load(run.folder)
    assert [*quantities_of(surface)] == ["adversarial", "class_1", "all_but_1"]
    assert surface.meta["eps"] == 0.1
    seen = of_quantity(surface, "adversarial")
    np.testing.assert_array_equal(seen.loss, surface.columns["adversarial"])
    np.testing.assert_array_equal(seen.accuracy, surface.columns["adversarial_accuracy"])
    assert (seen.loss >= surface.loss).all()
    # The samples of both classes of them together are all.
    parts = [surface.columns[name] * n for name, n in (("class_1", 15), ("all_but_1", 30))]
    np.testing.assert_allclose(sum(parts) / 45, surface.loss, rtol=1e-12)
    for suffix in ("ply", "npz"):
        again = isoloss.load(surface.save(tmp_path / f"again.{suffix}"))
        assert again.meta["quantities"] == surface.meta["quantities"]
        for name, column in surface.columns.items():
            np.testing.assert_array_equal(again.columns[name], column)
    table = surface.save(tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert "adversarial,adversarial_stderr,adversarial_accuracy" in table[0]
    assert main(["info", str(run.folder)]) == 0
    told = capsys.readouterr().out
    assert "adversarial loss" in told
    assert "class 1" in told


def test_it_grows_where_the_window_sees_it(trained, monkeypatch):
    monkeypatch.setattr("isoloss.compute.machine.progress.INTERVAL", 0.0)
    run = Run.create(trained.folder.parent / "growing", asked(trained))
    steps = resume(run)
    for _ in steps:
        if GrowingSurface.exists(run.growing_path):
            surface = GrowingSurface.open(run.growing_path).snapshot()
            if surface.is_complete:
                break
    steps.close()
    assert surface.count.max() < 45
    assert np.isfinite(surface.columns["adversarial"]).all()
    assert (surface.columns["class_1_stderr"] > 0).any()
    kept = json.loads((run.growing_path / "surface.json").read_text(encoding="utf-8"))
    assert kept["quantities"] == {"adversarial": 45, "class_1": 15, "all_but_1": 30}


def test_along_a_line_too(trained):
    run = finished(trained, "line", plane="line", points=7)
    curve = isoloss.load(run.folder)
    assert curve.is_curve
    assert (curve.columns["adversarial"] >= curve.loss).all()
    assert (curve.columns["adversarial"] > curve.loss).any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quantity", "adverse"], "--quantity: there is no quantity 'adverse': choose of loss"),
        (["--quantity", "class:"], "there is no quantity 'class:'"),
        (["--quantity", "class:cat"], "there is no class 'cat': choose of 0, 1, 2"),
        (["--quantity", "class:1", "class:01"], "two quantities are called class_1"),
        (["--quantity", "adversarial", "--eps", "8"], "of 256 levels 8 are 8/255"),
        (["--quantity", "adversarial", "--eps", "0"], "--eps: input should be greater than 0"),
        (["--quantity", "adversarial", "--tolerance", "0.1"], "leave --tolerance away"),
        (["--quantity", "class:1", "--planes", "3"], "leave --planes away"),
        (["--quantity", "denoised"], "give --denoiser"),
        (["--quantity", "denoised", "--denoiser", "digits-denoiser"], "the denoiser is for"),
        (["--eps", "0.1"], "--eps is for --quantity adversarial"),
        (["--quantity", "adversarial", "--sigma", "1"], "--sigma is for --quantity denoised"),
        (["--quantity", "adversarial", "--loss", "flat:of_probabilities"], "no gradient of this"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(trained, words, message, capsys):
    (trained.folder.parent / "flat.py").write_text(
        "def of_probabilities(net, batch):\n"
        "    return (net(batch[0]).argmax(1) != batch[1]).float()\n",
        encoding="utf-8",
    )
    code = main(["probe", str(trained.folder), "--device", "cpu", *words, "--out", "refused"])
    told = capsys.readouterr().err
    assert code == 2
    assert message in told
    assert len(told.splitlines()) == 1
    assert not (trained.folder.parent / "refused").exists()


@pytest.mark.parametrize("tolerance", [1e-9, 0.05])
def test_classes_come_out_of_what_a_run_keeps_of_each_image(trained, monkeypatch, tolerance):
    plain = isoloss.load(finished(trained, "plain", grid=(9, 9), quantity="class:2").folder)
    run = finished(trained, "kept", grid=(9, 9), tolerance=tolerance, quantity=None)

    def nothing(*_):
        raise AssertionError("something is evaluated again")

    monkeypatch.setattr("isoloss.compute.engine.evaluator.Evaluator.evaluate", nothing)
    assert main(["export", str(run.folder), "--class", "2", "--out", "classes.npz"]) == 0
    surface = isoloss.load("classes.npz")
    assert [*quantities_of(surface)] == ["class_2", "all_but_2"]
    for name in ("class_2", "all_but_2"):
        error = surface.columns[f"{name}_stderr"]
        away = np.abs(surface.columns[name] - plain.columns[name])
        if tolerance < 1e-6:
            np.testing.assert_allclose(away, 0, atol=1e-5)
            assert (error == 0).all()
            np.testing.assert_allclose(
                surface.columns[f"{name}_accuracy"], plain.columns[f"{name}_accuracy"]
            )
        else:
            assert (surface.count < 45).any()
            assert (away <= 6 * error + 1e-5).all()
    assert main(["export", str(run.folder), "--class", "2", "--out", "classes.html"]) == 0
    page = Path("classes.html").read_text(encoding="utf-8")
    assert page.count(": a surface of the ") % 3 == 0, "the loss, that class, and all but it"
    assert main(["export", "classes.npz", "--quantity", "class_2", "--out", "alone.ply"]) == 0
    alone = isoloss.load("alone.ply")
    np.testing.assert_array_equal(alone.loss, surface.columns["class_2"])


def test_what_keeps_no_losses_of_images_says_so(trained, capsys):
    run = finished(trained, "plain", quantity=None)
    assert main(["export", str(run.folder), "--class", "1", "--out", "no.ply"]) == 2
    assert "keeps no losses image by image" in capsys.readouterr().err
    assert main(["export", str(run.folder), "--quantity", "denoised", "--out", "no.ply"]) == 2
    told = capsys.readouterr().err
    assert "the surface has no quantity 'denoised': it has none beside the loss" in told
    assert len(told.splitlines()) == 1
