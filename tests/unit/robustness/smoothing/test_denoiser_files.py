"""Folders of denoisers as people have them: of earlier versions, in parts, in half, damaged."""

import json
import os
import pickle
import shutil
from types import SimpleNamespace

import diffusers
import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file

from isoloss import IsolossError
from isoloss.robustness.smoothing.denoiser import load_denoiser

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
PICKLED = "unet/diffusion_pytorch_model.bin"
EARLIER = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


@pytest.fixture
def unet(unet_that):
    torch.manual_seed(0)
    attention = ("AttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "AttnUpBlock2D")
    return unet_that(
        down_block_types=attention[0], up_block_types=attention[1], attention_head_dim=4
    ).eval()


@pytest.fixture
def pipeline(tmp_path, unet):
    """Writes it as a pipeline into a folder, which it returns."""

    def write(scheduler=None, **options):
        folder = tmp_path / "pipeline"
        shutil.rmtree(folder, ignore_errors=True)
        DDPMPipeline(unet, scheduler or DDPMScheduler()).save_pretrained(folder, **options)
        return folder

    return write


def predicted(unet):
    with torch.no_grad():
        return unet(torch.ones(1, 3, 8, 8), 100).sample


def changed(file, **values):
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, **values}))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"safe_serialization": False},
        {"max_shard_size": "4KB"},
        {"max_shard_size": "4KB", "safe_serialization": False},
        {"variant": "fp16"},
        {"variant": "fp16", "safe_serialization": False},
        {"variant": "fp16", "max_shard_size": "4KB"},
        {"variant": "ema"},
    ],
    ids=str,
)
def test_weights_are_found_however_diffusers_has_written_them(pipeline, unet, options, capsys):
    folder = pipeline(**options)
    loaded, _ = load_denoiser(folder)
    assert torch.equal(predicted(loaded), predicted(unet))
    assert not loaded.training
    said = capsys.readouterr().err
    variant = options.get("variant")
    expected = f"isoloss: {folder / 'unet'} has weights in {variant} alone: they are taken\n"
    assert said == (expected if variant else "")


