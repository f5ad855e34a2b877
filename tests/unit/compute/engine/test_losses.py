"""Losses of batches of every kind: the same numbers as PyTorch gives of the whole data at once."""

import copy
import math
from collections import OrderedDict, UserDict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from isoloss import IsolossError, custom_plane, probe, random_plane

X = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
Y = torch.arange(60) % 3
POINT = (0.5, -0.25)


def classifier():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3)).eval()


class Giving(nn.Module):
    """A network that is given and gives something in another form."""

    def __init__(self, form, taken=lambda x: x):
        super().__init__()
        self.network, self.form, self.taken = classifier(), form, taken

    def forward(self, x):
        return self.form(self.network(self.taken(x)))


def at_point(model, plane):
    """The network at POINT, moved by hand."""
    moved = copy.deepcopy(model).requires_grad_(False)
    for name, parameter in moved.named_parameters():
        parameter += POINT[0] * plane.delta[name] + POINT[1] * plane.eta[name]
    return moved


def probed(model, data, **options):
    """(surface at POINT alone, the network there)."""
    plane = random_plane(model)
    asked = {
        "precision": "fp32", "device": "cpu", "progress": False, "points_at_once": 1, **options
    }  # fmt: skip
    surface = probe(model, data, plane, [POINT[0]], [POINT[1]], **asked)
    return surface, at_point(model, plane)


def check(model, data, expected, accuracy=math.nan, **options):
    """`expected(moved)` is the loss at POINT."""
    surface, moved = probed(model, data, **options)
    assert surface.loss[0, 0] == pytest.approx(float(expected(moved)), rel=1e-5)
    if not math.isnan(accuracy):
        assert surface.accuracy[0, 0] == pytest.approx(accuracy)
    return surface


def usual(model):
    return F.cross_entropy(model(X), Y)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ([(X, Y.int())], {}),
        ([(X, Y[:, None].to(torch.uint8))], {}),
        ([(X, F.one_hot(Y, 3))], {}),
        ([(X, F.one_hot(Y, 3).float())], {}),
        ([(X, Y.tolist())], {}),
        ([(X.numpy().astype(">f4"), Y.numpy().astype(np.uint16))], {}),
        ([(X.double(), Y)], {}),
        ((X, Y), {}),
        ([X, Y], {}),
        (TensorDataset(X, Y), {}),
        (DataLoader(TensorDataset(X, Y), 7), {}),
        ([(X[i], int(Y[i])) for i in range(60)], {}),
        ([(X[:0], Y[:0]), (X, Y)], {}),
        (({"inputs": x, "labels": y} for x, y in zip(X.split(9), Y.split(9), strict=True)), {}),
    ],
    ids=[
        "int32", "column of bytes", "one-hot", "float one-hot", "list", "numpy", "float64", "tuple",
        "list of two", "Dataset", "DataLoader", "samples", "an empty batch", "mappings",
    ],
)  # fmt: skip
def test_the_same_samples_in_whatever_form(data, options):
    class Named(nn.Sequential):
        def forward(self, inputs):
            return super().forward(inputs)

    check(Named(*classifier()), data, usual, **options)


@pytest.mark.parametrize("uncut", [False, True])
def test_ignored_targets_do_not_count(uncut):
    y = Y.clone()
    y[::2] = -100
    y[20:40] = -100  # a batch without any
    data = [(X[k : k + 20], y[k : k + 20]) for k in (0, 20, 40)]
    if uncut:  # batches of other widths stay whole
        data = [(F.pad(x, (0, k)), y) for k, (x, y) in enumerate(data)]
    surface, moved = probed(Giving(lambda o: o, lambda x: x[:, :8]), data)
    counted = y != -100
    expected = F.cross_entropy(moved(X), y)
    assert surface.loss[0, 0] == pytest.approx(float(expected), rel=1e-5)
    right = (moved(X).argmax(1) == y)[counted].float().mean()
    assert surface.accuracy[0, 0] == pytest.approx(float(right))
    assert surface.count[0, 0] == counted.sum()


class Language(nn.Module):
    def __init__(self, words=11):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head = nn.Embedding(words, 6), nn.Linear(6, words)

    def forward(self, tokens):
        return self.head(self.embed(tokens))


def tokens(n=24, length=7):
    t = torch.randint(0, 11, (n, length), generator=torch.Generator().manual_seed(1))
    targets = t.roll(-1, 1)
    for k in range(n):
        targets[k, 1 + k % length :] = -100  # between one and all count
    return t, targets


