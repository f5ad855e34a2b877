"""The switches by which products in single precision round, whoever has set them before."""

from contextlib import suppress

import pytest
import torch
from torch import nn

from isoloss.compute.machine.device import arithmetic, rounding
from isoloss.robustness.evaluation.unit_work import repeatable

GPU = torch.device("cuda", 0)
BACKENDS = torch.backends
NEW = {
    "generally": BACKENDS, "CUDA": BACKENDS.cudnn, "products": BACKENDS.cuda.matmul,
    "convolutions": BACKENDS.cudnn.conv, "recurrent": BACKENDS.cudnn.rnn,
}  # fmt: skip


def said():
    """What all switches say, the new ones and those before them, as far as they can be read."""
    found = {name: switch.fp32_precision for name, switch in NEW.items()}
    old = {
        "cudnn": lambda: BACKENDS.cudnn.allow_tf32,
        "cublas": lambda: BACKENDS.cuda.matmul.allow_tf32,
        "matmul": torch.get_float32_matmul_precision,
    }
    for name, read in old.items():
        with suppress(RuntimeError):
            found[name] = read()
    return found


@pytest.fixture
def as_before():
    yield
    for switch in (BACKENDS, BACKENDS.cudnn):
        switch.fp32_precision = "none"
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.allow_tf32 = True


def tell(where, value):
    NEW[where].fp32_precision = value


SAID_BEFORE = {
    "nothing": lambda: None,
    "the old way": lambda: setattr(BACKENDS.cudnn, "allow_tf32", False),
    "the oldest way": lambda: torch.set_float32_matmul_precision("high"),
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
def test_what_was_not_said_of_convolutions_still_follows_what_is_said_generally(precision):
    with rounding(GPU, precision):
        pass
    followed = []
    for value in ("ieee", "tf32"):
        tell("generally", value)
        followed.append(said()["products"] == value)
        followed.append(said()["convolutions"] == value)
    assert followed[0]
    assert followed[1] is CONVOLUTIONS_FOLLOW
    assert followed[2:] == [True, True]


def _convolutions_follow():
    """PyTorch up to 2.13 says tf32 of convolutions itself; from then on as what stands above."""
    before = BACKENDS.fp32_precision
    BACKENDS.fp32_precision = "ieee"
    try:
        return BACKENDS.cudnn.conv.fp32_precision == "ieee"
    finally:
        BACKENDS.fp32_precision = before


CONVOLUTIONS_FOLLOW = _convolutions_follow()


@pytest.mark.usefixtures("as_before")
def test_errors_put_the_switches_back():
    was = said(), BACKENDS.cudnn.deterministic, BACKENDS.cudnn.benchmark
    with pytest.raises(ZeroDivisionError), repeatable(GPU, "tf32"):
        assert BACKENDS.cudnn.deterministic
        _ = 1 / 0
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


class Telling(nn.Module):
    def __init__(self, classes=3, sides=8):
        super().__init__()
        self.layer = nn.Linear(3 * sides * sides, classes)

    def forward(self, x):
        return self.layer(Told.apply(x * 1).flatten(1)) + Told.apply(self.layer.bias * 0)
