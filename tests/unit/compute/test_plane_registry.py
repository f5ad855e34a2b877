"""A plane kind added in one entry is everywhere: the example of CONTRIBUTING.md, carried out."""

import argparse

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import isoloss
from isoloss import IsolossError, Plane
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.terms import of_fact
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.cli.options import add_options, settings_from
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import load_into, load_state
from isoloss.compute.training.classifier import build_for
from isoloss.run import Run
from isoloss.run_names import run_name
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.settings.plane_kinds import PlaneKind, register, unregister
from isoloss.work import resume

STEP = 0.5
EXAMPLE = {}
"""What the example of CONTRIBUTING.md defines."""


def along_two_weights(inputs):
    return EXAMPLE["build"](inputs)


def along_one_weight(inputs):
    plane = along_two_weights(inputs)
    still = {name: torch.zeros_like(tensor) for name, tensor in plane.eta.items()}
    return Plane(plane.origin, plane.delta, still)


TOY = PlaneKind(
    "toy", "two-weight plane", "the first two weights", f"{__name__}:along_two_weights",
    usual_range=(-2.0, 3.0),
)  # fmt: skip
TOY_LINE = PlaneKind(
    "toyline", "one-weight line", "the first weight", f"{__name__}:along_one_weight",
    is_line=True, usual_range=(0.0, 4.0),
)  # fmt: skip


@pytest.fixture(autouse=True)
def toy_kinds(worked_example):
    EXAMPLE.update(worked_example("A new plane kind"))
    for kind in (TOY, TOY_LINE):
        register(kind)
    yield
    for kind in (TOY, TOY_LINE):
        unregister(kind.name)


@pytest.fixture
def trained(in_folder_of_users_module):
    settings = TrainSettings(
        model="tinyuser:network", data="tinyuser:data", epochs=2, batch_size=15, device="cpu",
        precision="fp32",
    )  # fmt: skip
    run = Run.create(in_folder_of_users_module / "trained", settings)
    list(resume(run))
    return run


def probe_of(trained, plane, **options):
    settings = ProbeSettings(
        source=trained.folder, plane=plane, device="cpu", precision="fp32", points_at_once=1,
        **options,
    )  # fmt: skip
    run = Run.create(trained.folder.parent / run_name(settings), settings)
    list(resume(run))
    return run


def losses_by_hand(trained, points):
    """The mean loss over the training split with the first two weights moved by STEP·(α, β)."""
    data = load_dataset("tinyuser:data")
    model = build_for(trained.settings, data).eval()
    last = trained.checkpoints / "0002.safetensors"
    load_into(model, load_state(last), str(last))
    weight = next(model.parameters())
    start = weight.detach().clone()
    found = []
    with torch.no_grad():
        for alpha, beta in points:
            weight.copy_(start)
            weight.view(-1)[:2] += STEP * torch.tensor([alpha, beta])
            logits = model(data.train.inputs)
            found.append(float(F.cross_entropy(logits, data.train.targets)))
    return found


def test_a_toy_plane_is_probed_from_a_run_to_its_surface(trained):
    run = probe_of(trained, "toy", grid=(4, 3))
    assert run.name == "trained-toy"
    surface = isoloss.load(run.folder)
    np.testing.assert_allclose(surface.alpha, [-2, -2 + 5 / 3, -2 + 10 / 3, 3])
    np.testing.assert_allclose(surface.beta, [-2, 0.5, 3])
    points = [(a, b) for a in surface.alpha for b in surface.beta]
    expected = np.reshape(losses_by_hand(trained, points), (4, 3))
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-5)
    assert surface.meta["plane"] == "toy"
    assert surface.meta["normalize"] is None
    assert surface.title == "network on data, two-weight plane"
    assert Plane.load(run.plane_path).kind == "toy"
    found = {f["what"]: f["message"] for f in surface.meta["findings"]}
    assert "filters have moved" in found["normalization"]
    assert "the network's own" in found["centre"]
    assert "plane       toy" in describe(run.folder)


def test_a_toy_line_is_a_curve(trained):
    run = probe_of(trained, "toyline", points=5)
    curve = isoloss.load(run.folder)
    assert curve.is_curve
    np.testing.assert_allclose(curve.alpha, [0, 1, 2, 3, 4])
    expected = losses_by_hand(trained, [(a, 0) for a in range(5)])
    np.testing.assert_allclose(curve.loss[:, 0], expected, rtol=1e-5)
    assert run.curve_path.exists()
    assert not run.surface_path.exists()


def options(*words):
    parser = argparse.ArgumentParser()
    add_options(parser, ProbeSettings)
    return settings_from(ProbeSettings, parser.parse_args(["a", *words]))


def test_the_command_line_knows_it(capsys):
    assert options("--plane", "toy", "--grid", "9").plane == "toy"
    assert options("--plane", "toyline", "--points", "9").is_curve
    with pytest.raises(IsolossError, match="--points is for --plane line or --plane inter"):
        options("--plane", "toy", "--points", "9")
    with pytest.raises(IsolossError, match=r"'along', 'toy' or 'toyline' \(got 'tory'\)"):
        options("--plane", "tory")
    with pytest.raises(SystemExit):
        main(["probe", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    given = "interpolate,directions,direction,hessian,gradient,three,path,along"
    known = f"{{random,pca,line,{given},toy,toyline}}"
    assert f"--plane {known}" in said
    assert "path: those through both ends and the bend of a trained path; along:" in said


def test_options_of_other_kinds_are_refused():
    for option, given in (("to", "b"), ("also", ("b",)), ("planes", 2), ("parameters", "x")):
        with pytest.raises(ValueError, match=f"--{option} is for --plane "):
            ProbeSettings(source="a", plane="toy", **{option: given})


def test_the_form_lists_it_and_hides_what_it_does_not_take(trained):
    form = Form(ProbeSettings)
    fields = {row.name: row for row in form.fields}
    assert fields["plane"].kind == "choice"
    assert fields["plane"].choices[-2:] == ("toy", "toyline")
    form.set("source", str(trained.folder))
    form.set("plane", "toy")
    assert form.settings.plane == "toy"
    hidden = {row.name for row in form.fields if not form.matters(row)}
    others = {"to", "directions", "rescale", "also", "planes", "normalize", "parameters"}
    others |= {"third", "beside", "align", "every"}
    others |= {"norm", "eps", "steps", "step_size", "denoiser", "sigma"}  # of quantities
    assert hidden == others | {"points"}
    form.set("plane", "toyline")
    hidden = {row.name for row in form.fields if not form.matters(row)}
    assert hidden == others | {"grid", "beta_range"}


def test_the_window_explains_it_as_a_plane():
    assert [e.term for e in of_fact("Plane", "toy")] == ["Plane"]


def test_a_name_is_given_once():
    for name in ("toy", "random"):
        with pytest.raises(IsolossError, match=f"there is a plane kind '{name}' already"):
            register(PlaneKind(name, "", "", ""))
