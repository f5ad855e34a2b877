"""The pretended GPU does as a GPU does, as far as tests rely on it."""

import copy

import numpy as np
import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn
from torch.nn import functional as F

GPU = torch.device("cuda", 0)


@pytest.fixture
def gpu():
    with pretended_gpu() as gpu:
        yield gpu


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 5),
    )  # fmt: skip


def test_a_network_trains_there_as_on_the_cpu(gpu):
    x, y = torch.rand(8, 3, 6, 6), torch.arange(8) % 5
    losses = []
    for device in ("cpu", "cuda"):
        net = network().to(device)
        weights = list(net.parameters())
        for _ in range(3):
            loss = F.cross_entropy(net(x.to(device)), y.to(device))
            gradients = torch.autograd.grad(loss, weights)
            assert {g.device.type for g in gradients} == {device}
            with torch.no_grad():
                torch._foreach_add_(weights, gradients, alpha=-0.1)
        losses.append(loss.item())
    assert losses[0] == losses[1]
    assert gpu.copies.total() == 3 * 2 + len(network().state_dict())


def test_all_that_comes_of_a_tensor_there_is_there(gpu):
    x = torch.rand(4, 6).to("cuda")
    made = (
        x[1:, ::2], x.T, x.view(-1), x + 1, x.clone(), x.double(), copy.deepcopy(x), x.new_zeros(3),
        torch.zeros_like(x), x.argmax(1), nn.Parameter(x), x.detach(), torch.cat([x, x]), x.cuda(),
        torch.ones(2, device=x.device), torch.tensor([1, 2], device="cuda"), x.max(1)[0],
        *x.split(2),
        torch.func.vmap(lambda row: row * 2)(x), F.one_hot(x.argmax(1), 9), F.softmax(x, 1),
        torch.randn(3, device="cuda", generator=torch.Generator("cuda")), x.to(torch.bfloat16),
    )  # fmt: skip
    assert {t.device for t in made} == {GPU}
    back = x.cpu(), x.to("cpu"), x.new_zeros(3, device="cpu"), torch.zeros_like(x, device="cpu")
    assert {t.device.type for t in back} == {"cpu"}
    assert x.is_cuda
    assert not back[0].is_cuda
    np.testing.assert_array_equal(back[0].numpy(), back[1].numpy())


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x + torch.ones(4),
        lambda x: torch.cat([x, torch.ones(4)]),
        lambda x: nn.Linear(4, 2)(x),
        lambda x: x.mul_(torch.ones(4)),
        lambda x: torch.where(x > 0, x, torch.ones(4)),
        lambda x: torch.ones(4)[x.long()] + x,
    ],
)
def test_tensors_of_two_devices_do_not_mix(gpu, work):
    with pytest.raises(RuntimeError, match="same device"):
        work(torch.rand(4, device="cuda"))


def test_numbers_of_the_host_mix(gpu):
    x = torch.ones(4, device="cuda")
    x[0] = 5.0
    assert (x * torch.tensor(2.0) + 1).tolist() == [11, 3, 3, 3]
    assert gpu.waits.total() == 1
    assert not gpu.copies


def test_generators_of_another_device_are_refused(gpu):
    for work in (
        lambda: torch.rand(3, device="cuda", generator=torch.Generator()),
        lambda: torch.rand(3, generator=torch.Generator("cuda")),
        lambda: torch.rand(3, device="cuda").normal_(generator=torch.Generator()),
        lambda: torch.randperm(3, device="cuda", generator=torch.Generator()),
    ):
        with pytest.raises(RuntimeError, match="for generator"):
            work()
    one, other = (torch.Generator("cuda").manual_seed(3) for _ in range(2))
    drawn = torch.rand(3, device="cuda", generator=one)
    assert torch.equal(drawn, torch.rand(3, device="cuda", generator=other))


def test_a_tensor_there_is_no_array(gpu):
    with pytest.raises(TypeError, match="to numpy"):
        np.asarray(torch.ones(2, device="cuda"))


