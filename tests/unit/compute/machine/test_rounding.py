"""The switches by which products in single precision round, whoever has set them before."""

from contextlib import nullcontext, suppress

import numpy as np
import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

from isoloss import probe, random_plane
from isoloss.compute.machine.device import arithmetic, rounding
from isoloss.robustness import evaluate
from isoloss.robustness.evaluation import combination_on_block
from isoloss.robustness.evaluation.unit_work import repeatable
from isoloss.robustness.input_space.in_memory import probe_image
from isoloss.robustness.quantities.adversarial import Adversarial
from isoloss.run import Run

GPU = torch.device("cuda", 0)
BACKENDS = torch.backends
NEW = {
    "generally": BACKENDS, "CUDA": BACKENDS.cudnn, "products": BACKENDS.cuda.matmul,
    "convolutions": BACKENDS.cudnn.conv, "recurrent": BACKENDS.cudnn.rnn,
}  # fmt: skip


OLD = {
    "cudnn": lambda: BACKENDS.cudnn.allow_tf32,
    "cublas": lambda: BACKENDS.cuda.matmul.allow_tf32,
    "matmul": torch.get_float32_matmul_precision,
}


def said():
    """What all switches say, the new ones and those before them, as far as they can be read."""
    switches = NEW | {"on the CPU": BACKENDS.mkldnn.matmul}
    found = {name: switch.fp32_precision for name, switch in switches.items()}
    for name, read in OLD.items():
        with suppress(RuntimeError):
            found[name] = read()
    return found


@pytest.fixture
def as_before():
    yield
    as_at_first()


def as_at_first():
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.allow_tf32 = True
    for switch in (BACKENDS, BACKENDS.cudnn, BACKENDS.cuda.matmul, BACKENDS.mkldnn.matmul):
        switch.fp32_precision = "none"


def followed():
    """What all say as what stands above them changes; nothing is put back."""
    for of in ("generally", "CUDA"):
        for value in ("ieee", "tf32", "none"):
            tell(of, value)
            yield said()


def tell(where, value):
    NEW[where].fp32_precision = value


SAID_BEFORE = {
    "nothing": lambda: None,
    "the old way": lambda: setattr(BACKENDS.cudnn, "allow_tf32", False),
    "the oldest way": lambda: torch.set_float32_matmul_precision("high"),
    "the oldest way, further": lambda: torch.set_float32_matmul_precision("medium"),
    "matrices the old way": lambda: setattr(BACKENDS.cuda.matmul, "allow_tf32", True),
    "both old ways": lambda: (
        setattr(BACKENDS.cuda.matmul, "allow_tf32", True),
        setattr(BACKENDS.cudnn, "allow_tf32", False),
    ),
    "generally ieee": lambda: tell("generally", "ieee"),
    "generally tf32": lambda: tell("generally", "tf32"),
    "generally bf16": lambda: tell("generally", "bf16"),
    "of CUDA": lambda: (tell("generally", "ieee"), tell("CUDA", "tf32")),
    "of products": lambda: tell("products", "tf32"),
    "of convolutions": lambda: tell("convolutions", "ieee"),
    "of some and all": lambda: (tell("CUDA", "ieee"), tell("recurrent", "tf32")),
}


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("before", SAID_BEFORE.values(), ids=SAID_BEFORE.keys())
@pytest.mark.parametrize(("precision", "inside"), [("fp32", "ieee"), ("tf32", "tf32")])
@pytest.mark.parametrize("entered", [rounding, arithmetic, repeatable])
def test_switches_are_as_asked_inside_and_as_they_were_after(before, precision, inside, entered):
    before()
    was = said()
    with entered(GPU, precision):
        found = said()
        assert {found[of] for of in ("products", "convolutions", "recurrent")} == {inside}
        with rounding(GPU, "bf16"), rounding(GPU, "fp32"):
            assert BACKENDS.cudnn.conv.fp32_precision == "ieee"
        assert said() == found
    assert said() == was


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_what_was_not_said_still_follows_what_is_said_generally(precision):
    for of in ("products", "convolutions"):
        tell(of, "none")
    with rounding(GPU, precision):
        pass
    for value in ("ieee", "tf32"):
        tell("generally", value)
        assert {said()[of] for of in ("products", "convolutions")} == {value}


