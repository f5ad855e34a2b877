"""What robustness runs share, and what can be asked of a certification."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from isoloss.settings.attack_kinds import CERTIFICATE
from isoloss.settings.base import SPLITS, NetworkPath, NetworkSettings
from isoloss.settings.robustness_fields import OptionalDenoiser, Radii, Sigmas

RADII = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Where certified accuracy is stated, on the [0, 1] scale, where nothing else is asked for."""


def _with_the_images_themselves(radii: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted({0.0, *radii}))


class RobustnessSettings(NetworkSettings):
    """What attacks, defenses and certifications share: networks, images, repetitions.

    Attributes:
        is_certified: whether accuracies are certified, rather than found by attacks.
    """

    is_robustness: ClassVar[bool] = True
    is_certified: ClassVar[bool] = False
    also: tuple[NetworkPath, ...] = Field(
        default=(),
        title="Further networks",
        description="Further networks, to be compared on the same images",
        json_schema_extra={"positional": True},
    )
    split: Literal["train", "test"] = Field(
        default="test",
        title="Split",
        description="Which part of the data the images are from",
        json_schema_extra=SPLITS,
    )
    samples: int = Field(
        default=500,
        ge=1,
        title="Samples",
        description="So many images at most, drawn at random once; all combinations see the same",
    )
    seeds: int = Field(
        default=1,
        ge=1,
        le=100,
        title="Seeds",
        description="Repeat everything with so many consecutive seeds on the same images",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        title="Batch size",
        description="Images times draws of noise that go through the network together; by default "
        "what suits the device",
    )
    keep: int = Field(
        default=8,
        ge=0,
        le=10_000,
        title="Examples",
        description="So many images are kept as they are, noisy, denoised and attacked, without "
        "loss",
    )

    @property
    def sources(self) -> tuple[Path, ...]:
        """All networks."""
        return (self.source, *self.also)

    @model_validator(mode="after")
    def _each_network_once(self) -> RobustnessSettings:
        twice = [s for k, s in enumerate(self.sources) if s in self.sources[:k]]
        if twice:
            raise ValueError(f"{twice[0]} is given twice")
        return self


class CertifySettings(RobustnessSettings):
    """Certify networks behind noise, with or without a denoiser."""

    kind: Literal["certify"] = "certify"
    denoiser: OptionalDenoiser = Field(
        default=None,
        title="Denoiser",
        description="As in a defense; without one, the network sees the noise itself (Cohen et al. "
        "2019)",
        examples=["digits-denoiser", "google/ddpm-cifar10-32"],
    )
    sigma: Sigmas = (0.25,)
    draws: int = Field(
        default=1000,
        ge=1,
        le=100_000_000,
        title="Draws",
        description="Draws of noise from which the class's probability is bounded; at σ = 0.25, "
        "1,000 reach a radius of 0.616 and 100,000 one of 0.953",
    )
    pilot: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        title="Pilot draws",
        description="Draws that choose the class beforehand",
    )
    alpha: float = Field(
        default=0.001,
        gt=0,
        lt=1,
        title="α",
        description="The probability with which a certificate may be wrong",
    )
    radii: Annotated[Radii, AfterValidator(_with_the_images_themselves)] = Field(
        default=RADII,
        title="Radii",
        description="In L2 on the [0, 1] scale, at which certified accuracy is stated; 0, the "
        "images themselves, is always among them",
        examples=["0.25 0.5 1", "0.1 0.2 0.3 0.4 0.5"],
    )
    is_defended: ClassVar[bool] = True
    is_certified: ClassVar[bool] = True
    purify: ClassVar[tuple[float, ...]] = ()
    norm: ClassVar[Literal["l2"]] = "l2"
    epsilons: ClassVar[tuple[float, ...]] = ()
    attack_names: ClassVar[tuple[str, ...]] = (CERTIFICATE,)
