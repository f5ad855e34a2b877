"""Attacks of one's own: `isoloss.robustness.evaluate`, and `--attacks package.module:function`."""

import copy
import functools
import math
import random
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchattacks
from scipy.stats import beta
from torch import nn

from isoloss import IsolossError
from isoloss.cli.main import main
from isoloss.robustness import Protocol, attack, evaluate, pgd
from isoloss.robustness.smoothing.own_denoiser import denoiser_of
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing
from isoloss.settings.attack_kinds import attack_names, attack_of

QUICK = {"device": "cpu", "precision": "fp32", "keep": 0, "progress": False}
OWN = '''
"""An attack of the user's own, for tests."""
import torch


def signs(model, x, y, eps):
    return (x + eps * torch.randn_like(x).sign()).clamp(0, 1)


def broken(model, x, y, eps):
    return x + model(x)


number = 3
'''


@pytest.fixture(scope="module")
def digits(digits):
    """A network and 32 images that it knows: one block of a run."""
    net, x, y = digits
    return net, x[:32], y[:32]


@pytest.fixture
def own_module(in_folder_of_users_module):
    (in_folder_of_users_module / "tinyattack.py").write_text(OWN, encoding="utf-8")
    yield in_folder_of_users_module
    sys.modules.pop("tinyattack", None)


def fgsm(model, x, y, eps):
    x = x.clone().requires_grad_()
    F.cross_entropy(model(x), y).backward()
    return (x + eps * x.grad.sign()).clamp(0, 1)


def nothing(model, x, y, eps):
    return x


def comparable(rows, **same):
    return [repr(replace(row, seconds=0.0, **same)) for row in rows]


def right(net, images, labels):
    return int((net(images).argmax(1) == labels).sum())


def test_a_table_says_what_counting_by_hand_says(digits):
    net, x, y = digits
    wrong = y.clone()
    wrong[:9] = (y[:9] + 1) % 10
    table = evaluate(net, x, wrong, {"mine": fgsm, "pgd": "pgd"}, [0.1, 0.02], steps=3, **QUICK)
    mine = {row.eps: row for row in table if row.attack == "mine"}
    assert list(mine) == [0.0, 0.02, 0.1]
    # Accuracies under larger ε count what smaller ones have found.
    left = net(x).argmax(1) == wrong
    for eps, row in mine.items():
        if eps:
            left &= net(fgsm(net, x, wrong, eps)).argmax(1) == wrong
        assert (row.samples, row.correct) == (32, int(left.sum()))
        low = beta.ppf(0.025, row.correct, 32 - row.correct + 1) if row.correct else 0.0
        high = beta.ppf(0.975, row.correct + 1, 32 - row.correct)
        np.testing.assert_allclose((row.accuracy, row.low, row.high), (row.correct / 32, low, high))
    assert mine[0.0].correct == 23
    assert {row.network for row in table} == {"Sequential"}
    assert {row.attack for row in table} == {"mine", "pgd", "worst"}


def test_what_cannot_be_imported_is_told_in_one_line(own_module, capsys):
    for name, message in (
        ("nowhere:f", "cannot import nowhere:f: No module named 'nowhere'; run isoloss in the"),
        ("tinyattack:none", "there is no 'none' in tinyattack"),
        ("tinyattack:number", "tinyattack:number is not a function"),
        ("tinyuser:network", "must be a function of (model, x, y, eps): too many positional"),
        ("pdg", "there is no attack 'pdg': choose of pgd, square, autoattack, apgd_ce, apgd_dlr, "),
        ("python:mine", "the attack mine was given in Python and lies in no file"),
    ):
        asked = ["attack", "digits-classifier", "--attacks", name, "--samples", "4", "--out", "run"]
        assert main(asked) == 2
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1
        assert not (own_module / "run").exists()


def test_an_attack_that_fails_is_named_with_its_line(own_module, digits, capsys):
    asked = ["attack", "digits-classifier", "--attacks", "tinyattack:broken", "--samples", "4"]
    assert main([*asked, "--device", "cpu", "--out", "run"]) == 1
    assert "tinyattack.py, line 11, in broken: RuntimeError: The size" in capsys.readouterr().err

    def lost(model, x, y, eps):
        return {}["key"]

    net, x, y = digits
    for function in (lost, functools.partial(lost), Failing()):
        place = r"test_own_attacks.py, line \d+, in (lost|__call__): KeyError: 'key'"
        with pytest.raises(IsolossError, match=place):
            evaluate(net, x[:4], y[:4], {"mine": function}, 0.1, **QUICK)


