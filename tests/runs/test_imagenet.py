"""Networks as timm publishes them, on folders of images as ImageNet has them."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import ImageNetInfo, create_transform, resolve_data_config

from isoloss import IsolossError
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.data.image_folder import Framing
from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.compute.networks.models import build_model
from isoloss.compute.networks.pretrained import build_published, framing_of
from isoloss.compute.training.network import load_network
from isoloss.results.tables import read_table
from isoloss.robustness.smoothing.denoiser import build_scheduler, build_unet
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing
from isoloss.robustness.speed.fast_classifier import Fast
from isoloss.run import Run
from isoloss.run_names import run_name
from isoloss.settings import AttackSettings, ProbeSettings
from isoloss.work import prepare, resume

TIMM = "timm:test_resnet.r160_in1k"
COATNET = "timm:coatnet_rmlp_2_rw_384.sw_in12k_ft_in1k"
# Imagenette's classes, and their places among the 1,000.
IMAGENETTE = {
    "n01440764": (0, "tench"), "n02102040": (217, "English springer"),
    "n02979186": (482, "cassette player"), "n03000684": (491, "chain saw"),
    "n03028079": (497, "church"), "n03394916": (566, "French horn"),
    "n03417042": (569, "garbage truck"), "n03425413": (571, "gas pump"),
    "n03445777": (574, "golf ball"), "n03888257": (701, "parachute"),
}  # fmt: skip
HALF = {"mean": (0.5,) * 3, "std": (0.5,) * 3}


def write(path, size=(12, 12), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (size[1] // 3 + 1, size[0] // 3 + 1, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR).save(path)


def folder_of(place, classes, n=2, size=(12, 12)):
    for k, name in enumerate(classes):
        for i in range(n):
            write(place / name / f"{i}.png", size, 10 * k + i)
    return f"imagefolder:{place}"


def test_folders_named_by_wordnet_ids_have_the_labels_of_imagenet(tmp_path):
    folder_of(tmp_path / "train", IMAGENETTE)
    folder_of(tmp_path / "val", list(IMAGENETTE)[4:6])
    data = load_dataset(f"imagefolder:{tmp_path}")
    assert len(data.classes) == 1000
    assert data.train.targets.unique().tolist() == [k for k, _ in IMAGENETTE.values()]
    assert data.test.targets.tolist() == [497, 497, 566, 566]
    for index, name in IMAGENETTE.values():
        assert data.classes[index] == name
    assert [data.classes[k] for k in (134, 517, 999)] == ["crane", "crane", "toilet tissue"]
    # Each image has the class of the folder it lies in.
    for name, (index, _) in IMAGENETTE.items():
        first = int((data.train.targets == index).nonzero()[0])
        theirs = np.asarray(Image.open(tmp_path / "train" / name / "0.png"))
        np.testing.assert_array_equal(data.train.inputs[first].permute(1, 2, 0), theirs)


def test_the_indices_are_those_of_the_networks_outputs():
    info = ImageNetInfo()
    from isoloss.compute.data.imagenet_classes import class_names, indices_of

    ids = info.label_names()
    assert indices_of(ids) == {name: k for k, name in enumerate(ids)}
    # The outputs are in the order of the ids, and 1,000 numbers are the outputs themselves.
    assert ids == sorted(ids)
    assert indices_of([str(k) for k in range(1000)]) == {str(k): k for k in range(1000)}
    assert indices_of([str(k) for k in range(10)]) is None
    assert indices_of(["n01440764", "n00000000"]) is None
    assert indices_of(["tench", "goldfish"]) is None
    assert len(class_names()) == 1000


def test_other_names_are_numbered_in_alphabetical_order(tmp_path):
    data = load_dataset(folder_of(tmp_path, ["tench", "10", "9"], n=3))
    assert data.classes == ("10", "9", "tench")
    assert torch.cat([data.train.targets, data.test.targets]).unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["val/1.png", "val/2.png", "train/a/1.png", "train/b/1.png"],
         "val has no class folders but 2 images side by side"),
        (["1.JPEG", "2.JPEG"], "has no class folders but 2 images side by side"),
        (["val/a/1.png", "val/b/1.png"], "has val only: give imagefolder:"),
        (["train/a/1.png", "train/b/1.png"], "has train only: give imagefolder:"),
        (["train/a/1.png", "train/b/1.png", "test/c/1.png"], "has a class 'c' that"),
        (["a/1.png"], "has 1 class folder"),
    ],
)  # fmt: skip
def test_a_folder_of_another_order_is_refused_in_one_line(tmp_path, files, message):
    for name in files:
        write((tmp_path / name).with_suffix(".png"))
    with pytest.raises(IsolossError) as caught:
        load_dataset(f"imagefolder:{tmp_path}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_test_folder_without_labels_gives_way_to_val(tmp_path):
    folder_of(tmp_path / "train", ["a", "b"])
    folder_of(tmp_path / "val", ["a", "b"], n=1)
    write(tmp_path / "test" / "0.png")
    assert load_dataset(f"imagefolder:{tmp_path}").test.targets.tolist() == [0, 1]


def test_classes_may_be_called_train_and_test(tmp_path):
    data = load_dataset(folder_of(tmp_path, ["train", "bus", "car"], n=3))
    assert data.classes == ("bus", "car", "train")


@pytest.mark.parametrize(
    "name",
    [COATNET, TIMM, "timm:resnet18.a1_in1k", "timm:resnet18.tv_in1k", "timm:dm_nfnet_f0.dm_in1k"],
)
@pytest.mark.parametrize("size", [(500, 375), (375, 500), (211, 160), (90, 91), (384, 384)])
def test_images_are_framed_as_timms_evaluation_frames_them(name, size, tmp_path):
    write(tmp_path / "x.png", size)
    image = Image.open(tmp_path / "x.png").convert("RGB")
    config = resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name[5:]).to_dict())
    theirs = create_transform(**config, is_training=False)(image)
    framed = np.asarray(framing_of(name)(image))
    inputs = torch.from_numpy(framed.copy()).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(config[k]).view(3, 1, 1) for k in ("mean", "std"))
    torch.testing.assert_close((inputs - mean) / std, theirs, rtol=0, atol=1e-5)


def test_a_network_of_ones_own_size_resizes_and_cuts_what_is_read_at_another():
    assert framing_of(COATNET, 32) == Framing(32)
    assert framing_of(COATNET, 384) == framing_of(COATNET)


def test_only_the_images_that_are_asked_for_are_read(tmp_path):
    data = load_dataset(folder_of(tmp_path, ["a", "b"], n=10, size=(31, 20)), read=False)
    assert data.train.shape == (3, 20, 20)
    assert "inputs" not in vars(data.train)
    everything = load_dataset(f"imagefolder:{tmp_path}")
    for split, whole in ((data.train, everything.train), (data.test, everything.test)):
        order = torch.arange(len(split)).flip(0)[:3]
        taken = split.take(order)
        assert torch.equal(taken.inputs, whole.inputs[order])
        assert torch.equal(taken.targets, whole.targets[order])
    for path in (tmp_path / "a").iterdir():
        path.write_bytes(b"nothing")
    b_only = (data.train.targets == 1).nonzero()[:, 0]
    assert len(data.train.take(b_only)) == len(b_only)
    with pytest.raises(IsolossError, match="cannot read the image"):
        load_dataset(f"imagefolder:{tmp_path}", 20)


def weights_of(name, classes, path):
    torch.manual_seed(0)
    if name.startswith("timm:"):
        network = build_published(name, classes).network
    else:
        network = build_model(name, classes, 32, stem="cifar", **HALF).network
    # As initialized, networks of timm end in zeros somewhere: nothing would depend on the image.
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return save_tensors(path, network.state_dict())


def test_an_attack_on_a_published_network_from_a_local_file(tmp_path):
    file = weights_of(TIMM, 1000, tmp_path / "mine.safetensors")
    data = folder_of(tmp_path / "im", list(IMAGENETTE)[:4], n=5, size=(200, 170))
    torch.save(load_state(file), tmp_path / "mine.pth")
    asked = {"model": TIMM, "data": data, "samples": 3, "steps": 2, "attacks": "pgd", "keep": 1,
             "device": "cpu", "precision": "fp32", "eps": (0.1,)}  # fmt: skip
    tables = []
    for suffix in ("safetensors", "pth"):
        settings = AttackSettings(source=tmp_path / f"mine.{suffix}", **asked)
        prepared = prepare(settings)
        assert prepared.setup.images.shape == (3, 3, 160, 160)
        assert set(prepared.setup.labels.tolist()) <= {0, 217, 482, 491}
        assert len(prepared.setup.classes) == 1000
        run = Run.create(tmp_path / suffix, settings)
        list(resume(run, prepared))
        tables.append([(r.eps, r.samples, r.correct) for r in read_table(run.table_path)])
    assert tables[0] == tables[1]
    assert [samples for _, samples, _ in tables[0]] == [3] * 4


def test_batch_norms_are_folded_behind_the_resize(tmp_path):
    torch.manual_seed(0)
    model = build_published(TIMM, 10).eval()
    few = torch.rand(2, 3, 32, 32)
    fast = Fast(model, few, "cpu", "fp32")
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fast.modules())
    torch.testing.assert_close(fast(few), model(few), rtol=1e-3, atol=1e-4)


def test_noise_is_denoised_at_the_datas_size_and_resized_afterwards():
    torch.manual_seed(0)
    model = build_published(TIMM, 1000).eval()
    unet = build_unet("tiny", 32).eval()
    defense = DenoisedSmoothing(model, unet, build_scheduler(), 0.25)
    seen = []
    model.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    unet.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x, z = torch.rand(2, 2, 3, 32, 32)
    with torch.no_grad():
        logits = defense.logits(x, z)
        assert [tuple(s.shape) for s in seen] == [(2, 3, 32, 32), (2, 3, 160, 160)]
        # sqrt(alpha_bar) (2 (x + sigma z) - 1) at the first step with that noise, 145.
        alpha = build_scheduler().alphas_cumprod[145]
        torch.testing.assert_close(seen[0], alpha.sqrt() * (2 * (x + 0.25 * z) - 1))
        torch.testing.assert_close(logits, model(defense.denoise(x + 0.25 * z)))
    x.requires_grad_()
    defense.logits(x, z).logsumexp(1).sum().backward()
    assert x.grad.abs().amax((1, 2, 3)).min() > 0
    with pytest.raises(IsolossError, match=r"is for 32×32 images, .* 160×160: .*--image-size"):
        defense(torch.rand(1, 3, 160, 160))
    with pytest.raises(IsolossError, match="for images of 3 channels, these have 1"):
        defense(torch.rand(1, 1, 32, 32))


def test_a_published_network_needs_no_file(tmp_path, monkeypatch):
    import huggingface_hub

    file = weights_of(TIMM, 1000, tmp_path / "cached.safetensors")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: str(file))
    data = folder_of(tmp_path / "im", IMAGENETTE, size=(170, 200))
    settings = AttackSettings(source=TIMM, data=data, samples=2)
    assert run_name(settings) == "test_resnet.r160_in1k-attack"
    network = load_network(settings)
    expected = load_state(file)
    assert all(torch.equal(v, expected[k]) for k, v in network.model.network.state_dict().items())
    assert network.checkpoints == [file]
    assert prepare(settings).setup.models[0].name == "test_resnet.r160_in1k"
    other = folder_of(tmp_path / "other", ["tench", "dahlia"], size=(170, 200))
    with pytest.raises(IsolossError, match=r"'dahlia' is none of ImageNet's 1,000 classes: .*n014"):
        load_network(AttackSettings(source=TIMM, data=other))
    with pytest.raises(ValueError, match="does not bring images: give --data"):
        AttackSettings(source=TIMM)


def test_a_network_of_ones_own_for_some_classes_of_imagenet(tmp_path):
    file = weights_of("resnet18", 10, tmp_path / "own.safetensors")
    data = folder_of(tmp_path / "im", IMAGENETTE)
    asked = {"source": file, "model": "resnet18", "stem": "cifar", "data": data}
    network = load_network(ProbeSettings(**asked))
    assert network.dataset.classes == tuple(name for _, name in IMAGENETTE.values())
    assert network.dataset.train.targets.unique().tolist() == list(range(10))
    network.model.eval()
    assert network.model(as_inputs(network.dataset.test.inputs[:1])).shape == (1, 10)
    wrong = weights_of("resnet18", 7, tmp_path / "seven.safetensors")
    with pytest.raises(IsolossError, match=r"fc.weight is \(7, 512\), not \(1000, 512\)"):
        load_network(ProbeSettings(**asked | {"source": wrong}))


def test_two_published_networks_meet_at_a_size_that_is_asked_for(tmp_path, monkeypatch):
    import huggingface_hub

    other = "timm:test_vit3.r160_in1k"
    files = {name: weights_of(name, 1000, tmp_path / f"{k}.safetensors")
             for k, name in enumerate((TIMM, other))}  # fmt: skip
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda repository, _: str(files[repository.replace("timm/", "timm:")]),
    )
    monkeypatch.setattr(
        "isoloss.compute.training.network.framing_of",
        lambda name, size=None: Framing(size or (96 if name == other else 160)),
    )
    data = folder_of(tmp_path / "im", IMAGENETTE, size=(170, 200))
    asked = {"source": TIMM, "also": (other,), "data": data, "samples": 2, "device": "cpu"}
    with pytest.raises(IsolossError, match="images of 160×160 and 96×96: say with --image-size"):
        prepare(AttackSettings(**asked))
    setup = prepare(AttackSettings(**asked, image_size=32)).setup
    assert setup.images.shape == (2, 3, 32, 32)
    assert [c.reference(setup.images[:]).shape for c in setup.models] == [(2, 1000)] * 2
