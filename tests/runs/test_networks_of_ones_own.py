"""Runs of a network with parameters of every type, from its training to its planes."""

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import isoloss
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.planes.plane import Plane
from isoloss.geometry.files.reading import load_trajectories
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.settings.text import command_line
from isoloss.work import resume

EVERY_TYPE = '''
import torch
from torch import nn


class Net(nn.Module):
    """Complex weights, a table of integers, extra state that is no tensor, a backbone to freeze."""

    def __init__(self, classes):
        super().__init__()
        self.spectrum = nn.Parameter(torch.randn(48, 12, dtype=torch.cfloat) * 0.1)
        self.table = nn.Parameter(torch.arange(12).flip(0).view(3, 4), requires_grad=False)
        self.head = nn.Linear(12, classes)

    def get_extra_state(self):
        return None

    def set_extra_state(self, state):
        pass

    def forward(self, x):
        seen = (x[:, :, ::2, ::2].flatten(1).to(self.spectrum.dtype) @ self.spectrum).abs()
        return self.head(seen[:, self.table.flatten()])


def net(num_classes):
    return Net(num_classes)


def adapted(num_classes):
    model = Net(num_classes)
    model.spectrum.requires_grad_(False)
    return model
'''


@pytest.fixture
def folder(in_folder_of_users_module):
    (in_folder_of_users_module / "everytype.py").write_text(EVERY_TYPE, encoding="utf-8")
    sys.modules.pop("everytype", None)
    yield in_folder_of_users_module
    sys.modules.pop("everytype", None)


def trained(folder, name="net", epochs=3):
    settings = TrainSettings(
        model=f"everytype:{name}", data="tinyuser:data", epochs=epochs, batch_size=15, lr=0.02,
        device="cpu", precision="fp32",
    )  # fmt: skip
    run = Run.create(folder / name, settings)
    list(resume(run))
    return run


def probed(run, **options):
    given = {"grid": (3, 3), "points": 3, "device": "cpu", "precision": "fp32", **options}
    settings = ProbeSettings(source=run.folder, **given)
    own = len(list(run.folder.parent.glob("probed*")))
    run = Run.create(run.folder.parent / f"probed{own}", settings)
    events = list(resume(run))
    return run, isoloss.load(run.folder), [getattr(event, "message", "") for event in events]


def loss_of(state):
    import everytype
    import tinyuser

    model = everytype.net(3).eval()
    model.load_state_dict(state, strict=False)
    x, y = tinyuser.data()[0]
    with torch.no_grad():
        return F.cross_entropy(model(x), y).item()


def test_every_type_of_parameter_goes_through_training_and_planes(folder):
    run = trained(folder)
    states = [load_state(path) for path in sorted(run.checkpoints.glob("0*.safetensors"))]
    assert len(states) == 4
    assert not torch.equal(states[0]["spectrum"].imag, states[-1]["spectrum"].imag)
    assert all("_extra_state" not in state for state in states)
    probe, surface, _ = probed(run, plane="pca")
    plane = Plane.load(probe.plane_path)
    assert plane.delta["spectrum"].imag.abs().sum() > 0
    assert "table" not in plane.delta
    (path,) = load_trajectories(probe.folder)
    np.testing.assert_allclose(path.loss, [loss_of(state) for state in states], rtol=1e-4)
    for i, j in ((0, 0), (1, 2), (2, 1)):
        a, b = float(surface.alpha[i]), float(surface.beta[j])
        moved = {k: a * plane.delta[k] + b * plane.eta[k] for k in plane.delta}
        state = {k: t + moved[k] if k in moved else t for k, t in states[-1].items()}
        assert surface.loss[i, j] == pytest.approx(loss_of(state), rel=1e-4)
    _, curve, _ = probed(run, plane="interpolate", to=run.checkpoints / "0000.safetensors",
                         alpha_range=(0, 1))  # fmt: skip
    assert curve.loss[0, 0] == pytest.approx(loss_of(states[-1]), rel=1e-4)
    assert curve.loss[-1, 0] == pytest.approx(loss_of(states[0]), rel=1e-4)


