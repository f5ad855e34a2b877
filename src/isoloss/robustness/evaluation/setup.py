"""What a robustness run is about, loaded and checked: networks, images, the denoiser."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.data.dataset import Split, digest_of_splits, shuffled
from isoloss.compute.data.in_words import in_words
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.hashes import digest_of, digest_of_code
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.user_code import import_user_function, text_of_module
from isoloss.compute.networks.checkpoints import digest
from isoloss.compute.networks.statistics import Statistics
from isoloss.compute.training.network import load_network
from isoloss.errors import IsolossError
from isoloss.naming import listed
from isoloss.results.tables import EvaluationWarning
from isoloss.robustness.ascent.asking import FEW, said_of
from isoloss.robustness.ascent.losses import OwnLoss
from isoloss.robustness.ascent.objective import refuse_nan
from isoloss.robustness.ascent.refusals import check_labels, check_logits
from isoloss.robustness.attacks.context import OwnAttack
from isoloss.robustness.attacks.own import check_signature
from isoloss.robustness.evaluation.images import Images
from isoloss.robustness.evaluation.purified import Purifying, purifying_of
from isoloss.robustness.evaluation.same_device import of_device
from isoloss.robustness.smoothing.own_denoiser import OwnDenoiser, denoiser_of
from isoloss.robustness.smoothing.purification import usual_sigmas
from isoloss.robustness.smoothing.schedule import schedule_of
from isoloss.robustness.smoothing.smoothing import (
    DenoisedSmoothing,
    GaussianSmoothing,
    OwnNoise,
    Smoothing,
    Together,
    check_denoises,
)
from isoloss.robustness.smoothing.votes import first_noise, refuse_random
from isoloss.robustness.speed.batch_sizes import BatchSizes
from isoloss.robustness.speed.fast_classifier import Fast
from isoloss.settings import EvaluationSettings, InputProbeSettings
from isoloss.settings.attack_kinds import attack_of
from isoloss.settings.built_in import LABELLED_BY
from isoloss.settings.input_probe import beyond_the_data
from isoloss.settings.robustness_fields import is_denoiser
from isoloss.settings.source import is_function

SubjectSettings = EvaluationSettings | InputProbeSettings
"""Of runs about networks and images that are attacked."""


@dataclass(frozen=True)
class ModelUnderAttack:
    """A network that is attacked.

    Attributes:
        fast: what adversaries climb on, in the precision of the run.
        reference: the same network in single precision, as it came, which decides what an attack
            has achieved.
    """

    name: str
    fast: Fast
    reference: Fast

    @property
    def is_random(self) -> bool:
        """Whether it draws noise of its own, and is a random defense in itself."""
        return self.reference.is_random


@dataclass(frozen=True)
class Subject:
    """What an evaluation is about, as it came: networks, images, a denoiser, attacks of one's own.

    Attributes:
        models: the networks, by what tables call them.
        split: the images in the order in which they are attacked; `indices` are their places in
            the data.
        weights: a hash of the networks'.
        denoiser: UNet and scheduler.
        own_attacks: the functions, by what settings call them (without "python:").
        given: in words, how a network is given its images, where nothing says how it wants them.
        recorded: the accuracies on the test images that the networks' trainings have recorded.
        other_statistics: by what else images may be normalized, of networks of which nothing
            says it.
        own_loss: what attacks by gradients climb, where that is a function of one's own.
        noise: σ of what images got in the networks' trainings, where that is known.
    """

    models: dict[str, nn.Module]
    split: Split
    indices: tuple[int, ...]
    classes: tuple[str, ...]
    data: str
    about_data: str
    weights: str
    denoiser: tuple[nn.Module, Any] | None
    own_attacks: dict[str, OwnAttack]
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    recorded: Mapping[str, float] = field(default_factory=dict[str, float])
    other_statistics: Mapping[str, Mapping[str, Statistics]] = field(
        default_factory=dict[str, Mapping[str, Statistics]]
    )
    own_loss: OwnLoss | None = None
    noise: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Setup:
    """All that units of work have in common.

    Attributes:
        images: (N, C, H, W) in [0, 1], in the order in which they are attacked; what is taken of
            them is on the device.
        labels: (N,) true classes.
        indices: (N,) the images' places in the data.
        about_data: all of these in words.
        depends_on: hashes of weights, denoiser, data and attacks of one's own.
        own_attacks: these, by name.
        subject: what all this was made of.
        purifying: how images are purified, by the noise σ of that.
    """

    models: tuple[ModelUnderAttack, ...]
    images: Images
    labels: Tensor
    indices: tuple[int, ...]
    classes: tuple[str, ...]
    data: str
    about_data: str
    denoiser: tuple[nn.Module, Any] | None
    device: torch.device
    precision: str
    batch_sizes: BatchSizes
    depends_on: dict[str, str]
    own_attacks: dict[str, OwnAttack]
    subject: Subject
    purifying: Mapping[float, Purifying] = field(default_factory=dict[float, Purifying])

    def model(self, name: str) -> ModelUnderAttack:
        """The network that tables call so."""
        return next(model for model in self.models if model.name == name)

    def defense(self, network: int, sigma: float | None) -> Smoothing:
        """The network behind noise, and behind the denoiser if there is one; without σ behind that
        which it draws itself."""
        if sigma is None:
            return OwnNoise(self.models[network].reference)
        return self._behind_noise(self.models[network].fast, sigma, self.denoiser)

    def defense_of(self, networks: Sequence[int], sigma: float) -> Smoothing:
        """These networks together behind noise, and behind the denoiser if there is one."""
        classifiers = [self.models[network].fast for network in networks]
        return self._behind_noise(Together(classifiers), sigma, self.denoiser)

    def exact_defense(self, sigma: float) -> Smoothing:
        """All networks together in single precision, the denoiser too."""
        classifiers = Together([model.reference for model in self.models])
        if self.subject.denoiser is None:
            return self._behind_noise(classifiers, sigma, None)
        from isoloss.robustness.speed.fast_denoiser import FastDenoiser

        unet, scheduler = self.subject.denoiser
        exact = FastDenoiser(unet, self.images[:FEW], self.device, "fp32")
        return self._behind_noise(classifiers, sigma, (exact, scheduler))

    @property
    def findings(self) -> list[EvaluationWarning]:
        """What was found of the data and the networks before they were attacked."""
        found = [
            EvaluationWarning(key, message, model.name)
            for model in self.models
            for key, message in said_of(model.reference.answers, model.name).items()
        ]
        if labeller := LABELLED_BY.get(self.data):
            message = f"nobody has labelled {self.data}: right is what {labeller} answers"
            found.append(EvaluationWarning("labels-assumed", message))
        return found

    def _behind_noise(
        self, classifier: nn.Module, sigma: float, denoiser: tuple[nn.Module, Any] | None
    ) -> Smoothing:
        if denoiser is None:
            return GaussianSmoothing(classifier, sigma)
        if sigma in self.purifying:
            return self.purifying[sigma].before(classifier, *denoiser).to(self.device)
        return DenoisedSmoothing(classifier, *denoiser, sigma).to(self.device)


def order_of(samples: int, settings: SubjectSettings) -> Tensor:
    """(n,) int64: which of so many samples are attacked, in order. It is that of a probe's samples:
    whoever knows one knows the other.

    Raises:
        IsolossError: if the one image that is asked for is none of them.
    """
    if settings.kind != "probe-input":
        return shuffled(samples, settings.seed)[: settings.samples]
    if settings.image >= samples:
        raise IsolossError(beyond_the_data(settings.split, samples))
    return torch.tensor([settings.image])


def load_subject(settings: SubjectSettings) -> Subject:
    """What the settings name.

    Raises:
        IsolossError: saying what is missing or does not fit together.
    """
    names = [network.label for network in settings.networks]
    twice = [n for k, n in enumerate(names) if n in names[:k]]
    if twice:
        raise IsolossError(f"two networks are called {twice[0]!r}: rename a run's folder")
    own_attacks = {
        name: import_user_function(name) for name in settings.attack_names if is_function(name)
    }
    networks = [load_network(settings, source, read=False) for source in settings.networks]
    dataset = networks[0].dataset
    split = dataset.split(settings.split)
    order = order_of(len(split), settings)
    chosen = split.take(order)
    for name, network in zip(names[1:], networks[1:], strict=True):
        other = network.dataset.split(settings.split)
        _check_same(names[0], split, name, other, order, digest_of_splits(chosen))
    denoiser = None
    if is_denoiser(settings.denoiser):
        denoiser = denoiser_of(settings.denoiser, _sigmas_of(settings), split.shape[0])
    by_name = dict(zip(names, networks, strict=True))
    given = {name: network.is_given for name, network in by_name.items() if network.is_assumed}
    assumed = [f"{name} is given them {how}" for name, how in given.items()]
    return Subject(
        {name: network.model for name, network in by_name.items()},
        chosen, tuple(order.tolist()), dataset.classes, dataset.name,
        "; ".join([in_words(dataset), *assumed]),
        digest([s.checkpoints[-1] for s in networks]), denoiser, own_attacks, given,
        {name: network.recorded for name, network in by_name.items()},
        {name: network.other_statistics for name, network in by_name.items()},
        own_loss_of(settings),
        {
            name: network.path.noise
            for name, network in by_name.items()
            if network.path is not None and network.path.noise is not None
        },
    )  # fmt: skip


def _sigmas_of(settings: SubjectSettings) -> Sequence[float]:
    """Of all the noise that the denoiser will see."""
    if settings.kind == "probe-input":
        return () if settings.noise is None else (settings.noise,)
    return usual_sigmas() if settings.purify else settings.sigma


def own_loss_of(settings: SubjectSettings) -> OwnLoss | None:
    """What settings name as the loss that attacks by gradients climb, if it is one's own.

    Raises:
        IsolossError: if it cannot be imported.
    """
    named = getattr(settings, "loss", "")
    return import_user_function(named) if is_function(named) else None


def ready(settings: SubjectSettings, subject: Subject, sigmas: Sequence[float]) -> Setup:
    """A subject made ready on the device; refuses what cannot be attacked or does not fit together.

    Args:
        sigmas: of the noise of defenses.

    Raises:
        IsolossError: saying what is wrong.
    """
    device = Ranks.current().own(choose_device(settings.device))
    for name, function in subject.own_attacks.items():
        check_signature(name, function)
    images = Images(subject.split.inputs, device)
    labels = subject.split.targets.to(device)
    check_labels(labels, images)
    few = images[:FEW]
    models = tuple(
        _model_under_attack(name, model, few, labels[:FEW], device, settings.precision)
        for name, model in subject.models.items()
    )
    precision = models[0].fast.precision
    depends_on = {
        "weights": subject.weights,
        "data": digest_of_splits(subject.split),
        **of_device(device, precision),
    }
    for name, function in subject.own_attacks.items():
        depends_on[f"the attack {name}"] = _digest_of_function(name, function)
    for name in settings.attack_names:
        if version := attack_of(name).version:
            depends_on[f"the attack {name}"] = version
    if subject.own_loss is not None:
        named = str(getattr(settings, "loss", ""))
        depends_on["the loss"] = _digest_of_function(named, subject.own_loss)
    usual = reduce(BatchSizes.at_most, (c.fast.batch_sizes for c in models))
    loaded, purifying = None, {}
    if subject.denoiser is not None:
        from isoloss.robustness.speed.fast_denoiser import FastDenoiser

        unet, scheduler = subject.denoiser
        if isinstance(unet, OwnDenoiser):
            unet.settle(few)
            _refuse_attacks_without_gradients(unet, settings)
        if settings.kind == "defend":
            purifying = purifying_of(settings, scheduler)
            if purifying:
                ways = [p.before(nn.Identity(), unet, scheduler).words for p in purifying.values()]
                depends_on["purification"] = digest_of(ways)
        depends_on["denoiser"] = digest_of_denoiser(unet, scheduler)
        made_fast = FastDenoiser(unet, few, device, precision)
        usual = usual.at_most(made_fast.batch_sizes)
        loaded = made_fast, scheduler
    if settings.batch_size is not None:
        usual = BatchSizes(settings.batch_size, settings.batch_size)
    setup = Setup(
        models, images, labels, subject.indices, subject.classes, subject.data,
        subject.about_data, loaded, device, precision, usual, depends_on, subject.own_attacks,
        subject, purifying,
    )  # fmt: skip
    for model in models if settings.kind == "certify" else ():
        refuse_random(model.reference.answers, model.name)
    for sigma in purifying or sigmas:
        defense = setup.defense(0, sigma)
        defense.check(few)
        if loaded is not None:
            # A purification's σ is rounded for tables: up, beyond the last step's, at times.
            once = DenoisedSmoothing(nn.Identity(), *loaded, defense.sigma)
            check_denoises(once.to(device), few)
        _check_answers(setup, sigma)
    return setup


def _refuse_attacks_without_gradients(denoiser: OwnDenoiser, settings: SubjectSettings) -> None:
    """Refuse attacks that would follow gradients which the denoiser does not give."""
    kinds = [attack_of(name) for name in settings.attack_names]
    lost = [k.name for k in kinds if k.needs_gradients and k.adaptive and k.exact]
    if lost and not denoiser.gives_gradients:
        others = [k.name for k in kinds if k.name not in lost]
        raise IsolossError(
            f"the denoiser gives no gradients for {listed(lost, 'and')} to follow: take others, "
            f"--attacks {','.join(others) or 'square'}"
        )


@torch.no_grad()
def _check_answers(setup: Setup, sigma: float) -> None:
    """Refuse networks that give NaN for noisy images."""
    few = setup.images[:FEW]
    noise = first_noise(few, setup.indices[:FEW])
    logits = setup.defense_of(range(len(setup.models)), sigma).logits(few, noise)
    refuse_nan(logits.sum(-1).sum(0))


def _check_same(
    first: str, split: Split, name: str, other: Split, order: Tensor, data: str
) -> None:
    """Refuse to compare two networks on images that differ; `data` is the digest of the first's."""
    if len(other) == len(split) and digest_of_splits(other.take(order)) == data:
        return
    if other.shape != split.shape:
        sides = " and ".join("×".join(map(str, s.shape[1:])) for s in (split, other))
        raise IsolossError(
            f"{first} and {name} are for images of {sides}: say with --image-size at which size "
            "the adversary acts, and with --data on which images"
        )
    raise IsolossError(
        f"{first} and {name} were not trained on the same data: say with --data which images to "
        "take"
    )


