"""Diagnostics: what is wrong on purpose is found once, and by its own check."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import Plane, Surface, custom_plane, random_plane
from isoloss.compute.diagnostics.checks import run_diagnostics
from isoloss.compute.diagnostics.origin import Origin, cell_at_origin
from isoloss.compute.planes.directions import chance_cosine, fraction_off_plane
from isoloss.geometry.trajectory import Trajectory

CHECKS = [
    "directions", "normalization", "centre", "trajectory", "range", "minimum", "standard error",
    "cells", "precision", "parameters", "accuracy", "batch", "draws",
]  # fmt: skip


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(30, 40), nn.ReLU(), nn.Linear(40, 20))


def bowl(points=9, **meta):
    """0.1 + α² + 2β² over [−1, 1]², every sample seen."""
    axis = np.linspace(-1, 1, points)
    loss = 0.1 + axis[:, None] ** 2 + 2 * axis**2
    return Surface.from_loss(axis, axis, loss, normalize="filter", precision="fp32", **meta)


def changed(surface, **changes):
    kept = {k: getattr(surface, k) for k in ("alpha", "beta", "accuracy", "loss_stderr", "count")}
    return Surface(**{**kept, "loss": surface.loss.copy(), "meta": surface.meta, **changes})


def path(alpha, beta, off_plane, **meta):
    alpha, beta, off_plane = (np.asarray(a, float) for a in (alpha, beta, off_plane))
    loss = np.linspace(1, 0.1, len(alpha))
    return Trajectory(
        alpha, beta, loss, off_plane, np.arange(len(alpha)), np.ones(len(alpha)), meta
    )


def unit_plane(kind="pca"):
    """Two orthonormal directions through the first layer."""
    model = network()
    delta, eta = torch.zeros(40, 30), torch.zeros(40, 30)
    delta[0, 0] = eta[1, 1] = 1
    plane = custom_plane(model, {"0.weight": delta}, {"0.weight": eta})
    return Plane(plane.origin, plane.delta, plane.eta, kind)


def alarms(surface, plane=None, own_loss=0.1, trajectories=(), shown=None, error=None, **more):
    """What is found; the surface has `shown` at the origin, by default what it has there."""
    cell = cell_at_origin(surface)
    if shown is None:
        shown = own_loss if cell is None else float(surface.loss[cell])
    if error is None:
        error = 0.0 if cell is None else float(surface.loss_stderr[cell])
    origin = None if own_loss is None else Origin(own_loss, shown, error, error)
    findings = run_diagnostics(
        surface, plane or random_plane(network()), origin=origin, trajectories=trajectories, **more
    )
    assert [f.what for f in findings] == CHECKS
    assert all(f.message.endswith(".") and "\n" not in f.message for f in findings)
    return {f.what: (f.level, f.message) for f in findings if f.level != "ok"}


def only(found, what, level, *words):
    assert list(found) == [what]
    assert found[what][0] == level
    for word in words:
        assert word in found[what][1]


def test_a_healthy_surface_of_every_kind_gives_no_alarm():
    assert alarms(bowl()) == {}
    assert (
        alarms(bowl(), unit_plane("pca"), trajectories=[path([0.5, 0], [0.5, 0], [0.1, 0])]) == {}
    )
    assert alarms(bowl(), unit_plane("custom")) == {}
    axis = np.linspace(-0.5, 1.5, 41)
    curve = Surface.from_loss(axis, np.zeros(1), 0.1 + axis[:, None] ** 2)
    drawn = random_plane(network())
    still = {k: torch.zeros_like(v) for k, v in drawn.eta.items()}
    for kind in ("line", "interpolate"):
        assert alarms(curve, Plane(drawn.origin, drawn.delta, still, kind)) == {}


def test_nearly_parallel_directions():
    drawn = random_plane(network())
    mixed = {k: drawn.delta[k] + 0.2 * drawn.eta[k] for k in drawn.delta}
    found = alarms(bowl(), Plane(drawn.origin, drawn.delta, mixed, "random"))
    # Two independent directions of one length: cos = 1 / √(1 + 0.2²).
    only(found, "directions", "warning", f"{1 / math.sqrt(1.04):.2f}", "--seed")


def test_directions_that_share_more_than_chance():
    torch.manual_seed(0)
    model = nn.Linear(300, 300)
    drawn = random_plane(model)
    mixed = {k: 0.2 * drawn.delta[k] + drawn.eta[k] for k in drawn.delta}
    assert "directions" not in alarms(bowl(), drawn)
    found = alarms(bowl(), Plane(drawn.origin, drawn.delta, mixed, "random"))
    only(found, "directions", "note", "0.19", "--seed")


def test_chance_is_what_gaussian_directions_give():
    torch.manual_seed(0)
    model = nn.Linear(300, 300, bias=False)
    with torch.no_grad():
        model.weight[:3] *= 100  # three large filters make up most of the directions
    cosines = [abs(random_plane(model, seed=s).cosine) for s in range(60)]
    assert chance_cosine(random_plane(model)) == pytest.approx(np.mean(cosines), rel=0.3)
    plain = random_plane(model, normalize="none")
    assert chance_cosine(plain) == pytest.approx(math.sqrt(2 / (math.pi * 300 * 300)), rel=0.02)


def test_a_direction_that_is_zero():
    drawn = random_plane(network())
    still = {k: torch.zeros_like(v) for k, v in drawn.eta.items()}
    found = alarms(bowl(), Plane(drawn.origin, drawn.delta, still, "random"))
    only(found, "directions", "warning", "--plane line")


def test_missing_normalization_is_seen_in_the_directions_themselves():
    surface = changed(bowl(), meta={"precision": "fp32"})
    model = network()
    for normalize in ("filter", "layer"):
        assert alarms(surface, random_plane(model, normalize=normalize)) == {}
    found = alarms(surface, random_plane(model, normalize="none"))
    only(found, "normalization", "warning", "--normalize filter")
    unnormalized = changed(surface, meta={"normalize": "none"})
    only(
        alarms(unnormalized, random_plane(model)), "normalization", "warning", "--normalize filter"
    )


def test_custom_directions_out_of_scale():
    model = network()
    drawn = random_plane(model)
    scaled = drawn.delta["0.weight"] * torch.logspace(-2, 2, 40).unsqueeze(1)
    uneven = custom_plane(model, {"0.weight": scaled}, drawn.eta)
    found = alarms(bowl(), uneven)
    only(found, "normalization", "note", "compared")
    huge = custom_plane(
        model, *({k: 30 * v for k, v in d.items()} for d in (drawn.delta, drawn.eta))
    )
    only(alarms(bowl(), huge), "normalization", "note", "30 to 30 times")
    small = np.linspace(-0.03, 0.03, 9)
    assert alarms(changed(bowl(), alpha=small, beta=small), huge) == {}


def test_a_centre_that_is_not_the_network():
    only(alarms(bowl(), own_loss=0.15), "centre", "warning", "0.1,", "0.15", "fp32")
    only(alarms(bowl(), own_loss=math.nan), "centre", "warning", "NaN")
    only(alarms(bowl(batch_norm="recalibrated"), own_loss=0.15), "centre", "note", "frozen")
    assert alarms(bowl(), own_loss=None) == {}
    # An even grid has no point at the origin: what evaluates it has been there all the same.
    assert alarms(bowl(8), own_loss=0.1) == {}
    only(alarms(bowl(8), own_loss=0.1, shown=0.15), "centre", "warning", "0.15,", "0.1")


def test_errors_of_sampling_and_precision_excuse_the_centre():
    sampled = changed(bowl(), loss_stderr=np.full((9, 9), 0.02))
    assert alarms(sampled, own_loss=0.15) == {}
    assert set(alarms(sampled, own_loss=0.17)) == {"centre"}
    # Half a percent of the relief of 3 is 0.015.
    rounded = bowl(precision_audit_error=0.005)
    rounded.meta["precision"] = "bf16"
    assert alarms(rounded, own_loss=0.114) == {}
    assert set(alarms(rounded, own_loss=0.117)) == {"centre"}


def test_a_trajectory_that_leaves_the_plane():
    plane = unit_plane()
    # Squared distances: 0.25 in the plane, 0.75 off it.
    leaving = path([0.3, 0], [0.4, 0], [math.sqrt(0.75), 0], name="adam")
    staying = path([0.3, 0], [0.4, 0], [0.1, 0], name="sgd")
    found = alarms(bowl(), plane, trajectories=[staying, leaving])
    only(found, "trajectory", "note", "75 %", "adam")
    found = alarms(bowl(), unit_plane("custom"), trajectories=[leaving])
    only(found, "trajectory", "note", "--plane pca")
    found = alarms(bowl(), plane, trajectories=[path([0.3, 0], [math.nan, 0], [0, 0])])
    only(found, "trajectory", "warning", "diverged")


def test_the_fraction_off_the_plane_is_that_of_the_vectors():
    model = network()
    drawn = random_plane(model)
    skewed = {k: 0.9 * drawn.delta[k] + 0.5 * drawn.eta[k] for k in drawn.delta}
    plane = custom_plane(model, drawn.delta, skewed)
    moved = {k: v + 0.1 * torch.randn_like(v) for k, v in model.state_dict().items()}
    coordinates, distances = plane.locate([moved])
    names = [n for n, _ in model.named_parameters()]
    step = torch.cat([(moved[k] - plane.origin[k]).double().ravel() for k in names]).numpy()
    basis = np.stack(
        [
            torch.cat([d[k].double().ravel() for k in names]).numpy()
            for d in (plane.delta, plane.eta)
        ],
        axis=1,
    )
    rest = step - basis @ np.linalg.lstsq(basis, step, rcond=None)[0]
    found = fraction_off_plane(plane, path(*coordinates.T, distances))
    assert found == pytest.approx((rest @ rest) / (step @ step), rel=1e-6)


def test_a_range_too_small():
    flat = changed(bowl(), loss=bowl().loss / 1000 + 5)
    only(alarms(flat, own_loss=5.0001), "range", "warning", "--range -2 2")
    equal = changed(bowl(), loss=np.full((9, 9), 0.1))
    only(alarms(equal), "range", "warning", "0.1 everywhere")
    noisy = changed(bowl(), loss_stderr=np.full((9, 9), 1.5))
    found = alarms(noisy)
    assert set(found) == {"range", "standard error"}
    assert "chance" in found["range"][1]


def test_a_range_too_large():
    axis = np.linspace(-1, 1, 9)
    cliff = bowl(classes=10)
    cliff.loss[np.abs(axis) > 0.3] += 40  # guessing costs log 10 = 2.3
    only(alarms(cliff), "range", "warning", "66.7 %", "23", "(--range -0.25 0.25)")
    # Without classes, the first loss of the trajectory is what guessing costs: here 1.
    start = path([0.5, 0], [0.5, 0], [0, 0])
    only(
        alarms(changed(cliff, meta={}), unit_plane(), trajectories=[start]),
        "range",
        "warning",
        "10",
        "The path needs this range: look at the loss in logarithms (--log-height)",
    )
    assert alarms(changed(cliff, meta={})) == {}
    cliff.loss[np.abs(axis) > 0.3] = np.inf
    assert set(alarms(cliff)) == {"range", "cells"}


def test_the_range_that_is_advised_is_measured_by_the_one_there_is():
    cliff = bowl(classes=10)
    wide = changed(cliff, loss=cliff.loss + 40, alpha=4 * cliff.alpha, beta=2 * cliff.beta - 0.4)
    found = alarms(wide, own_loss=None)
    assert "(--alpha-range -1 1 --beta-range -0.6 0.4)" in found["range"][1]
    narrow = changed(bowl(), loss=np.full((9, 9), 0.1), alpha=bowl().alpha / 8)
    assert "--alpha-range -0.25 0.25 --beta-range -2 2" in alarms(narrow)["range"][1]
    hole = changed(bowl(), loss=np.where(bowl().loss > 3, np.inf, bowl().loss))
    shown = [path([0.5, 0], [0.5, 0], [0, 0])]
    said = alarms(hole, unit_plane(), trajectories=shown)["cells"][1]
    assert said.endswith("holes. Take --precision fp32.")


def test_a_path_that_leaves_the_grid():
    found = alarms(bowl(), unit_plane(), trajectories=[path([2, 1, 0], [0.5, -3, 0], [0, 0, 0])])
    only(found, "range", "note", "2 of 3", "--alpha-range")


def test_a_minimum_beside_the_centre():
    lower = bowl()
    lower.loss[6, 2] = 0.04
    only(alarms(lower), "minimum", "note", "α = 0.5, β = −0.5", "0.06", "learning rate")
    # On an even grid the network's own loss stands for the centre's.
    even = bowl(8)
    even.loss[0, 0] = 0.04
    only(alarms(even), "minimum", "note", "0.06")
    # A dip of 0.06 with a standard error of 0.02 at both points may be chance.
    assert alarms(changed(lower, loss_stderr=np.full((9, 9), 0.02))) == {}
    axis = np.linspace(-0.5, 1.5, 41)
    curve = Surface.from_loss(axis, np.zeros(1), 0.1 + (axis[:, None] - 1) ** 2)
    drawn = random_plane(network())
    assert alarms(curve, Plane(drawn.origin, drawn.delta, {}, "interpolate"), own_loss=1.1) == {}
    only(
        alarms(curve, Plane(drawn.origin, drawn.delta, {}, "line"), own_loss=1.1),
        "minimum", "note", "at α = 1,",
    )  # fmt: skip


def test_large_standard_errors():
    errors = np.zeros((9, 9))
    errors[0, 8] = 0.3  # a tenth of the relief, which is 3
    only(
        alarms(changed(bowl(), loss_stderr=errors)),
        "standard error", "warning", "10 %", "α = −1, β = 1", "--samples",
    )  # fmt: skip
    errors[0, 8] = np.nan
    only(alarms(changed(bowl(), loss_stderr=errors)), "standard error", "warning", "single sample")


def test_cells_that_are_no_numbers_or_not_there():
    broken = bowl()
    broken.loss[0, :2], broken.loss[8, 8] = np.nan, np.inf
    only(alarms(broken), "cells", "note", "3 of 81", "2 NaN, 1 infinite")
    count = np.ones((9, 9), np.int64)
    count[:2, :3] = 0
    half = changed(bowl(), count=count, loss=np.where(count > 0, bowl().loss, np.nan))
    only(alarms(half), "cells", "note", "6 of 81", "isoloss run")


@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_reduced_precision(precision):
    def alarms_at(error):
        surface = bowl(precision_audit_error=error)
        surface.meta["precision"] = precision
        return alarms(surface)

    assert alarms_at(0.004) == {}
    only(alarms_at(0.02), "precision", "warning", precision, "2 %", "--precision fp32")
    only(alarms_at(None), "precision", "note", precision, "not compared", "--precision auto")
    # What auto refused does no harm.
    assert alarms(bowl(precision_audit_error=0.02)) == {}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1e308, -1e308])
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (4, 3)])
def test_no_surface_is_too_sick(value, shape):
    alpha, beta = (np.arange(n) + 3.0 for n in shape)
    surface = Surface.from_loss(alpha, beta, np.full(shape, value))
    for own in (None, value):
        alarms(surface, own_loss=own)
    surface.loss[0, 0] = 1.0
    alarms(surface)
    nothing = changed(surface, count=np.zeros(shape, np.int64), loss=np.full(shape, np.nan))
    assert set(alarms(nothing)) == {"cells"}


def test_from_python_arguments_are_named_and_no_option():
    high, low = bowl(), bowl()
    high.loss[:] += 40
    low.loss[6, 2] = 0.04
    unsure = changed(bowl(), loss_stderr=np.full((9, 9), 0.4))
    curve = Surface.from_loss([-1.0, 0.0, 1.0], [0.0], np.full((3, 1), 2.0))
    outside = [path([2, 1, 0], [0.5, -3, 0], [0, 0, 0])]
    straight = network()
    ones = {k: torch.ones_like(p) for k, p in straight.named_parameters()}
    parallel = custom_plane(straight, ones, ones)
    far = [path([0, 0.1], [0, 0.1], [9, 9])]
    infinite = changed(bowl(), loss=np.where(bowl().loss > 2.5, np.inf, bowl().loss))
    cases = {
        "alpha -0.25 to 0.25, beta -0.25 to 0.25": (changed(high, meta={"classes": 2}), None, ()),
        "alpha -2 to 2)": (curve, None, ()),
        "Leave alpha and beta away": (bowl(), unit_plane(), outside),
        "or lower the learning rate.": (low, None, ()),
        "(samples, or leave": (unsure, None, ()),
        "(seed)": (bowl(), parallel, ()),
        "(isoloss.pca_plane)": (bowl(), unit_plane("custom"), far),
        "save more checkpoints there.": (bowl(), unit_plane(), far),
        "Take a smaller range, or precision fp32": (infinite, None, ()),
    }
    for advice, (surface, plane, shown) in cases.items():
        found = alarms(surface, plane, trajectories=shown, is_from_python=True)
        said = " ".join(message for _, message in found.values())
        assert advice in said
        assert "--" not in said


@pytest.mark.parametrize("split", ["train", "test", None])
def test_another_split_is_advised_only_where_there_is_one(split):
    lower = bowl() if split is None else bowl(split=split)
    lower.loss[6, 2] = 0.04
    assert ("--split train" in alarms(lower)["minimum"][1]) == (split == "test")
