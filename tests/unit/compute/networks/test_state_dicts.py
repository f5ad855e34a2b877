"""Checkpoints under the names of wrappers, nested, tied, adapted; against `load_state_dict`."""

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from isoloss import IsolossError, interpolation, pca_plane
from isoloss.compute.networks.checkpoints import as_state, checkpoints_in, load_into, save_tensors
from isoloss.compute.networks.models import build_model

HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


class Net(nn.Module):
    """Two layers of the same shape, so that names alone tell them apart."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 8)
        )
        self.head = nn.Linear(8, 3)


def network(seed=0):
    torch.manual_seed(seed)
    made = Net()
    for name, buffer in made.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand(8) + 0.5)
    return made


def assert_holds(model, other):
    own = model.state_dict()
    for name, tensor in other.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(own[name], tensor), name


def under(prefix, model):
    return {prefix + k: v for k, v in model.state_dict().items()}


def within(model, wrap):
    """`model` with its first part wrapped, as one that trains parts of it in parallel."""
    wrapped = copy.deepcopy(model)
    wrapped.features = wrap(wrapped.features)
    return wrapped.state_dict()


def profiled(model):
    """With what thop leaves in every module."""
    counted = copy.deepcopy(model)
    for module in list(counted.modules()):
        module.register_buffer("total_ops", torch.zeros(1, dtype=torch.float64))
        module.register_buffer("total_params", torch.zeros(1, dtype=torch.float64))
    return counted.state_dict()


class Compiled(nn.Module):
    """Names as `torch.compile` gives them, which takes long to import."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module


def compiled_within(model):
    wrapped = copy.deepcopy(model)
    wrapped.features[3] = Compiled(wrapped.features[3])
    return Compiled(nn.DataParallel(wrapped)).state_dict()


def without_counts(model):
    return {k: v for k, v in model.state_dict().items() if "tracked" not in k}


WRAPPED = {
    "as it is": lambda m: m.state_dict(),
    "DataParallel": lambda m: nn.DataParallel(m).state_dict(),
    "compiled": lambda m: Compiled(m).state_dict(),
    "both": lambda m: under("_orig_mod.module.", m),
    "Lightning": lambda m: {"state_dict": under("model.", m), "epoch": 3, "callbacks": {}},
    "a backbone's": lambda m: under("backbone.net.", m),
    "FSDP": lambda m: under("_fsdp_wrapped_module.", m),
    "any word": lambda m: under("classifier_of_mine.", m),
    "in the middle": lambda m: within(m, nn.DataParallel),
    "compiled in the middle": compiled_within,
    "averaged": lambda m: AveragedModel(m).state_dict(),
    "averaged, parallel": lambda m: AveragedModel(nn.DataParallel(m)).state_dict(),
    "profiled": profiled,
    "without counts": without_counts,
    "nested": lambda m: {"checkpoint": {"network": {"params": m.state_dict()}}, "lr": 0.1},
    "in a list": lambda m: [m.state_dict(), {"param_groups": []}],
    "arrays": lambda m: {k: v.numpy() for k, v in m.state_dict().items()},
    "with others": lambda m: {**under("generator.", m), **under("other.", nn.Linear(4, 4))},
    "in parts": lambda m: {"features": m.features.state_dict(), "head": m.head.state_dict()},
    "the network": lambda m: m,
}


@pytest.mark.parametrize("how", WRAPPED)
def test_a_network_is_found_under_whatever_names_it_was_saved(how, tmp_path):
    model, trained = network(), network(1)
    saved = WRAPPED[how](trained)
    load_into(model, saved)
    assert_holds(model, trained)
    if how not in ("the network", "arrays"):
        torch.save(saved, tmp_path / "net.PTH.TAR")
        model = network()
        load_into(model, tmp_path / "net.PTH.TAR")
        assert_holds(model, trained)


