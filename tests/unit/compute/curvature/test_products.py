"""Products with Hessians and Gauss–Newton matrices, against the matrices by other means."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from isoloss.compute.curvature.products import Curvature, _nodes
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.errors import IsolossError

CPU = torch.device("cpu")


class Normed(nn.Module):
    """Convolution and batch norm, whose statistics are not those of the data."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)
        self.last = nn.Linear(3 * 4, 4)
        with torch.no_grad():
            self.norm.running_mean.normal_()
            self.norm.running_var.uniform_(0.5, 2)
            self.norm.weight.normal_()

    def forward(self, images):
        return self.last(torch.tanh(self.norm(self.conv(images))).flatten(1))


class Tied(nn.Module):
    """One weight, twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 5)
        self.second = nn.Linear(5, 5)
        self.second.weight = self.first.weight
        self.last = nn.Linear(5, 4)

    def forward(self, x):
        return self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))


class Attending(nn.Module):
    """Attention, of which fast kernels have no second derivative."""

    def __init__(self):
        super().__init__()
        self.queries, self.last = nn.Linear(5, 6), nn.Linear(6, 4)

    def forward(self, x):
        q = self.queries(x)[:, None, None, :]
        return self.last(F.scaled_dot_product_attention(q, q, q * q).flatten(1))


class Convolving(nn.Module):
    """Convolutions of several kinds, one of them without a bias, one used twice."""

    def __init__(self):
        super().__init__()
        self.flat = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2)
        self.twice = nn.Conv2d(4, 4, (3, 1), padding=(1, 0), bias=False)
        self.deep, self.long = nn.Conv3d(2, 2, 2, dilation=2), nn.Conv1d(2, 4, 3, padding=1)
        self.same = nn.Conv2d(4, 2, 1, padding="same")

    def forward(self, images):
        maps = torch.tanh(self.flat(images))
        maps = self.same(torch.tanh(self.twice(torch.tanh(self.twice(maps)))))
        maps = torch.tanh(self.deep(maps[:, :, None].expand(-1, -1, 3, -1, -1)))
        return self.long(maps.flatten(2)).mean(2)


class Mapping(nn.Module):
    """A convolution inside a transform of functions, which none of ours can be."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv1d(1, 3, 2), nn.Linear(12, 4)

    def forward(self, x):
        return self.last(torch.vmap(lambda one: torch.tanh(self.conv(one[None])))(x).flatten(1))


SHAPES = {
    Normed: (1, 4, 4), Tied: (5,), Attending: (5,), Convolving: (2, 5, 5), Mapping: (5,),
}  # fmt: skip


def given(network, n=12):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, *SHAPES[network], generator=generator, dtype=torch.float64)
    return x, torch.randint(0, 4, (n,), generator=generator)


def curvature(model, x, y, loss=None, **options):
    return Curvature(model, ShuffledSamples.of_batches([(x, y)], 0, CPU), loss, CPU, **options)


def written_out(model, x, y):
    """The Hessian of the mean loss, and Σ JᵀHJ / n, entry by entry."""
    model.eval()
    named = {k: p.detach() for k, p in model.named_parameters()}

    def logits(*parameters):
        return functional_call(model, dict(zip(named, parameters, strict=True)), (x,))

    def as_matrix(blocks, sizes):
        rows = [
            torch.cat([b.reshape(n, -1) for b in row], 1)
            for row, n in zip(blocks, sizes, strict=True)
        ]
        return torch.cat(rows)

    sizes = [p.numel() for p in named.values()]
    own = tuple(named.values())
    hessian = torch.autograd.functional.hessian(lambda *p: F.cross_entropy(logits(*p), y), own)
    parts = torch.autograd.functional.jacobian(logits, own)
    jacobian = torch.cat([part.reshape(len(x), 4, -1) for part in parts], 2)
    p = logits(*own).softmax(1)
    by_logits = torch.diag_embed(p) - p[:, :, None] * p[:, None]
    gauss_newton = (jacobian.transpose(1, 2) @ by_logits @ jacobian).mean(0)
    return as_matrix(hessian, sizes), gauss_newton


