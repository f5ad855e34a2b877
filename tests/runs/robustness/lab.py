"""A tiny network, data and a denoiser of the user's own, and runs that are asked for of them."""

import sys
from dataclasses import replace

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from torch import nn

from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.results.tables import read_table
from isoloss.robustness.smoothing.denoiser import build_scheduler, save_denoiser
from isoloss.robustness.smoothing.denoising_loss import denoising_loss
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings
from isoloss.work import resume

SOURCE = '''
"""A tiny network and data of the user's own."""
import torch
from torch import nn


def network(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32, num_classes),
    )


class Masked(nn.Module):
    """Sees images in nine grey levels: its gradient is zero everywhere, its robustness is not."""

    def __init__(self, num_classes):
        super().__init__()
        self.inner = network(num_classes)

    def forward(self, x):
        return self.inner((x * 8).round() / 8)


def masked(num_classes):
    return Masked(num_classes)


def nothing(num_classes):
    return nn.Sequential(network(num_classes), Nothing())


class Nothing(nn.Module):
    def forward(self, x):
        return x * float("nan")


class Spoilt(nn.Module):
    """A network that is NaN, or has no gradient or one of NaN, where images are of some kind."""

    def __init__(self, num_classes, spoil):
        super().__init__()
        self.inner = network(num_classes)
        self.spoil = spoil

    def forward(self, x):
        return self.spoil(self.inner, x)


def nan_in_noise(num_classes):
    return Spoilt(num_classes, lambda f, x: f(x) + torch.where(
        ((x < -0.2) | (x > 1.2)).flatten(1).any(1), torch.nan, 0.0)[:, None])


def nan_gradient(num_classes):
    return Spoilt(num_classes, lambda f, x: f(x) + (x * 0).sqrt().flatten(1).sum(1)[:, None])


def resizing(num_classes):
    return Spoilt(num_classes, lambda f, x: f(nn.functional.interpolate(x, size=8)))


def no_gradient(num_classes):
    return Spoilt(num_classes, lambda f, x: f(x.detach()) * 1.0)


def data():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(240) % 3
    x = torch.rand(240, 3, 8, 8, generator=generator) * 0.3 + y.view(-1, 1, 1, 1) * 0.2
    return (x[:180], y[:180]), (x[180:], y[180:])


def other_data():
    (x, y), test = data()
    return (1 - x, y), test


def five():
    (x, y), (tx, ty) = data()
    return (x, torch.arange(len(y)) % 5), (tx, torch.arange(len(ty)) % 5)


def four_classes():
    (x, y), (tx, ty) = data()
    return (x, y), (tx, torch.where(torch.arange(len(ty)) == 1, 3, ty))


def larger():
    return tuple((nn.functional.interpolate(x, size=16), y) for x, y in data())


def too_bright():
    (x, y), (tx, ty) = data()
    return (x, y), (tx * 2, ty)
'''


def make(folder, module):
    """Write trained networks and a denoiser, `den/`, to a folder."""
    (x, y), _ = module.data()
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = module.network(3)
        unet = UNet2DModel(
            sample_size=8, in_channels=3, out_channels=3, block_out_channels=(8, 8),
            layers_per_block=1, down_block_types=("DownBlock2D",) * 2,
            up_block_types=("UpBlock2D",) * 2, norm_num_groups=4,
        )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    save_tensors(folder / "net.safetensors", network.state_dict())
    inside = {f"inner.{k}": v for k, v in network.state_dict().items()}
    save_tensors(folder / "masked.safetensors", inside)
    inside = {f"0.{k}": v for k, v in network.state_dict().items()}
    save_tensors(folder / "nothing.safetensors", inside)
    scheduler = build_scheduler()
    optimizer = torch.optim.Adam(unet.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    for step in range(60):
        some = x[step % 5 * 32 :][:32]
        optimizer.zero_grad()
        denoising_loss(unet, scheduler.alphas_cumprod, some, generator).backward()
        optimizer.step()
    save_denoiser(folder / "den", unet.eval(), scheduler)


def asked(lab, kind, network="network", file="net", **others):
    common = {"source": lab / f"{file}.safetensors", "model": f"labuser:{network}",
              "data": "labuser:data", "device": "cpu", "precision": "fp32", "samples": 40,
              "keep": 3}  # fmt: skip
    return kind(**(common | others))


def attack(lab, **others):
    given = {"eps": (0.05, 0.1, 0.5), "steps": 5, "queries": 50, "attacks": "pgd,square"}
    return asked(lab, AttackSettings, **(given | others))


def defend(lab, **others):
    given = {"eps": (0.1, 0.5), "steps": 3, "queries": 10, "draws": 2, "votes": 9, "sigma": (0.2,),
             "attacks": "transfer,bpda,eot,square", "denoiser": str(lab / "den")}  # fmt: skip
    return asked(lab, DefendSettings, **(given | others))


def certify(lab, **others):
    given = {"sigma": (0.2,), "denoiser": str(lab / "den"), "draws": 200, "pilot": 10}
    return asked(lab, CertifySettings, **(given | others))


def done(folder, settings):
    run = Run.create(folder, settings)
    list(resume(run))
    assert run.is_done
    return run


def timeless(run):
    """The table in words, but for how long it took."""
    return [repr(replace(row, seconds=0.0)) for row in read_table(run.table_path)]


def labels_and_network(lab):
    module = sys.modules["labuser"]
    network = module.network(3)
    network.load_state_dict(load_state(lab / "net.safetensors"))
    return network.eval(), module.data()[1]