@pytest.mark.parametrize("how", ["DataParallel", "compiled in the middle", "with others"])
def test_so_it_is_in_safetensors_and_in_wrapped_networks(how, tmp_path):
    trained = network(1)
    file = save_tensors(tmp_path / "net.safetensors", WRAPPED[how](trained))
    bare, wrapped = network(), nn.DataParallel(network())
    for model in (bare, wrapped):
        load_into(model, file)
    assert_holds(bare, trained)
    assert_holds(wrapped.module, trained)


def test_a_network_by_name_takes_what_was_saved_of_it_alone():
    model, other = (build_model("resnet18", 10, 32, **HALF) for _ in range(2))
    for saved in (other.network.state_dict(), {"state_dict": under("module.", other.network)}):
        load_into(model, saved)
        assert_holds(model, other)
        assert torch.equal(model.mean, torch.full((3, 1, 1), 0.5))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_the_networks(kind):
    model, trained = network(), network(1).to(kind)
    load_into(model, trained.state_dict())
    assert model.head.weight.dtype == torch.float32
    assert torch.equal(model.head.weight, trained.head.weight.float())
    assert as_state(trained, model)["head.weight"].dtype == torch.float32


def test_of_several_networks_one_is_chosen(tmp_path):
    model, first, second = network(), network(1), network(2)
    file = tmp_path / "both.ckpt"
    torch.save({"model": first.state_dict(), "ema": {"shadow": second.state_dict()}}, file)
    with pytest.raises(IsolossError, match=r"several .* choose model or ema\.shadow with --key"):
        load_into(model, file)
    for key in ("ema", "ema.shadow", "shadow"):
        load_into(model, file, key=key)
        assert_holds(model, second)
    load_into(model, file, key="model")
    assert_holds(model, first)
    with pytest.raises(IsolossError, match=r"has no 'teacher': it has model, ema\.shadow"):
        load_into(model, file, key="teacher")
    flat = {**under("student.", first), **under("teacher.", second)}
    with pytest.raises(IsolossError, match="choose student or teacher"):
        load_into(model, flat)
    load_into(model, flat, key="teacher")
    assert_holds(model, second)
    same = {
        "model": first.state_dict(),
        "best": {k: v.clone() for k, v in first.state_dict().items()},
    }
    load_into(model, same)
    assert_holds(model, first)
    load_into(model, second.state_dict(), key="model")  # of one there is nothing to choose
    assert_holds(model, second)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(7, 4)
        self.body = nn.Linear(4, 4)
        self.lm_head = nn.Linear(4, 7, bias=False)
        self.lm_head.weight = self.wte.weight
        self.register_buffer("position_ids", torch.arange(5)[None], persistent=False)


@pytest.mark.parametrize("dropped", ["lm_head.weight", "wte.weight", None])
@pytest.mark.parametrize("prefix", ["", "model."])
def test_tied_weights_may_be_saved_once(dropped, prefix, tmp_path):
    model, trained = Tied(), Tied()
    state = {k: v for k, v in under(prefix, trained).items() if k != f"{prefix}{dropped}"}
    state[f"{prefix}position_ids"] = torch.arange(5)[None]
    file = save_tensors(tmp_path / "model.safetensors", state)
    load_into(model, file)
    assert model.lm_head.weight is model.wte.weight
    assert_holds(model, trained)
    load_into(model, tmp_path)  # as Hugging Face's libraries write folders
    plane = pca_plane(model, [file, Tied(), Tied().state_dict()])
    assert torch.equal(
        pca_plane(model, [Tied(), Tied(), file]).origin["lm_head.weight"], trained.wte.weight
    )
    assert plane.delta.keys() == dict(model.named_parameters()).keys()


class WithPositions(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.register_buffer("index", torch.arange(4))


def test_indices_that_a_network_is_built_with_may_be_missing():
    model, trained = WithPositions(), WithPositions()
    load_into(model, {"net.layer." + k: v for k, v in trained.layer.state_dict().items()})
    assert_holds(model, trained)


class Adapted(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(6, 6)
        self.base.requires_grad_(False)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(6, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 6, bias=False)})


