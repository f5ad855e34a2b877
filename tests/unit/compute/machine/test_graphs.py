"""CUDA graphs on a GPU that is not there: what is recorded, when, and what a failure leaves."""

import gc
import weakref

import numpy as np
import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

from isoloss import probe, random_plane
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.machine.graphs import MOST_SIZES, GraphedCalls
from isoloss.events import Log


@pytest.fixture
def gpu():
    with pretended_gpu() as gpu:
        yield gpu


def compute(batch):
    inputs, targets = batch
    return inputs.flatten(1).sum(1), targets > 0


def batch(*shape, inputs=torch.float32, targets=torch.int64):
    x = (100 * torch.rand(shape)).to(inputs)
    return x.to("cuda"), (torch.arange(shape[0]) % 2).to(targets).to("cuda")


def check(graphed, *batches, of=compute):
    for given in batches:
        for ours, expected in zip(graphed(of, given), of(given), strict=True):
            assert ours.dtype == expected.dtype
            torch.testing.assert_close(ours, expected)


def test_batches_are_recorded_when_they_come_for_the_third_time(gpu):
    graphed = GraphedCalls()
    check(graphed, batch(32, 5), batch(16, 5), batch(32, 5))
    assert gpu.state.captures == 0
    check(graphed, batch(32, 5))
    assert gpu.state.captures == 1
    replays = gpu.state.replays
    check(graphed, batch(32, 5), batch(16, 5), batch(32, 5))
    assert (gpu.state.captures, gpu.state.replays - replays) == (1, 2)
    check(graphed, batch(16, 5))
    assert gpu.state.captures == 2


@pytest.mark.parametrize(
    "others",
    [
        [{"shape": (8, 1)}, {"shape": (8, 12)}],
        [{"shape": (8, 3, 4)}, {"shape": (8, 4, 3)}, {"shape": (8, 12)}],
        [{"inputs": torch.float64}, {"inputs": torch.float32}, {"inputs": torch.int64}],
        [{"targets": torch.int64}, {"targets": torch.float32}, {"targets": torch.int32}],
    ],
)
def test_batches_of_one_number_of_samples_may_differ_in_shape_and_type(gpu, others):
    graphed = GraphedCalls()
    kinds = [(one.pop("shape", (8, 12)), one) for one in others]
    check(graphed, *(batch(*shape, **types) for _ in range(5) for shape, types in kinds))
    assert gpu.state.captures == len(others)


def test_a_ragged_classifier_is_probed_as_on_the_cpu():
    torch.manual_seed(0)
    words, head = nn.Embedding(50, 16), nn.Linear(16, 4)

    class OfAnyLength(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.head = words, head

        def forward(self, text):
            return self.head(self.words(text).mean(1))

    model = OfAnyLength()
    lengths = (12, 12, 12, 1, 1, 7, 12, 1)
    data = [(torch.randint(50, (8, n)), torch.randint(4, (8,))) for n in lengths]
    plane, axis = random_plane(model), np.linspace(-1, 1, 3)
    asked = {"alpha": axis, "beta": axis, "precision": "fp32", "points_at_once": 1}
    expected = probe(model, data, plane, **asked, device="cpu", progress=False)
    with pretended_gpu() as gpu:
        found = probe(model, data, plane, **asked, device="cuda", progress=False)
    assert gpu.state.captures > 1
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-6)


def test_all_sizes_share_one_pool_and_one_stream(gpu, monkeypatch):
    streams, pools = [], []
    stream, pool = torch.cuda.Stream, torch.cuda.MemPool
    monkeypatch.setattr(torch.cuda, "Stream", lambda *a: streams.append(stream(*a)) or streams[-1])
    monkeypatch.setattr(torch.cuda, "MemPool", lambda: pools.append(pool().id) or pool())
    graphed = GraphedCalls()
    check(graphed, *(batch(n, 5) for n in (32, 16, 7) for _ in range(4)))
    assert gpu.state.captures == 3
    assert (len(streams), len(pools)) == (1, 1)


def test_recordings_take_no_more_memory_than_a_few_and_give_it_back(gpu):
    graphed = GraphedCalls()
    check(graphed, *(batch(n, 5) for n in range(20, 22 + MOST_SIZES) for _ in range(3)))
    assert gpu.state.captures == MOST_SIZES
    graphed.forget()
    gc.collect()
    assert not +gpu.state.uses
    check(graphed, *(batch(29, 5) for _ in range(3)))
    assert gpu.state.captures == MOST_SIZES + 1


class Counts(nn.Linear):
    """Asks the device for a number."""

    def forward(self, x):
        return super().forward(x) * (1 + 0 * self.weight.sum().item())


class Chosen(nn.Linear):
    """Chooses rows by a mask."""

    def forward(self, x):
        x = super().forward(x)
        return x.index_put((x.sum(1) > 1e9,), torch.zeros((), device=x.device))


class Moved(nn.Linear):
    """Has a constant on the host."""

    def forward(self, x):
        return super().forward(x) + torch.tensor([1.0, 2.0, 3.0]).to(x.device)


def evaluator(model, gpu, **asked):
    x, y = torch.rand(64, 6, device="cuda"), torch.arange(64, device="cuda") % 3
    data = ShuffledSamples.of_batches([(x, y)], 0, torch.device("cuda", 0))
    return Evaluator(model, random_plane(model), data, None, torch.device("cuda", 0), **asked)