@pytest.mark.parametrize(
    ("work", "waits"),
    [
        (lambda x: x.sum().item(), 1),
        (lambda x: float(x.sum()) + int(x[0]), 2),
        (lambda x: bool((x > 0).any()), 1),
        (lambda x: x.cpu(), 1),
        (lambda x: x.tolist(), 1),
        (lambda x: x.nonzero(), 1),
        (lambda x: x[x > 0], 1),
        (lambda x: x[torch.tensor([0, 1])], 1),
        (lambda x: x.copy_(torch.zeros(4)), 1),
        (lambda x: torch.zeros(4).copy_(x), 1),
        (lambda x: torch.equal(x, x), 1),
        (lambda x: torch.tensor([1.0], device="cuda"), 1),
        (lambda x: torch.zeros(4).pin_memory().to("cuda", non_blocking=True), 0),
        (lambda x: x.to("cpu", non_blocking=True), 0),
        (lambda x: torch.cuda.synchronize(), 1),
        (lambda x: (x + 1).relu().sum().clamp_(0), 0),
        (lambda x: x.fill_(3).new_full((2,), 4.0), 0),
    ],
)
def test_waits_are_counted(gpu, work, waits):
    x = torch.ones(4, device="cuda")
    gpu.clear()
    work(x)
    assert gpu.waits.total() == waits


def test_waits_are_told_by_the_line_that_asks_for_them(gpu):
    torch.ones(3, device="cuda").sum().item()
    ((where, what),) = gpu.waits
    assert where.startswith("test_pretended.py:")
    assert what == "local_scalar_dense"


def captured(work):
    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    with torch.cuda.graph(graph, stream=side):
        made = work()
    return graph, made


def test_a_graph_does_again_what_was_done_where_it_was_done(gpu):
    x = torch.ones(3, device="cuda")
    factor = 2
    graph, made = captured(lambda: torch.relu(x.view(3, 1) * factor).sum(1))
    x.copy_(torch.tensor([5.0, -1.0, 3.0], device="cuda"))
    factor = 7  # Python's own: a graph does not see it
    assert made.tolist() == [2, 2, 2]
    before = gpu.launches
    graph.replay()
    assert gpu.launches == before
    assert made.tolist() == [10, 0, 6]
    assert (gpu.state.captures, gpu.state.replays) == (1, 1)


def test_what_waits_breaks_a_capture_and_what_it_leaves_behind_is_as_pytorch_leaves_it(gpu):
    before = torch.cuda.current_stream()
    with pytest.raises(RuntimeError, match="previous error during capture"):
        captured(lambda: torch.ones(3, device="cuda").sum().item())
    assert torch.cuda.current_stream() is not before
    assert len(gpu.state.pools) == 1
    assert gpu.state.random.captured


def test_an_error_of_pythons_own_leaves_a_capture_whole(gpu):
    before = torch.cuda.current_stream()
    with pytest.raises(ZeroDivisionError):
        captured(lambda: 1 / 0)
    assert torch.cuda.current_stream() is before
    assert gpu.state.pools == []


def test_the_sync_debug_mode_refuses_waits(gpu):
    x = torch.ones(3, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    with pytest.raises(RuntimeError, match="synchronizing"):
        x.sum().item()
    torch.cuda.set_sync_debug_mode(0)
    assert x.sum().item() == 3


def test_memory_has_an_end_and_is_given_back():
    with pretended_gpu(memory=1000) as gpu:
        first = torch.zeros(200, device="cuda")
        with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
            torch.zeros(100, device="cuda")
        assert torch.cuda.mem_get_info() == (200, 1000)
        del first
        torch.zeros(240, device="cuda")
        assert gpu.marks.peak == 960


def test_apples_gpu_has_no_double_precision():
    with pretended_gpu(kind="mps"):
        x = torch.ones(3).to("mps")
        assert x.device.type == "mps"
        for work in (x.double, lambda: torch.ones(2, dtype=torch.float64, device="mps")):
            with pytest.raises(TypeError, match="float64"):
                work()


def test_afterwards_there_is_no_gpu():
    with pretended_gpu():
        x = torch.ones(3, device="cuda")
        assert torch.cuda.is_available()
    assert not torch.cuda.is_available()
    assert x.device.type == "cpu"
    assert torch.Tensor.__dict__.get("device") is None