def test_adapters_alone_fit_onto_their_base(capsys):
    model, trained = Adapted(), Adapted()
    base = model.base.weight.clone()
    saved = {
        f"base_model.model.lora_{k}.weight": getattr(trained, f"lora_{k}")["default"].weight
        for k in "AB"
    }
    load_into(model, saved, "adapter_model.bin")
    assert torch.equal(model.lora_A["default"].weight, trained.lora_A["default"].weight)
    assert torch.equal(model.lora_B["default"].weight, trained.lora_B["default"].weight)
    assert torch.equal(model.base.weight, base)
    assert "adapter_model.bin holds the 2 tensors of the network that are trained" in (
        capsys.readouterr().err
    )
    del saved["base_model.model.lora_B.weight"]
    with pytest.raises(IsolossError, match="another architecture"):
        load_into(model, saved)
    with pytest.raises(IsolossError, match="another architecture"):  # not the base without them
        load_into(model, {"weight": base, "bias": model.base.bias})


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("prefix", ["", "module."])
def test_names_that_a_network_translates_itself_are_translated(prefix):
    norm = nn.utils.parametrizations.weight_norm
    old = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 4)), nn.Linear(4, 3))
    with torch.no_grad():
        old[0].weight_g.mul_(3)
    new = nn.Sequential(norm(nn.Linear(4, 4)), nn.Linear(4, 3))
    expected = copy.deepcopy(new)
    expected.load_state_dict(old.state_dict())
    load_into(new, under(prefix, old))
    assert_holds(new, expected)
    x = torch.randn(5, 4)
    torch.testing.assert_close(new(x), old(x))


class Renamed(nn.Module):
    """Takes the names of an older version of itself."""

    def __init__(self):
        super().__init__()
        self.dense, self.out = nn.Linear(3, 3), nn.Linear(3, 3)

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in [k for k in state_dict if k.startswith(f"{prefix}fc.")]:
            state_dict[name.replace("fc.", "dense.")] = state_dict.pop(name)
        super()._load_from_state_dict(state_dict, prefix, *args)


