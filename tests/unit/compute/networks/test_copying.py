"""Networks of every kind are probed as torch evaluates them, or refused in one line."""

import io
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from isoloss import IsolossError, interpolation, probe, random_plane
from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.compute.networks.copying import copied
from isoloss.compute.planes.plane import Plane

X, Y = torch.randn(60, 6, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3
WORDS = torch.arange(60 * 5).view(60, 5) % 11


def layers(wrap=lambda layer: layer):
    return nn.Sequential(wrap(nn.Linear(6, 9)), nn.BatchNorm1d(9), nn.Tanh(), nn.Linear(9, 3))


class Recurrent(nn.Module):
    def __init__(self, wrapped=False):
        super().__init__()
        self.words, self.memory = nn.Embedding(11, 6), nn.LSTM(6, 8, batch_first=True)
        self.head = nn.Linear(8, 3)
        if wrapped:
            nn.utils.weight_norm(self.memory, "weight_hh_l0")

    def forward(self, x):
        return self.head(self.memory(self.words(x))[0][:, -1])


class Remembering(nn.Module):
    """Keeps what it has computed, and what it has computed it from, as attributes."""

    def __init__(self):
        super().__init__()
        self.body, self.head, self.kept = nn.Linear(6, 9), nn.Linear(9, 3), []

    def forward(self, x):
        self.seen = self.body(x).tanh()
        self.kept = [{"seen": self.seen}]
        return self.head(self.seen)


class Silent(nn.Module):
    """Its train() returns nothing, as many of people's own do."""

    def __init__(self):
        super().__init__()
        self.layers = layers()

    def train(self, mode=True):
        super().train(mode)

    def forward(self, x):
        return self.layers(x)


class Extra(nn.Module):
    def __init__(self, extra):
        super().__init__()
        self.layers, self.extra = layers(), extra

    def get_extra_state(self):
        return self.extra

    def set_extra_state(self, state):
        self.extra = state

    def forward(self, x):
        return self.layers(x)


def pruned():
    model = layers()
    prune.l1_unstructured(model[0], "weight", 0.3)
    return model


def with_scripted_layer():
    return nn.Sequential(torch.jit.script(nn.Linear(6, 9)), nn.Tanh(), nn.Linear(9, 3))


def lazy():
    model = nn.Sequential(nn.LazyLinear(9), nn.LazyBatchNorm1d(), nn.Tanh(), nn.LazyLinear(3))
    model(X)
    return model


def traced():
    return torch.jit.trace(layers().eval(), X)


KINDS = {
    "weight_norm of old": lambda: layers(nn.utils.weight_norm),
    "spectral_norm of old": lambda: layers(nn.utils.spectral_norm),
    "weight_norm": lambda: layers(parametrizations.weight_norm),
    "orthogonal": lambda: layers(parametrizations.orthogonal),
    "pruned": pruned,
    "recurrent": Recurrent,
    "recurrent with weight_norm": lambda: Recurrent(wrapped=True),
    "remembering": Remembering,
    "silent": lambda: Silent(),
    "extra state of none": lambda: Extra(None),
    "extra state of a dict": lambda: Extra({"fp8": False}),
    "extra state of bytes": lambda: Extra(io.BytesIO(b"recipe")),
    "extra state of a tensor": lambda: Extra(torch.ones(3)),
    "scripted": lambda: torch.jit.script(layers()),
    "traced": traced,
    "a scripted layer": with_scripted_layer,
    "lazy, run once": lazy,
}


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trained(kind):
    """A network after one step, with what it then keeps."""
    torch.manual_seed(1)
    model = KINDS[kind]()
    inputs = WORDS if isinstance(model, Recurrent) else X
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    nn.functional.cross_entropy(model(inputs), Y).backward()
    optimizer.step()
    model(inputs)
    model.eval()
    return model, inputs


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_probed_as_torch_evaluates_it(kind, losses_by_torch, quiet):
    model, inputs = trained(kind)
    plane = random_plane(model, 2)
    axes = [-1.0, 0.0, 0.5], [0.0, 1.0]
    for options in ({"precision": "fp32"}, {"points_at_once": 3, "precision": "fp32"}, {}):
        surface = probe(model, [(inputs, Y)], plane, *axes, progress=False, **options)
        expected = losses_by_torch(model, plane, *axes, inputs, Y)
        assert np.ptp(expected) > 1e-3
        np.testing.assert_allclose(surface.loss, expected, rtol=1e-4)
        assert not any("could not" in f["message"] for f in surface.meta["findings"])


@pytest.mark.parametrize("kind", ["extra state of none", "extra state of a dict", "pruned"])
def test_planes_and_checkpoints_hold_what_are_tensors(kind, tmp_path, losses_by_torch, quiet):
    model, inputs = trained(kind)
    ends = []
    for k in range(2):
        ends.append(save_tensors(tmp_path / f"{k}.safetensors", model.state_dict()))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.3 * torch.randn_like(parameter)
    assert all(isinstance(t, torch.Tensor) for t in load_state(ends[0]).values())
    plane = Plane.load(interpolation(model, *ends).save(tmp_path / "plane.safetensors"))
    curve = probe(model, [(inputs, Y)], plane, [0, 1], precision="fp32", progress=False)
    for k, end in enumerate(ends):
        model.load_state_dict(load_state(end), strict=False)
        right = nn.functional.cross_entropy(model(inputs), Y).item()
        assert curve.loss[k, 0] == pytest.approx(right, rel=1e-4)


def test_a_copy_keeps_no_graph_and_leaves_the_network_alone():
    model, _ = trained("remembering")
    copy_of = copied(model.train())
    assert model.training
    assert not copy_of.training
    assert model.seen.grad_fn is not None
    assert copy_of.seen.grad_fn is None
    assert torch.equal(copy_of.seen, model.seen)
    assert copy_of.kept[0]["seen"] is copy_of.seen


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (nn.Linear(3, 3, device="meta"), "weight of the network has no values"),
        (nn.Sequential(nn.LazyLinear(3)), "0.weight of the network has no shape yet: run"),
        (nn.LazyConv2d(3, 3), "run the network once"),
        (nn.Linear(3, 3).state_dict(), "not a state dict: build the network"),
        ("network.pt", r"not a path \(network.pt\)"),
        (Path("network.pt"), r"not a path \(network.pt\)"),
        (nn.Linear, r"not a class: give an instance, as Linear\(\)"),
        (torch.ones(3), "not Tensor"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_network_is_called_what_it_is(what, words):
    plane = random_plane(nn.Linear(3, 3))
    for attempt in (
        lambda: random_plane(what),
        lambda: interpolation(what, plane.origin, plane.origin),
        lambda: probe(what, [(torch.ones(2, 3), torch.zeros(2).long())], plane, progress=False),
    ):
        with pytest.raises(IsolossError, match=words):
            attempt()


class Exhausting:
    def __deepcopy__(self, memo):
        raise MemoryError


def test_networks_that_cannot_move_or_be_copied_get_one_line(quiet):
    frozen = torch.jit.freeze(torch.jit.script(layers().eval()))
    integers = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(6, 3)))
    for model in (frozen, integers, nn.BatchNorm1d(3), nn.Tanh()):
        with pytest.raises(IsolossError, match="the network has no parameter that could move"):
            random_plane(model)
    locked = layers()
    locked.lock = threading.Lock()
    with pytest.raises(IsolossError, match=r"cannot be copied .*lock"):
        probe(locked, [(X, Y)], random_plane(locked), progress=False)
    locked.lock = Exhausting()
    with pytest.raises(IsolossError, match="out of memory: choose a smaller batch_size"):
        probe(locked, [(X, Y)], random_plane(locked), progress=False)
    scripted = torch.jit.script(layers())
    with pytest.raises(IsolossError, match="cannot be recalibrated"):
        probe(scripted, [(X, Y)], random_plane(scripted), batch_norm="recalibrated", progress=False)


