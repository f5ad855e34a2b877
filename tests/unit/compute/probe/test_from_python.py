"""A probe of what a script has at hand: trajectories, interrupts, callbacks, mistakes."""

import asyncio
import copy
import random
import threading
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import isoloss
from isoloss import IsolossError, custom_plane, pca_plane, probe, random_plane
from isoloss.events import Log, Progress

pytestmark = pytest.mark.usefixtures("one_thread")

X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 3


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.fixture(scope="module")
def trained():
    """A network, and the six checkpoints of its training."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    checkpoints = [copy.deepcopy(model.state_dict())]
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()
        checkpoints.append(copy.deepcopy(model.state_dict()))
    return model, checkpoints


def quick(model, plane, **more):
    few = {"alpha": [-1.0, 0.0, 1.0], "beta": [0.0, 1.0], "device": "cpu", "progress": False}
    few["points_at_once"] = 1  # what pays is measured, and rounds otherwise
    return probe(model, [(X, Y)], plane, **{**few, **more})


def own_loss(checkpoint):
    model = network()
    model.load_state_dict(checkpoint)
    with torch.no_grad():
        return float(F.cross_entropy(model(X), Y))


def flat(state):
    return torch.cat([t.double().flatten() for t in state.values()]).numpy()


def test_a_trajectory_has_its_own_losses_its_place_and_its_distance(trained):
    model, checkpoints = trained
    plane = pca_plane(model, checkpoints)
    surface = quick(model, plane, trajectory=checkpoints, alpha=None, beta=None)
    (path,) = surface.trajectories
    np.testing.assert_allclose(path.loss, [own_loss(c) for c in checkpoints], rtol=1e-5)
    basis = np.stack([flat(plane.delta), flat(plane.eta)], axis=1)
    for k, checkpoint in enumerate(checkpoints):
        away = flat(checkpoint) - flat(checkpoints[-1])
        place, *_ = np.linalg.lstsq(basis, away, rcond=None)
        np.testing.assert_allclose([path.alpha[k], path.beta[k]], place, atol=1e-6)
        off = np.linalg.norm(away - basis @ place)
        assert path.off_plane[k] == pytest.approx(off, abs=1e-6)
    # The grid holds the path with a quarter of its extent beyond it, as the command line's does.
    for axis, places in ((surface.alpha, path.alpha), (surface.beta, path.beta)):
        room = 0.25 * np.ptp(places)
        np.testing.assert_allclose(
            axis[[0, -1]], [places.min() - room, places.max() + room], atol=1e-9
        )
    said = {f["what"]: f["message"] for f in surface.meta["findings"]}
    assert "No trajectory" not in said["trajectory"]
    np.testing.assert_array_equal(path.epoch, np.arange(6))


def test_several_trajectories_keep_their_names_on_disk_and_back(trained, tmp_path):
    model, checkpoints = trained
    paths = {"sgd": checkpoints, "a/b: late": checkpoints[3:]}
    surface = quick(model, random_plane(model), trajectory=paths)
    surface.save(tmp_path / "new" / "x.ply")
    back = isoloss.load(tmp_path / "new" / "x.ply")
    assert back.meta == surface.meta
    np.testing.assert_array_equal(back.loss, surface.loss)
    assert [t.name for t in back.trajectories] == ["sgd", "a/b: late"]
    for given, read in zip(surface.trajectories, back.trajectories, strict=True):
        assert read.meta == given.meta
        for name in ("alpha", "beta", "loss", "off_plane", "epoch", "lr"):
            np.testing.assert_array_equal(getattr(read, name), getattr(given, name))
    again = back.save(tmp_path / "again.npz")
    assert [len(t) for t in isoloss.load(again).trajectories] == [6, 3]


def test_a_trajectory_is_read_from_files_in_the_order_of_their_numbers(trained, tmp_path):
    model, checkpoints = trained
    for k, checkpoint in enumerate(checkpoints):
        torch.save(checkpoint, tmp_path / f"epoch_{2 * k}.pt")  # 0, 2, …, 10
    plane = random_plane(model)
    expected = [own_loss(c) for c in checkpoints]
    for given in (str(tmp_path / "*.pt"), tmp_path, [*sorted(tmp_path.glob("*_?.pt")),
                  tmp_path / "epoch_10.pt"]):  # fmt: skip
        (path,) = quick(model, plane, trajectory=given).trajectories
        np.testing.assert_allclose(path.loss, expected, rtol=1e-5)


def test_the_default_range_of_other_planes_is_their_usual_one(trained):
    model, checkpoints = trained
    surface = quick(model, random_plane(model), trajectory=checkpoints, alpha=None)
    assert (surface.alpha[0], surface.alpha[-1], len(surface.alpha)) == (-1, 1, 25)


def test_a_line_shows_a_trajectory_too(trained, tmp_path):
    model, checkpoints = trained
    line = isoloss.interpolation(model, checkpoints[0], checkpoints[-1])
    surface = quick(model, line, alpha=[0.0, 0.5, 1.0], beta=None, trajectory=checkpoints)
    (path,) = surface.trajectories
    np.testing.assert_allclose(path.alpha[[0, -1]], [0, 1], atol=1e-6)
    assert surface.loss[0, 0] == pytest.approx(path.loss[0], rel=1e-5)
    saved = surface.save(tmp_path / "line.npz")
    np.testing.assert_array_equal(isoloss.load(saved).trajectories[0].loss, path.loss)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda states: states[0], "in their order: give a list"),
        (lambda states: [states[0], states[0]], "gone on changing: keep copy.deepcopy"),
        (lambda states: [], "has no checkpoints"),
        (lambda states: {"adam": ()}, "adam has no checkpoints"),
        (lambda states: "nowhere/*.pt", "nowhere"),
        (lambda states: [nn.Linear(2, 2).state_dict()], "another|fit|network"),
    ],
)
def test_what_is_no_trajectory_gets_one_line(trained, wrong, message):
    model, checkpoints = trained
    with pytest.raises(IsolossError, match=message) as caught:
        quick(model, random_plane(model), trajectory=wrong(checkpoints))
    assert "\n" not in str(caught.value)


@pytest.fixture
def every_step(monkeypatch):
    """There is a progress event after every unit of work, however quick."""
    monkeypatch.setattr("isoloss.compute.machine.progress.INTERVAL", 0.0)


def test_an_interrupt_gives_what_there_is(every_step, capsys):
    model = network()
    plane, seen = random_plane(model), []

    def interrupt(event):
        seen.append(event)
        if isinstance(event, Progress) and event.done > 2 * len(Y):
            raise KeyboardInterrupt

    partial = quick(model, plane, alpha=np.linspace(-1, 1, 6), points_at_once=1, on_event=interrupt)
    assert partial.meta["interrupted"] is True
    assert 0 < partial.computed.sum() < partial.count.size
    assert np.isnan(partial.loss[~partial.computed]).all()
    assert (partial.count[~partial.computed] == 0).all()
    assert "interrupted" in capsys.readouterr().err
    whole = quick(model, plane, alpha=np.linspace(-1, 1, 6), points_at_once=1)
    assert "interrupted" not in whole.meta
    done = partial.count == len(Y)
    np.testing.assert_array_equal(partial.loss[done], whole.loss[done])


def test_an_interrupt_before_anything_is_known_is_one():
    def data():
        raise KeyboardInterrupt
        yield

    model = network()
    with pytest.raises(KeyboardInterrupt):
        probe(model, data(), random_plane(model), progress=False)


def test_events_come_in_order_and_what_a_callback_raises_goes_through(every_step):
    model, events = network(), []
    surface = quick(model, random_plane(model), on_event=events.append)
    assert isinstance(events[0], Log)
    done = [e.done for e in events if isinstance(e, Progress)]
    assert done == sorted(done)
    assert done[-1] == surface.count.sum()

    def stop(event):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        quick(model, random_plane(model), on_event=stop)


class Fussy(nn.Linear):
    def forward(self, x):
        raise ValueError("two\nlines")


def test_what_fails_in_code_of_ones_own_is_told_with_its_place():
    def loss(model, batch):
        losses = F.cross_entropy(model(batch[0]), batch[1], reduction="none")
        if losses.mean() > 3:
            raise ZeroDivisionError("too\nlarge")
        return losses

    model = network()
    with pytest.raises(IsolossError) as caught:
        quick(model, random_plane(model), alpha=[0.0, 30.0], loss=loss)
    line = loss.__code__.co_firstlineno + 3
    assert str(caught.value) == (
        f"test_from_python.py, line {line}, in loss: ZeroDivisionError: too large"
    )
    fussy = Fussy(6, 3)
    with pytest.raises(IsolossError, match="in forward: ValueError: two lines"):
        quick(fussy, random_plane(fussy))

    def broken():
        yield X, Y
        raise RuntimeError("disk\ngone")

    with pytest.raises(IsolossError, match="in broken: RuntimeError: disk gone"):
        probe(model, broken(), random_plane(model), progress=False)


def test_errors_name_arguments_as_python_does():
    model = network()
    with pytest.raises(IsolossError) as caught:
        quick(model, random_plane(model), out="never", tolerance=2)
    assert "--" not in str(caught.value)


def test_it_works_in_threads_and_in_a_running_loop():
    model, found = network(), []
    plane = custom_plane(model, {"0.weight": torch.ones(8, 6)}, {"2.weight": torch.ones(3, 8)})
    thread = threading.Thread(target=lambda: found.append(quick(model, plane)))
    thread.start()
    thread.join()

    async def inside():
        return quick(model, plane)

    found.append(asyncio.run(inside()))
    np.testing.assert_array_equal(found[0].loss, found[1].loss)


def test_random_numbers_stand_where_they_stood():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, x):
            return self.net(F.dropout(x, 0.5, training=True))

    model = Noisy()
    plane = random_plane(model)
    shuffled = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(X, Y), batch_size=8, shuffle=True
    )
    kept = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    few = {"device": "cpu", "progress": False}
    surface = probe(model, shuffled, plane, [0.0, 1.0], [0.0, 1.0], **few)
    assert (surface.loss_stderr > 0).all()
    assert torch.equal(torch.get_rng_state(), kept[0])
    assert np.random.get_state()[1].tolist() == kept[1]  # noqa: NPY002
    assert random.getstate() == kept[2]


class WithAdapter(nn.Module):
    """A frozen backbone, a low-rank adapter that is trained."""

    def __init__(self):
        super().__init__()
        self.backbone = network().requires_grad_(False)
        self.lora_a = nn.Linear(6, 2, bias=False)
        self.lora_b = nn.Linear(2, 3, bias=False)

    def forward(self, x):
        return self.backbone(x) + self.lora_b(self.lora_a(x))


def test_trajectories_may_hold_adapters_alone():
    model = WithAdapter()
    adapters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(adapters, 0.5)
    whole, alone = [], []
    for _ in range(4):
        whole.append(copy.deepcopy(model.state_dict()))
        alone.append({k: v for k, v in whole[-1].items() if k.startswith("lora")})
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()
    expected = []
    for state in whole:
        other = WithAdapter()
        other.load_state_dict(state)
        expected.append(F.cross_entropy(other(X), Y).item())
    # A plane that moves the backbone too: off it, the backbone must be the network's again.
    for plane in (pca_plane(model, alone), random_plane(model, parameters="all")):
        (path,) = quick(model, plane, trajectory=alone).trajectories
        (reference,) = quick(model, plane, trajectory=whole).trajectories
        np.testing.assert_allclose(path.loss, expected, rtol=1e-5)
        np.testing.assert_allclose(path.alpha, reference.alpha, atol=1e-6)
        np.testing.assert_allclose(path.off_plane, reference.off_plane, atol=1e-6)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"samples": "all"}, "samples must be a whole number, not 'all'"),
        ({"samples": 0}, "samples must be at least 1"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"on_event": 5}, "on_event is a function"),
        ({"loss": "mse"}, "a loss is a function of the network and a batch, not 'mse'"),
        ({"loss": F.cross_entropy}, "given the network and a batch, failed"),
        ({"loss": lambda m, b: (m(b[0]).sum(), m(b[0])), "per_batch": True}, "it gave a tuple"),
        ({"loss": lambda m, b: None, "per_batch": True}, "it gave a NoneType"),
        ({"alpha": "-1:1"}, "alpha must be finite numbers"),
    ],
)
def test_arguments_of_other_types_get_one_line(more, message):
    model = network()
    with pytest.raises(IsolossError, match=message) as raised:
        quick(model, random_plane(model), **more)
    assert "\n" not in str(raised.value)


def test_a_loss_that_does_not_reach_what_moves_is_told():
    model, other = network(), network()
    found = {}
    for name, loss in {
        "of another": lambda _, b: F.cross_entropy(other(b[0]), b[1], reduction="none"),
        "of this": lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="none"),
    }.items():
        surface = quick(model, random_plane(model), loss=loss)
        found[name] = {f["what"]: f["message"] for f in surface.meta["findings"]}["range"]
    assert "everywhere: what moves does not reach it" in found["of another"]
    assert "does not reach" not in found["of this"]
    assert "(alpha " in found["of another"]


SCALE = 1.0


def scaled(model, batch):
    return SCALE * F.cross_entropy(model(batch[0]), batch[1], reduction="none")


def weighted(model, batch, weight):
    return F.cross_entropy(model(batch[0]), batch[1], reduction="none", weight=weight)


class Scaled(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, model, batch):
        return self.scale * F.cross_entropy(model(batch[0]), batch[1], reduction="none")


def closure(scale):
    smoothed = nn.CrossEntropyLoss(label_smoothing=scale, reduction="none")
    return lambda model, batch: smoothed(model(batch[0]), batch[1])


@pytest.mark.parametrize(
    "loss",
    [
        closure,
        Scaled,
        lambda scale: partial(weighted, weight=torch.tensor([1.0, 1.0, scale])),
        lambda scale: Scaled(scale).forward,
        lambda scale: lambda model, batch, s=scale: s * scaled(model, batch),
    ],
    ids=["a variable around it", "an object", "partial", "a method", "a default"],
)
def test_a_run_does_not_go_on_with_a_loss_of_other_values(loss, tmp_path):
    model = network()
    plane = random_plane(model)
    begun = quick(model, plane, loss=loss(0.5), out=tmp_path / "run")
    again = quick(model, plane, loss=loss(0.5), out=tmp_path / "run")
    np.testing.assert_array_equal(again.loss, begun.loss)
    with pytest.raises(IsolossError, match=r"loss changed since .*: give another out=$"):
        quick(model, plane, loss=loss(0.25), out=tmp_path / "run")


def test_a_run_does_not_go_on_with_a_loss_of_another_global(tmp_path, monkeypatch):
    model = network()
    plane = random_plane(model)
    for loss, folder in ((scaled, "itself"), (lambda m, b: scaled(m, b), "called")):
        quick(model, plane, loss=loss, out=tmp_path / folder)
        with monkeypatch.context() as patch:
            patch.setitem(globals(), "SCALE", 2.0)
            with pytest.raises(IsolossError, match="loss changed"):
                quick(model, plane, loss=loss, out=tmp_path / folder)
