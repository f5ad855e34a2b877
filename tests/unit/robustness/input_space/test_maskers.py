"""Networks that mask their gradients, and networks that do not: who is warned of."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isoloss

IMAGES = range(4)


class Around(nn.Module):
    """The network with something done to its images or its answers."""

    def __init__(self, net, before=None, after=None):
        super().__init__()
        self.net, self.before, self.after = net, before, after

    def forward(self, x):
        logits = self.net(x if self.before is None else self.before(x))
        return logits if self.after is None else self.after(logits)


def hardened(net, images, labels):
    """A linear network trained on what plain PGD makes of images."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(net.parameters(), 0.05)
    for _ in range(40):
        here = images.clone()
        for _ in range(3):
            here.requires_grad_()
            (gradient,) = torch.autograd.grad(F.cross_entropy(net(here), labels), here)
            here = (
                images + (here.detach() + 0.05 * gradient.sign() - images).clamp(-0.1, 0.1)
            ).clamp(0, 1)
        optimizer.zero_grad()
        F.cross_entropy(net(here.detach()), labels).backward()
        optimizer.step()
    return net.eval()


def warned(net, images, labels):
    """What is warned of, at each image that the network knows."""
    found = []
    for k in IMAGES:
        if net(images[k : k + 1]).argmax() != labels[k]:
            continue
        surface, _ = isoloss.probe_image(
            net, images[k], labels[k], eps=0.2, steps=8, grid=9, index=k, device="cpu",
            progress=False,
        )  # fmt: skip
        said = surface.meta["findings"]
        found.append({f["what"] for f in said if f["level"] == "warning"})
    assert found
    return found


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"before": lambda x: (4 * x).round() / 4}, "directions"),
        ({"before": lambda x: x + 0.3 * torch.randn_like(x)}, "draws"),
        ({"before": lambda x: F.dropout(x, 0.3, training=True)}, "draws"),
    ],
)
def test_those_that_mask_are_warned_of(digits, changes, what):
    net, images, labels = digits
    assert all(what in found for found in warned(Around(net, **changes), images, labels))


@pytest.mark.parametrize("of", [
    lambda net, *_: net, hardened, lambda net, *_: Around(net),
    lambda net, *_: Around(net, after=lambda z: 1000 * z),  # softmax is saturated, the margin not
])  # fmt: skip
def test_those_that_do_not_are_not(digits, of):
    net, images, labels = digits
    assert warned(of(net, images, labels), images, labels) == [set()] * len(IMAGES)
