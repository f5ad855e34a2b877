"""What fails beside the computation of a surface costs no surface: it goes on, with a word."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import IsolossError, probe, random_plane
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.diagnostics import checks
from isoloss.compute.machine.process_group import ProcessGroup, Ranks
from isoloss.compute.probe import surface_probing
from isoloss.compute.probe.request import Request
from isoloss.compute.probe.surface_probing import SurfaceProbing
from isoloss.events import Log
from isoloss.geometry.growing import GrowingSurface

AXIS = [-1.0, 0.0, 0.6]
CPU = torch.device("cpu")
X = torch.randn(96, 8, generator=torch.Generator().manual_seed(0))
Y = torch.arange(96) % 3


class Experts(nn.Module):
    """Each sample by the expert its gate names: results are put into a tensor of float32."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 2)
        self.experts = nn.ModuleList(nn.Linear(8, 3) for _ in range(2))

    def forward(self, x):
        chosen, out = self.gate(x).argmax(1), torch.zeros(len(x), 3)
        for k, expert in enumerate(self.experts):
            out[chosen == k] = expert(x[chosen == k])
        return out


class Messages(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x):
        received = torch.zeros(len(x), 16)
        return self.head(received.index_add_(0, torch.arange(len(x)), self.layer(x)).relu())


class WithoutAutocast(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 3)

    @torch.autocast("cpu", enabled=False)
    def forward(self, x):
        return self.layer(x.float())


class ThroughNumpy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x):
        return self.head(torch.from_numpy(np.tanh(self.layer(x).detach().numpy())))


class Rarely(nn.Module):
    """Takes bf16 (or several points at once) but for batches with one sample among many."""

    def __init__(self, vmapped=False):
        super().__init__()
        self.layer, self.head, self.vmapped = nn.Linear(8, 16), nn.Linear(16, 3), vmapped

    def forward(self, x):
        hidden = self.layer(x)
        if x.abs().max() > 50:
            several = torch._C._functorch.is_batchedtensor(self.layer.weight)
            if several if self.vmapped else hidden.dtype == torch.bfloat16:
                raise RuntimeError("expected Float\nbut found BFloat16")
        return self.head(hidden.float().tanh())


def made(kind, **options):
    torch.manual_seed(1)
    return kind(**options).eval()


def with_a_rare_sample():
    """Its place in the order of `probe` is beyond a first look and an audit."""
    order = torch.randperm(96, generator=torch.Generator().manual_seed(0))
    x = X.clone()
    x[order[80]] = 100.0
    return x


def words(said):
    return [event.message for event in said if isinstance(event, Log)]


@pytest.mark.parametrize("kind", [Experts, Messages, WithoutAutocast, ThroughNumpy])
def test_a_network_that_does_not_take_bf16_is_probed_in_fp32(
    kind, pretend_fast_bf16, losses_by_torch
):
    model, said = made(kind), []
    plane = random_plane(model)
    asked = (model, [(X, Y)], plane, AXIS, AXIS)
    surface = probe(*asked, progress=False, on_event=said.append)
    expected = losses_by_torch(model, plane, AXIS, AXIS, X, Y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-5)
    assert surface.meta["precision"] == "fp32"
    assert surface.meta["precision_note"].startswith("bf16 fails: ")
    assert any("bf16 fails in this network" in text for text in words(said))
    assert not any("\n" in text for text in words(said))
    with pytest.raises(IsolossError, match=r"cannot be evaluated in bf16 \(.*choose precision"):
        probe(*asked, precision="bf16", progress=False)


@pytest.mark.parametrize("options", [{}, {"tolerance": 0.01}, {"samples": 90}])
def test_bf16_that_fails_on_the_way_is_given_up_there(
    options, pretend_fast_bf16, losses_by_torch, tmp_path
):
    model, x = made(Rarely), with_a_rare_sample()
    plane, said = random_plane(model), []
    asked = (model, [(x, Y)], plane, AXIS, AXIS)
    for out in (None, tmp_path / "run"):
        surface = probe(
            *asked,
            progress=False,
            batch_size=8,
            points_at_once=1,
            on_event=said.append,
            out=out,
            **options,
        )
        assert surface.meta["precision"] == "fp32"
        assert "bf16 fails" in surface.meta["precision_note"]
        assert surface.computed.all()
    assert sum("going on in fp32" in text for text in words(said)) == 2
    if not options:
        expected = losses_by_torch(model, plane, AXIS, AXIS, x, Y)
        np.testing.assert_allclose(surface.loss, expected, rtol=1e-5)
    exact = probe(
        *asked, progress=False, batch_size=8, points_at_once=1, precision="fp32", **options
    )
    np.testing.assert_array_equal(surface.loss, exact.loss)
    np.testing.assert_array_equal(surface.count, exact.count)