def test_a_copy_that_computes_with_the_network_itself_is_refused(losses_by_torch):
    """Whatever moves in such a copy changes nothing: the surface would be flat."""
    held, hooked, bound = layers().eval(), layers().eval(), layers().eval()
    inside = held.forward
    held.forward = lambda x: 2 * inside(x)
    hooked[1].register_forward_hook(lambda module, given, output: hooked[2](output))
    for model in (held, hooked):
        with pytest.raises(IsolossError, match=r"computes with the network itself"):
            probe(model, [(X, Y)], random_plane(model), [0.0, 1.0], [0.0, 1.0], progress=False)
        model(X)  # as before
    bound.forward = bound.forward
    plane, axis = random_plane(bound), [0.0, 1.0]
    surface = probe(bound, [(X, Y)], plane, axis, axis, precision="fp32", progress=False)
    expected = losses_by_torch(bound, plane, axis, axis, X, Y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-4)


def test_a_loss_may_use_the_network_itself():
    """As one that compares with it."""
    model = layers().eval()

    def distance(moved, batch):
        return (moved(batch[0]) - model(batch[0])).square().sum(1)

    surface = probe(model, [(X, Y)], random_plane(model), [0.0, 1.0], [0.0], distance,
                    progress=False)  # fmt: skip
    assert surface.loss[0, 0] == pytest.approx(0, abs=1e-9)
    assert surface.loss[1, 0] > 1e-3


def test_a_run_of_a_scripted_network_knows_it_again(tmp_path, quiet):
    model = torch.jit.script(layers().eval())
    plane = random_plane(model)
    asked = {"progress": False, "out": tmp_path / "run", "precision": "fp32"}
    first = probe(model, [(X, Y)], plane, [0.0, 1.0], [0.0, 1.0], **asked)
    again = probe(model, [(X, Y)], plane, [0.0, 1.0], [0.0, 1.0], **asked)
    np.testing.assert_array_equal(first.loss, again.loss)
    other = nn.Sequential(*layers()[:2], nn.ReLU(), layers()[3]).eval()
    other.load_state_dict(model.state_dict())
    with pytest.raises(IsolossError):
        probe(torch.jit.script(other), [(X, Y)], plane, [0.0, 1.0], [0.0, 1.0], **asked)
