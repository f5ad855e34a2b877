"""What is found of a network that is asked twice, and what then becomes of attacks on it."""

import random
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import (
    Fast,
    GaussianSmoothing,
    Protocol,
    attack,
    certify,
    eot_pgd,
    pgd,
    predict,
    square,
    sweep,
    vote,
)
from isoloss.robustness.ascent.asking import Answers, ask_twice

ONE, RANDOM = Answers(), Answers(is_random=True)
SHARED, BATCH = Answers(True, True), Answers(depends_on_batch=True)


class Behind(nn.Module):
    """The network, of what a function makes of the images; or what it makes of the logits."""

    def __init__(self, network, change=lambda x: x, answer=lambda logits: logits):
        super().__init__()
        self.network, self.change, self.answer = network, change, answer

    def forward(self, images):
        return self.answer(self.network(self.change(images)))


def noisy(sigma):
    return lambda x: x + sigma * torch.randn_like(x)


def turned_at_random(x):
    return torch.roll(x, random.randint(1, 3), -1)


def with_numpys_noise(x):
    return x + torch.from_numpy(np.random.normal(0, 0.1, x.shape)).to(x)  # noqa: NPY002


def of_its_own(x, generator=torch.Generator().manual_seed(3)):  # noqa: B008
    return x + 0.1 * torch.randn(x.shape, generator=generator)


ANSWERS = {
    "the same": (lambda x: x, ONE),
    "rounded": (lambda x: (x * 7).round() / 7, ONE),
    "centred": (lambda x: x - x.mean((1, 2, 3), keepdim=True), ONE),
    "dropout that is off": (nn.Dropout(0.5), ONE),
    "dropout left on": (lambda x: F.dropout(x, 0.3), RANDOM),
    "noise": (noisy(0.2), RANDOM),
    "a little noise": (noisy(0.01), RANDOM),
    "noise of its own generator": (of_its_own, SHARED),  # which nobody can turn back
    "NumPy's noise": (with_numpys_noise, SHARED),
    "turned at random, all alike": (turned_at_random, SHARED),
    "one draw for a batch": (lambda x: x + 0.2 * torch.randn_like(x[:1]), SHARED),
    "numbers that hardly count": (lambda x: x + 1e-12 * torch.rand_like(x), SHARED),
    "the batch's mean": (lambda x: x - x.mean(0, keepdim=True), BATCH),
    "the batch's brightest": (lambda x: x / x.mean((1, 2, 3)).amax(), BATCH),
    "by the batch's order": (lambda x: x.roll(1, 0), BATCH),
}


@pytest.mark.parametrize("how", ANSWERS)
def test_how_a_network_answers_is_found_out(digits, how):
    net, x, _ = digits
    change, expected = ANSWERS[how]
    model = Behind(net, change).eval()
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    assert ask_twice(model, x) == expected
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert before[2] == random.getstate()
    assert Fast(model, x, precision="fp32").answers == expected


def test_networks_of_one_answer_cost_two_batches(digits):
    net, x, _ = digits
    asked = []
    handle = net.register_forward_hook(lambda _, given, __: asked.append(len(given[0])))
    ask_twice(net, x)
    handle.remove()
    assert sum(asked) == 2 * 8


def test_a_batch_norm_without_statistics_and_a_batchs_own_scale_are_found():
    torch.manual_seed(0)
    x = torch.rand(8, 1, 6, 6)
    head = [nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)]
    for track, expected in ((False, BATCH), (True, ONE)):
        norm = nn.BatchNorm2d(4, track_running_stats=track)
        net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, *head).eval()
        assert ask_twice(net, x) == expected
        assert ask_twice(net.bfloat16(), x.bfloat16()) == expected
        net.float()

    def of_eight_bits(images):
        scale = images.amax() / 15  # as where activations are quantized by the batch
        return (images / scale).round() * scale

    uneven = x * torch.linspace(0.1, 1, 8).view(-1, 1, 1, 1)
    assert ask_twice(Behind(net, of_eight_bits), uneven) == BATCH
    assert ask_twice(net, uneven[:1]) == ONE