def test_a_run_begun_where_bf16_works_goes_on_where_it_does_not(
    pretend_fast_bf16, monkeypatch, tmp_path, losses_by_torch
):
    model, x = made(Rarely), with_a_rare_sample().clamp(max=10)
    plane, said = random_plane(model), []
    asked = {"progress": False, "batch_size": 8, "out": tmp_path / "run"}

    def interrupt(event):
        if "bf16 differs" in getattr(event, "message", ""):
            raise KeyboardInterrupt

    begun = probe(model, [(x, Y)], plane, AXIS, AXIS, on_event=interrupt, **asked)
    assert begun.meta["precision"] == "bf16"
    assert not (begun.count == len(Y)).all()

    own = surface_probing.Evaluator

    def evaluator(*given, **options):
        if options.get("precision") == "bf16":
            raise RuntimeError("no bf16 here")
        return own(*given, **options)

    monkeypatch.setattr(surface_probing, "Evaluator", evaluator)
    surface = probe(model, [(x, Y)], plane, AXIS, AXIS, on_event=said.append, **asked)
    assert any("no bf16 here" in text for text in words(said))
    expected = losses_by_torch(model, plane, AXIS, AXIS, x, Y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-5)


def rarely(model, **asked):
    """A request of which a rare sample makes precision or points at once fail."""
    data = ShuffledSamples.of_batches([(with_a_rare_sample(), Y)], 0, CPU)
    axes = np.array(AXIS), np.array(AXIS)
    return Request(model, random_plane(model), axes, data, len(Y), CPU, batch_size=8, **asked)


def test_between_processes_the_run_ends_and_goes_on_in_fp32(pretend_fast_bf16, tmp_path):
    request = rarely(made(Rarely), points_at_once=1)
    group = ProcessGroup(Ranks(world=2, local_world=2))
    with pytest.raises(IsolossError, match=r"bf16 fails .*resume the run, which goes on in fp32"):
        list(SurfaceProbing(request, tmp_path / "surface").steps(group))
    resumed = SurfaceProbing(request, tmp_path / "surface")
    list(resumed.steps(group))
    exact = SurfaceProbing(replace(request, precision="fp32"), None)
    list(exact.steps(ProcessGroup()))
    np.testing.assert_array_equal(resumed.growing.snapshot().loss, exact.growing.snapshot().loss)


def test_between_processes_points_at_once_end_the_run_too(tmp_path):
    request = rarely(made(Rarely, vmapped=True), precision="fp32", points_at_once=3)
    group = ProcessGroup(Ranks(world=2, local_world=2))
    with pytest.raises(IsolossError, match=r"3 points at once fail .*goes on in one"):
        list(SurfaceProbing(request, tmp_path / "surface").steps(group))
    resumed = SurfaceProbing(request, tmp_path / "surface")
    list(resumed.steps(group))
    assert (resumed.growing.count == len(Y)).all()


@pytest.mark.parametrize("error", [OSError("disk full"), MemoryError()])
def test_what_is_no_fault_of_the_network_is_raised(error, pretend_fast_bf16, monkeypatch):
    def failing(*given, **options):
        raise error

    monkeypatch.setattr(GrowingSurface, "add", failing)
    model, said = made(lambda: nn.Linear(8, 3)), []
    with pytest.raises(IsolossError, match=r"disk full|out of memory"):
        probe(
            model, [(X, Y)], random_plane(model), AXIS, AXIS, progress=False,
            on_event=said.append,
        )  # fmt: skip
    assert not any("going on" in text for text in words(said))


def test_a_checkpoint_that_bf16_fails_on_is_evaluated_in_fp32(pretend_fast_bf16):
    class Scaled(nn.Module):
        """Some weights are large in one checkpoint, and only there."""

        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            logits = self.head(x)
            if logits.dtype == torch.bfloat16 and self.head.bias.abs().max() > 9:
                raise RuntimeError("no bf16 for large weights")
            return logits.float()

    model, said = made(Scaled), []
    states = [{k: v.clone() for k, v in model.state_dict().items()} for _ in range(3)]
    states[1]["head.bias"] += torch.tensor([0.0, 0.0, 10.0])
    surface = probe(
        model, [(X, Y)], random_plane(model), AXIS, AXIS, progress=False, trajectory=states,
        on_event=said.append,
    )  # fmt: skip
    assert surface.meta["precision"] == "bf16"
    assert any("bf16 fails off the surface" in text for text in words(said))
    (path,) = surface.trajectories
    for k, state in enumerate(states):
        model.load_state_dict(state)
        right = nn.functional.cross_entropy(model(X), Y).item()
        assert path.loss[k] == pytest.approx(right, rel=1e-5)


