"""The defense: the schedule's steps, the closed form, its gradients, what it refuses."""

import json
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DModel
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import (
    DenoisedSmoothing,
    Fast,
    GaussianSmoothing,
    StraightThrough,
    timestep_for_sigma,
)
from isoloss.robustness.smoothing.denoiser import (
    build_scheduler,
    build_unet,
    load_denoiser,
    save_denoiser,
)
from isoloss.robustness.smoothing.denoising_loss import Average, denoising_loss, noised
from isoloss.robustness.smoothing.smoothing import check_denoises
from isoloss.robustness.speed.fast_denoiser import FastDenoiser

LINEAR = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")
COSINE = DDPMScheduler(num_train_timesteps=4000, beta_schedule="squaredcos_cap_v2")
SIGMAS = (0.25, 0.5, 1.0)


class Perfect(nn.Module):
    """Knows the clean image, and so the noise in any other."""

    def __init__(self, clean, scheduler, extra=0):
        super().__init__()
        self.clean, self.alphas, self.extra = clean, scheduler.alphas_cumprod, extra

    def forward(self, x_t, t):
        alpha = self.alphas[t].double()
        noise = (x_t - alpha.sqrt() * (2 * self.clean - 1)) / (1 - alpha).sqrt()
        return torch.cat([noise, torch.full_like(noise[:, : self.extra], torch.nan)], 1)


