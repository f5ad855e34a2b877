"""The evaluator: the same losses as the plain network, anywhere on the plane, only sooner."""

import copy
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from isoloss import IsolossError, Plane, custom_plane, interpolation, probe, random_plane
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine import batch_size
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.networks.folding import fold_batch_norm

CPU = torch.device("cpu")


def block(given, wide):
    """torchvision's, with its shortcut where it changes how many channels there are."""
    if given == wide:
        return BasicBlock(given, wide)
    shortcut = nn.Sequential(nn.Conv2d(given, wide, 1, 2, bias=False), nn.BatchNorm2d(wide))
    return BasicBlock(given, wide, 2, shortcut)


def small_resnet():
    """Four residual blocks; statistics, scales and biases are not their initial ones."""
    torch.manual_seed(0)
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 8, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(8), relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(2), layer1=block(8, 8), layer2=block(8, 16), layer3=block(16, 32),
            layer4=block(32, 64), avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
            fc=nn.Linear(64, 4),
        )
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor, 0.8, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval()


def images(n=12, size=16):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, 3, size, size, generator=generator)
    return x, torch.randint(0, 4, (n,), generator=generator)


def evaluator(model, plane, data, **options):
    loss = options.pop("loss", None)
    return Evaluator(model, plane, ShuffledSamples.of_batches([data], 0, CPU), loss, CPU, **options)


def plain_losses(model, plane, data, alpha, beta):
    """What a plain loop gives, in the data's order."""
    model = copy.deepcopy(model).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter += alpha * plane.delta[name] + beta * plane.eta[name]
        order = torch.randperm(len(data[0]), generator=torch.Generator().manual_seed(0))
        logits = model(data[0][order])
        return nn.functional.cross_entropy(logits, data[1][order], reduction="none")


def test_folded_batch_norm_gives_the_unfolded_losses_all_over_the_plane():
    model, data = small_resnet(), images()
    plane = random_plane(model)
    folded = evaluator(model, plane, data)
    assert folded.folded == 12
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.network.modules())
    for point in ((0.0, 0.0), (0.3, -0.2), (-0.5, 0.5), (0.3, 0.4)):
        folded.move_to(*point)
        losses, hits = folded.evaluate(0, 12)
        expected = plain_losses(model, plane, data, *point)
        torch.testing.assert_close(losses, expected, rtol=2e-4, atol=2e-4)
        assert hits.dtype == torch.bool


def test_directions_that_move_biases_and_shifts_fold_too():
    model, data = small_resnet(), images()
    torch.manual_seed(3)
    still = ("bn1.weight", "bn2.weight", "downsample.1.weight")
    directions = [
        {
            k: torch.randn_like(p) * 0.05
            for k, p in model.named_parameters()
            if not k.endswith(still)
        }
        for _ in range(2)
    ]
    plane = custom_plane(model, *directions)
    folded = evaluator(model, plane, data)
    assert folded.folded == 12
    folded.move_to(0.7, -0.4)
    expected = plain_losses(model, plane, data, 0.7, -0.4)
    torch.testing.assert_close(folded.evaluate(0, 12)[0], expected, rtol=1e-3, atol=1e-3)


def two_norms(affine=True):
    torch.manual_seed(4)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, affine=affine), nn.ReLU(),
        nn.Conv2d(6, 6, 3, bias=False), nn.BatchNorm2d(6, affine=affine), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4),
    )  # fmt: skip
    for _ in range(3):
        model(2 * torch.randn(16, 3, 12, 12) + 1)
    return model.eval()


@pytest.mark.parametrize(
    "names",
    [
        ({"1.bias"}, {"1.bias"}), ({"0.bias"}, {"0.bias"}), ({"0.bias"}, {"4.bias"}),
        ({"4.bias"}, {"8.weight"}), ({"0.bias", "1.bias"}, {"0.weight"}),
        ({"3.weight"}, {"4.bias"}),
    ],
)  # fmt: skip
def test_directions_of_a_few_tensors_move_what_they_name(names, losses_by_torch):
    model, (x, y) = two_norms(), images(40)
    shapes = {k: v.shape for k, v in model.state_dict().items()}
    delta, eta = ({k: torch.randn(shapes[k]) for k in sorted(names_of)} for names_of in names)
    plane = Plane({k: v.clone() for k, v in model.state_dict().items()}, delta, eta)
    axis = [-1.0, 0.0, 0.7]
    surface = probe(model, [(x, y)], plane, axis, axis, precision="fp32", progress=False)
    assert surface.meta["folded_batch_norms"] == 2
    expected = losses_by_torch(model, plane, axis, axis, x, y)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-4)


def test_a_norm_without_scale_and_shift_folds_too(losses_by_torch):
    model, (x, y) = two_norms(affine=False), images(40)
    plane = custom_plane(model, {"0.bias": torch.randn(6)}, {"3.weight": torch.randn(6, 6, 3, 3)})
    surface = probe(
        model, [(x, y)], plane, [0.0, 0.5], [0.0, 0.5], precision="fp32", progress=False
    )
    assert surface.meta["folded_batch_norms"] == 2
    expected = losses_by_torch(model, plane, [0.0, 0.5], [0.0, 0.5], x, y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-4)