@pytest.mark.parametrize("kind", [Counts, Chosen, Moved])
def test_what_waits_inside_a_network_is_refused_before_it_is_captured(gpu, kind):
    ours = evaluator(kind(6, 3), gpu)
    losses = [ours.evaluate(0, 32)[0] for _ in range(5)]
    assert "synchroniz" in ours.unrecorded
    assert (gpu.state.captures, gpu.state.failed, torch.cuda.get_sync_debug_mode()) == (0, 0, 0)
    assert all(torch.equal(one, losses[0]) for one in losses)


class Uncapturable(nn.Linear):
    """Does in a capture alone what cannot be captured; as a library does that plans ahead."""

    def forward(self, x):
        if torch.cuda.is_current_stream_capturing():
            self.weight.sum().item()
        return super().forward(x)


class Raises(nn.Linear):
    """Says in a capture that it is not for captures."""

    def forward(self, x):
        if torch.cuda.is_current_stream_capturing():
            raise TypeError("not in a graph")
        return super().forward(x)


@pytest.mark.parametrize("kind", [Uncapturable, Raises])
def test_a_failed_capture_leaves_stream_memory_and_random_numbers_as_they_were(gpu, kind):
    stream, generator = torch.cuda.current_stream(), torch.cuda.default_generators[0].held
    ours = evaluator(kind(6, 3), gpu)
    drawn = torch.random.get_rng_state()
    losses = [ours.evaluate(0, 32)[0] for _ in range(5)]
    assert ours.unrecorded
    assert gpu.state.captures == (kind is Raises)  # what Python raises breaks no capture
    assert torch.cuda.current_stream() is stream
    assert gpu.state.pools == []
    assert not +gpu.state.uses
    assert gpu.state.random is generator
    assert not generator.captured
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert all(torch.equal(one, losses[0]) for one in losses)


class Noisy(nn.Linear):
    """Draws at random."""

    def forward(self, x):
        return super().forward(x + torch.randn_like(x))


def test_draws_come_as_without_a_recording(gpu):
    losses = []
    for recorded in (True, False):
        ours = evaluator(Noisy(6, 3), gpu, recorded=recorded)
        ours.network.load_state_dict(
            {k: torch.ones_like(t) for k, t in ours.network.state_dict().items()}
        )
        torch.manual_seed(0)
        losses.append([ours.evaluate(0, 32)[0] for _ in range(6)])
    for ours, expected in zip(*losses, strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.parametrize("calls", [4, 12])
def test_memory_that_does_not_suffice_beside_recordings_suffices_without(calls):
    def wide(given):
        return (given[0][:, :, None] * torch.ones(1000, device="cuda")).sum((1, 2)), given[1] > 0

    x, y = torch.rand(10, 100), torch.arange(10)
    with pretended_gpu(memory=6_000_000) as gpu:  # one activation of ten takes 4 of them
        graphed = GraphedCalls()
        for call in range(calls):
            n = (10, 7)[call % 2] if calls > 4 else (10, 10, 10, 7)[call]
            given = x[:n].to("cuda"), y[:n].to("cuda")
            torch.testing.assert_close(graphed(wide, given)[0].cpu(), 1000 * x[:n].sum(1))
        assert gpu.state.captures == 1
        assert graphed.refused == "the memory does not suffice"
        assert not +gpu.state.uses


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
)
def test_where_memory_does_not_suffice_recordings_give_theirs_back(gpu, error):
    graphed = GraphedCalls()
    check(graphed, *[batch(20, 5)] * 3, *[batch(21, 5)] * 2)
    assert sum(gpu.state.uses.values()) > 0

    def fails(_):
        raise type(error)(*error.args)

    with pytest.raises(type(error)):
        graphed(fails, batch(21, 5))
    gc.collect()
    assert graphed.refused == "the memory does not suffice"
    assert not +gpu.state.uses


def test_a_dropped_evaluator_is_freed_at_once_with_all_it_recorded(gpu):
    ours = evaluator(nn.Linear(6, 3), gpu)
    for _ in range(4):
        ours.evaluate(0, 32)
    assert gpu.state.captures == 1
    network, whole = weakref.ref(ours.network), weakref.ref(ours)
    gc.disable()
    try:
        del ours
        assert whole() is None
        assert network() is None
        assert not +gpu.state.uses
    finally:
        gc.enable()


def test_why_nothing_is_recorded_is_told_and_kept_and_a_check_records_nothing():
    torch.manual_seed(0)
    data = [(torch.rand(120, 6), torch.arange(120) % 3)]
    axis = np.linspace(-1, 1, 5)
    model = Counts(6, 3)
    events = []
    asked = {"alpha": axis, "beta": axis, "precision": "fp32", "points_at_once": 1}
    with pretended_gpu():
        plane = random_plane(model)
        found = probe(
            model, data, plane, **asked, device="cuda", progress=False, on_event=events.append
        )
    assert "synchroniz" in found.meta["unrecorded"]
    told = [e.message for e in events if isinstance(e, Log) and "CUDA graphs" in e.message]
    assert len(told) == 1
    assert found.meta["unrecorded"] in told[0]
    with pretended_gpu() as gpu:
        model = nn.Linear(6, 3)
        found = probe(model, data, random_plane(model), **asked, device="cuda", progress=False)
    assert "unrecorded" not in found.meta
    assert gpu.state.captures == 3  # of 16, 32 and 120 − 32 samples, and not one for the findings