def test_half_precision_computes_in_single(pipeline, unet):
    expected = predicted(unet)
    unet.half()
    loaded, _ = load_denoiser(pipeline(variant="fp16"))
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(predicted(loaded), expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("file", [WEIGHTS, PICKLED])
def test_attention_may_be_called_as_in_earlier_versions(pipeline, unet, file):
    folder = pipeline(safe_serialization=file == WEIGHTS)
    state = {}
    for name, tensor in unet.state_dict().items():
        for now, then in EARLIER.items():
            name = name.replace(now, then)
        state[name] = tensor
    assert state.keys() != unet.state_dict().keys()
    (save_file if file == WEIGHTS else torch.save)(state, folder / file)
    loaded, _ = load_denoiser(folder)
    assert torch.equal(predicted(loaded), predicted(unet))


class Code:
    """What a pickle may run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_no_code_of_a_file_is_run(pipeline, tmp_path):
    folder, trace = pipeline(safe_serialization=False), tmp_path / "trace"
    torch.save({"weights": Code(str(trace))}, folder / PICKLED)
    with pytest.raises(IsolossError, match=r"holds more than weights, a \w+\.mkdir") as refusal:
        load_denoiser(folder)
    assert "\n" not in str(refusal.value)
    (folder / PICKLED).write_bytes(pickle.dumps(Code(str(trace))))
    with pytest.raises(IsolossError, match="is not a readable checkpoint"):
        load_denoiser(folder)
    shutil.copy(folder / PICKLED, folder / WEIGHTS)  # under another name
    with pytest.raises(IsolossError, match="is not a readable checkpoint"):
        load_denoiser(folder)
    assert not trace.exists()


def damaged_weights(folder):
    whole = (folder / WEIGHTS).read_bytes()
    yield lambda: (folder / WEIGHTS).write_bytes(whole[:-8]), "is not a readable checkpoint"
    yield lambda: (folder / WEIGHTS).write_bytes(b""), "is empty"
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 1\n"
    yield lambda: (folder / WEIGHTS).write_text(pointer), "is a pointer of Git LFS"
    (folder / WEIGHTS).write_bytes(whole)
    state = load_file(folder / WEIGHTS)
    more = {**state, "extra": torch.zeros(1)}
    yield lambda: save_file(more, folder / WEIGHTS), "extra has no place"
    fewer = {name: tensor for name, tensor in state.items() if name != "conv_in.bias"}
    yield lambda: save_file(fewer, folder / WEIGHTS), "it has no conv_in.bias"
    yield (folder / WEIGHTS).unlink, "there is no .*diffusion_pytorch_model.safetensors"


def test_damaged_weights_are_refused_in_one_line(pipeline):
    folder = pipeline()
    for damage, message in damaged_weights(folder):
        damage()
        with pytest.raises(IsolossError, match=message) as refusal:
            load_denoiser(folder)
        assert "\n" not in str(refusal.value)


def test_parts_that_are_not_there_and_odd_indices_are_refused(pipeline, tmp_path):
    folder = pipeline(max_shard_size="4KB")
    index = folder / f"{WEIGHTS}.index.json"
    part = next((folder / "unet").glob("*-00002-*"))
    part.rename(tmp_path / part.name)
    with pytest.raises(IsolossError, match=f"there is no .*{part.name}"):
        load_denoiser(folder)
    for odd in ([], {"weight_map": {}}, {"weight_map": {"a": f"../../{part.name}"}}):
        index.write_text(json.dumps(odd))
        with pytest.raises(IsolossError, match="is no index of the files in which weights lie"):
            load_denoiser(folder)


UNET, SCHEDULER = "unet/config.json", "scheduler/scheduler_config.json"


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        (UNET, {"_class_name": "UNet2DConditionModel"}, "which wants a text: a UNet2DModel is"),
        (UNET, {"_class_name": "AutoencoderKL"}, r"codes of images \(latent diffusion\)"),
        (UNET, {"_class_name": None}, "describes a None: a UNet2DModel is needed"),
        (UNET, {"block_out_channels": "wide"}, "not a usable configuration: Must provide the same"),
        (UNET, {"down_block_types": ["Other", "DownBlock2D"]}, "Other does not exist"),
        (UNET, {"in_channels": None}, "is not a usable configuration"),
        (UNET, {"sample_size": "8"}, "is not a usable configuration: sample_size is '8'"),
        (UNET, {"sample_size": [8, 8, 8]}, "is not a usable configuration: sample_size is"),
        (SCHEDULER, {"num_train_timesteps": 0}, "the noise schedule of this DDPMScheduler is none"),
        (SCHEDULER, {"num_train_timesteps": "all"}, "is not a usable configuration: linspace"),
        (SCHEDULER, {"beta_schedule": "wave"}, "wave is not implemented"),
        (SCHEDULER, {"trained_betas": [0.1, 2.0]}, "the noise schedule of this DDPMScheduler is"),
        (SCHEDULER, {"prediction_type": "score"}, "the denoiser predicts 'score'"),
        (SCHEDULER, {"_class_name": "EDMEulerScheduler"}, "are trained as EDM does"),
        (SCHEDULER, {"_class_name": "VQDiffusionScheduler"}, "are trained on tokens"),
        (SCHEDULER, {"_class_name": "LaterScheduler"}, "are trained is not known here"),
        (SCHEDULER, {"_class_name": "DDPMPipeline"}, "a scheduler of diffusers is needed"),
        ("model_index.json", {"vqvae": ["diffusers", "VQModel"]}, "what its vqvae makes of images"),
        ("model_index.json", {"unet": [None, None]}, "is a DDPMPipeline of scheduler: one with a"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(pipeline, file, values, message):
    folder = pipeline()
    changed(folder / file, **values)
    with pytest.raises(IsolossError, match=message) as refusal:
        load_denoiser(folder)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


@pytest.fixture
def hub(monkeypatch):
    """Makes a folder a repository on the hub; gives the list of what is downloaded of it."""
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    def of(folder):
        downloaded = []

        def metadata(url):
            if not (folder / url.rpartition("/main/")[2]).is_file():
                raise EntryNotFoundError("404 Client Error")
            return SimpleNamespace(size=5_000_000)

        def download(_, file):
            downloaded.append(file)
            return str(folder / file)

        monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", metadata)
        monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
        return downloaded

    return of


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"safe_serialization": False}, [PICKLED]),
        ({"variant": "fp16"}, ["unet/diffusion_pytorch_model.fp16.safetensors"]),
        (
            {"max_shard_size": "9KB"},
            [f"{WEIGHTS}.index.json"]
            + [f"unet/diffusion_pytorch_model-0000{k}-of-00003.safetensors" for k in (1, 2, 3)],
        ),
    ],
)
def test_of_the_hub_what_is_needed_is_announced_and_downloaded(
    pipeline, unet, hub, capsys, options, weights
):
    downloaded = hub(pipeline(**options))
    loaded, _ = load_denoiser("someone/ddpm")
    assert torch.equal(predicted(loaded), predicted(unet))
    assert downloaded == [UNET, "model_index.json", SCHEDULER, *weights]
    said = capsys.readouterr().err
    for file in weights:
        assert f"isoloss: downloading {file} of someone/ddpm (5 MB) from huggingface.co" in said


def test_of_the_hub_nothing_large_is_downloaded_that_cannot_be_used(pipeline, hub):
    downloaded = hub(pipeline(diffusers.LCMScheduler()))
    with pytest.raises(IsolossError, match="are trained for consistency"):
        load_denoiser("someone/lcm")
    assert downloaded == [UNET, "model_index.json", SCHEDULER]


def test_other_settings_of_a_configuration_are_said_to_be_left_out(pipeline, unet, capsys):
    folder = pipeline()
    changed(folder / UNET, of_a_later_version=True)
    loaded, _ = load_denoiser(folder)
    assert torch.equal(predicted(loaded), predicted(unet))
    assert (
        "diffusers does not know of_a_later_version, which is left out" in capsys.readouterr().err
    )


def test_a_scheduler_is_read_as_what_it_is(pipeline):
    cases = [
        diffusers.CogVideoXDDIMScheduler(snr_shift_scale=3.0),
        diffusers.PNDMScheduler(prediction_type="v_prediction", trained_betas=[0.01, 0.02, 0.3]),
        diffusers.EulerDiscreteScheduler(rescale_betas_zero_snr=True),
        diffusers.UnCLIPScheduler(prediction_type="sample"),
    ]
    for scheduler in cases:
        _, loaded = load_denoiser(pipeline(scheduler))
        assert type(loaded) is type(scheduler)
        assert loaded.config.prediction_type == scheduler.config.prediction_type
        assert torch.equal(loaded.alphas_cumprod, scheduler.alphas_cumprod)


def test_parts_of_a_pipeline_are_no_denoiser(pipeline):
    folder = pipeline()
    for part, message in [
        ("unet", f"what noise it was trained with: give the whole pipeline, {folder}"),
        ("scheduler", r"there is no .*config\.json"),
        (WEIGHTS, "is a file: a denoiser is a folder"),
    ]:
        with pytest.raises(IsolossError, match=message):
            load_denoiser(folder / part)


def test_a_unet_in_a_folder_of_its_own_is_read(tmp_path, unet):
    unet.save_pretrained(tmp_path)
    with pytest.raises(IsolossError, match=r"there is no .*, which says what noise it was trained"):
        load_denoiser(tmp_path)
    DDPMScheduler(num_train_timesteps=7).save_pretrained(tmp_path)
    loaded, scheduler = load_denoiser(tmp_path)
    assert isinstance(loaded, UNet2DModel)
    assert len(scheduler.alphas_cumprod) == 7