def test_tokens_are_averaged_over_all_that_count_whatever_each_sample_has():
    t, y = tokens()
    expected = lambda net: F.cross_entropy(net(t).flatten(0, 1), y.flatten())  # noqa: E731
    surface, moved = probed(Language(), [(t[:10], y[:10]), (t[10:], y[10:])])
    assert surface.loss[0, 0] == pytest.approx(float(expected(moved)), rel=1e-5)
    right = (moved(t).argmax(-1) == y)[y != -100].float().mean()
    assert surface.accuracy[0, 0] == pytest.approx(float(right))
    assert surface.loss_stderr[0, 0] == 0
    assert surface.meta["targets_per_sample"] == pytest.approx(float((y != -100).sum() / 24))
    ragged = [(t[:10], y[:10]), (t[10:, :6], y[10:, :6])]
    surface, moved = probed(Language(), ragged)
    logits = torch.cat([moved(a).flatten(0, 1) for a, _ in ragged])
    targets = torch.cat([b.flatten() for _, b in ragged])
    assert surface.loss[0, 0] == pytest.approx(float(F.cross_entropy(logits, targets)), rel=1e-5)


def test_the_standard_error_of_tokens_is_that_of_what_samples_add_to_their_mean():
    t, y = tokens(40)
    surface, moved = probed(Language(), [(t, y)], samples=15, seed=2)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))[:15]
    of_tokens = F.cross_entropy(moved(t[order]).movedim(-1, 1), y[order], reduction="none")
    each = (of_tokens.sum(1) / ((y != -100).sum() / 40)).numpy()
    assert surface.loss[0, 0] == pytest.approx(each.mean(), rel=1e-5)
    expected = each.std(ddof=1) / np.sqrt(15) * np.sqrt(1 - 15 / 40)
    assert surface.loss_stderr[0, 0] == pytest.approx(expected, rel=1e-5)


def test_tokens_to_a_tolerance():
    """More of them than a byte counts."""
    t = torch.randint(0, 11, (80, 400), generator=torch.Generator().manual_seed(1))
    model, axis = Language(), [-1.0, 0.0, 1.0]
    with torch.no_grad():  # a network that is mostly right
        model.embed.weight[:, :5] = torch.randn(11, 5)
        model.head.weight[:] = 3 * model.embed.weight
    plane = random_plane(model)
    asked = {"device": "cpu", "progress": False, "precision": "fp32", "points_at_once": 1}
    whole = probe(model, [(t, t)], plane, axis, axis, **asked)
    rough = probe(model, [(t, t)], plane, axis, axis, tolerance=1e-4, **asked)
    assert whole.accuracy[1, 1] == pytest.approx(float((model(t).argmax(-1) == t).float().mean()))
    assert whole.accuracy[1, 1] > 0.8
    np.testing.assert_allclose(rough.loss, whole.loss, atol=3e-4 * np.ptp(whole.loss))
    np.testing.assert_allclose(rough.accuracy, whole.accuracy, atol=0.02)


def test_segmentation_has_classes_second():
    torch.manual_seed(0)
    model = nn.Conv2d(2, 4, 3, padding=1)
    x = torch.randn(12, 2, 5, 6)
    y = torch.randint(0, 4, (12, 5, 6))
    y[:3, 0] = -100
    check(model, [(x, y)], lambda net: F.cross_entropy(net(x), y))
    check(model, [(x, y[:, None])], lambda net: F.cross_entropy(net(x), y))
    soft = torch.rand(12, 4, 5, 6).softmax(1)
    check(model, [(x, soft)], lambda net: F.cross_entropy(net(x), soft))


class Output(OrderedDict):
    """As Hugging Face's networks give it."""

    def __getattr__(self, name):
        return self.get(name)


