"""Attacks' gradients from recordings, on a GPU that is not there."""

import gc
import warnings

import numpy as np
import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

from isoloss import probe, random_plane
from isoloss.robustness import Adversarial, Protocol, attack, eot_pgd, square
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.objective import objective_of
from isoloss.robustness.ascent.recorded import Unrecorded
from isoloss.robustness.smoothing.smoothing import GaussianSmoothing, OwnNoise

N = 12
TO_THE_END = Protocol(steps=6, random_start=False, keep_best=False)


@pytest.fixture
def gpu():
    with pretended_gpu() as gpu:
        yield gpu


class Small(nn.Module):
    """Four values to three classes."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))

    def forward(self, images):
        return self.layers(images)


class Asks(Small):
    """Asks the device for a number."""

    def forward(self, images):
        return super().forward(images) * (1 + 0 * images.sum().item())


class Raises(Small):
    """Says in a capture that it is not for captures."""

    def forward(self, images):
        if torch.cuda.is_current_stream_capturing():
            raise TypeError("not in a graph")
        return super().forward(images)


def hooked():
    network = Small()
    network.layers[1].register_forward_hook(lambda *_: None)
    return network


def some(n=N):
    torch.manual_seed(1)
    return torch.rand(n, 1, 2, 2), torch.arange(n) % 3


def looks(network, times, device="cuda", **asked):
    """What an objective says of images that change, and of which it is asked so many times."""
    images, labels = (given.to(device) for given in some())
    objective = objective_of(network.to(device).eval(), about=labels, **asked)
    return [objective((images + k / 50) % 1, labels, True) for k in range(times)]


def same(ours, theirs):
    for found, expected in zip(ours, theirs, strict=True):
        for name in ("losses", "success", "gradient", "spoilt"):
            assert torch.equal(getattr(found, name).cpu(), getattr(expected, name)), name


@pytest.mark.parametrize("loss", ["auto", "margin"])
def test_gradients_from_a_recording_are_those_without_bit_for_bit(gpu, loss):
    found = looks(Small(), 6, loss=loss)
    assert (gpu.state.captures, gpu.state.replays) == (1, 4)  # one of them to compare
    same(found, looks(Small(), 6, "cpu", loss=loss))


def test_each_size_is_recorded_for_itself_when_it_comes_for_the_third_time(gpu):
    images, labels = (given.to("cuda") for given in some())
    objective = objective_of(Small().to("cuda").eval(), about=labels)
    for n, captures in ((12, 0), (8, 0), (12, 0), (12, 1), (8, 1), (8, 2), (12, 2), (8, 2)):
        objective(images[:n], labels[:n], True)
        assert gpu.state.captures == captures
    aims = torch.stack([labels, (labels + 1) % 3], 1)
    for _ in range(3):
        objective(images, aims, True)
    assert gpu.state.captures == 3


def test_an_attack_finds_what_it_finds_without_and_gives_the_memory_back(gpu):
    network, (images, labels) = Small(), some()
    here = attack(network, images, labels, 0.1, TO_THE_END)
    gc.disable()
    try:
        there = attack(network.to("cuda"), images.to("cuda"), labels.to("cuda"), 0.1, TO_THE_END)
        assert gpu.state.captures == 1
        assert not +gpu.state.uses
    finally:
        gc.enable()
    assert torch.equal(there.images.cpu(), here.images)
    assert torch.equal(there.losses.cpu(), here.losses)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Asks, "synchroniz"), (Raises, "not in a graph"), (hooked, "it has hooks")],
)
def test_what_cannot_be_recorded_goes_on_without_and_is_told_once(gpu, kind, reason):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = looks(kind(), 7)
    (told,) = [w for w in caught if w.category is Unrecorded]
    assert reason in str(told.message)
    assert gpu.state.replays == 0
    assert not +gpu.state.uses
    same(found, looks(Small(), 7, "cpu"))


def test_losses_of_ones_own_and_networks_that_draw_are_not_recorded(gpu):
    drawing = Small()
    drawing.is_random = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        looks(drawing, 5)
        looks(Small(), 5, loss=lambda logits, labels: nn.functional.cross_entropy(
            logits, labels, reduction="none"))  # fmt: skip
    assert gpu.state.captures == 0


def test_where_the_memory_does_not_suffice_beside_a_recording_it_is_given_back():
    class Wide(Small):
        """One activation of twelve images takes 4 MB."""

        def __init__(self):
            super().__init__()
            self.register_buffer("shares", torch.full((20_000,), 1 / 20_000))

        def forward(self, images):
            return super().forward((images[..., None] * self.shares).sum(4))

    images, labels = some()
    expected = objective_of(Wide().eval())
    with pretended_gpu(memory=10_000_000) as gpu, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        there = objective_of(Wide().eval().to("cuda"), about=labels.to("cuda"))
        for n in (12, 12, 12, 12, 10, 10, 12, 10, 12):
            value = there(images[:n].to("cuda"), labels[:n].to("cuda"), True)
            same([value], [expected(images[:n], labels[:n], True)])
        assert gpu.state.captures > 0
        assert not +gpu.state.uses
    assert [w.message.reason for w in caught] == ["the memory does not suffice"]


def behind_noise(network, device, seed=3):
    defense = GaussianSmoothing(network.to(device).eval(), 0.1)
    defense.generator = torch.Generator(device).manual_seed(seed)
    return defense


@pytest.mark.parametrize("batch_size", [None, 2 * N])
@pytest.mark.parametrize("gradient", [True, False])
def test_means_over_draws_are_recorded_and_draw_what_they_draw_without(gpu, batch_size, gradient):
    found = {}
    for device in ("cuda", "cpu"):
        images, labels = (given.to(device) for given in some())
        defense = behind_noise(Small(), device)
        objective = mean_objective(defense, 4, batch_size, "ce", about=labels)
        found[device] = [objective((images + k / 50) % 1, labels, gradient) for k in range(6)]
        found[device, "next"] = torch.rand(3, generator=defense.generator, device=device).cpu()
    batches = 6 * (1 if batch_size is None else 2)
    assert (gpu.state.captures, gpu.state.replays) == (1, batches - 3 + 1)
    names = ("losses", "success", "votes", *(["gradient", "spoilt", "lacking"] * gradient))
    for ours, theirs in zip(found["cuda"], found["cpu"], strict=True):
        for name in names:
            assert torch.equal(getattr(ours, name).cpu(), getattr(theirs, name)), name
    assert torch.equal(found["cuda", "next"], found["cpu", "next"])


def test_an_expectation_waits_for_no_step_once_it_is_recorded(gpu):
    images, labels = (given.to("cuda") for given in some())

    def waits(steps):
        gpu.clear()
        protocol = Protocol(steps=steps, random_start=False)
        eot_pgd(behind_noise(Small(), "cuda"), images, labels, 0.1, protocol, 4)
        return gpu.waits.total()

    few, captures = waits(5), gpu.state.captures
    assert captures > 0
    assert waits(15) == few
    assert not +gpu.state.uses


def test_queries_are_recorded_in_few_sizes_and_find_what_they_find_without(gpu):
    network, (images, _) = Small(), some(24)
    found = {}
    for device in ("cpu", "cuda"):
        generator = torch.Generator(device).manual_seed(2)
        there = network.to(device)
        gpu.clear()
        found[device] = square(
            there, images.to(device), there(images.to(device)).argmax(1), 0.15, 40,
            generator=generator,
        )  # fmt: skip
    assert 0 < found["cpu"].success.sum() < 24
    assert torch.equal(found["cuda"].images.cpu(), found["cpu"].images)
    assert torch.equal(found["cuda"].losses.cpu(), found["cpu"].losses)
    assert 0 < gpu.state.captures <= 3
    assert gpu.state.replays > 20
    assert gpu.waits.total() <= 40 + 12
    assert not +gpu.state.uses


def test_noise_that_is_drawn_behind_the_noise_is_not_recorded(gpu):
    class Drawing(Small):
        is_random = True

        def forward(self, images):
            return super().forward(images + torch.randn_like(images))

    images, labels = (given.to("cuda") for given in some())
    for defense in (behind_noise(Drawing(), "cuda"), OwnNoise(Drawing().to("cuda"))):
        assert not defense.draws_apart
        objective = mean_objective(defense, 4, None, "ce", about=labels)
        for _ in range(5):
            objective(images, labels, True)
    assert gpu.state.captures == 0


@pytest.mark.parametrize("hook", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_defense_with_hooks_is_called_as_it_is(hook):
    defense, seen = behind_noise(Small(), "cpu"), []
    getattr(defense, hook)(lambda *_: seen.append(1))
    images, labels = some()
    mean_objective(defense, 4)(images, labels, True)
    assert seen


def test_attacks_along_a_plane_are_recorded_and_find_what_they_find_without(gpu):
    network, (images, labels) = Small().eval(), some()
    plane, axis = random_plane(network, seed=1), np.array([-0.3, 0.0, 0.4])
    here, there = (
        probe(
            network, [(images, labels)], plane, axis, axis, quantities=[Adversarial(0.1, steps=5)],
            precision="fp32", device=device, progress=False,
        )
        for device in ("cpu", "cuda")
    )  # fmt: skip
    assert gpu.state.captures >= 2  # with gradients and without
    assert gpu.state.replays > 9
    assert (here.columns["adversarial"] > here.loss).any()
    for name in ("adversarial", "adversarial_accuracy"):
        np.testing.assert_array_equal(there.columns[name], here.columns[name])
    assert not +gpu.state.uses