def accuracy(model, images, labels, looks=60):
    with torch.no_grad():
        return np.mean([float((model(images).argmax(1) == labels).float().mean())
                        for _ in range(looks)])  # fmt: skip


def test_a_network_that_draws_noise_is_attacked_by_its_mean_and_judged_afresh(digits):
    net, x, y = digits
    eps, sigma = 0.1, 0.4
    model = Behind(net, noisy(sigma))
    torch.manual_seed(0)
    known = eot_pgd(GaussianSmoothing(net, sigma), x, y, eps, Protocol(steps=8), 8).images
    with pytest.warns(UserWarning, match="gives two answers to the same image"):
        found = attack(model, x, y, eps, Protocol(steps=8))
    # As strong as the attack that knows of the noise, and no luckier than fresh draws are.
    assert accuracy(model, found.images, y) == pytest.approx(accuracy(model, known, y), abs=0.05)
    with torch.no_grad():
        votes = torch.stack([model(found.images).argmax(1) for _ in range(101)])
    wrong = votes.mode(0).values != y
    assert float((wrong != found.success).float().mean()) <= 0.2
    with pytest.warns(UserWarning, match="two answers"):
        searched = square(model, x, y, eps, 60)
    fresh = accuracy(model, searched.images, y)
    assert accuracy(model, found.images, y) < fresh
    assert float(searched.success.float().mean()) <= 1 - fresh + 0.05
    with pytest.warns(UserWarning, match="two answers"):
        (clean,) = sweep(lambda *a: attack(model, *a, Protocol(steps=2)), model, x, y, [0.0])
    assert float((~clean.success).float().mean()) >= accuracy(model, x, y)


def test_what_draws_noise_of_its_own_is_not_certified(digits):
    net, x, y = digits
    defense = GaussianSmoothing(Behind(net, noisy(0.1)), 0.1)
    for certified in (lambda: list(certify(defense, x, range(64), 10, 10)),
                      lambda: predict(defense, x, range(64), 10)):  # fmt: skip
        with pytest.raises(IsolossError, match="draws random numbers of its own, and a certif"):
            certified()
    with pytest.warns(UserWarning, match="two answers"):
        vote(defense, x[:2], y[:2], range(2), 3)


def test_what_depends_on_its_batch_is_attacked_and_judged_one_by_one(digits):
    net, x, y = digits
    x, y = x[:10], y[:10]
    model = Behind(net, lambda x: (x - 0.6 * x.mean(0, keepdim=True)).clamp(0, 1))
    protocol, alone = Protocol(steps=4, random_start=False), []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*depends on the others in its batch")
        alone = [attack(model, x[k : k + 1], y[k : k + 1], 0.06, protocol) for k in range(10)]
        together = attack(model, x, y, 0.06, protocol)
        swept = list(sweep(lambda *a: attack(model, *a, protocol), model, x, y, [0, 0.06]))
        defense, each = GaussianSmoothing(model, 0.1), [(x[k : k + 1], [k]) for k in range(10)]
        found = [list(certify(defense, *some, 10, 30)) for some in ((x, range(10)), *each)]
        made = pgd(model, x, y, 0.06, 4, random_start=False)
    expected = torch.cat([a.success for a in alone])
    assert 0 < int(expected.sum()) < 10
    assert torch.equal(together.success, expected)
    torch.testing.assert_close(together.images, torch.cat([a.images for a in alone]))
    torch.testing.assert_close(made, together.images)
    wrong = torch.cat([model(x[k : k + 1]).argmax(1) != y[k] for k in range(10)])
    assert torch.equal(swept[0].success, wrong)
    assert torch.equal(swept[1].success, wrong | expected)
    assert [c for one in found[1:] for c in one] == found[0]
    with pytest.warns(UserWarning, match="depends on the others in its batch"):
        square(model, x, y, 0.06, 2)


