"""`isoloss.probe_image`: what a script has at hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import isoloss
from isoloss import IsolossError

from .conftest import halved

QUIET = {"progress": False, "device": "cpu", "grid": 5, "precision": "fp32"}


def test_the_corner_of_two_attacks_is_what_both_have_made(digits):
    net, images, labels = digits

    def up(model, x, y, eps):
        return (x + eps).clamp(0, 1)

    def down(model, x, y, eps):
        return (x - eps).clamp(0, 1)

    found = isoloss.probe_image(
        net, images[4], labels[4], plane="attacks", attacks={"up": up, "down": down}, eps=0.1,
        alpha_range=(-1, 1), beta_range=(-1, 1), **QUIET,
    )  # fmt: skip
    x, surface = images[4:5], found.undefended
    assert found.defended is None
    corner = up(net, x, None, 0.1) + down(net, x, None, 0.1) - x
    for at, image in (((2, 2), x), ((4, 2), (x + 0.1).clamp(0, 1)), ((4, 4), corner)):
        z = net(image).detach()
        assert surface.loss[at] == pytest.approx(float(F.cross_entropy(z, labels[4:5])), abs=1e-5)
        assert surface.columns["predicted"][at] == z.argmax()
    assert {t.name for t in surface.trajectories} == {"up", "down"}


def test_a_script_goes_on_where_it_was_and_not_with_another_image(digits, tmp_path):
    net, images, labels = digits
    out = tmp_path / "run"
    given = {"denoiser": halved, "sigma": 0.5, "draws": 3, "out": out, "classes": [*"abcdefghij"]}
    first = isoloss.probe_image(net, images[0], labels[0], **given, **QUIET)
    again = isoloss.probe_image(net, images[:1], int(labels[0]), **given, **QUIET)
    assert first.defended is not None
    np.testing.assert_array_equal(first.defended.loss, again.defended.loss)
    assert first.undefended.meta["class_names"][0] == "a"
    assert isoloss.load(out).loss.tolist() == first.undefended.loss.tolist()
    assert torch.equal(load_file(out / "plane.safetensors")["image"], images[0])
    with pytest.raises(IsolossError, match="data changed since"):
        isoloss.probe_image(net, images[1], labels[0], **given, **QUIET)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eps": 0}, "eps"),
        ({"eps": 2.0}, "reaches beyond all"),
        ({"attacks": "pgd,square"}, "takes one of them"),
        ({"attacks": "eot"}, "eot attacks a defense: give denoiser"),
        ({"attacks": "nothing"}, "there is no attack 'nothing'"),
        ({"plane": "attacks", "attacks": "pgd"}, "takes two of them"),
        ({"classes": ["one"]}, "the network knows 10 classes"),
        ({"grid": 1}, "grid"),
        ({"draws": 0}, "draws"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(digits, changes, message):
    net, images, labels = digits
    with pytest.raises(IsolossError, match=message) as refused:
        isoloss.probe_image(net, images[0], labels[0], **{**QUIET, **changes})
    assert "\n" not in str(refused.value)


def test_one_image_in_its_range_is_what_is_probed(digits):
    net, images, labels = digits
    with pytest.raises(IsolossError, match="give one image, not 2"):
        isoloss.probe_image(net, images[:2], labels[:2], **QUIET)
    with pytest.raises(IsolossError, match="divide them by 255"):
        isoloss.probe_image(net, 255 * images[0], labels[0], **QUIET)
    with pytest.raises(IsolossError, match="labels must be 0 to 9"):
        isoloss.probe_image(net, images[0], 10, **QUIET)