def test_points_at_once_that_fail_on_the_way_are_evaluated_one_by_one(losses_by_torch):
    model, x = made(Rarely, vmapped=True), with_a_rare_sample()
    plane, said = random_plane(model), []
    surface = probe(
        model, [(x, Y)], plane, AXIS, AXIS, precision="fp32", batch_size=8, points_at_once=3,
        progress=False, on_event=said.append,
    )  # fmt: skip
    assert surface.meta["points_at_once"] == 1
    assert any("3 points at once fail in this network" in text for text in words(said))
    np.testing.assert_allclose(
        surface.loss, losses_by_torch(model, plane, AXIS, AXIS, x, Y), rtol=1e-5
    )


def test_points_at_once_are_not_forced_on_a_network_that_takes_one(losses_by_torch):
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.memory, self.head = nn.GRU(4, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.memory(x.view(-1, 2, 4))[0][:, -1])

    model, said = made(Recurrent), []
    plane = random_plane(model)
    surface = probe(
        model, [(X, Y)], plane, AXIS, AXIS, precision="fp32", points_at_once=4, progress=False,
        on_event=said.append,
    )  # fmt: skip
    assert surface.meta["points_at_once"] == 1
    assert any("one point at a time" in text for text in words(said))
    np.testing.assert_allclose(
        surface.loss, losses_by_torch(model, plane, AXIS, AXIS, X, Y), rtol=1e-5
    )


def test_a_network_in_float64_stays_in_float64(pretend_fast_bf16, losses_by_torch):
    model, said = made(lambda: nn.Linear(8, 3).double()), []
    plane = random_plane(model)
    asked = (model, [(X.double(), Y)], plane, AXIS, AXIS)
    surface = probe(*asked, progress=False, on_event=said.append)
    expected = losses_by_torch(model, plane, AXIS, AXIS, X.double(), Y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-13)
    assert "float64" in surface.meta["precision_note"]
    assert any(text.startswith("float64") for text in words(said))
    with pytest.raises(IsolossError, match="float64, not to be reduced to bf16"):
        probe(*asked, precision="bf16", progress=False)


def test_an_error_of_the_networks_own_is_not_taken_for_one_of_precision(pretend_fast_bf16):
    class Broken(nn.Linear):
        def forward(self, input):
            raise KeyError("mine")

    model = Broken(8, 3)
    for precision in ("auto", "bf16", "fp32"):
        with pytest.raises(Exception, match="mine") as failed:
            probe(model, [(X, Y)], random_plane(model), precision=precision, progress=False)
        assert "precision" not in str(failed.value)


@pytest.mark.parametrize("what", list(checks._CHECKS))
def test_a_check_that_fails_costs_no_surface(what, monkeypatch):
    def failing(probed):
        raise ZeroDivisionError("no\nreason")

    monkeypatch.setitem(checks._CHECKS, what, failing)
    model = made(lambda: nn.Linear(8, 3))
    surface = probe(model, [(X, Y)], random_plane(model), AXIS, AXIS, progress=False)
    assert np.isfinite(surface.loss).all()
    found = {f["what"]: f for f in surface.meta["findings"]}
    assert len(found) == len(checks._CHECKS)
    assert found[what]["level"] == "note"
    assert "could not be checked: ZeroDivisionError: no reason." in found[what]["message"]


def test_a_centre_that_cannot_be_measured_costs_no_surface(monkeypatch):
    def failing(*given, **options):
        raise MemoryError

    monkeypatch.setattr(surface_probing, "measure_origin", failing)
    model = made(lambda: nn.Linear(8, 3))
    surface = probe(model, [(X, Y)], random_plane(model), AXIS, AXIS, progress=False)
    assert np.isfinite(surface.loss).all()
    found = {f["what"]: f for f in surface.meta["findings"]}
    assert found["centre"]["level"] == "note"
    assert found["centre"]["message"].endswith("compare the centre with: MemoryError.")
