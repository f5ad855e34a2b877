"""Data that do not fit on a device: the same values, batch by batch."""

from __future__ import annotations

import pytest
import torch
from tests.pretended import pretended_gpu

from isoloss.compute.data import shuffled_samples, streaming
from isoloss.compute.data.batch import tensors
from isoloss.compute.data.dataset import Split
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.data.streaming import StreamedSplit, fits, on_device, streamed, taken
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.training.batches import Batches

CPU, GPU = torch.device("cpu"), torch.device("cuda")
X = torch.randint(256, (70, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
Y = torch.arange(70) % 4


@pytest.fixture
def free(monkeypatch):
    """Bytes that are free on every device: [bytes]."""
    now = [10**12]
    monkeypatch.setattr(streaming, "free_bytes", lambda _: now[0])
    return now


def same(some, others):
    pairs = list(zip(some, others, strict=True))
    return pairs and all(
        torch.equal(a, b)
        for one, other in pairs
        for a, b in zip(tensors(one), tensors(other), strict=True)
    )


def test_data_may_take_half_of_what_is_free(free):
    free[0] = 2 * X.nbytes
    assert fits([X], GPU)
    assert not fits([X, Y], GPU)
    assert fits([X, Y], GPU, share=0.5)
    assert fits([X, Y], CPU)  # they lie there already
    meta = torch.device("meta")
    assert not fits([X, Y], meta)


@pytest.mark.parametrize(
    "batches",
    [
        [(X, Y)],
        [(X[:30], Y[:30]), (X[30:], Y[30:])],
        [{"pixels": X, "labels": Y}],
        [(X[:20], Y[:20]), (X[20:, :, :4], Y[20:])],
    ],
)
def test_samples_that_are_streamed_are_the_same(batches, monkeypatch):
    resident = ShuffledSamples.of_batches(batches, 3, CPU)
    assert resident.streaming is None
    monkeypatch.setattr(shuffled_samples, "fits", lambda *_: False)
    ours = ShuffledSamples.of_batches(batches, 3, CPU)
    assert "GB of data are too many" in str(ours.streaming)
    for first, last, size in ((0, 70, 16), (0, ours.cut(20), 7), (ours.cut(20), 70, 100)):
        assert same(ours.batches(first, last, size), resident.batches(first, last, size))
    assert same(ours.pieces(), resident.pieces())
    n = 70 if len(batches[0][0] if isinstance(batches[0], tuple) else X) in (70, 30) else 2
    backwards = list(range(n))[::-1]
    again = ours.in_order(backwards)
    assert again.streaming
    assert same(again.batches(0, 70, 9), resident.in_order(backwards).batches(0, 70, 9))


def test_a_split_that_is_streamed_is_the_same(free):
    split = Split(X, Y)
    assert on_device(split, CPU).batches(9)
    ours = StreamedSplit(X, Y, CPU)
    assert same(ours.batches(9), split.batches(9))
    order = torch.tensor([5, 69, 0, 5])
    assert same([ours.take(order).tensors()], [split.take(order).tensors()])
    for n in (None, 8, 1000):
        assert same(ours.sample(n, 1).batches(20), split.sample(n, 1).batches(20))
    free[0] = 10
    assert isinstance(on_device(split, torch.device("meta")), StreamedSplit)


def test_batches_in_order_are_copied_without_a_wait():
    with pretended_gpu() as gpu:
        found = list(StreamedSplit(X, Y, GPU).batches(20))
        assert gpu.copies.total() > 0
        assert gpu.waits.total() == 0
        assert same([(x.cpu(), y.cpu()) for x, y in found], Split(X, Y).batches(20))


@pytest.mark.parametrize("ranks", [Ranks(), Ranks(1, 1, 2, 2)])
def test_a_training_on_data_that_are_streamed_sees_the_same(ranks):
    def seen(split):
        batches = Batches(split, 16, 3, seed=5, shift=1, mirror=True, noise=0.1)
        return [(b.inputs, b.targets) for b in batches.since(7, ranks)]

    assert same(seen(StreamedSplit(X, Y, CPU)), seen(Split(X, Y)))


def test_memory_that_cannot_be_pinned_is_usual_memory():
    order = torch.tensor([3, 1])
    assert same([taken((X, Y), order)], [(X[order], Y[order])])
    assert list(streamed([], CPU)) == []


@pytest.fixture
def gpu():
    with pretended_gpu(memory=19 * X.nbytes // 10) as there:
        yield there


def test_data_that_do_not_fit_on_a_gpu_are_copied_without_waiting(gpu):
    resident = ShuffledSamples.of_batches([(X, Y)], 3, CPU)
    ours = ShuffledSamples.of_batches([(X, Y)], 3, GPU)
    assert ours.streaming
    assert sum(gpu.copies.values()) == 0
    gpu.clear()
    found = [(x.device.type, x.cpu(), y.cpu()) for x, y in ours.batches(0, 70, 8)]
    assert {kind for kind, *_ in found} == {"cuda"}
    assert sum(gpu.copies.values()) >= 2 * 9
    assert not [where for where in gpu.waits if "data/streaming" in where[0]]
    assert same([f[1:] for f in found], resident.batches(0, 70, 8))


def test_what_fits_on_a_gpu_lies_there():
    with pretended_gpu(memory=3 * X.nbytes):
        assert ShuffledSamples.of_batches([(X, Y)], 3, GPU).streaming is None
        assert ShuffledSamples.of_batches([(X, Y)], 3, GPU, samples=8).streaming is None


def test_a_batch_is_computed_when_it_is_there_and_the_next_is_under_way(gpu):
    """The stream that computes waits for the copy, and the copies for what computed before."""
    begun = []

    def pieces():
        for k in range(4):
            begun.append(k)
            yield X[k : k + 1].pin_memory(), Y[k : k + 1].pin_memory()

    here = torch.cuda.current_stream()
    for k, (x, _) in enumerate(streamed(pieces(), GPU)):
        assert begun == list(range(min(k + 2, 4)))
        assert len(here.waited_for) == k + 1
        assert torch.equal(x.cpu(), X[k : k + 1])
    assert len(set(map(id, here.waited_for))) == 5  # at the end for the stream of copies


def test_a_copy_for_nobody_is_waited_for(gpu):
    here = torch.cuda.current_stream()
    batches = streamed(((X[k : k + 1], Y[k : k + 1]) for k in range(4)), GPU)
    next(batches)
    batches.close()
    assert type(here.waited_for[-1]) is type(here)
