"""Denoisers: on disk as diffusers writes them, from the hub, as published."""

import json
from types import SimpleNamespace

import pytest
import torch
from diffusers import DDPMScheduler

from isoloss import IsolossError
from isoloss.robustness.smoothing.denoiser import (
    build_scheduler,
    build_unet,
    load_denoiser,
    save_denoiser,
)

LINEAR = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")


def images(n=3, size=8):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, size, size, generator=generator, dtype=torch.float64)


def test_a_denoiser_survives_the_disk_as_diffusers_writes_it(tmp_path):
    torch.manual_seed(0)
    unet = build_unet("tiny", 8, channels=1).eval()
    ours = save_denoiser(tmp_path / "ours", unet, build_scheduler())
    theirs = tmp_path / "theirs"
    unet.save_pretrained(theirs / "unet")
    build_scheduler().save_pretrained(theirs / "scheduler")
    noisy = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        expected = unet(noisy, 100).sample
        for folder in (ours, theirs):
            loaded, scheduler = load_denoiser(folder)
            assert torch.equal(loaded(noisy, 100).sample, expected)
            assert not loaded.training
            assert torch.equal(scheduler.alphas_cumprod, LINEAR.alphas_cumprod)


def test_the_largest_denoiser_is_the_published_one():
    # google/ddpm-cifar10-32 has 35,746,307 parameters.
    with torch.device("meta"):
        unet = build_unet("ddpm", 32)
    assert sum(p.numel() for p in unet.parameters()) == 35_746_307
    with pytest.raises(IsolossError, match="halves images 3 times: 28 pixels"):
        build_unet("ddpm", 28)
    with pytest.raises(IsolossError, match="no denoiser size 'huge': choose tiny, small, ddpm"):
        build_unet("huge", 32)


def test_a_folder_that_is_no_denoiser_is_refused(tmp_path):
    with pytest.raises(IsolossError, match="there is no denoiser"):
        load_denoiser(tmp_path / "nowhere")
    with pytest.raises(IsolossError, match=r"is no denoiser: there is no .*config\.json"):
        load_denoiser(tmp_path)
    folder = save_denoiser(tmp_path / "d", build_unet("tiny", 8, 1), build_scheduler())
    weights = folder / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    with pytest.raises(IsolossError, match="is not a readable checkpoint: its header is longer"):
        load_denoiser(folder)
    weights.write_bytes(whole)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_class_name": "VQModel"}))
    with pytest.raises(IsolossError, match=r"describes a VQModel, .* a UNet2DModel is needed"):
        load_denoiser(folder)
    (folder / "config.json").write_text(json.dumps({**config, "block_out_channels": [32, 32, 64]}))
    with pytest.raises(IsolossError, match="does not fit"):
        load_denoiser(folder)


def test_without_network_one_line_names_the_files_to_bring(monkeypatch, tmp_path):
    import huggingface_hub

    def unreachable(*_, **__):
        raise OSError("Name or service not known\nand more")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", unreachable)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(IsolossError) as refusal:
        load_denoiser("google/ddpm-cifar10-32")
    assert str(refusal.value) == (
        "cannot get config.json of google/ddpm-cifar10-32 from huggingface.co: Name or service not "
        "known; bring config.json, diffusion_pytorch_model.safetensors and scheduler_config.json "
        "from https://huggingface.co/google/ddpm-cifar10-32 in a folder and give that"
    )


def test_the_hub_s_folders_are_looked_into_where_its_top_has_no_files(
    monkeypatch, tmp_path, unet_that
):
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    save_denoiser(tmp_path, unet_that(), LINEAR)
    asked = []

    def metadata(url):
        asked.append(url.rpartition("/main/")[2])
        if "/" not in asked[-1]:
            raise EntryNotFoundError("404 Client Error")
        return SimpleNamespace(size=10)

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", metadata)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    download = lambda _, file: str(tmp_path / file.rpartition("/")[2])  # noqa: E731
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    unet, _ = load_denoiser("someone/a-pipeline")
    assert unet.config.sample_size == 8
    # What is refused by its configuration is not downloaded.
    assert asked == [
        "config.json", "unet/config.json", "model_index.json", "scheduler_config.json",
        "scheduler/scheduler_config.json", "unet/diffusion_pytorch_model.safetensors",
    ]  # fmt: skip