def test_an_image_that_is_wrong_as_it_is_counts_under_any_attack():
    class Pedant(nn.Module):
        """Wrong of images of 8 bits alone, so that no random start finds what the image finds."""

        def forward(self, images):
            off = ((images * 255 - (images * 255).round()).abs() > 1e-3).flatten(1).any(1)
            slope = 0 * images.sum((1, 2, 3))
            return torch.stack([off.float() + slope, 1 - off.float() + slope], 1)

    x = torch.tensor([100.0, 100.3]).div(255).view(2, 1, 1, 1).expand(2, 1, 3, 3)
    y = torch.zeros(2, dtype=torch.long)
    for protocol in (Protocol(steps=3), Protocol(steps=3, restarts=2, keep_best=False)):
        found = attack(Pedant(), x, y, 0.01, protocol)
        assert found.success.tolist() == [True, False]
        assert torch.equal(found.images[0], x[0])
    for carry in (True, False):
        (only,) = sweep(
            lambda *a: attack(Pedant(), *a, Protocol(steps=2)), Pedant(), x, y, [0.001],
            carry=carry,
        )  # fmt: skip
        assert only.success.tolist()[0]


ASKED = {
    "pgd": lambda m, x, y: pgd(m, x, y, 0.1, 2),
    "attack": lambda m, x, y: attack(m, x, y, 0.1, Protocol(steps=2)),
    "square": lambda m, x, y: square(m, x, y, 0.1, 2),
    "sweep": lambda m, x, y: list(sweep(lambda *a: attack(m, *a, Protocol(steps=2)), m, x, y, [0])),
    "eot": lambda m, x, y: eot_pgd(GaussianSmoothing(m, 0.1), x, y, 0.1, Protocol(steps=2), 2),
    "certify": lambda m, x, y: list(certify(GaussianSmoothing(m, 0.1), x, range(len(x)), 2, 2)),
    "vote": lambda m, x, y: vote(GaussianSmoothing(m, 0.1), x, y, range(len(x)), 2),
}


class Output(dict):
    """As transformers' are: by name, by place, as attributes."""

    logits = property(lambda self: self["logits"])


@pytest.mark.parametrize("how", ASKED)
def test_what_is_no_logits_is_refused_with_the_mend_by_all_alike(digits, how):
    net, x, y = digits
    refused = {
        "network(x)[0]": lambda o: (o, o.sum()),
        "network(x)['out']": lambda o: {"out": o},
        "network(x)['logits']": lambda o: Output(loss=o.sum(), logits=o),
        "network(x)[:, None], if it is the logit": lambda o: o[:, 1],
        "network(x).mean((2, 3))": lambda o: o[:, :, None, None].expand(-1, -1, 3, 2),
        "gives one number in [0, 1] for each image": lambda o: o[:, :1].sigmoid(),
        "gives NoneType": lambda o: None,
        "the network fails on images of": lambda o: o @ torch.zeros(3, 3),
    }
    for message, answer in refused.items():
        with pytest.raises(IsolossError) as refusal:
            ASKED[how](Behind(net, answer=answer), x[:4], y[:4])
        assert message in str(refusal.value)
        assert "\n" not in str(refusal.value)
    for other in (lambda z: net(z), type("Wrapper", (), {"__call__": lambda s, z: net(z)})()):
        with pytest.raises(IsolossError, match=r"give a torch\.nn\.Module, with what comes before"):
            ASKED[how](other, x[:4], y[:4])