class Failing:
    def __call__(self, model, x, y, eps):
        return {}["key"]


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (lambda x: None, "mine gives a NoneType: it must give the images alone, (2, 1, 8, 8)"),
        (lambda x: (x, x), "gives a tuple: it must give the images alone"),
        (lambda x: x[:1], "gives (1, 1, 8, 8) for images of (2, 1, 8, 8)"),
        (lambda x: x.flatten(1), "gives (2, 64) for images of"),
        (lambda x: (x * 255).byte(), "gives uint8: images are floats in [0, 1]"),
    ],
)
def test_what_is_no_images_is_refused(digits, gives, message):
    net, x, y = digits
    with pytest.raises(IsolossError, match=re.escape(message)) as refusal:
        evaluate(net, x[:2], y[:2], {"mine": lambda m, x, y, e: gives(x)}, 0.1, **QUICK)
    assert "\n" not in str(refusal.value)


def ids(table):
    return {doubt.id for doubt in table.doubts if doubt.attack == "mine"}


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 0.8)])
def test_what_leaves_the_ball_is_brought_back_and_told(digits, norm, eps):
    net, x, y = digits

    def climbed(model, x, y, length):
        leaf = x.clone().requires_grad_()
        F.cross_entropy(model(leaf), y).backward()
        way = leaf.grad.sign()
        if norm == "l2":
            way = leaf.grad / leaf.grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        return x + length * way

    table = evaluate(net, x, y, {"mine": lambda m, x, y, e: climbed(m, x, y, 3 * e)}, eps,
                     norm=norm, **QUICK)  # fmt: skip
    (doubt,) = (d for d in table.doubts if d.id == "outside-the-ball")
    assert doubt.attack == "mine"
    assert f"32 images that mine gave lay outside the ball, up to {3 * eps:.4g} " in doubt.message
    # What was counted is the nearest in the ball, looked at by the network itself.
    moved = climbed(net, x, y, 3 * eps).clamp(0, 1) - x
    if norm == "linf":
        back = x + moved.clamp(-eps, eps)
    else:
        back = x + moved * (eps / moved.flatten(1).norm(dim=1)).clamp(max=1).view(-1, 1, 1, 1)
    (row,) = (row for row in table if row.eps == eps and not row.is_worst_case)
    assert row.correct == right(net, back, y) < 32
    # By rounding alone nobody is outside.
    inside = evaluate(net, x, y, {"mine": lambda m, x, y, e: climbed(m, x, y, e * (1 + 1e-6)).clamp(
        0, 1)}, eps, norm=norm, **QUICK)  # fmt: skip
    assert not ids(inside) & {"outside-the-ball", "outside-the-range", "not-finite"}


def test_what_leaves_the_range_is_clamped_and_told(digits):
    net, x, y = digits
    table = evaluate(net, x, y, {"mine": lambda m, x, y, e: x - e}, 0.1, **QUICK)
    assert ids(table) >= {"outside-the-range"}
    (row,) = (row for row in table if row.eps == 0.1 and not row.is_worst_case)
    assert row.correct == right(net, (x - 0.1).clamp(0, 1), y)


def test_what_is_not_finite_is_not_attacked(digits):
    net, x, y = digits

    def half(model, x, y, eps):
        images = fgsm(model, x, y, eps)
        images[::2] = math.nan
        images[1::4] = math.inf
        return images.detach().numpy().astype(np.float64)

    table = evaluate(net, x, y, {"mine": half}, 0.3, **QUICK)
    (doubt,) = (d for d in table.doubts if d.id == "not-finite")
    assert doubt.message.startswith("at ε = 0.3, 24 images that mine gave had values that are not")
    (row,) = (row for row in table if row.eps == 0.3 and not row.is_worst_case)
    assert 24 <= row.correct < 32


def test_an_attack_never_helps(digits):
    net, x, y = digits
    wrong = (y + (torch.arange(32) % 2)) % 10

    def best_of_friends(model, x, y, eps):
        return pgd(model, x, y, eps, 5, targeted=y, random_start=False)

    for protocol in ("standard", "legacy"):
        rows = evaluate(
            net, x, wrong, {"mine": best_of_friends}, 0.3, protocol=protocol, **QUICK
        ).rows
        assert rows[0].correct == 16
        assert rows[1].correct == 16