def test_layers_that_share_a_weight_are_not_folded(losses_by_torch):
    """Fresh statistics: folding changes the loss by too little to be told at the origin."""
    torch.manual_seed(0)
    first, second = nn.Linear(12, 12), nn.Linear(12, 12)
    second.weight = first.weight
    model = nn.Sequential(first, nn.BatchNorm1d(12), nn.ReLU(), second, nn.Linear(12, 4)).eval()
    x, y = torch.randn(30, 12), torch.arange(30) % 4
    plane = random_plane(model)
    surface = probe(
        model, [(x, y)], plane, [0.0, 1.0], [0.0, 1.0], precision="fp32", progress=False
    )
    assert surface.meta["folded_batch_norms"] == 0
    expected = losses_by_torch(model, plane, [0.0, 1.0], [0.0, 1.0], x, y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-5)


def test_a_batch_norm_whose_scale_moves_stays():
    model, data = small_resnet(), images()
    directions = [
        {k: 0.1 * torch.ones_like(p) for k, p in model.named_parameters() if k == name}
        for name in ("bn1.weight", "fc.weight")
    ]
    plane = custom_plane(model, *directions)
    partly = evaluator(model, plane, data)
    assert partly.folded == 11
    partly.move_to(1.0, 1.0)
    expected = plain_losses(model, plane, data, 1.0, 1.0)
    torch.testing.assert_close(partly.evaluate(0, 12)[0], expected, rtol=2e-4, atol=2e-4)


class Branching(nn.Module):
    """Control flow that depends on the data cannot be traced."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return (x if x.mean() > 0 else -x).mean((2, 3))


class Deceptive(nn.Module):
    """Looks at its batch norm by other ways than calling it."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.norm(self.conv(x))
        return y.mean((2, 3)) * self.conv.weight.square().sum()


@pytest.mark.parametrize("kind", [Branching, Deceptive])
def test_what_cannot_be_folded_is_evaluated_as_it_is(kind):
    torch.manual_seed(0)
    model, data = kind().eval(), images()
    nn.init.constant_(model.norm.weight, 1.7)
    plane = random_plane(model)
    unfolded = evaluator(model, plane, data)
    assert unfolded.folded == 0
    assert unfolded.has_batch_norm
    unfolded.move_to(0.5, 0.5)
    expected = plain_losses(model, plane, data, 0.5, 0.5)
    torch.testing.assert_close(unfolded.evaluate(0, 12)[0], expected, rtol=1e-4, atol=1e-5)


def test_a_shared_convolution_is_not_folded():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.first, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

        def forward(self, x):
            return self.second(self.conv(self.first(self.conv(x)))).mean((2, 3))

    assert fold_batch_norm(Shared().eval(), ({}, {})) is None


def test_a_network_that_flattens_by_a_view_keeps_its_layout():
    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 5, 3), nn.Linear(5 * 14 * 14, 4)

        def forward(self, x):
            x = torch.relu(self.conv(x))
            return self.head(x.view(x.size(0), -1))

    torch.manual_seed(0)
    model, data = LeNet(), images()
    plane = random_plane(model)
    ours = evaluator(model, plane, data)
    ours.move_to(0.5, -0.5)
    expected = plain_losses(model, plane, data, 0.5, -0.5)
    torch.testing.assert_close(ours.evaluate(0, 12)[0], expected, rtol=1e-4, atol=1e-5)


def test_linear_layers_fold_into_their_batch_norms():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3))
    model(torch.randn(20, 5))
    model.eval()
    data = torch.randn(10, 5), torch.arange(10) % 3
    plane = random_plane(model)
    folded = evaluator(model, plane, data)
    assert folded.folded == 1
    folded.move_to(-0.4, 0.9)
    expected = plain_losses(model, plane, data, -0.4, 0.9)
    torch.testing.assert_close(folded.evaluate(0, 10)[0], expected, rtol=1e-4, atol=1e-5)


def test_points_evaluated_together_are_those_evaluated_apart():
    model, data = small_resnet(), images()
    plane = random_plane(model)
    ours = evaluator(model, plane, data, batch_size=8)
    points = [(0.0, 0.0), (0.2, 0.1), (-0.3, 0.4)]
    together, hits = ours.evaluate_at(points, 2, 12)
    assert together.shape == hits.shape == (3, 10)
    for k, point in enumerate(points):
        ours.move_to(*point)
        apart, right = ours.evaluate(2, 12)
        torch.testing.assert_close(together[k], apart, rtol=1e-3, atol=1e-3)
        assert torch.equal(hits[k], right)