@pytest.mark.parametrize("network", SHAPES)
def test_products_are_those_of_the_matrices_written_out(network):
    torch.manual_seed(0)
    model = network().double()
    x, y = given(network)
    with sdpa_kernel(SDPBackend.MATH):
        hessian, gauss_newton = written_out(model, x, y)
    made = curvature(model, x, y, batch_size=5)
    every = torch.eye(made.size, dtype=torch.float64)
    assert (made.times(every) - hessian).abs().max() < 1e-12
    assert (made.times(every, "gauss-newton") - gauss_newton).abs().max() < 1e-12
    blocks = [*made.blocks(every, 4)]
    mean = sum(n * product for n, product in blocks) / len(x)
    assert (mean - hessian).abs().max() < 1e-12


def test_convolutions_are_replaced_where_they_can_be():
    def functions(network):
        made = curvature(network().double(), *given(network))
        losses = made._losses(made._leaves(), next(iter(made._batches(0, 12))))
        with made._convolutions():
            quick = made._losses(made._leaves(), next(iter(made._batches(0, 12))))
        return [sum("_Convolved" in n.name() for n in _nodes([of])) for of in (losses, quick)]

    assert functions(Convolving) == [0, 5]
    assert functions(Mapping) == functions(Tied) == [0, 0]


def test_batch_norms_are_folded_inside_the_derivative():
    torch.manual_seed(0)
    model = Normed()
    x, y = (t.float() if t.is_floating_point() else t for t in given(Normed))
    made = curvature(model, x, y)
    assert {g.name for g in made.groups} == {k for k, _ in model.named_parameters()}
    exact = curvature(model.double(), x.double(), y)
    vector = torch.randn(1, made.size)
    apart = made.times(vector).double() - exact.times(vector.double())
    assert apart.norm() < 1e-4 * exact.times(vector.double()).norm()


def test_networks_that_differ_by_a_scale_of_their_filters_have_one_curvature():
    torch.manual_seed(0)
    model, other = Normed().double(), Normed().double()
    other.load_state_dict(model.state_dict())
    scale = torch.tensor([0.1, 3.0, 20.0], dtype=torch.float64)
    with torch.no_grad():
        other.conv.weight *= scale[:, None, None, None]
        other.conv.bias *= scale
        other.norm.running_mean *= scale
        # Its ε is not scaled, so that of the variance is.
        other.norm.running_var.copy_((model.norm.running_var + 1e-5) * scale**2 - 1e-5)
    x, y = given(Normed)
    found = [curvature(m, x, y, scale="filter") for m in (model, other)]
    every = torch.eye(found[0].size, dtype=torch.float64)
    one, two = (torch.linalg.eigvalsh(c.times(every)) for c in found)
    assert (one - two).abs().max() < 1e-10
    plain = [curvature(m, x, y) for m in (model, other)]
    own, others = (torch.linalg.eigvalsh(c.times(torch.eye(c.size).double())) for c in plain)
    assert others[-1] > 2 * own[-1]


def test_what_has_no_second_derivative_is_told():
    linear = nn.Linear(5, 1).double()
    x, y = given(Tied)
    with pytest.raises(IsolossError, match="no second derivatives"):
        curvature(linear, x, y, lambda model, batch: model(batch[0])[:, 0])

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x.clone()

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, gradient):
            return 1 * gradient

    with pytest.raises(IsolossError, match="cannot be differentiated twice"):
        curvature(Tied().double(), x, y, lambda m, b: Once.apply(m(b[0])).square().sum(1))
    with pytest.raises(IsolossError, match="nothing to differentiate by"):
        curvature(Tied().double(), x, y, parameters=["nothing"])