def test_whatever_an_attack_does_to_the_network_nobody_else_sees(digits):
    net, x, y = digits
    before = copy.deepcopy(net.state_dict())

    def vandal(model, x, y, eps):
        images = fgsm(model, x, y, eps)
        model.train()
        for module in model.modules():
            module.training = True
        for p in model.parameters():
            p.requires_grad_(True).data.zero_()
        model.register_forward_hook(lambda *_: torch.zeros(len(x), 10))
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return images

    alone = evaluate(net, x, y, {"pgd": ..., "mine": fgsm}, [0.02, 0.1], steps=3, **QUICK)
    beside = evaluate(net, x, y, {"mine": vandal, "pgd": ...}, [0.02, 0.1], steps=3, **QUICK)
    assert sorted(comparable(alone)) == sorted(comparable(beside))
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.requires_grad for p in net.parameters())


def test_what_is_random_follows_from_the_seed(digits):
    net, x, y = digits
    drawn = []

    def noise(model, x, y, eps):
        some = torch.rand(1).item(), np.random.rand(), random.random()  # noqa: NPY002
        drawn.append(some)
        return (x + eps * torch.randn_like(x).sign()).clamp(0, 1)

    tables = [
        evaluate(net, x, y, {"mine": noise}, [0.1, 0.3], seed=seed, **QUICK) for seed in (4, 4, 5)
    ]
    third = len(drawn) // 3
    assert drawn[:third] == drawn[third : 2 * third] != drawn[2 * third :]
    assert len(set(drawn[:third])) > 1
    assert comparable(tables[0]) == comparable(tables[1])
    numbers = {attack_of(name).seed_number for name in (*attack_names(), "mine", "yours")}
    assert len(numbers) == len(attack_names()) + 2
    assert attack_of("mine").seed_number == 3_920_155_539  # runs were begun with it


def test_attacks_of_other_libraries_are_a_line_each(digits):
    net, x, y = digits
    table = evaluate(
        net, x, y,
        {
            "theirs": lambda model, x, y, eps: torchattacks.FGSM(model, eps=eps)(x, y),
            "apgd": lambda model, x, y, eps: torchattacks.APGD(model, eps=eps, steps=5)(x, y),
            "partial": functools.partial(pgd, steps=10, loss="margin"),
            "fgsm": fgsm,
        },
        0.1, **QUICK,
    )  # fmt: skip
    found = {row.attack: row.correct for row in table if row.eps == 0.1}
    assert found["theirs"] == found["fgsm"]
    assert found["apgd"] <= found["fgsm"]
    assert found["partial"] <= found["fgsm"]
    assert "only-own-attacks" in {doubt.id for doubt in table.doubts}


def test_black_boxes_of_one_s_own_are_not_taken_for_masked_gradients(digits):
    net, x, y = digits
    x, y = x[:20], y[:20]

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, images):
            return self.net(images) * 1e5

    def through(model, x, y, eps):
        return attack(net, x, y, eps, Protocol(steps=10)).images

    table = evaluate(Masked(), x, y, {"mine": through, "pgd": ..., "square": ...}, 0.1,
                     queries=80, steps=3, loss="ce", **QUICK)  # fmt: skip
    found = {row.attack: row.correct for row in table if row.eps == 0.1}
    assert found["mine"] < found["pgd"] - 5
    doubts = {doubt.id for doubt in table.doubts}
    assert "black-box-beats-white-box" in doubts, "of square"
    assert not any("mine" in d.message for d in table.doubts if d.id.endswith("white-box"))


