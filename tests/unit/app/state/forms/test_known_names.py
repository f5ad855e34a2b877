"""Names of networks and data, told from their form and from torchvision's source."""

from __future__ import annotations

import pytest

from isoloss.app.state.forms.known_names import (
    problem_with_data,
    problem_with_network,
    torchvision_names,
)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("vgg11", True),
        ("resnet50", True),
        ("torchvision:resnet18", True),
        ("resnet20", True),
        ("resnet110", True),
        ("resnet50_cbam", True),
        ("resnet21", False),
        ("torchvision:resnet20", False),
        ("timm:vit_tiny_patch16_224", True),
        ("mine:net", True),
        ("os.path:join", True),
        ("nosuchnet", False),
        ("torchvision:nothing", False),
        ("timm:", False),
        ("", False),
        ("vgg 11", False),
        ("a.b:", False),
        ("a-b:net", False),
    ],
)
def test_names_of_networks_are_told_as_the_backend_would(name, is_known):
    problem = problem_with_network(name)
    assert (not problem) == is_known, problem
    if not is_known:
        assert problem.startswith(f"There is no network {name!r}")


def test_the_names_read_from_the_source_are_those_of_torchvision():
    import torchvision

    models = torchvision.models
    assert torchvision_names() == set(models.list_models(module=models))


def test_names_of_data_are_told_as_the_backend_would(here):
    assert not problem_with_data("digits")
    assert not problem_with_data("cifar10")
    assert not problem_with_data("mine:load")
    assert not problem_with_data(f"imagefolder:{here}")
    assert "no class folders" in problem_with_data(f"imagefolder:{here / 'ckpts'}")
    assert "no folder" in problem_with_data(f"imagefolder:{here / 'gone'}")
    assert "no folder" in problem_with_data("imagefolder:~nobody-of-this-name/x")
    assert "no data set" in problem_with_data("mnist")