@pytest.mark.parametrize("shared", ["module", "tensor"])
def test_networks_that_share_are_evaluated_together_and_left_as_they_were(shared):
    model = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5), nn.Linear(5, 3))
    if shared == "module":
        model[2] = model[0]
    else:
        model[2].weight = model[0].weight
    data = torch.randn(9, 5), torch.arange(9) % 3
    plane = random_plane(model)
    ours = evaluator(model, plane, data)
    points = [(0.1, 0.2), (0.5, -1.0)]
    together, _ = ours.evaluate_at(points, 0, 9)
    for losses, point in zip(together, points, strict=True):
        torch.testing.assert_close(losses, plain_losses(model, plane, data, *point))
        ours.move_to(*point)
        torch.testing.assert_close(ours.evaluate(0, 9)[0], losses)


def test_a_loss_of_ones_own_is_evaluated_together_too():
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    data = torch.randn(9, 4), torch.randn(9)

    def loss(model, batch):
        return (model(batch[0])[:, 0] - batch[1]).square() + model[0].weight.square().sum()

    ours = evaluator(model, random_plane(model), data, loss=loss)
    together, _ = ours.evaluate_at([(0.1, 0.2), (0.5, -1.0)], 0, 9)
    ours.move_to(0.5, -1.0)
    torch.testing.assert_close(together[1], ours.evaluate(0, 9)[0])


def test_bf16_keeps_its_weights_in_bf16_and_comes_close():
    model, data = small_resnet(), images()
    plane = random_plane(model)
    reduced = evaluator(model, plane, data, precision="bf16")
    assert reduced.network.conv1.weight.dtype == torch.bfloat16
    reduced.move_to(0.2, 0.1)
    losses = reduced.evaluate(0, 12)[0]
    assert losses.dtype == torch.float32
    expected = plain_losses(model, plane, data, 0.2, 0.1)
    torch.testing.assert_close(losses, expected, rtol=0.1, atol=0.1)
    assert not torch.equal(losses, expected)


def test_a_point_does_not_depend_on_where_the_network_was_before():
    model, data = small_resnet(), images()
    ours = evaluator(model, random_plane(model), data)
    ours.move_to(0.25, 0.5)
    fresh = ours.evaluate(0, 12)[0]
    for point in ((-1.0, 1.0), (1e3, -1e3), (0.25, 0.1)):
        ours.move_to(*point)
    ours.load({k: v * 1.1 if v.is_floating_point() else v for k, v in model.state_dict().items()})
    ours.move_to(0.25, 0.5)
    assert torch.equal(ours.evaluate(0, 12)[0], fresh)


def test_a_checkpoint_off_the_plane_is_evaluated_with_its_own_statistics():
    model, data = small_resnet(), images()
    ours = evaluator(model, random_plane(model), data)
    other = copy.deepcopy(model)
    for module in other.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean += 0.5
            module.running_var *= 2
            module.weight.data *= 1.5
    ours.load(other.state_dict())
    plane = random_plane(other)
    expected = plain_losses(other, plane, data, 0, 0)
    torch.testing.assert_close(ours.evaluate(0, 12)[0], expected, rtol=1e-3, atol=1e-3)


def test_batches_fit_the_cache_by_the_widest_activation(monkeypatch):
    model = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Flatten(), nn.Linear(16 * 256, 4))
    data = images(40)
    plane = random_plane(model)
    per_image = 16 * 256 * 4
    monkeypatch.setattr(batch_size, "CACHE_BYTES", 20 * per_image)
    assert evaluator(model, plane, data).batch_size == 16
    assert evaluator(model, plane, data, batch_size=7).batch_size == 7


def test_samples_that_cannot_be_joined_stay_in_their_batches():
    """Sentences of different lengths, say: batches are kept, all samples count alike."""
    model = nn.Embedding(5, 3)
    batches = [(torch.arange(n * k).reshape(n, k) % 5, torch.zeros(n)) for n, k in
               ((4, 2), (6, 3), (1, 7))]  # fmt: skip

    def loss(model, batch):
        return model(batch[0]).square().mean((1, 2))

    plane = random_plane(model)
    surface = probe(model, batches, plane, [0.0, 1.0], [0.0, 1.0], loss=loss, progress=False)
    assert (surface.count == 11).all()
    with torch.no_grad():
        expected = torch.cat([loss(model, batch) for batch in batches]).mean()
    assert surface.loss[0, 0] == pytest.approx(float(expected), rel=1e-6)
    for half in ({"samples": 2}, {"tolerance": 0.1}):
        with pytest.raises(IsolossError, match="samples of one shape"):
            probe(model, batches, plane, [0.0, 1.0], loss=loss, progress=False, **half)


def test_an_interpolation_moves_everything():
    torch.manual_seed(0)
    start, end = small_resnet(), small_resnet()
    for parameter in [*end.parameters(), *(b for b in end.buffers() if b.is_floating_point())]:
        parameter.data += 0.01 * torch.rand_like(parameter)
    data = images()
    plane = interpolation(start, start.state_dict(), end.state_dict())
    curve = probe(start, [data], plane, [0.0, 0.5, 1.0], precision="fp32", points_at_once=1)
    assert curve.shape == (3, 1)
    for k, model in ((0, start), (2, end)):
        still = random_plane(model)
        expected = plain_losses(model, still, data, 0, 0).mean()
        assert curve.loss[k, 0] == pytest.approx(float(expected), rel=1e-3)