class Hugging(nn.Module):
    """A network that takes labels and gives its loss, as those of transformers do."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.network = kind, Language()

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        logits = self.network(input_ids)
        if self.kind == "sequence":
            logits = logits.mean(1)
            return Output(loss=F.cross_entropy(logits, labels), logits=logits)
        if self.kind == "causal":
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        elif self.kind == "tokens":
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        else:
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=0.1)
        return Output(loss=loss, logits=logits)


@pytest.mark.parametrize("kind", ["causal", "tokens", "sequence"])
def test_a_networks_own_loss_is_found_in_its_logits(kind):
    t, y = tokens()
    y = t[:, 0] % 11 if kind == "sequence" else y.masked_fill(torch.rand(24, 7) < 0.1, -100)
    y[0] = -100 if kind != "sequence" else y[0]
    mask = torch.ones_like(t)
    data = [
        UserDict(input_ids=t[k : k + 9], attention_mask=mask[k : k + 9], labels=y[k : k + 9],
                 row=torch.arange(len(t[k : k + 9])))
        for k in range(0, 24, 9)
    ]  # fmt: skip
    surface = check(Hugging(kind), data, lambda net: net(t, mask, y).loss)
    assert surface.meta["loss"].startswith("cross-entropy")
    assert np.isfinite(surface.accuracy).all()


def test_another_own_loss_is_taken_batch_by_batch():
    t, y = tokens()
    parts = [{"input_ids": t[k : k + 10], "labels": y[k : k + 10]} for k in (0, 10, 20)]
    surface, moved = probed(Hugging("smooth"), parts)
    own = [(float(moved(**part).loss), int((part["labels"] != -100).sum())) for part in parts]
    expected = sum(loss * n for loss, n in own) / sum(n for _, n in own)
    assert surface.loss[0, 0] == pytest.approx(expected, rel=1e-5)
    assert surface.meta["per_batch"] is True
    assert "batch by batch" in surface.meta["loss"]


@pytest.mark.parametrize(
    "form",
    [
        lambda o: {"out": o, "aux": o},
        lambda o: {"hidden": o.new_zeros(60, 7, 7), "scores": o},
        lambda o: (o, o.new_zeros(2, 60, 5)),
        lambda o: Output(logits=o),
        lambda o: type("Outputs", (), {"logits": o})(),
    ],
)
def test_logits_are_found_where_there_is_no_doubt(form):
    def expected(net):
        return F.cross_entropy(net.network(X), Y)

    data = [(X[:32], Y[:32]), (X[32:], Y[32:])]
    check(Giving(form), data, expected)


@pytest.mark.parametrize(
    ("model", "data", "words"),
    [
        (Giving(lambda o: (o, 2 * o)), [(X, Y)], "which of it are logits"),
        (Giving(lambda o: o[:, :1]), [(X, Y)], "one output"),
        (Giving(lambda o: o[:, 0]), [(X, Y.float())], "one output"),
        (classifier(), [(X, X[:, 0])], "no probabilities"),
        (classifier(), [(X, X[:, :3])], "no probabilities"),
        (classifier(), [(X, (X[:, :3] > 0).long())], "do not fit"),
        (classifier(), [(X, Y + 1)], "from 1 to 3, and the network has 3"),
        (classifier(), [(X, Y - 1)], "from -1 to 1"),
        (classifier(), [(X, None)], "no targets"),
        (classifier(), [X], "no targets"),
        (classifier(), [(X, Y, Y)], "which of the 3 parts"),
        (classifier(), [({"a": X}, Y)], "does not take these data"),
        (classifier(), [({"input": X})], "no 'labels'"),
        (classifier(), [(X[:, :5], Y)], "does not take these data"),
        (classifier(), [(X.double() * math.pi, Y)], "float64 and the network's weights float32"),
        (classifier(), [(X, ["a"] * 60)], "type list"),
        (classifier(), [(X, Y * 0 - 100)], "do not count"),
        (classifier(), 7, "not a int"),
        (classifier(), ["text"], "not a str"),
        (Language(7), [(torch.zeros(3, 7).long(), torch.zeros(3, 7).long())], "second or the last"),
    ],
)
def test_what_says_nothing_by_itself_is_refused_in_one_line(model, data, words):
    with pytest.raises(IsolossError, match=words) as caught:
        probed(model, data)
    assert "\n" not in str(caught.value)


def squares(net, batch):
    return (net(batch[0])[:, 0] - batch[1]).square()


def with_derivative(net, batch):
    """A residual u' + u, as of a differential equation."""
    t = batch[0].requires_grad_(True)
    u = net(t)
    (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    return (du + u)[:, 0].square()


def penalty(net, batch):
    """The norm of the inputs' gradient, whose result needs none."""
    x = batch[0].clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(net(x).square().sum(), x)
    return gradient.flatten(1).norm(dim=1)


def solver():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))


@pytest.mark.parametrize("points_at_once", [None, 4])
@pytest.mark.parametrize("loss", [with_derivative, penalty])
def test_losses_of_gradients_of_the_inputs(loss, points_at_once):
    t = torch.linspace(0, 1, 50)[:, None]
    model, axis = solver(), [-0.5, 0.0, 0.5]
    plane = random_plane(model)
    surface = probe(
        model, [(t, t[:, 0])], plane, axis, axis, loss=loss, progress=False, precision="fp32",
        points_at_once=points_at_once,
    )  # fmt: skip
    moved = copy.deepcopy(model)
    for i, a in enumerate(axis):
        for j, b in enumerate(axis):
            for name, parameter in moved.named_parameters():
                parameter.data = plane.origin[name] + a * plane.delta[name] + b * plane.eta[name]
            expected = float(loss(moved, (t.clone(), None)).mean().detach())
            assert surface.loss[i, j] == pytest.approx(expected, rel=1e-4)
    assert not t.requires_grad
    assert all(p.grad is None for p in model.parameters())


