"""What is assumed of a network is measured: it is asked twice, in a batch and alone.

Attacks and certificates take it that an image gets one answer, whenever it is asked about and
beside whichever others. Where it does not, the luckiest of many answers would look like an attack
that succeeds, and what an attack does to one image would change what is said of the next.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import as_float32
from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.machine.user_code import one_line
from isoloss.compute.networks.copying import check_network
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.objective import frozen, set_state_of, state_of
from isoloss.robustness.ascent.recorded import is_random
from isoloss.robustness.ascent.refusals import as_images, as_logits
from isoloss.settings.robustness_fields import EOT_DRAWS, VOTES

FEW = 8
"""Images about which a network is asked."""
SAME = 1e-4
"""By no more of their spread do logits differ that are computed twice in the same way."""
ALONE = 1e-2
"""By no more do they that are computed in batches of another size; in half precision by ten times
as much."""
HALF = (torch.float16, torch.bfloat16)

Network = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Answers:
    """What was found of how a network answers.

    Attributes:
        is_random: whether the same images got two answers, or random numbers were drawn for them.
        depends_on_batch: whether an image gets another answer beside others, or where draws are
            random whether those of one batch share theirs.
    """

    is_random: bool = False
    depends_on_batch: bool = False


@torch.no_grad()
def ask_twice(network: Network, images: Tensor, *, coarse: bool = False) -> Answers:
    """How a network answers about at most `FEW` of the images; it costs two batches of them.

    Random numbers stand afterwards where they stood.

    Args:
        network: (N, C, H, W) images to (N, classes) logits.
        coarse: whether it computes in half precision.

    Raises:
        IsolossError: if it fails, gives something else, or one number that may be a probability.
    """
    few = images[:FEW]
    if len(few) == 0:
        return Answers()
    if len(few) == 1:  # alone it is alone anyway: beside another it need not be
        few = torch.cat([few, 1 - few])
    with random_numbers_kept():
        numbers = _Numbers(few.device)
        given = _given(network, few)
        _refuse_probabilities(given)
        together = as_logits(given, len(few))
        alone = torch.cat([_logits(network, image, " alone") for image in few.split(1)])
        if numbers.were_drawn or _apart(together, alone) > SAME:
            again = _logits(network, few)
            if numbers.were_drawn or _apart(together, again) > SAME:
                return Answers(True, _shares_draws(network, few, numbers))
            first = len(few) // 2
            others = _logits(network, torch.cat([few[:first], 1 - few[first:]]))
            rounding = ALONE * (10 if coarse or together.dtype in HALF else 1)
            depends = _apart(together[:first], others[:first]) > SAME
            return Answers(False, depends or _apart(together, alone) > rounding)
        return Answers()


def _shares_draws(network: Network, few: Tensor, numbers: _Numbers) -> bool:
    """Whether images of one batch have draws in common, or one gets another answer beside others by
    the same draws."""
    one = few[:1]
    several = _logits(network, one.expand_as(few))
    if not _apart(several, several[:1].expand_as(several)) > SAME:
        return True
    numbers.again()
    beside_few = _logits(network, few)[:1]
    numbers.again()
    beside_others = _logits(network, torch.cat([one, 1 - few[1:]]))[:1]
    return _apart(beside_few, beside_others) > SAME


class _Numbers:
    """Where random numbers stand: PyTorch's, NumPy's and Python's."""

    def __init__(self, device: torch.device) -> None:
        self._devices = {torch.device("cpu"), device}
        self._torchs = [state_of(each) for each in self._devices]
        self._others = _other_numbers()

    @property
    def were_drawn(self) -> bool:
        """Whether any was, since."""
        now = zip(self._devices, self._torchs, strict=True)
        moved = any(not torch.equal(state_of(device), state) for device, state in now)
        return moved or _other_numbers() != self._others

    def again(self) -> None:
        """Let the same ones of PyTorch's come again."""
        for device, state in zip(self._devices, self._torchs, strict=True):
            set_state_of(device, state)


def _other_numbers() -> tuple[object, ...]:
    name, keys, *place = np.random.get_state()  # noqa: NPY002
    return name, bytes(np.asarray(keys)), *place, random.getstate()


def _given(network: Network, images: Tensor, how: str = "") -> Any:
    try:
        return network(images)
    except IsolossError:
        raise
    except Exception as error:  # a user's network may raise anything
        refuse_out_of_memory(error)
        about = f"images of {tuple(images.shape)}{how}"
        raise IsolossError(f"the network fails on {about}: {one_line(error)}") from error


def _logits(network: Network, images: Tensor, how: str = "") -> Tensor:
    return as_logits(_given(network, images, how), len(images))