def test_one_logit_is_a_classifier_of_two_classes(digits):
    net, x, y = digits
    x, y = x[:24], (y[:24] > 4).long()
    net = Behind(net, answer=lambda o: o[:, 5:].sum(1, True) - o[:, :5].sum(1, True))
    pair = Behind(net, answer=lambda o: torch.cat([-o / 2, o / 2], 1))
    answers = []
    for model in (net, pair):
        start, search = (torch.Generator().manual_seed(0) for _ in range(2))
        found = attack(model, x, y, 0.1, Protocol(steps=4), start)
        swept = list(sweep(lambda *a, m=model: attack(m, *a, Protocol(steps=3, random_start=False)),
                           model, x, y, [0, 0.2]))  # fmt: skip
        answers.append([
            found.success.tolist(),
            square(model, x, y, 0.1, 20, generator=search).success.tolist(),
            [s.success.tolist() for s in swept],
            list(certify(GaussianSmoothing(model, 0.1), x, range(24), 10, 50)),
            torch.equal(found.success, net(found.images)[:, 0].gt(0).long() != y),
        ])  # fmt: skip
    assert answers[0] == answers[1]
    assert answers[0][-1]
    assert 0 < sum(answers[0][0]) < 24


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("norm", "eps"), [("linf", 8 / 255), ("l2", 0.6)])
def test_images_in_half_precision_stay_in_the_ball_and_are_judged_as_they_are(
    digits, kind, norm, eps
):
    net, x, y = digits
    x = x.to(kind)
    for how in (
        lambda: attack(net, x, y, eps, Protocol(steps=5, norm=norm)),
        lambda: square(net, x, y, eps, 40, norm),
        lambda: eot_pgd(GaussianSmoothing(net, 0.01), x, y, eps, Protocol(steps=4, norm=norm), 2),
    ):
        found = how()
        assert found.images.dtype == kind
        moved = (found.images.double() - x.double()).flatten(1)
        assert float(moved.abs().max() if norm == "linf" else moved.norm(dim=1).max()) <= eps + 1e-6
        assert float(moved.abs().max()) > 0.01
        assert found.images.isfinite().all()
    found = attack(net, x, y, eps, Protocol(steps=5, norm=norm))
    assert torch.equal(found.success, net(found.images.float()).argmax(1) != y)
    whole = attack(net, x.float(), y, eps, Protocol(steps=5, norm=norm)).success
    assert abs(int(found.success.sum()) - int(whole.sum())) <= 3


def test_a_network_in_half_precision_is_given_images_of_its_own_type(digits):
    net, x, y = digits
    for given in (x, x.half()):
        made = pgd(Behind(net).half(), given, y, 0.1, 3)
        assert made.dtype == given.dtype
        net.float()
        assert 0 < float((made.float() - x).abs().max()) <= 0.1 + 1e-6


class Contrast(nn.Module):
    """By its own contrast: of an image of one colour the gradient is NaN."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        centred = images - images.mean((1, 2, 3), keepdim=True)
        return self.network(centred / (images.var((1, 2, 3), keepdim=True).sqrt() + 0.2))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_one_gradient_that_is_not_finite_stops_nobody_else(digits, norm):
    net, x, y = digits
    model, protocol = Contrast(net), Protocol(steps=6, norm=norm, random_start=False)
    x, y = x.clone(), model(x).argmax(1)
    x[3], x[7] = 0, 0.5
    y[[3, 7]] = model(x[[3, 7]]).argmax(1)
    others = [k for k in range(len(x)) if k not in (3, 7)]
    eps = 0.15 if norm == "linf" else 1.0
    found, alone = (attack(model, x[k], y[k], eps, protocol) for k in (range(len(x)), others))
    assert torch.equal(found.success[others], alone.success)
    assert alone.success.any()
    assert found.without_gradient.nonzero()[:, 0].tolist() == [3, 7]
    assert not alone.without_gradient.any()
    with pytest.raises(IsolossError, match="not finite for 1 of 1 images"):
        pgd(model, x[3:4], y[3:4], eps, 3, norm=norm, random_start=False)


def test_images_that_rounding_has_moved_out_of_range_are_clamped(digits):
    net, x, y = digits
    mean, std = 0.4914, 0.2023
    for off in (x + 1.2e-7, x - 2.98e-8, (x - mean) / std * std + mean):
        made = pgd(net, off, y, 0.1, 2)
        assert 0 <= float(made.min()) <= float(made.max()) <= 1
        assert len(list(certify(GaussianSmoothing(net, 0.1), off[:2], range(2), 2, 2))) == 2
        assert GaussianSmoothing(net, 0.1)(off).isfinite().all()
    bicubic = F.interpolate((x > 0.5).float(), size=16, mode="bicubic")
    assert float(bicubic.min()) < -0.02
    with pytest.raises(IsolossError, match=r"resized ones overshoot, clamp them"):
        pgd(net, bicubic, y, 0.1, 2)
    with pytest.raises(IsolossError, match=r"normalization belongs inside"):
        pgd(net, (x - mean) / std, y, 0.1, 2)


def test_inside_inference_mode_it_is_not_the_network_that_is_blamed(digits):
    net, x, y = digits
    with torch.inference_mode(), pytest.raises(IsolossError, match="attack outside of it"):
        pgd(net, x, y, 0.1, 2)