def _model_under_attack(
    name: str, model: nn.Module, few: Tensor, labels: Tensor, device: torch.device, precision: str
) -> ModelUnderAttack:
    reference = Fast(model, few, device, "fp32", fold=False)
    fast = Fast(model, few, device, precision, answers=reference.answers)
    with torch.no_grad():
        refuse_nan(check_logits(reference(few), labels).sum(1))
    return ModelUnderAttack(name, fast, reference)


def digest_of_denoiser(unet: nn.Module, scheduler: Any) -> str:
    """SHA-256 over weights and noise schedule."""
    sha = hashlib.sha256()
    predicts = schedule_of(scheduler).predicts
    if predicts != "epsilon":
        sha.update(predicts.encode())
    schedule = {"schedule": torch.as_tensor(scheduler.alphas_cumprod)}
    for name, tensor in sorted({**unet.state_dict(), **schedule}.items()):
        sha.update(name.encode())
        # NumPy knows no bf16; the bytes are the same.
        sha.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    if isinstance(unet, OwnDenoiser):
        sha.update(unet.digest.encode())
    return sha.hexdigest()


def _digest_of_function(name: str, function: Callable[..., Any]) -> str:
    """SHA-256 over the code of a function, and over the text of its module where that was named."""
    if isinstance(function, partial):
        return digest_of(_digest_of_function(name, function.func), function.args,
                                function.keywords)  # fmt: skip
    text = text_of_module(name) if is_function(name) else None
    return digest_of(digest_of_code(function), text)