def _refuse_probabilities(given: Any) -> None:
    """Refuse one number in [0, 1] for each image: of a probability, 0 would be no border."""
    if isinstance(given, Tensor) and given.ndim == 2 and given.shape[1] == 1:
        low, high = (float(v) for v in torch.aminmax(given))
        if low >= 0 and high <= 1:
            raise IsolossError(
                "this network gives one number in [0, 1] for each image: of a probability give "
                "the logit that it is of, of a logit z two, (0, z)"
            )


def _apart(one: Tensor, other: Tensor) -> float:
    """The largest difference of logits, as a fraction of their spread."""
    one, other = (as_float32(logits).cpu().double() for logits in (one, other))
    finite = one[one.isfinite()]
    if len(finite) == 0:
        return 0.0
    # What is the same all over is known to so many digits too.
    spread = float(finite.max() - finite.min()) + 1e-3 * float(finite.abs().max()) + 1e-30
    difference = (one - other).abs().nan_to_num(torch.inf, torch.inf)
    difference[(one == other) | (one.isnan() & other.isnan())] = 0
    return float(difference.max()) / spread


class Asked(nn.Module):
    """A network as attacks take it, after what was found of it.

    Args:
        found: one that depends on its batch is asked about one image at a time.
        takes: the type of images that it is given.

    Attributes:
        is_random: whether its answers are draws; `draws` then says over how many an attack is to
            take means.
    """

    def __init__(self, network: nn.Module, found: Answers, takes: torch.dtype) -> None:
        super().__init__()
        self.network, self._takes = network, takes
        self._alone = found.depends_on_batch
        self.is_random = found.is_random or is_random(network)
        self.draws = EOT_DRAWS if found.is_random else 1

    @property
    def generator(self) -> torch.Generator | None:
        """What the network draws from, where that is its own."""
        return getattr(self.network, "generator", None)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        given = images.to(self._takes)
        if not self._alone or len(given) < 2:
            return as_logits(self.network(given), len(given))
        return torch.cat([as_logits(self.network(image), 1) for image in given.split(1)])


def asked(model: Any, images: Any) -> tuple[nn.Module, Tensor]:
    """A network as it can be attacked, and (N, C, H, W) images in single or double precision where
    it is.

    A network that draws noise of which it knows is asked with the noise held still
    (`answers_about`); what only says of itself that it `is_random` is believed.

    Raises:
        IsolossError: if something else is given, or the network fails.
    """
    refuse_no_network(model)
    images = as_images(images, model)
    found = Answers()
    with frozen(model):
        takes = _taken_by(model, images)
        images = images.float() if images.dtype in HALF else images
        if hasattr(model, "answers_about"):
            found = model.answers_about(images)
        elif not is_random(model):
            found = ask_twice(
                lambda some: model(some.to(takes)), images, coarse=computes_in_half(model)
            )
    tell(found)
    if found == Answers() and takes not in HALF:
        return model, images
    return Asked(model, found, takes), images


def computes_in_half(model: nn.Module) -> bool:
    """Whether some of its weights are of half precision."""
    return any(p.dtype in HALF for p in model.parameters())


@torch.no_grad()
def _taken_by(model: nn.Module, images: Tensor) -> torch.dtype:
    """The type of images that a network takes: that they have, or else that of its parameters."""
    own = next((p.dtype for p in model.parameters() if p.is_floating_point()), images.dtype)
    if own != images.dtype:
        for kind in (images.dtype, own):
            with suppress(Exception), random_numbers_kept():
                model(images[:FEW].to(kind))
                return kind
    return images.dtype


def refuse_no_network(model: Any) -> None:
    """Refuse what is no network, as a function, whose layers nobody can hold in eval mode.

    Raises:
        IsolossError: saying what to give in its place.
    """
    if callable(model) and not isinstance(model, nn.Module | type):
        raise IsolossError(
            f"the network is a {type(model).__name__}: give a torch.nn.Module, with what comes "
            "before it inside, as torch.nn.Sequential(normalize, network)"
        )
    check_network(model)


def tell(found: Answers) -> None:
    """Warn of what was found of a network, in a script."""
    for message in said_of(found, "this network").values():
        warnings.warn(message, stacklevel=4)


def said_of(found: Answers, name: str) -> dict[str, str]:
    """{id of a warning: what was found, in a sentence}."""
    words: dict[str, str] = {}
    if found.is_random:
        words["draws-of-its-own"] = (
            f"{name} gives two answers to the same image, for it draws random numbers: attacks go "
            f"by the mean over {EOT_DRAWS} draws (EOT), and what counts is the majority of {VOTES} "
            "fresh ones"
        )
    if found.depends_on_batch:
        words["depends-on-the-batch"] = (
            f"what {name} says of an image depends on the others in its batch, as of batch norms "
            "without statistics of their own: it is asked about one image at a time"
        )
    return words