def test_parameters_are_chosen_at_the_command_line_and_shown_by_info(folder, capsys):
    run = trained(folder, epochs=1)
    for kind in ("random", "line"):
        probe, surface, said = probed(run, plane=kind, parameters="head.*")
        moved = Plane.load(probe.plane_path)
        assert [k for k, t in moved.delta.items() if t.any()] == ["head.weight"]
        assert moved.kind == kind
        assert surface.meta["parameters"] == "head.*: 1 of 2 weight tensors"
        assert any("head.*: 1 of 2" in text for text in said)
        assert "parameters  head.*: 1 of 2" in describe(probe.folder)
        assert "--parameters 'head.*'" in command_line(probe.settings, probe.folder)
    out = str(folder / "typed")
    given = ["probe", str(run.folder), "--grid", "2", "--device", "cpu", "--out", out]
    assert main([*given, "--parameters", "haed"]) == 2
    assert "no parameter 'haed': it has head" in capsys.readouterr().err
    assert not (folder / "typed").exists()
    with pytest.raises(ValueError, match="--parameters is for --plane random"):
        ProbeSettings(source=run.folder, plane="interpolate", to=run.folder, parameters="x")


def test_where_most_is_frozen_the_rest_moves_and_it_is_said(folder):
    run = trained(folder, "adapted", epochs=1)
    probe, surface, said = probed(run)
    moved = Plane.load(probe.plane_path)
    assert [k for k, t in moved.delta.items() if t.any()] == ["head.weight"]
    assert surface.meta["parameters"] == "trainable, as most are frozen: 1 of 2 weight tensors"
    assert any("trainable, as most are frozen" in text for text in said)
    whole, surface, _ = probed(run, parameters="all")
    assert Plane.load(whole.plane_path).delta["spectrum"].any()
    found = {f["what"]: f["message"] for f in surface.meta["findings"]}
    assert "1 frozen parameter" in found["parameters"]


def test_a_figure_that_fails_costs_no_evaluation(folder, monkeypatch, capsys):
    from isoloss.figures.robustness import drawing

    def failing(path):
        raise ValueError("no such font")

    monkeypatch.setattr(drawing, "write_usual", failing)
    run = trained(folder, epochs=1)
    given = [
        "--samples",
        "6",
        "--eps",
        "0.01",
        "--attacks",
        "pgd",
        "--steps",
        "2",
        "--device",
        "cpu",
    ]
    code = main(["attack", str(run.folder), *given, "--out", str(folder / "attacked")])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "no figures of attacked: no such font" in said.err
    assert Run.open(folder / "attacked").report_path.exists()


def test_a_run_takes_one_network_of_several_in_a_file_elsewhere(folder, capsys, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    import everytype

    both = {name: everytype.net(3).state_dict() for name in ("gen", "disc")}
    torch.save(both["gen"], folder / "gone.pt")
    torch.save(both, folder / "both.pt")
    settings = ProbeSettings(
        source=folder / "gone.pt", model="everytype:net", data="tinyuser:data", grid=(2, 2),
        device="cpu", precision="fp32", parameters="head",
    )  # fmt: skip
    run = Run.create(folder / "probe", settings)
    (folder / "gone.pt").unlink()
    again = ["run", str(run.folder), "--source", str(folder / "both.pt")]
    assert main(again) == 1
    assert "--key" in capsys.readouterr().err
    assert main([*again, "--key", "disc"]) == 0
    assert Run.open(run.folder).settings.key == "disc"
    origin = Plane.load(run.plane_path).origin
    assert torch.equal(origin["head.weight"], both["disc"]["head.weight"])
    assert main(["run", str(run.folder)]) == 0  # it is kept
