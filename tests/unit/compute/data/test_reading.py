"""What is given as data, read: as much of it as is asked for, in the same order as ever."""

import itertools

import pytest
import torch
from torch.utils.data import IterableDataset

from isoloss import IsolossError
from isoloss.compute.data import reading
from isoloss.compute.data.reading import ENDLESS, read_batches
from isoloss.compute.data.shuffled_samples import ShuffledSamples

CPU = torch.device("cpu")


def endless(read):
    for k in itertools.count():
        read.append(k)
        yield torch.full((32, 4), float(k)), torch.zeros(32).long()


@pytest.mark.parametrize("kind", ["generator", "cycle", "sized wrongly"])
def test_of_data_without_an_end_no_more_is_read_than_is_asked_for(kind):
    read = []

    class Infinite:
        def __iter__(self):
            return endless(read)

        def __len__(self):
            raise ValueError("no length")

    data = {
        "generator": endless(read),
        "cycle": itertools.cycle([(torch.zeros(32, 4), torch.zeros(32).long())]),
        "sized wrongly": Infinite(),
    }[kind]
    given = read_batches(data, 64)
    assert len(given.batches) == 2
    assert read in ([], [0, 1])
    assert given.population == ENDLESS


def test_without_a_number_of_samples_data_without_an_end_are_refused(monkeypatch):
    monkeypatch.setattr(reading, "MOST_BATCHES", 50)
    with pytest.raises(IsolossError, match=r"given 50 batches and go on: .*--samples"):
        read_batches(endless([]))
    monkeypatch.setattr(reading, "MOST_BATCHES", 10**9)
    monkeypatch.setattr(reading, "_half_the_memory", lambda: 100_000)
    with pytest.raises(IsolossError, match="and go on"):
        read_batches(endless([]))


def test_of_a_dataset_only_the_samples_that_are_drawn_are_read():
    read = []

    class Squares(torch.utils.data.Dataset):
        def __len__(self):
            return 1000

        def __getitem__(self, k):
            read.append(k)
            return {"x": torch.full((3,), float(k * k))}

    given = read_batches(Squares(), 20, seed=3)
    assert len(read) == len(set(read)) == len(given.batches) == 20
    assert given.population == 1000
    assert read == torch.randperm(1000, generator=torch.Generator().manual_seed(3))[:20].tolist()


def test_items_of_an_iterable_dataset_are_samples():
    class Lines(IterableDataset):
        def __iter__(self):
            return iter([torch.arange(5) + k for k in range(4)])

    shuffled = ShuffledSamples.of_batches(read_batches(Lines()).batches, 0, CPU)
    (batch,) = shuffled.batches(0, 4, 10)
    assert batch.shape == (4, 5)
    assert batch[:, 0].sort().values.tolist() == [0, 1, 2, 3]


def test_the_order_is_that_of_ever_also_in_nested_batches():
    x, y = torch.arange(50.0)[:, None], torch.arange(50)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(7))
    nested = [{"a": (x[:30], y[:30])}, {"a": (x[30:], y[30:])}]
    ((a, b), *_) = (batch["a"] for batch in ShuffledSamples.of_batches(nested, 7, CPU, samples=20)
                    .batches(0, 20, 64))  # fmt: skip
    assert torch.equal(b, order[:20])
    assert torch.equal(a[:, 0], order[:20].float())


def test_batches_of_other_shapes_stay_whole_and_single_samples_may_be_drawn():
    ragged = [(torch.zeros(2, n), torch.zeros(2)) for n in (3, 4, 5)]
    with pytest.raises(IsolossError, match="of one shape"):
        ShuffledSamples.of_batches(ragged, 0, CPU, samples=2)
    assert not ShuffledSamples.of_batches(ragged, 0, CPU).can_be_cut
    single = [(torch.zeros(1, n), torch.zeros(1)) for n in (3, 4, 5)]
    drawn = ShuffledSamples.of_batches(single, 0, CPU, samples=2)
    assert drawn.can_be_cut
    assert len(drawn) == 2


def test_scripts_of_earlier_versions_find_the_data():
    from isoloss.compute import datasets
    from isoloss.compute.data.datasets import load_dataset

    assert datasets.load_dataset is load_dataset