@pytest.fixture(scope="module")
def small():
    """A UNet for 8×8 images and a smooth classifier, both in double precision."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8,
    )  # fmt: skip
    classifier = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 5))
    return unet.double().eval(), classifier.double().eval()


def images(n=3, size=8):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, size, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("scheduler", "steps"), [(LINEAR, (145, 259, 396)), (COSINE, (1158, 1984, 2809))]
)
def test_the_step_of_a_noise_is_carlinis(scheduler, steps):
    alphas = scheduler.alphas_cumprod
    for sigma, expected in zip(SIGMAS, steps, strict=True):
        t, level = timestep_for_sigma(alphas, sigma)
        assert t == expected
        before, own = (((1 - a) / a).sqrt() for a in (alphas[t - 1], alphas[t]))
        assert before < 2 * sigma <= level
        assert level == pytest.approx(float(own), rel=1e-5)
    assert timestep_for_sigma(alphas, 0.0)[0] == 0


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf"), 100.0])
def test_a_noise_the_schedule_does_not_have_is_refused(sigma):
    with pytest.raises(IsolossError, match=r"outside the denoiser's schedule, .* up to 78\.7"):
        timestep_for_sigma(LINEAR.alphas_cumprod, sigma)


@pytest.mark.parametrize("extra", [0, 3])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_perfect_denoiser_gives_back_the_clean_image(sigma, extra):
    x = images()
    defense = DenoisedSmoothing(nn.Identity(), Perfect(x, LINEAR, extra), LINEAR, sigma)
    # Schedules are single precision.
    torch.testing.assert_close(defense(x), x, rtol=0, atol=1e-6)


def test_without_noise_the_defended_network_is_the_classifier(small):
    unet, classifier = small
    x = images()
    for sigma, atol in ((0.0, 1e-12), (1e-6, 1e-5)):
        defense = DenoisedSmoothing(classifier, unet, LINEAR, sigma)
        torch.testing.assert_close(defense(x), classifier(x), rtol=0, atol=atol)


def test_the_noise_is_exactly_sigma_and_is_not_clamped():
    seen = []

    class Spy(nn.Module):
        def forward(self, x_t, t):
            seen.append((x_t, int(t)))
            return torch.zeros_like(x_t)

    x = torch.ones(2000, 3, 8, 8)
    defense = DenoisedSmoothing(nn.Flatten(), Spy(), LINEAR, 0.25)
    defense.generator = torch.Generator().manual_seed(0)
    denoised = defense(x)
    x_t, t = seen[0]
    assert t == 145
    in_image = (x_t / LINEAR.alphas_cumprod[145].sqrt() + 1) / 2
    assert float(in_image.std()) == pytest.approx(0.25, rel=0.01)
    assert float(in_image.mean()) == pytest.approx(1, abs=0.01)
    assert 0 <= float(denoised.min()) < float(denoised.max()) == 1
    assert float(defense.unclamped()(x).max()) > 1.5


def test_draws_come_from_the_generator(small):
    unet, classifier = small
    defense = DenoisedSmoothing(classifier, unet, LINEAR, 0.5)
    answers = []
    for seed in (0, 0, 1):
        defense.generator = torch.Generator().manual_seed(seed)
        answers.append(defense(images()))
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])


@pytest.mark.parametrize("sigma", [0.25, 1.0])
def test_gradients_through_the_defense_are_finite_differences(small, sigma):
    unet, classifier = small
    defense = DenoisedSmoothing(classifier, unet, LINEAR, sigma).unclamped()
    x, y = images(2), torch.tensor([1, 4])
    generator = torch.Generator().manual_seed(2)
    noise, direction = (
        torch.randn(x.shape, generator=generator, dtype=torch.float64) for _ in range(2)
    )

    def loss(at):
        return F.cross_entropy(defense.logits(at, noise), y)

    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf), leaf)
    directions = [direction, direction.flip(0)]
    for place in ((0, 0, 0, 0), (1, 2, 5, 3)):
        directions.append(torch.zeros_like(x))
        directions[-1][place] = 1
    h = 1e-5
    with torch.no_grad():
        for d in directions:
            numeric = (loss(x + h * d) - loss(x - h * d)) / (2 * h)
            assert float((gradient * d).sum()) == pytest.approx(float(numeric), rel=1e-4)


def test_the_clamp_kills_gradients_which_the_unclamped_copy_does_not():
    class Zero(nn.Module):
        def forward(self, x_t, t):
            return torch.zeros_like(x_t)

    defense = DenoisedSmoothing(nn.Flatten(), Zero(), LINEAR, 0.5)
    gradients = []
    for model in (defense, defense.unclamped()):
        leaf = torch.ones(4, 3, 8, 8, requires_grad=True)
        model.generator = torch.Generator().manual_seed(0)
        gradients.append(torch.autograd.grad(model(leaf).sum(), leaf)[0])
    # About half the noisy values leave the range of a white image.
    assert 0.4 < float((gradients[0] == 0).float().mean()) < 0.6
    torch.testing.assert_close(gradients[1], torch.ones_like(gradients[1]))


def test_bpda_looks_through_the_denoiser_forwards_only(small):
    unet, classifier = small
    defense = DenoisedSmoothing(classifier, unet, LINEAR, 0.25)
    x, y = images(), torch.tensor([0, 1, 2])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    logits = StraightThrough(defense).logits(leaf, noise)
    torch.testing.assert_close(logits, defense.logits(x, noise))
    (through,) = torch.autograd.grad(F.cross_entropy(logits, y), leaf)
    denoised = defense.denoise(defense.noisy(x, noise)).detach().requires_grad_()
    (at_denoised,) = torch.autograd.grad(F.cross_entropy(classifier(denoised), y), denoised)
    torch.testing.assert_close(through, at_denoised)


def unet_that(**changes):
    return UNet2DModel.from_config(
        {
            "sample_size": 8,
            "block_out_channels": (4, 4),
            "layers_per_block": 1,
            "norm_num_groups": 2,
            "add_attention": False,
            "down_block_types": ("DownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "UpBlock2D"),
            **changes,
        }
    )


def test_a_wrong_pairing_is_refused_in_one_line():
    x = images(1).float()
    cases = [
        ({}, {}, images(1, 16).float(), "the denoiser is for 8×8 images, these are 16×16"),
        ({}, {}, 2 * x - 1, r"images must lie in \[0, 1\], these reach from -"),
        ({}, {}, x[:, :1], "the denoiser is for images of 3 channels, these have 1"),
        ({"in_channels": 1, "out_channels": 1}, {}, x, "for images of 1 channels, these have 3"),
        ({"out_channels": 4}, {}, x, "the denoiser gives 4 channels for images of 3"),
        ({"center_input_sample": True}, {}, x, r"one for \[−1, 1\] is needed"),
        ({"num_class_embeds": 10}, {}, x, "one without classes is needed"),
        ({}, {"prediction_type": "v_prediction"}, x, "one that predicts epsilon is needed"),
    ]
    for unet, scheduler, given, message in cases:
        with pytest.raises(IsolossError, match=message) as refusal:
            DenoisedSmoothing(nn.Flatten(), unet_that(**unet), DDPMScheduler(**scheduler), 0.25)(
                given
            )
        assert "\n" not in str(refusal.value)
    for sigma in (-1.0, float("nan")):
        with pytest.raises(IsolossError, match="σ must be a finite number"):
            GaussianSmoothing(nn.Flatten(), sigma)


def test_a_denoiser_that_does_not_denoise_is_refused():
    x = images(8)
    check_denoises(DenoisedSmoothing(nn.Flatten(), Perfect(x, LINEAR), LINEAR, 0.25), x)
    other_range = Perfect((x + 1) / 2, LINEAR)
    shuffled = Perfect(x.roll(1, 0), LINEAR)
    for unet in (other_range, shuffled):
        with pytest.raises(IsolossError, match="does not denoise these images: noise of σ"):
            check_denoises(DenoisedSmoothing(nn.Flatten(), unet, LINEAR, 0.25), x)


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
    with pytest.raises(IsolossError, match="does not fit"):
        load_denoiser(folder)
    weights.write_bytes(whole)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_class_name": "VQModel"}))
    with pytest.raises(IsolossError, match="describes a VQModel: a UNet2DModel is needed"):
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


def test_the_hub_s_folders_are_looked_into_where_its_top_has_no_files(monkeypatch, tmp_path):
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
    assert asked[1::2] == [
        "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
    ]  # fmt: skip


def test_noise_is_added_as_diffusers_adds_it():
    x = images().float()
    steps, noise = torch.tensor([0, 500, 999]), torch.randn(3, 3, 8, 8)
    expected = LINEAR.add_noise(2 * x - 1, noise, steps)
    torch.testing.assert_close(noised(LINEAR.alphas_cumprod, x, steps, noise), expected)


def test_the_loss_is_zero_for_who_predicts_the_noise_and_one_for_who_predicts_none():
    x = images(64).float()

    class Predicts(nn.Module):
        def __init__(self, share):
            super().__init__()
            self.share = share

        def forward(self, x_t, t):
            alpha = LINEAR.alphas_cumprod[t].view(-1, 1, 1, 1)
            noise = (x_t - alpha.sqrt() * (2 * x - 1)) / (1 - alpha).sqrt()
            return type("Output", (), {"sample": self.share * noise})

    generator = torch.Generator().manual_seed(0)
    for share in (1.0, 0.0, 0.5):
        loss = denoising_loss(Predicts(share), LINEAR.alphas_cumprod, x, generator)
        assert float(loss) == pytest.approx((1 - share) ** 2, abs=0.03)


def test_a_denoiser_learns_and_its_average_follows(one_thread):
    torch.manual_seed(0)
    unet = unet_that(in_channels=1, out_channels=1, block_out_channels=(8, 16))
    constant = torch.full((16, 1, 8, 8), 0.7)
    average = Average(unet, decay=0.9)
    optimizer = torch.optim.Adam(unet.parameters(), 5e-3)
    generator = torch.Generator().manual_seed(0)
    first = None
    for _ in range(40):
        loss = denoising_loss(unet, LINEAR.alphas_cumprod, constant, generator)
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.follow(unet)
    average.give_to(unet)
    unet.eval()
    check_denoises(DenoisedSmoothing(nn.Flatten(), unet, LINEAR, 0.25), constant)
    with torch.no_grad():
        assert float(denoising_loss(unet, LINEAR.alphas_cumprod, constant, generator)) < first / 2


def test_an_average_is_the_weighted_mean_and_goes_on_from_its_state():
    layer = nn.Linear(1, 1, bias=False)
    values = [1.0, 3.0, -2.0, 5.0]
    with torch.no_grad():
        layer.weight.fill_(values[0])
    average, expected = Average(layer, decay=0.15), values[0]
    for step, value in enumerate(values[1:]):
        with torch.no_grad():
            layer.weight.fill_(value)
        state = {k: v.clone() for k, v in average.state().items()}
        average = Average(layer, decay=0.15)
        average.restore(state)
        average.follow(layer)
        decay = min(0.15, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    average.give_to(layer)
    assert layer.weight.item() == pytest.approx(expected)


@pytest.mark.parametrize(("precision", "largest"), [("fp32", 1e-5), ("bf16", 0.05)])
def test_a_denoiser_made_fast_is_the_same_function(precision, largest):
    torch.manual_seed(0)
    unet = build_unet("tiny", 16).eval()
    x = torch.rand(4, 3, 16, 16)
    fast = FastDenoiser(unet, x, torch.device("cpu"), precision)
    found = []
    for network in (lambda images: unet(images, torch.tensor(7)).sample,
                    lambda images: fast(images, torch.tensor(7))):  # fmt: skip
        leaf = x.clone().requires_grad_()
        predicted = network(leaf)
        (gradient,) = torch.autograd.grad(predicted.square().sum(), leaf)
        found.append((predicted.detach(), gradient))
    for expected, given in zip(*found, strict=True):
        assert given.dtype == torch.float32
        assert float((given - expected).norm()) <= largest * float(expected.norm())
    with torch.no_grad():  # and where it may write over what a backward pass would need
        given, expected = fast(x, torch.tensor(7)), found[0][0]
    assert float((given - expected).norm()) <= largest * float(expected.norm())
    assert all(p.requires_grad for p in unet.parameters())
    assert not any(p.requires_grad for p in fast.parameters())


@pytest.mark.parametrize("size", [3, 32])
def test_group_norms_of_a_bf16_denoiser_are_those_of_single_precision(size):
    torch.manual_seed(0)
    unet = build_unet("tiny", 16).eval().requires_grad_(False)
    made = FastDenoiser(unet, torch.rand(1, 3, 16, 16), torch.device("cpu"), "bf16").unet
    plain, fast = (
        next(m for m in network.modules() if isinstance(m, nn.GroupNorm))
        for network in (unet, made)
    )
    assert type(fast) is not nn.GroupNorm
    for module in (plain, fast):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            module.weight.uniform_(0.5, 2)
            module.bias.normal_()
    maps = torch.randn(5, plain.num_channels, size, size) * 2 + 1
    slope = torch.randn_like(maps)
    found = []
    for module, dtype in ((plain, torch.float32), (fast, torch.bfloat16)):
        leaf = maps.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
        normal = module(leaf)
        (gradient,) = torch.autograd.grad(normal, leaf, slope.to(dtype))
        found.append((normal.detach(), gradient))
    for expected, given in zip(*found, strict=True):
        assert given.dtype == torch.bfloat16
        assert float((given.float() - expected).norm() / expected.norm()) < 0.005


def test_a_fast_denoiser_s_rows_do_not_depend_on_how_many_there_are():
    torch.manual_seed(0)
    unet = build_unet("tiny", 16).eval()
    x = torch.rand(70, 3, 16, 16)  # diffusers treats 64 and more in another way
    fast = FastDenoiser(unet, x, torch.device("cpu"), "fp32")
    with torch.no_grad():
        expected = unet(x, torch.tensor(7)).sample
        torch.testing.assert_close(fast(x, torch.tensor(7)), expected, rtol=1e-4, atol=1e-5)
        apart = [fast(some, torch.tensor(7)) for some in x.split(9)]
    torch.testing.assert_close(torch.cat(apart), expected, rtol=1e-4, atol=1e-5)


def test_batches_follow_from_how_wide_a_network_is():
    x = torch.rand(1, 3, 32, 32)
    sizes = {}
    for width in (8, 64, 256, 4096):
        narrow = nn.Sequential(nn.Conv2d(3, width, 1), nn.Flatten(2), nn.AdaptiveAvgPool1d(1))
        sizes[width] = Fast(narrow, x, precision="fp32").batch_sizes
    # 8 MiB of the widest activations within 64 to 256 images, but never more than 64 MiB.
    assert {width: each.attacking for width, each in sizes.items()} == {
        8: 256, 64: 64, 256: 64, 4096: 4,
    }  # fmt: skip
    # Four times as many bytes where nothing is kept for a backward pass.
    assert {width: each.counting for width, each in sizes.items()} == {
        8: 256, 64: 128, 256: 64, 4096: 4,
    }  # fmt: skip