class Lax(nn.Module):
    """Passes over what it does not know."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(3, 3)

    def load_state_dict(self, state_dict, strict=False, assign=False):
        return super().load_state_dict(state_dict, strict=False)


def test_so_are_those_of_an_older_version_but_nothing_is_passed_over():
    model, trained = Renamed(), Renamed()
    load_into(model, {k.replace("dense", "fc"): v for k, v in trained.state_dict().items()})
    assert_holds(model, trained)
    with pytest.raises(IsolossError, match="another architecture"):
        load_into(Lax(), {"other.weight": torch.ones(3, 3), "another": torch.ones(3)})


def refused(model, saved, match):
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(IsolossError, match=match) as caught:
        load_into(model, saved, "net.pt")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    return str(caught.value)


def test_what_does_not_fit_is_told_by_the_users_names():
    model = network()
    wide = {**model.state_dict(), "head.weight": torch.ones(5, 8), "head.bias": torch.ones(5)}
    refused(
        model, {"state_dict": {f"model.{k}": v for k, v in wide.items()}},
        r"net\.pt is of another architecture: model\.head\.weight is \(5, 8\), not \(3, 8\), "
        r"model\.head\.bias is \(5,\), not \(3,\) \(it tells 5 classes apart, the network 3\)",
    )  # fmt: skip
    refused(model, {**model.state_dict(), "aux.weight": torch.ones(2)}, "network has no aux.weight")
    headless = {k: v for k, v in under("module.", model).items() if "head" not in k}
    refused(model, headless, r"it has no tensor head\.weight, head\.bias$")
    refused(
        model, nn.Linear(9, 9).state_dict(),
        r"it has weight, bias, the network features\.0\.weight, features\.0\.bias, "
        r"features\.1\.weight and 7 more",
    )  # fmt: skip
    refused(model, {"epoch": 3}, "holds no state dict")
    whole = {k: v.to(torch.int8) for k, v in model.state_dict().items()}
    refused(model, whole, r"features\.0\.weight holds whole numbers, not real ones")
    refused(model, {k: v.to(torch.complex64) for k, v in model.state_dict().items()}, "complex")


def test_names_of_our_own_are_never_told():
    model = build_model("resnet18", 10, 32, **HALF)
    other = build_model("resnet18", 10, 32, stem="imagenet", **HALF).network
    said = refused(model, under("model.", other), r"model\.conv1\.weight is \(64, 3, 7, 7\)")
    assert "network." not in said
    said = refused(model, nn.Linear(3, 3).state_dict(), r"the network conv1\.weight, bn1\.weight")
    assert "network." not in said
    assert "mean" not in said.replace("running_mean", "")


def test_a_layer_of_a_larger_network_is_not_taken_for_a_network():
    larger = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3))
    refused(nn.Sequential(nn.Linear(4, 4)), larger.state_dict(), "the network has no 2.weight")
    twice = {**under("a.", nn.Linear(4, 4)), **under("b.", nn.Linear(4, 4))}
    refused(nn.Linear(4, 4), twice, "several networks that fit")


def test_what_is_given_as_checkpoints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nets = [network(k) for k in range(4)]
    for k, net in enumerate(nets):
        torch.save({"epoch": k, "model": under("module.", net)}, tmp_path / f"epoch_{8 + k}.pt")
    states = [n.state_dict() for n in nets]
    right = pca_plane(network(), states)
    run = tmp_path / "run"
    for given in (
        tmp_path, "*.pt", tmp_path / "epoch_*.pt", ["epoch_8.pt", "epoch_9.pt", "epoch_1*.pt"],
        nets, iter(nets), dict(enumerate(states)), dict(enumerate(states)).values(),
        [{"state_dict": s, "epoch": 1} for s in states], [under("module.", n) for n in nets],
    ):  # fmt: skip
        plane = pca_plane(network(), given)
        np.testing.assert_allclose(
            plane.explained_variance_ratio, right.explained_variance_ratio, rtol=1e-6
        )
        assert torch.equal(plane.origin["head.bias"], nets[-1].head.bias)
    places = right.project(states)
    np.testing.assert_allclose(right.project("*.pt"), places, atol=1e-6)
    np.testing.assert_allclose(right.project(nets), places, atol=1e-6)
    for wrong, match in ((7, "not a int"), ("*.ckpt", "no file matches"), (run, "no checkpoint")):
        with pytest.raises(IsolossError, match=match):
            pca_plane(network(), wrong)
    with pytest.raises(IsolossError, match="holds no state dict"):
        pca_plane(network(), [torch.ones(3)] * 4)


def test_what_a_generator_gives_is_kept_as_it_was():
    model = network()

    def in_training():
        for k in range(4):
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.1)
            states.append(copy.deepcopy(model.state_dict()))
            yield model if k % 2 else model.state_dict()

    noise, states = torch.Generator().manual_seed(0), []
    kept = [as_state(c) for c in checkpoints_in(in_training())]
    assert all(torch.equal(a[k], b[k]) for a, b in zip(kept, states, strict=True) for k in a)


def test_an_interpolation_goes_between_networks_and_takes_a_key():
    model, start, end = network(), network(1), network(2)
    line = interpolation(model, start, end)
    assert torch.equal(line.origin["head.weight"], start.head.weight)
    torch.testing.assert_close(
        line.origin["head.weight"] + line.delta["head.weight"], end.head.weight.detach()
    )
    both = {"ema": end.state_dict(), "model": start.state_dict()}
    keyed = interpolation(model, start, both, key="ema")
    assert all(torch.equal(v, line.delta[k]) for k, v in keyed.delta.items())


def test_extra_state_stays_with_its_network():
    class Keeps(nn.Linear):
        def get_extra_state(self):
            return {"seen": 3}

        def set_extra_state(self, state):
            self.seen = state["seen"]

    model, trained = Keeps(2, 2), Keeps(2, 2)
    load_into(model, {f"module.{k}": v for k, v in trained.state_dict().items()})
    assert torch.equal(model.weight, trained.weight)
    buffer = io.BytesIO()
    torch.save(trained.state_dict(), buffer)
    load_into(model, trained.state_dict())
    assert model.seen == 3
