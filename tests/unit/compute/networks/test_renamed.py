"""Folders that transformers writes by other names than its networks have; against its reader."""

import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import nn

from isoloss import IsolossError, interpolation, pca_plane
from isoloss.compute.networks import state_dicts
from isoloss.compute.networks.checkpoints import as_state, load_into

SMALL = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2}


def vit(seed=0, **more):
    torch.manual_seed(seed)
    asked = {"num_hidden_layers": 2, "image_size": 8, "patch_size": 4, **SMALL, **more}
    return transformers.ViTForImageClassification(transformers.ViTConfig(**asked))


def mixtral(seed=0, experts=2):
    torch.manual_seed(seed)
    asked = {"num_hidden_layers": 1, "num_key_value_heads": 1, "vocab_size": 32, **SMALL}
    config = transformers.MixtralConfig(num_local_experts=experts, **asked)
    return transformers.MixtralForCausalLM(config)


class Wrapped(nn.Module):
    """A network whose name for its part is the one that the part's names begin with."""

    def __init__(self, seed=0):
        super().__init__()
        self.vit = vit(seed)


@pytest.fixture(autouse=True)
def quiet():
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()


def saved(network, folder, **how):
    network.save_pretrained(folder, **how)
    return folder


def filled(network, checkpoint, key=None):
    load_into(network, checkpoint, key=key)
    return network.state_dict()


def assert_same(state, other):
    assert state.keys() == other.keys()
    assert all(torch.equal(state[k], other[k]) for k in other)


@pytest.mark.parametrize("make", [vit, mixtral])
def test_a_folder_and_its_file_are_what_transformers_reads_there(make, tmp_path):
    network, folder = make(), saved(make(1), tmp_path)
    expected = type(network).from_pretrained(folder).state_dict()
    for path in (folder, folder / "model.safetensors"):
        assert_same(as_state(path, network), expected)


def test_so_are_experts_that_lie_in_several_files(tmp_path):
    folder = saved(mixtral(1), tmp_path, max_shard_size="3KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    assert_same(filled(mixtral(), folder), mixtral(1).state_dict())


def test_so_they_are_in_a_network_that_holds_one_and_under_the_names_of_wrappers(tmp_path):
    written = load_file(saved(vit(1), tmp_path) / "model.safetensors")
    expected = Wrapped(1).state_dict()
    assert_same(filled(Wrapped(), tmp_path), expected)
    assert_same(filled(Wrapped(), {f"vit.{k}": v for k, v in written.items()}), expected)
    nested = {"model": {f"module.{k}": v for k, v in written.items()}, "epoch": 3}
    assert_same(filled(nn.DataParallel(vit()).module, nested), vit(1).state_dict())
    both = {**nested, "ema": {k: v + 1 for k, v in written.items()}}
    with pytest.raises(IsolossError, match="choose model or ema"):
        load_into(vit(), both)
    assert_same(filled(vit(), both, key="model"), vit(1).state_dict())


def test_planes_go_through_them(tmp_path):
    networks = [vit(k) for k in range(4)]
    folders = [saved(network, tmp_path / f"{k}") for k, network in enumerate(networks)]
    for given, known in (
        (pca_plane(vit(), folders), pca_plane(vit(), networks)),
        (interpolation(vit(), *folders[:2]), interpolation(vit(), *networks[:2])),
    ):
        assert_same(given.origin, known.origin)
        assert_same(given.delta, known.delta)
        assert_same(given.eta, known.eta)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (
            lambda: vit(num_labels=5),
            r"classifier.weight is \(2, 8\), not \(5, 8\).*tells 2 classes",
        ),
        (lambda: vit(num_hidden_layers=3), r"it has no tensor vit.layers.2.attention.q_proj"),
        (lambda: vit(num_hidden_layers=1), r"the network has no vit.layers.1.attention.k_proj"),
        (lambda: transformers.ViTModel(vit().config), r"it has no tensor pooler.dense.weight"),
    ],
)
def test_nothing_is_made_up_for_what_does_not_fit(network, said, tmp_path):
    with pytest.raises(IsolossError, match=said):
        load_into(network(), saved(vit(), tmp_path))


def test_nor_is_it_where_experts_are_fewer(tmp_path):
    with pytest.raises(IsolossError, match=r"experts.gate_up_proj is \(2, 32, 8\), not \(4,"):
        load_into(mixtral(experts=4), saved(mixtral(), tmp_path))


def test_a_part_of_what_was_saved_may_be_the_network(tmp_path, capsys):
    base = transformers.ViTModel(vit().config, add_pooling_layer=False)
    assert_same(filled(base, saved(vit(1), tmp_path)), vit(1).vit.state_dict())
    assert "left out: classifier.bias, classifier.weight" in capsys.readouterr().err


def test_a_head_that_was_put_in_later_is_kept_and_other_types_are_the_networks(tmp_path):
    def headed(seed):
        network = vit(seed)
        network.classifier = nn.Linear(8, 5)
        return network

    assert_same(filled(headed(0), saved(headed(1), tmp_path / "a")), headed(1).state_dict())
    half = saved(vit(1).half(), tmp_path / "b")
    assert_same(filled(vit(), half), vit(1).half().float().state_dict())


def test_transformers_says_nothing_and_is_left_as_it_was(tmp_path, capfd):
    logging = transformers.utils.logging
    folder = saved(vit(), tmp_path)
    logging.enable_progress_bar()
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    network, drawn = vit(num_labels=5), torch.get_rng_state()
    with pytest.raises(IsolossError):
        load_into(network, folder)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")


def test_names_that_are_the_networks_are_left_to_no_one_else(tmp_path, monkeypatch):
    monkeypatch.setattr(state_dicts, "renamed", None)
    small = {"num_hidden_layers": 1, "vocab_size": 32, **SMALL}
    for network in (
        transformers.BertForSequenceClassification(transformers.BertConfig(**small)),
        transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=32, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
            )
        ),
        transformers.LlamaForCausalLM(transformers.LlamaConfig(**small)),
    ):
        folder = saved(network, tmp_path / type(network).__name__)
        assert_same(as_state(folder, network), type(network).from_pretrained(folder).state_dict())