def test_a_network_that_differentiates_itself():
    class Energy(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = classifier()

        def forward(self, x):
            x = x.detach().requires_grad_(True)
            (force,) = torch.autograd.grad(self.network(x).square().sum(), x)
            return force[:, :3]

    check(Energy(), [(X, Y)], usual)


def dice(net, batch):
    """One number for a batch, which is no mean over its samples."""
    p, y = net(batch[0]).softmax(1)[:, 0], (batch[1] == 0).float()
    return 1 - 2 * (p * y).sum() / (p.sum() + y.sum())


def test_one_number_for_a_batch():
    cuts = [(0, 25), (25, 50), (50, 60)]
    data = [(X[a:b], Y[a:b]) for a, b in cuts]
    surface, moved = probed(classifier(), data, loss=dice, per_batch=True)
    values = np.array([float(dice(moved, batch)) for batch in data])
    assert surface.loss[0, 0] == pytest.approx(np.average(values, weights=[25, 25, 10]), rel=1e-5)
    assert surface.count[0, 0] == 3
    assert surface.loss_stderr[0, 0] == 0
    assert surface.meta["per_batch"] is True
    some, moved = probed(classifier(), data[:2] * 3, loss=dice, per_batch=True, samples=100)
    assert some.count[0, 0] == 4
    drawn = [float(dice(moved, batch)) for batch in data[:2]]
    assert min(drawn) < some.loss[0, 0] < max(drawn)
    assert 0 < some.loss_stderr[0, 0] < np.ptp(drawn)
    of_a_dataset, _ = probed(classifier(), TensorDataset(X, Y), loss=dice, per_batch=True,
                             batch_size=20)  # fmt: skip
    assert of_a_dataset.count[0, 0] == 3


@pytest.mark.parametrize(
    ("loss", "options", "words"),
    [
        (dice, {}, "per_batch"),
        (squares, {"per_batch": True}, "one number for a batch, it gave"),
        (lambda net, batch: net(batch[0]), {}, r"it gave \(32, 3\) for 32"),
        (lambda net, batch: net(batch[0])[:, 0].tolist(), {}, "it gave a list"),
        (lambda net, batch: 1 / 0, {}, "failed on the first: .*ZeroDivisionError"),
        (None, {"per_batch": True}, "for a loss of your own"),
    ],
)
def test_losses_that_give_something_else(loss, options, words):
    with pytest.raises(IsolossError, match=words) as caught:
        probed(classifier(), [(X, Y)], loss=loss, **options)
    assert "\n" not in str(caught.value)


def test_longer_tuples_and_bare_tensors_are_for_a_loss_of_ones_own():
    def weighted(net, batch):
        x, y, w = batch
        return w * F.cross_entropy(net(x), y, reduction="none")

    w = torch.rand(60)
    check(classifier(), [(X, Y, w)],
          lambda net: (w * F.cross_entropy(net(X), Y, reduction="none")).mean(),
          loss=weighted)  # fmt: skip
    check(classifier(), [X[:40], X[40:]], lambda net: net(X).square().mean(),
          loss=lambda net, x: net(x).square().mean(1))  # fmt: skip
    two = [((x, {"more": [x, x]}), y) for x, y in zip(X.split(32), Y.split(32), strict=True)]
    check(classifier(), two, lambda net: F.cross_entropy(net(2 * X), Y), samples=60,
          loss=lambda net, b: F.cross_entropy(net(b[0][0] + b[0][1]["more"][1]), b[1],
                                              reduction="none"))  # fmt: skip


def test_a_list_of_images_is_not_cut_where_it_is_as_long_as_an_image_has_channels():
    images = [torch.full((3, 4, 4), float(k)) for k in range(6)]
    data = [(images[:3], [{"t": 0}, {"t": 1}, {"t": 2}]), (images[3:], [{"t": 3}] * 3)]
    model = nn.Linear(1, 1)
    plane = custom_plane(model, {"weight": torch.ones(1, 1)}, {})
    surface = probe(
        model, data, plane, [0.0], [0.0], progress=False,
        loss=lambda net, b: torch.stack([i.mean() + 10 * t["t"] for i, t in zip(*b, strict=True)]),
    )  # fmt: skip
    assert surface.loss[0, 0] == pytest.approx(np.mean([0, 11, 22, 33, 34, 35]))