def test_behind_a_denoiser_of_one_s_own(digits):
    net, x, y = digits
    mean = x.mean(0)

    def shrunk(noisy, sigma):
        return mean + (noisy - mean) * 0.0625 / (0.0625 + sigma**2)

    asked = {"votes": 12, "draws": 2, "steps": 2, "queries": 4, "samples": 16, "sigma": 0.3}
    table = evaluate(net, x, y, {"mine": fgsm, "eot": ...}, [0.1, 0.3], denoiser=shrunk, **asked,
                     **QUICK)  # fmt: skip
    defended = [row for row in table if row.sigma == 0.3]
    assert {row.attack for row in defended} == {"mine", "eot", "worst"}
    assert {row.attack for row in table if math.isnan(row.sigma)} == {"pgd", "worst"}
    assert {row.defense for row in defended} == {"denoised"}
    mine = [row for row in defended if row.attack == "mine"]
    assert [row.votes for row in mine] == [12] * 3
    assert mine[0].accuracy_by("worst").correct <= mine[0].correct
    # What it is: the network behind noise and the function, drawn by hand.
    torch.manual_seed(0)
    noisy = x[None] + 0.3 * torch.randn(200, *x.shape)
    logits = net(shrunk(noisy.flatten(0, 1), 0.3)).view(200, 32, 10)
    share = float((logits.argmax(2) == y).float().mean())
    spread = math.sqrt(share * (1 - share) / 16)
    assert abs(mine[0].single_accuracy - share) < 3 * spread + 0.02


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attacks": {"a b": fgsm}}, "an attack's name has no blank, comma or colon"),
        ({"attacks": {"pgd": fgsm}}, "'pgd' is an attack of isoloss: call yours by another name"),
        ({"attacks": {"mine": 3}}, "the attack mine must be a function of .*, not 3"),
        ({"attacks": {"mine": "pgd"}}, "the attack mine must be a function"),
        ({"attacks": {"mine": lambda x, y: x}}, r"mine must be a function of \(model, x, y, eps\)"),
        ({"attacks": "pdg"}, "there is no attack 'pdg': choose of pgd"),
        ({"attacks": {"eot": ...}}, "eot is not for such runs: choose of pgd"),
        ({"attacks": []}, "attacks: "),
        ({"eps": []}, "eps: give at least one number"),
        ({"eps": -1.0}, "eps: "),
        ({"eps": 8}, "eps: images lie in .* 8 are 8/255"),
        ({"norm": "l1"}, "norm: "),
        ({"step": 3}, "evaluate has no option 'step': choose of .*steps"),
        ({"step_size": -1}, "^step_size: "),
        ({"sigma": 0.3}, "give its denoiser too"),
        ({"denoiser": 3}, "a denoiser is a folder, a name, .* not a int"),
        ({"denoiser": lambda noisy, sigma: noisy[:1]}, "the denoiser gives .* as many of the same"),
        ({"denoiser": lambda noisy, sigma: noisy}, "does not denoise these images"),
        ({"classes": ["a"]}, "knows 10 classes, these names are 1"),
        ({"model": lambda x: x}, "give a torch.nn.Module"),
        ({"model": nn.Conv2d(3, 4, 3)}, "the network fails on images of .2, 1, 8, 8.: RuntimeErr"),
        ({"model": nn.LazyLinear(3)}, "weight of the network has no shape yet"),
        ({"model": nn.Linear(3, 3).half()}, "parameters are float16, .* give network.float"),
        ({"attacks": [lambda m, x, y, e: x, lambda m, x, y, e: x]}, "two attacks are called 'lamb"),
        ({"y": torch.tensor([0, 1, 2, 10])}, "labels must be 0 to 9"),
        ({"x": torch.full((4, 1, 8, 8), torch.nan)}, "images must lie in"),
        ({"x": torch.zeros(0, 1, 8, 8), "y": torch.zeros(0).long()}, "there are no images"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(digits, change, message):
    net, x, y = digits
    given = {"model": net, "x": x[:4], "y": y[:4], "attacks": {"mine": fgsm}, "eps": 0.1}
    with pytest.raises(IsolossError, match=message) as refusal:
        evaluate(**{**given, **QUICK, **change})
    assert "\n" not in str(refusal.value)


class InNumPy(nn.Module):
    """Gives no gradients, and is not for bfloat16."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, images):
        return torch.from_numpy(self.net(images).detach().numpy())


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
@pytest.mark.parametrize("wrapped", [torch.jit.script, nn.DataParallel, InNumPy])
def test_networks_of_other_kinds_come_to_the_same(digits, wrapped):
    x = digits[1]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()
    asked = {"attacks": {"mine": noise}, "eps": [0.1, 0.4], "name": "net", **QUICK}
    expected = evaluate(net, x, net(x).argmax(1), **asked)
    table = evaluate(wrapped(net), x, net(x).argmax(1), **{**asked, "precision": "auto"})
    assert [row.correct for row in table] == [row.correct for row in expected]
    assert table.rows[-1].correct < 32


def noise(model, x, y, eps):
    return (x + eps * torch.randn_like(x).sign()).clamp(0, 1)


def test_a_function_denoises_as_it_says():
    """Behind noise and a function, logits are those of the function's images, gradients too."""
    seen = []

    def halfway(noisy, sigma):
        seen.append(sigma)
        return 0.5 * noisy + 0.1

    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).double()
    unet, scheduler = denoiser_of(halfway, (1e-4, 0.25, 3.0), 3)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, 3, 2, 2, dtype=torch.float64, generator=generator).requires_grad_()
    noise = torch.randn(x.shape, dtype=torch.float64, generator=generator)
    for sigma in (1e-4, 0.25, 3.0):
        defense = DenoisedSmoothing(net, unet, scheduler, sigma, clamp=False)
        given, expected = defense.logits(x, noise), net(halfway(x + sigma * noise, sigma))
        np.testing.assert_allclose(given.detach(), expected.detach(), rtol=1e-5, atol=1e-5)
        ours, theirs = (torch.autograd.grad(z.square().sum(), x)[0] for z in (given, expected))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert set(seen) == {1e-4, 0.25, 3.0}
