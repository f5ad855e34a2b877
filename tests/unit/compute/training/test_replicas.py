"""Shards of a batch: together they are the batch, and so is their gradient."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss import IsolossError
from isoloss.compute.machine.process_group import ProcessGroup, Ranks
from isoloss.compute.training.batches import augment
from isoloss.compute.training.replicas import check_device, replicated, shard_of


def shards(samples, world):
    return [shard_of(samples, Ranks(r, r, world, world)) for r in range(world)]


@pytest.mark.parametrize(("samples", "world"), [(8, 2), (9, 2), (45, 4), (8, 4), (23, 7), (5, 1)])
def test_shards_are_a_partition_with_at_least_two_samples_each(samples, world):
    rows = [list(range(samples))[s.rows] for s in shards(samples, world)]
    assert list(itertools.chain(*rows)) == list(range(samples))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1
    assert min(map(len, rows)) >= 2
    assert all(s.counts for s in shards(samples, world))


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_batch_too_small_to_split_is_computed_by_all_and_counted_once(samples):
    for rank, shard in enumerate(shards(samples, 4)):
        assert range(samples)[shard.rows] == range(samples)
        assert shard.weight == 1
        assert shard.counts == (rank == 0)


@pytest.mark.parametrize(("samples", "world"), [(9, 2), (23, 7), (3, 4)])
def test_the_mean_of_the_shards_gradients_is_the_batchs_gradient(samples, world):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    x, y = torch.randn(samples, 5, dtype=torch.float64), torch.randint(0, 3, (samples,))
    parameters = list(net.parameters())
    whole = torch.autograd.grad(F.cross_entropy(net(x), y, reduction="sum") / samples, parameters)
    parts = [
        torch.autograd.grad(F.cross_entropy(net(x[s.rows]), y[s.rows]) * s.weight, parameters)
        for s in shards(samples, world)
    ]
    for expected, *each in zip(whole, *parts, strict=True):
        torch.testing.assert_close(torch.stack(each).mean(0), expected)


def test_images_of_a_shard_move_as_they_would_in_the_whole_batch():
    images = torch.rand(11, 3, 6, 6)
    whole = augment(images, shift=2, mirror=True, seed=5)
    parts = [
        augment(images[s.rows], shift=2, mirror=True, seed=5, part=s.rows, of=11)
        for s in shards(11, 3)
    ]
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(whole, images)


def test_alone_a_network_is_not_wrapped():
    net = nn.Linear(2, 2)
    with replicated(
        net, lambda n: n(torch.zeros(1, 2)), torch.device("cpu"), ProcessGroup()
    ) as network:
        assert network is net


def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch):
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert Ranks(6, 2, 8, 4).own(gpu) == torch.device("cuda:2")
    assert Ranks(1, 0, 2, 1).own(torch.device("cuda:1")) == torch.device("cuda:1")
    with pytest.raises(IsolossError, match="4 processes of this machine would share cuda:1"):
        Ranks(6, 2, 8, 4).own(torch.device("cuda:1"))
    assert Ranks(6, 2, 8, 4).own(torch.device("cpu")) == torch.device("cpu")
    assert Ranks().own(gpu) == gpu
    check_device(gpu, Ranks(6, 2, 8, 4))
    check_device(torch.device("cpu"), Ranks(0, 0, 9, 9))
    with pytest.raises(IsolossError, match="5 processes cannot train on 4 GPU"):
        check_device(gpu, Ranks(0, 0, 5, 5))
    with pytest.raises(IsolossError, match="--device cpu"):
        check_device(torch.device("mps"), Ranks(0, 0, 2, 2))
    check_device(torch.device("mps"), Ranks())
