"""Which parameters move: by name, by pattern, by what is trainable."""

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import IsolossError, Plane, line, pca_plane, probe, random_plane
from isoloss.cli.describe import describe


class Adapted(nn.Module):
    """A frozen layer with an adapter of low rank beside it, and a frozen head."""

    def __init__(self):
        super().__init__()
        self.base = nn.Linear(12, 16).requires_grad_(False)
        self.lora_A = nn.Parameter(torch.randn(2, 12))
        self.lora_B = nn.Parameter(torch.randn(16, 2))
        self.head = nn.Linear(16, 3).requires_grad_(False)

    def forward(self, x):
        return self.head((self.base(x) + x @ self.lora_A.T @ self.lora_B.T).tanh())


EVERY = {"base.weight", "head.weight", "lora_A", "lora_B"}
ADAPTERS = {"lora_A", "lora_B"}


def adapted():
    torch.manual_seed(0)
    return Adapted().eval()


def moved(plane):
    return {k for d in (plane.delta, plane.eta) for k, t in d.items() if t.any()}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("auto", ADAPTERS), ("all", EVERY), ("trainable", ADAPTERS), ("base", {"base.weight"}),
        ("lora_?", ADAPTERS), ("*.weight", {"base.weight", "head.weight"}),
        ("lora_A, head", {"lora_A", "head.weight"}), (["lora_B", "trainable"], ADAPTERS),
        (lambda name, parameter: parameter.shape[0] == 16, {"base.weight", "lora_B"}),
    ],
)  # fmt: skip
def test_what_is_asked_for_moves_and_nothing_else(asked, names):
    model = adapted()
    plane = random_plane(model, parameters=asked)
    assert moved(plane) == names
    assert plane.kind == "random"
    assert plane.delta.keys() == dict(model.named_parameters()).keys()
    assert moved(line(model, parameters=asked)) == names
    assert (plane.parameters is None) == (asked == "all")
    for name in names:
        own, drawn = getattr(model, name, None), plane.delta[name]
        own = model.get_parameter(name) if own is None else own
        np.testing.assert_allclose(drawn.norm(dim=1), own.detach().norm(dim=1), rtol=1e-5)


def test_the_trainable_ones_move_by_default_only_where_most_are_frozen():
    model = adapted()
    model.base.requires_grad_(True)  # the most by far
    assert moved(random_plane(model)) == EVERY
    assert random_plane(model).parameters is None
    assert moved(random_plane(adapted().requires_grad_(False))) == EVERY
    only_biases = adapted().requires_grad_(False)
    only_biases.head.bias.requires_grad_(True)
    assert moved(random_plane(only_biases)) == EVERY


def test_all_is_what_a_seed_has_always_meant():
    model = adapted().requires_grad_(True)
    generator = torch.Generator().manual_seed(5)
    delta = random_plane(model, 5, "none").delta
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            assert torch.equal(delta[name], drawn.float())


def test_a_selection_is_known_afterwards(tmp_path, losses_by_torch):
    model, x, y = adapted(), torch.randn(30, 12), torch.arange(30) % 3
    plane = random_plane(model, parameters="lora_*")
    said = []
    surface = probe(
        model, [(x, y)], plane, [0.0, 0.5], [0.0, 1.0], precision="fp32", progress=False,
        on_event=said.append,
    )  # fmt: skip
    expected = losses_by_torch(model, plane, [0.0, 0.5], [0.0, 1.0], x, y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-5)
    assert surface.meta["parameters"] == "lora_*: 2 of 4 weight tensors"
    assert any(
        "lora_*: 2 of 4 weight tensors with" in getattr(event, "message", "") for event in said
    )
    assert "parameters  lora_*: 2 of 4 weight tensors" in describe(surface.save(tmp_path / "s.ply"))
    assert (
        Plane.load(plane.save(tmp_path / "p.safetensors")).parameters
        == "lora_*: 2 of 4 weight tensors"
    )


@pytest.mark.parametrize("asked", ["auto", "all", "base"])
def test_a_finding_tells_that_frozen_parameters_move(asked):
    model, x, y = adapted(), torch.randn(30, 12), torch.arange(30) % 3
    plane = random_plane(model, parameters=asked)
    surface = probe(model, [(x, y)], plane, [0.0, 1.0], [0.0, 1.0], progress=False)
    found = {f["what"]: f for f in surface.meta["findings"]}["parameters"]
    frozen = {"auto": 0, "all": 2, "base": 1}[asked]
    assert (found["level"] == "note") == (frozen > 0)
    if frozen:
        assert found["message"].startswith(f"{frozen} frozen parameter")
        assert "trainable" in found["message"]


def test_principal_components_of_a_selection_leave_the_rest_alone():
    model = adapted()
    states = []
    for _ in range(4):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        states.append({k: v.clone() for k, v in model.state_dict().items()})
    assert moved(pca_plane(model, states)) == EVERY
    plane = pca_plane(model, states, parameters="lora_*")
    assert moved(plane) == ADAPTERS
    rows = np.array(
        [
            np.concatenate([(s[k] - states[-1][k]).double().numpy().ravel() for k in ADAPTERS])
            for s in states
        ]
    )
    values = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    np.testing.assert_allclose(plane.explained_variance_ratio, values[:2] / values.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("lora", "no parameter 'lora': it has lora_A, lora_B, .*'\\*lora\\*'"),
        ("haed.weight", "no parameter 'haed.weight': it has head, "),
        ("head.wieght", "no parameter 'head.wieght': it has head.weight, head.bias$"),
        (["lora_A", "layer4.*"], r"no parameter 'layer4.\*'"),
        ("*.bias", r"\*.bias.* has no parameter that could move"),
        ([], "nothing.* has no parameter that could move"),
        (lambda name, parameter: False, "chosen by a function"),
        (lambda name, parameter: 1 / 0, "chooses parameters failed: test_selection.py, line"),
        (3, "names, patterns or a function, not 3"),
    ],
)
def test_a_selection_of_nothing_gets_one_line(asked, words):
    for build in (random_plane, line):
        with pytest.raises(IsolossError, match=words):
            build(adapted(), parameters=asked)


@pytest.mark.parametrize(
    ("asked", "wrapper", "known"),
    [
        ("layer5.*", "", "layer4, stem, fc"), ("fcc", "", "fc, stem, layer4"),
        ("layer4.7.*", "", "layer4.0, layer4.1"),
        ("layer4.0.conv.x", "", "layer4.0.conv.bias, layer4.0.conv.weight"),
        ("layer5", "net", "net.layer4, net.stem, net.fc"),
        ("net.layer5.0", "net", "net.layer4, net.stem, net.fc"),
        ("fc", "net", "net.fc, net.stem, net.layer4; what is called so inside them is '*fc*'"),
        ("conv", "", "fc, stem, layer4; what is called so inside them is '*conv*'"),
    ],
)  # fmt: skip
def test_the_parts_of_a_network_are_named_as_a_person_would(asked, wrapper, known):
    block = nn.ModuleDict({"conv": nn.Conv2d(3, 3, 1)})
    network = nn.ModuleDict(
        {"stem": nn.Conv2d(3, 3, 1), "layer4": nn.Sequential(block, nn.Linear(3, 3)),
         "fc": nn.Linear(3, 2)}
    )  # fmt: skip
    model = nn.ModuleDict({wrapper: network}) if wrapper else network
    with pytest.raises(IsolossError) as told:
        random_plane(model, parameters=asked)
    assert str(told.value) == f"the network has no parameter {asked!r}: it has {known}"