USES = {
    "cudnn.flags": lambda: BACKENDS.cudnn.flags(enabled=False),
    "flags in tf32": lambda: BACKENDS.cudnn.flags(enabled=True, allow_tf32=True),
    "flags in fp32": lambda: BACKENDS.cudnn.flags(enabled=True, allow_tf32=False),
    "the new flags": lambda: BACKENDS.flags(fp32_precision="tf32"),
    "the oldest": lambda: nullcontext(torch.set_float32_matmul_precision("high")),
    "the old": lambda: nullcontext(setattr(BACKENDS.cudnn, "allow_tf32", True)),
}


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("before", SAID_BEFORE.values(), ids=SAID_BEFORE.keys())
@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_old_switches_can_be_read_inside_if_they_could_before(before, precision):
    before()
    could = {of for of in OLD if of in said()}
    with rounding(GPU, precision):
        found = said()
        if could == {*OLD}:
            expected = {"fp32": (False, False, "highest"), "tf32": (True, True, "high")}[precision]
            told = tuple(found[of] for of in OLD)
            assert told in (expected, (True, True, "medium"))
        assert could <= {*found}


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_a_network_may_use_the_old_switches(use, precision):
    was = said()
    with rounding(GPU, precision):
        with use():
            pass
        assert torch.backends.cudnn.enabled
    assert said() == was


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("before", SAID_BEFORE.values(), ids=SAID_BEFORE.keys())
@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_what_follows_still_does_so(before, precision):
    as_at_first()
    before()
    expected = [*followed()]
    as_at_first()
    before()
    with rounding(GPU, precision):
        pass
    assert [*followed()] == expected


@pytest.mark.usefixtures("as_before")
def test_errors_put_the_switches_back():
    was = said(), BACKENDS.cudnn.deterministic, BACKENDS.cudnn.benchmark
    with pytest.raises(IndexError), repeatable(GPU, "tf32"):
        [][BACKENDS.cudnn.deterministic]
    assert (said(), BACKENDS.cudnn.deterministic, BACKENDS.cudnn.benchmark) == was


class Told(torch.autograd.Function):
    """Notes how convolutions round when it is differentiated."""

    seen: list[str] = []  # noqa: RUF012

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        Told.seen.append(BACKENDS.cudnn.conv.fp32_precision)
        return gradient


class Telling(nn.Linear):
    def forward(self, x):
        assert isinstance(x, torch.Tensor)  # so that nothing shortens it
        return Told.apply(super().forward(x.flatten(1)))


def telling(num_classes):
    return Telling(192, num_classes)


def trained(folder, precision):
    from isoloss.settings import TrainSettings
    from isoloss.work import resume

    settings = TrainSettings(
        model=f"{__name__}:telling", data="tinyuser:data", epochs=1, batch_size=30, optimizer="sgd",
        device="cuda", precision=precision,
    )  # fmt: skip
    list(resume(Run.create(folder / "run", settings)))


def attacked(folder, precision, eps=0.01):
    model, images = telling(3), torch.rand(4, 3, 8, 8)
    right = model(images).argmax(1)
    evaluate(
        model, images, right, ["pgd"], [eps], steps=2, device="cuda", precision=precision,
        progress=False,
    )  # fmt: skip


def climbed(folder, precision):
    model = telling(3)
    data = [(torch.rand(6, 3, 8, 8), torch.arange(6) % 3)]
    axis = np.linspace(-1, 1, 2)
    probe(
        model, data, random_plane(model), alpha=axis, beta=axis, device="cuda",
        precision=precision, quantities=[Adversarial(0.1, steps=2)], progress=False,
    )  # fmt: skip


@pytest.mark.usefixtures("in_folder_of_users_module", "as_before")
@pytest.mark.parametrize("work", [trained, attacked, climbed])
@pytest.mark.parametrize(("precision", "rounded"), [("fp32", "ieee"), ("tf32", "tf32")])
def test_backward_passes_round_as_was_asked_for(work, precision, rounded, tmp_path, monkeypatch):
    other = {"ieee": "tf32", "tf32": "ieee"}[rounded]
    tell("convolutions", other)
    monkeypatch.setattr(Told, "seen", [])
    with pretended_gpu():
        work(tmp_path, precision)
    assert Told.seen[-1] == rounded  # before, networks are tried out
    assert BACKENDS.cudnn.conv.fp32_precision == other


@pytest.mark.usefixtures("as_before")
def test_what_is_reported_as_single_precision_does_not_round(tmp_path, monkeypatch):
    tell("convolutions", "tf32")
    monkeypatch.setattr(Told, "seen", [])
    with pretended_gpu(capability=(7, 5)):  # where "auto" is fp32
        attacked(tmp_path, "auto")
    assert Told.seen[-1] == "ieee"


@pytest.mark.usefixtures("as_before")
def test_networks_that_decide_in_single_precision_are_climbed_in_it(monkeypatch):
    tell("convolutions", "tf32")
    monkeypatch.setattr(Told, "seen", [])
    with pretended_gpu():
        probe_image(
            telling(3), torch.rand(3, 8, 8), 0, attacks=["pgd"], eps=0.1, grid=2, steps=2,
            precision="tf32", device="cuda", progress=False,
        )  # fmt: skip
    assert Told.seen[-1] == "ieee"


@pytest.mark.usefixtures("as_before")
def test_what_two_precisions_disagree_on_is_attacked_in_single_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(
        combination_on_block, "misclassified", lambda _, __, y, *___: torch.zeros_like(y).bool()
    )
    monkeypatch.setattr(Told, "seen", [])
    with pretended_gpu():
        attacked(tmp_path, "tf32", eps=1.0)
    assert {"ieee", "tf32"} == {*Told.seen[-8:]}
