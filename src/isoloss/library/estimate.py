"""What a run will cost, from runs like it: an entry for each kind of run says what its work is.

What was measured on this very machine counts, of the same network and data; how much more or less
work was asked for follows from the settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from isoloss.library.entry import Entry
from isoloss.library.reading import subject_of
from isoloss.naming import size_in_words
from isoloss.registry import Registry
from isoloss.run import checkpoint_count
from isoloss.settings import (
    AnySettings,
    AttackSettings,
    CertifySettings,
    DefendSettings,
    ImportSettings,
    InputProbeSettings,
    ProbeSettings,
    RobustnessSettings,
    SharpnessSettings,
    TrainSettings,
    parse_settings,
)
from isoloss.settings.attack_kinds import attack_of
from isoloss.settings.base import stride_of
from isoloss.settings.sharpness import DENSITY_DIRECTIONS

FARTHEST = 300.0
"""So many times the work of a run, or that part of it, is told from it at most."""


_FEW_SAMPLES = 512


@dataclass(frozen=True)
class Estimate:
    """What a run will probably take.

    Attributes:
        seconds: on the clock.
        memory: bytes at most, 0 where that is not known.
        basis: what it was told from: "runs/other", "a trial of 1 s".
    """

    seconds: float
    memory: int = 0
    basis: str = ""

    @property
    def in_words(self) -> str:
        """`about 12 min, 2 GB`."""
        memory = f", {size_in_words(_rounded(self.memory))}" if self.memory else ""
        return f"about {about(self.seconds)}{memory}"


def about(seconds: float) -> str:
    """A time that is not known exactly: `5 s`, `40 s`, `12 min`, `2.5 h`, `3 days`."""
    if seconds < 90:
        return f"{max(5 * round(seconds / 5), 1 if seconds < 2.5 else 5)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{round(2 * seconds / 3600) / 2:g} h"
    return f"{round(seconds / 86400)} days"


def _rounded(size: int) -> float:
    """A size to two digits."""
    digits = 1 - math.floor(math.log10(size))
    return round(size, digits)


@dataclass(frozen=True)
class Cost:
    """What the work of a kind of run is.

    Attributes:
        name: of the kind of run.
        work: how much settings ask for, in any unit, given how many samples the part of the data
            has that they are about (0 if unknown); None where it does not follow from them.
        sample: settings that ask for a small part of the same, as fast as the whole; where the
            beginning of the work is no slower than the rest they are the settings themselves.
        is_sample_even: whether the beginning of that part tells how fast all of it is.
    """

    name: str
    work: Callable[[AnySettings, int], float | None]
    sample: Callable[[AnySettings], AnySettings] = lambda settings: settings
    is_sample_even: bool = True


COSTS = Registry[Cost]("cost of")
register, unregister = COSTS.register, COSTS.unregister


def estimate(settings: AnySettings, entries: Iterable[Entry]) -> Estimate | None:
    """What `settings` will take, told from the run most like them; None where there is none.

    Args:
        entries: of a library, newest first.
    """
    cost = COSTS.get(settings.kind)
    subject = subject_of(settings)
    if cost is None or not all(subject):
        return None
    found: list[tuple[float, Entry, float]] = []
    for entry in entries:
        if entry.kind != settings.kind or (entry.network, entry.data) != subject:
            continue
        ratio = _ratio(settings, entry)
        if ratio is not None and 1 / FARTHEST <= ratio <= FARTHEST:
            found.append((abs(math.log(ratio)), entry, ratio))
    if not found:
        return None
    _, entry, ratio = min(found, key=lambda each: each[0])
    assert entry.seconds is not None
    return Estimate(entry.seconds * ratio, entry.memory, entry.name)


def _ratio(settings: AnySettings, entry: Entry) -> float | None:
    """How many times the work of a run that is done here `settings` ask for."""
    if not entry.seconds or not entry.is_from_here or not _same_device(settings, entry):
        return None
    other = parse_settings({**entry.settings, "kind": entry.kind})
    if settings.precision != other.precision:
        return None
    if getattr(settings, "every", "") != getattr(other, "every", ""):
        return None  # how many checkpoints there are, their runs know
    return work_ratio(settings, other, entry.samples)


def work_ratio(
    settings: AnySettings, other: AnySettings, samples: tuple[int, int] | None
) -> float | None:
    """How many times the work of `other` `settings` ask for; None if that cannot be told.

    Args:
        samples: that the data of both have, (training, test).
    """
    cost = COSTS.get(settings.kind)
    if cost is None:
        return None
    works = [
        cost.work(each, samples[getattr(each, "split", "train") == "test"] if samples else 0)
        for each in (settings, other)
    ]
    return works[0] / works[1] if works[0] and works[1] else None


def _same_device(settings: AnySettings, entry: Entry) -> bool:
    """Whether a run would be carried out where another was: what was left to the program is what
    it was for others that left it to it."""
    asked = str(entry.settings.get("device", "auto"))
    kind = entry.device.partition(":")[0]
    return settings.device == asked or settings.device.partition(":")[0] == kind


def _of_training(settings: AnySettings, _: int) -> float | None:
    assert isinstance(settings, TrainSettings)
    size = settings.image_size or 0
    return settings.epochs * (size**2 if size else 1.0)


def _of_import(settings: AnySettings, _: int) -> float | None:
    assert isinstance(settings, ImportSettings)
    return float(len(settings.checkpoints))


def _of_probe(settings: AnySettings, samples: int) -> float | None:
    assert isinstance(settings, ProbeSettings)
    if settings.tolerance is not None:
        return None  # what it takes is found out on the way
    seen = min(settings.samples or samples, samples or math.inf)
    points = settings.points if settings.is_curve else math.prod(settings.grid)
    return float(points * settings.planes * seen)


def _few_cells(settings: AnySettings) -> AnySettings:
    """A probe begins with few samples at a time: of a few cells the whole way is gone."""
    assert isinstance(settings, ProbeSettings)
    samples = min(settings.samples or _FEW_SAMPLES, _FEW_SAMPLES)
    few = {"grid": (2, 2), "points": 4, "planes": 1, "tolerance": None, "samples": samples}
    return settings.model_copy(update=few)


def _of_sharpness(settings: AnySettings, samples: int) -> float | None:
    assert isinstance(settings, SharpnessSettings)
    seen = min(settings.samples or samples, samples or math.inf)
    products = settings.steps + settings.probes + DENSITY_DIRECTIONS * settings.density
    stride = stride_of(settings.every)
    places = [
        math.ceil(checkpoint_count(net.path) / stride) if stride else 1 for net in settings.networks
    ]
    return float(products * seen * sum(places))


def _few_samples(settings: AnySettings) -> AnySettings:
    """Products with few samples, of one network, of which all are alike."""
    assert isinstance(settings, SharpnessSettings)
    samples = min(settings.samples or _FEW_SAMPLES, _FEW_SAMPLES)
    return settings.model_copy(update={"samples": samples, "also": (), "every": "network"})


def _of_image(settings: AnySettings, _: int) -> float | None:
    assert isinstance(settings, InputProbeSettings)
    return math.prod(settings.grid) * (1.0 + (settings.draws if settings.noise else 0))


def _images(settings: RobustnessSettings, samples: int) -> float:
    """Images, of all networks and seeds."""
    images = min(settings.samples, samples or math.inf)
    return images * settings.seeds * len(settings.sources)


def _answers(name: str, settings: AttackSettings | DefendSettings) -> int:
    """How many answers of networks an attack asks for about an image at one ε, at most."""
    kind = attack_of(name)
    draws = settings.draws if isinstance(settings, DefendSettings) and kind.adaptive else 1
    if kind.is_baseline:
        return 1
    if kind.passes:
        return kind.passes * draws
    if not kind.needs_gradients:
        return settings.queries * draws
    steps = 5 if settings.protocol == "legacy" else settings.steps * settings.restarts
    # A gradient costs about two passes more than an answer.
    return 3 * steps * draws * (len(settings.also) if kind.takes_several else 1)


def _of_attacks(settings: AnySettings, samples: int) -> float | None:
    assert isinstance(settings, AttackSettings | DefendSettings)
    each = sum(_answers(name, settings) for name in settings.attack_names)
    votes = settings.votes if isinstance(settings, DefendSettings) else 1
    sigmas = len(settings.sigma) or 1
    if isinstance(settings, DefendSettings) and settings.purify:
        sigmas = len(settings.purify) * settings.purify_steps
    of_all = (each + votes * len(settings.attack_names)) * len(settings.epsilons) * sigmas
    return _images(settings, samples) * of_all


def _longest_attack(settings: AnySettings) -> AnySettings:
    """Attacks take turns: of the beginning most may be the shortest's."""
    assert isinstance(settings, AttackSettings | DefendSettings)
    longest = max(settings.attack_names, key=lambda name: _answers(name, settings))
    return settings.model_copy(update={"attacks": longest})


def _of_certification(settings: AnySettings, samples: int) -> float | None:
    assert isinstance(settings, CertifySettings)
    draws = (settings.draws + settings.pilot) * len(settings.sigma)
    return _images(settings, samples) * draws


register(Cost("train", _of_training))
register(Cost("import", _of_import))
register(Cost("probe", _of_probe, _few_cells, is_sample_even=False))
register(Cost("probe-input", _of_image))
register(Cost("sharpness", _of_sharpness, _few_samples))
register(Cost("attack", _of_attacks, _longest_attack))
register(Cost("defend", _of_attacks, _longest_attack))
register(Cost("certify", _of_certification))
