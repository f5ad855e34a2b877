"""Planes along directions out of files, against what Li et al.'s program does with them: torch
alone, one point after the other."""

import copy
import math

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isoloss
from isoloss import IsolossError, Plane, Surface, custom_plane, interpolation, saved_plane
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.networks.normalized import Normalized
from isoloss.geometry.analysis.difference import difference

ALPHA = np.linspace(-0.4, 0.5, 4)
BETA = np.linspace(-0.3, 0.3, 3)
ACROSS = {"filter": lambda d, w: w.norm() / (d.norm() + 1e-10), "none": lambda *_: 1.0}


class Block(nn.Module):
    """A residual block, with a convolution in its shortcut."""

    def __init__(self, channels, wider):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wider, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(wider)
        self.conv2 = nn.Conv2d(wider, wider, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(wider)
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, wider, 1, 2, bias=False), nn.BatchNorm2d(wider)
        )

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


def small():
    torch.manual_seed(0)
    body = nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 8), nn.Tanh()
    return confident(nn.Sequential(*body, nn.Linear(8, 3)))


def confident(model):
    """One whose losses are not all those of guessing."""
    with torch.no_grad():
        model[-1].weight.mul_(8)
    return model


def resnet():
    """With statistics that are not those of the beginning, and scales that are not 1."""
    torch.manual_seed(1)
    body = Block(6, 8), Block(8, 12)
    stem = nn.Conv2d(3, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU()
    model = nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    with torch.no_grad():
        for _ in range(20):
            model(torch.randn(16, 3, 8, 8) * 0.5 + 0.3)
    return confident(model).eval()


NETWORKS = {"small": small, "resnet": resnet}


def samples(n=40):
    generator = torch.Generator().manual_seed(5)
    return torch.rand(n, 3, 8, 8, generator=generator), torch.arange(n) % 3


def drawn(tensors, seed, norm="filter", ignore="biasbn"):
    """A random direction as their program draws it: a list of tensors."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for own in tensors:
        tensor = torch.randn(own.shape, generator=generator)
        if own.dim() <= 1:
            tensor = torch.zeros(own.shape) if ignore == "biasbn" else own.float().clone()
        else:
            pairs = zip(tensor, own.detach(), strict=True)
            tensor = torch.stack([d * ACROSS[norm](d, w) for d, w in pairs])
        found.append(tensor)
    return found


def listed(model, kind):
    return [*(model.parameters() if kind == "weights" else model.state_dict().values())]


def written(path, *directions, prefix="", dtype=None, **further):
    """The file of directions that their program writes."""
    with h5py.File(path, "w") as file:
        for name, direction in zip(("xdirection", "ydirection"), directions, strict=False):
            group = file.create_group(name)
            for k, tensor in enumerate(direction):
                values = tensor.detach().numpy()
                group.create_dataset(f"{prefix}{k}", data=values.astype(dtype or values.dtype))
        for name, values in further.items():
            file[name] = values
    return path


def as_they_do(model, kind, directions, alpha, beta, inputs, targets):
    """(A, B) losses and accuracies: the network's tensors overwritten at each point, batch norms
    in eval mode."""
    net = copy.deepcopy(model).eval()
    start = [t.clone() for t in listed(net, kind)]
    shape = (len(alpha), len(beta))
    losses, accuracies = np.zeros(shape), np.zeros(shape)
    for i, j in np.ndindex(shape):
        step = (alpha[i], beta[j])
        changes = [
            sum(s * d for s, d in zip(step, each, strict=False))
            for each in zip(*directions, strict=True)
        ]
        moved = [w + torch.as_tensor(c).type(w.dtype) for w, c in zip(start, changes, strict=True)]
        if kind == "weights":
            for parameter, value in zip(net.parameters(), moved, strict=True):
                parameter.data = value
        else:
            net.load_state_dict(dict(zip(net.state_dict(), moved, strict=True)))
        with torch.no_grad():
            logits = net(inputs)
            losses[i, j] = F.cross_entropy(logits, targets)
            accuracies[i, j] = (logits.argmax(1) == targets).double().mean()
    return losses, accuracies


def probed(model, plane, **options):
    beta = None if plane.is_line else BETA
    return isoloss.probe(
        model, samples(), plane, alpha=ALPHA, beta=beta, device="cpu", precision="fp32",
        progress=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("network", "kind", "lines", "norm", "ignore"),
    [
        ("resnet", "weights", 2, "filter", "biasbn"),
        ("resnet", "states", 2, "filter", ""),
        ("resnet", "states", 1, "none", ""),
        ("resnet", "weights", 1, "none", ""),
        ("small", "states", 2, "filter", "biasbn"),
        ("small", "weights", 2, "filter", ""),
        ("small", "weights", 1, "none", ""),
    ],
)
def test_the_losses_are_those_of_their_program(tmp_path, network, kind, lines, norm, ignore):
    model = NETWORKS[network]()
    directions = [drawn(listed(model, kind), seed, norm, ignore) for seed in range(lines)]
    plane = saved_plane(model, written(tmp_path / "d.h5", *directions))
    surface = probed(model, plane)
    beta = BETA if lines == 2 else np.zeros(1)
    losses, accuracies = as_they_do(model, kind, directions, ALPHA, beta, *samples())
    assert np.ptp(losses) > 0.05
    np.testing.assert_allclose(surface.loss, losses, rtol=1e-5)
    np.testing.assert_allclose(surface.accuracy, accuracies)
    has_buffers = network == "resnet"
    kind = kind if has_buffers else "weights"
    assert surface.meta["directions"] == f"d.h5, {kind}"
    assert surface.is_curve == (lines == 1)


def test_norms_and_angle_are_told(tmp_path):
    model = resnet()
    directions = [drawn(model.parameters(), seed) for seed in (1, 2)]
    plane = saved_plane(model, written(tmp_path / "d.h5", *directions))
    flat = [np.concatenate([t.numpy().ravel() for t in d]).astype(np.float64) for d in directions]
    norms = [np.linalg.norm(v) for v in flat]
    told = []
    surface = probed(model, plane, on_event=lambda e: told.append(getattr(e, "message", "")))
    np.testing.assert_allclose(surface.meta["norms"], norms, rtol=1e-6)
    cosine = flat[0] @ flat[1] / np.prod(norms)
    np.testing.assert_allclose(surface.meta["cosine"], cosine, atol=1e-6)
    angle = f"‖η‖ = {norms[1]:.4g}, {math.degrees(math.acos(cosine)):.4g}° between them"
    assert f"along d.h5, weights: ‖δ‖ = {norms[0]:.4g}, {angle}" in " ".join(told)


@pytest.mark.parametrize(
    "how", [{"prefix": "idx_"}, {"dtype": ">f8"}, {"dtype": "f8"}, {"xcoordinates": np.zeros(3)}]
)
def test_other_ways_to_write_them(tmp_path, how):
    model = resnet()
    directions = [drawn(model.parameters(), seed) for seed in (1, 2)]
    plane = saved_plane(model, written(tmp_path / "d.h5", *directions, **how))
    names = [name for name, _ in model.named_parameters()]
    assert len(names) > 10  # so that 10 comes after 2
    for found, given in zip((plane.delta, plane.eta), directions, strict=True):
        assert all(torch.equal(found[k], t) for k, t in zip(names, given, strict=True))


@pytest.mark.parametrize("lacks", ["num_batches_tracked", "nothing"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_states_of_an_older_torch_and_of_a_network_that_was_given_normalized_images(
    tmp_path, lacks, wrapped
):
    model = resnet()
    state = model.state_dict()
    kept = [k for k in state if lacks not in k]
    direction = drawn([state[k] for k in kept], 3, ignore="")
    path = written(tmp_path / "d.h5", direction)
    net = Normalized(model, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)) if wrapped else model
    plane = saved_plane(net, path)
    before = "network." if wrapped else ""
    assert plane.read_from == "d.h5, states"
    for name, given in zip(kept, direction, strict=True):
        if "num_batches_tracked" not in name:
            assert torch.equal(plane.delta[before + name], given)
    moved = {k for k, t in plane.delta.items() if t.any()}
    assert moved == {before + k for k in kept if "num_batches_tracked" not in k}


def test_of_tied_weights_the_last_counts_as_in_load_state_dict(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.BatchNorm1d(6))
    model[2].weight = model[0].weight
    model.eval()
    direction = drawn(model.state_dict().values(), 1)
    data = torch.randn(20, 6), torch.arange(20) % 6
    losses, _ = as_they_do(model, "states", [direction], ALPHA, [0.0], *data)
    plane = saved_plane(model, written(tmp_path / "d.h5", direction))
    surface = isoloss.probe(model, data, plane, ALPHA, device="cpu", progress=False)
    np.testing.assert_allclose(surface.loss, losses, rtol=1e-5)


def test_a_variance_that_would_turn_negative_counts_as_nothing(tmp_path):
    model = resnet()
    direction = drawn(model.state_dict().values(), 1, ignore="")  # σ² itself along σ²
    plane = saved_plane(model, written(tmp_path / "d.h5", direction))
    surface = isoloss.probe(
        model, samples(), plane, [-1.5, 0], device="cpu", precision="fp32", progress=False
    )
    assert np.isfinite(surface.loss).all()


def test_their_surface_and_ours_can_be_subtracted(tmp_path):
    """On a grid that was kept in single precision, 31 points from −1 to 1."""
    model = small()
    directions = [drawn(model.parameters(), seed) for seed in (1, 2)]
    plane = saved_plane(model, written(tmp_path / "d.h5", *directions))
    alpha, beta = np.linspace(-1, 1, 31), np.linspace(-0.7, 1, 3)
    losses, accuracies = as_they_do(model, "weights", directions, alpha, beta, *samples())
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"] = alpha.astype("f4"), beta.astype("f4")
        # They fill the grid with y slowest, in an array of the shape (x, y).
        file["train_loss"] = losses.T.reshape(31, 3)
        file["train_acc"] = 100 * accuracies.T.reshape(31, 3)
    theirs = isoloss.load(tmp_path / "s.h5")
    ours = isoloss.probe(model, samples(), plane, alpha, beta, device="cpu", progress=False)
    assert np.abs(ours.alpha - theirs.alpha).max() > 1e-9
    for a, b in ((ours, theirs), (theirs, ours)):
        apart = difference(a, b)
        assert np.abs(apart.loss).max() < 1e-5
        assert np.abs(apart.accuracy).max() < 1e-12
    elsewhere = Surface.from_loss(alpha + 1e-4, beta, losses)
    with pytest.raises(IsolossError, match="on the same grid"):
        difference(ours, elsewhere)


def test_the_plane_of_another_network_is_taken_by_name(tmp_path):
    """Also behind a normalization, and from the names that DataParallel gives."""
    first, second = resnet(), resnet()
    torch.manual_seed(9)
    directions = [
        {k: torch.randn_like(p) for k, p in first.named_parameters() if p.ndim > 1}
        for _ in range(2)
    ]
    saved = custom_plane(first, *directions).save(tmp_path / "plane.safetensors")
    with torch.no_grad():
        second[0].weight.add_(0.3)
    wrapped = Normalized(second, (0.5,) * 3, (0.2,) * 3)
    for net, before in ((second, ""), (wrapped, "network."), (nn.DataParallel(second), "module.")):
        plane = saved_plane(net, saved)
        assert plane.kind == "directions"
        assert torch.equal(plane.origin[f"{before}0.weight"], second[0].weight)
        for found, given in zip((plane.delta, plane.eta), directions, strict=True):
            assert all(torch.equal(found[before + k], t) for k, t in given.items())
            assert sum(bool(t.any()) for t in found.values()) == len(given)


def test_the_line_between_two_networks_moves_the_statistics_of_a_third(tmp_path):
    ends = [resnet().state_dict() for _ in range(2)]
    ends[1] = {k: v + (0.1 if v.is_floating_point() else 0) for k, v in ends[1].items()}
    saved = interpolation(resnet(), *ends).save(tmp_path / "plane.safetensors")
    plane = saved_plane(resnet(), saved)
    assert plane.is_line
    torch.testing.assert_close(plane.delta["1.running_var"], torch.full((6,), 0.1))
    wrapped = Normalized(resnet(), (0.5,) * 3, (0.2,) * 3)
    behind = saved_plane(wrapped, saved)
    assert behind.delta["network.1.running_var"].equal(plane.delta["1.running_var"])
    further = Plane(behind.origin, {**behind.delta, "mean": torch.ones(3, 1, 1)}, {}, "interpolate")
    with pytest.raises(IsolossError, match="delta moves mean, which the network here has not"):
        saved_plane(resnet(), further.save(tmp_path / "further.safetensors"))


def test_safetensors_with_directions_alone(tmp_path):
    model = small()
    weight = torch.randn_like(model[0].weight)
    one = save_tensors(tmp_path / "one.safetensors", {"delta.0.weight": weight})
    plane = saved_plane(model, one)
    assert plane.is_line
    assert torch.equal(plane.delta["0.weight"], weight)
    assert plane.delta.keys() == dict(model.named_parameters()).keys()
    two = {"delta.0.weight": weight, "eta.3.weight": torch.ones(8, 36)}
    assert not saved_plane(model, save_tensors(tmp_path / "two.safetensors", two)).is_line
    wide = {"delta.0.weight": torch.ones(4, 3, 3, 4)}
    with pytest.raises(IsolossError, match=r"its 0\.weight is \(4, 3, 3, 4\), here it is \(4, 3"):
        saved_plane(model, save_tensors(tmp_path / "wide.safetensors", wide))


@pytest.mark.parametrize("how", ["filter", "layer"])
def test_rescaled_they_have_the_norms_of_this_network(tmp_path, how):
    model = resnet()
    directions = [drawn(model.parameters(), seed, "none", "") for seed in (1, 2)]
    path = written(tmp_path / "d.h5", *directions)
    plane = saved_plane(model, path, rescale=how)
    assert plane.read_from == f"d.h5, weights, rescaled by {how}"
    own = dict(model.named_parameters())
    for found, given in zip((plane.delta, plane.eta), directions, strict=True):
        for (name, parameter), before in zip(own.items(), given, strict=True):
            after = found[name]
            if parameter.ndim <= 1:
                assert torch.equal(after, before)
                continue
            rows = (len(before), -1) if how == "filter" else (1, -1)
            a, b, w = (t.detach().reshape(rows) for t in (after, before, parameter))
            torch.testing.assert_close(a.norm(dim=1), w.norm(dim=1))
            torch.testing.assert_close(F.cosine_similarity(a, b), torch.ones(len(a)))
    with pytest.raises(IsolossError, match="rescale is 'filter', 'layer' or 'none', not 'row'"):
        saved_plane(model, path, rescale="row")  # pyright: ignore[reportArgumentType]


def test_a_plane_remembers_where_its_directions_are_from(tmp_path):
    model = small()
    path = written(tmp_path / "d.h5", drawn(model.parameters(), 0), drawn(model.parameters(), 1))
    plane = saved_plane(model, path)
    again = Plane.load(plane.save(tmp_path / "plane.safetensors"))
    assert (again.kind, again.read_from) == ("directions", "d.h5, weights")
    surface = probed(model, again)
    found = Surface.save(surface, tmp_path / "s.ply")
    assert isoloss.load(found).meta["directions"] == "d.h5, weights"


def test_the_same_direction_twice_is_a_finding(tmp_path):
    model = small()
    direction = drawn(model.parameters(), 0)
    surface = probed(model, saved_plane(model, written(tmp_path / "d.h5", direction, direction)))
    found = {f["what"]: f for f in surface.meta["findings"]}["directions"]
    assert found["level"] == "warning"
    assert "nearly parallel" in found["message"]
    assert "--seed" not in found["message"]


def spoilt(direction, k, value):
    changed = [t.clone() for t in direction]
    changed[k].view(-1)[0] = value
    return changed


WRONG = {
    "fewer": (lambda d: [d[:-1]], r"xdirection is of another network: it has 5 tensors, the netw"
              r"ork here 6 parameters and 6 tensors in its state dict"),
    "shape": (lambda d: [[*d[:2], torch.ones(8, 35), *d[3:]]],
              r"its tensor 2 is \(8, 35\), 3\.weight here is \(8, 36\)"),
    "second": (lambda d: [d, [torch.ones(4, 3, 3, 2), *d[1:]]],
               r"ydirection is of another network: its tensor 0 is \(4, 3, 3, 2\)"),
    "nan": (lambda d: [d, spoilt(d, 2, math.nan)], r"ydirection is not finite in 3\.weight"),
    "inf": (lambda d: [spoilt(d, 0, math.inf)], r"xdirection is not finite in 0\.weight"),
    "zero": (lambda d: [[0 * t for t in d]], r"xdirection is zero, and nothing changes"),
    "zero second": (lambda d: [d, [0 * t for t in d]],
                    r"ydirection is zero.* or a line \(--plane direction\)"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_directions_that_do_not_fit_are_told_by_their_tensor(tmp_path, what):
    model = small()
    changed, said = WRONG[what]
    path = written(tmp_path / "d.h5", *changed(drawn(model.parameters(), 0)))
    with pytest.raises(IsolossError, match=said) as caught:
        saved_plane(model, path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def other_files(folder):
    """{what: (a file that holds no directions, what is said)}"""
    for name in ("surface", "nothing", "projected", "text", "named", "holes", "list"):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            match name:
                case "surface":
                    file["xcoordinates"], file["dir_file"] = np.zeros(3), "nets/their.h5"
                case "text":
                    file.create_group("xdirection")["0"] = "words"
                case "named":
                    file.create_group("xdirection")["weight"] = np.ones(3)
                case "holes":
                    group = file.create_group("xdirection")
                    group["0"], group["2"] = np.ones(3), np.ones(3)
                case "list":
                    file["xdirection"] = np.ones(3)
    (folder / "cut.h5").write_bytes((folder / "surface.h5").read_bytes()[:300])
    (folder / "x.ply").write_text("ply\n")
    torch.save({"0.weight": torch.ones(3)}, folder / "x.pt")
    save_tensors(folder / "x.safetensors", {"0.weight": torch.ones(3)})
    (folder / "folder").mkdir()
    return {
        "surface.h5": "is a surface, not directions: give the file that .* along, nets/their.h5",
        "nothing.h5": "has no xdirection",
        "text.h5": "not a readable file of directions|another network",
        "named.h5": "'weight', which is no numbered tensor",
        "holes.h5": "not numbered from 0 on",
        "list.h5": "not a readable file of directions",
        "cut.h5": "not a readable file of directions",
        "x.ply": "holds no directions: give an .h5",
        "x.pt": "holds no directions: give an .h5",
        "x.safetensors": "holds no directions .it has no delta.NAME.: give an .h5",
        "folder": "holds no directions: give an .h5",
        "gone.h5": "there is no file or folder",
        f"{'long' * 80}.h5": "cannot read .*too long",
    }


def test_files_of_other_kinds_are_called_what_they_are(tmp_path):
    for name, said in other_files(tmp_path).items():
        with pytest.raises(IsolossError, match=said) as caught:
            saved_plane(small(), tmp_path / name)
        assert "\n" not in str(caught.value)
