"""Writing the images that a robustness run saves, without loss: clean, attacked, noisy, denoised.

`examples/` holds `examples.json` and one safetensors file for each combination, with

- `images` (E, K, C, H, W) float32, as attacked at each of E radii; at 0 they are clean,
- `predicted` (E, K) int64 and `confidence` (E, K) float32, the network's answer and its softmax;
- behind a defense, `noisy` and `denoised` of the same shape as `images`, at the draw of noise by
  which the single draw is counted; what is predicted is then of that draw. Noisy values lie outside
  [0, 1] too; without a denoiser both are the same;
- `map NAME` (E, K, h, w), or (E, K, C) of gates over channels: where the network in single
  precision looks (`isoloss.robustness.evaluation.attention`), behind a defense at the denoised
  image; float16 where that can hold it. `drift NAME` (E, K) float32: by how much that has moved
  from where it is for the clean image, at the same draw of noise. Of all blocks of one stage the
  last is saved; networks without places have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from isoloss.compute.machine.device import as_float32
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.files import write_json
from isoloss.results.saved_examples import DRIFT, INDEX, MAP, SCHEMA
from isoloss.robustness.evaluation.attention import drift, saved_maps
from isoloss.robustness.evaluation.combination_on_block import UnitResult
from isoloss.robustness.evaluation.plan import MAIN, Combination, Plan
from isoloss.robustness.evaluation.setup import Setup
from isoloss.robustness.smoothing.smoothing import Denoising
from isoloss.robustness.smoothing.votes import first_noise
from isoloss.settings import EvaluationSettings
from isoloss.settings.attack_kinds import CLEAN


class ExampleWriter:
    """Writes the examples of a run into its folder."""

    def __init__(
        self, folder: Path, settings: EvaluationSettings, plan: Plan, setup: Setup
    ) -> None:
        self._folder, self._settings, self._plan, self._setup = folder, settings, plan, setup

    def has(self, which: int) -> bool:
        """Whether those of a combination are there, and whole."""
        try:
            with safe_open(self._file(which), "pt"):
                return True
        except (OSError, SafetensorError):
            return False

    def save(self, which: int, result: UnitResult) -> None:
        """Save the images of a combination, whole or not at all."""
        self._save(which, result.images, result.outcome.images)

    def save_clean(self) -> None:
        """Save the first images, as a certification sees them, of all combinations."""
        count = self._settings.keep
        for which in range(len(self._plan.combinations)):
            if not self.has(which):
                self._save(which, self._setup.images[:count][None], self._setup.indices[:count])

    @torch.no_grad()
    def _save(self, which: int, attacked: Tensor, indices: Sequence[int]) -> None:
        """Of (E, K, C, H, W) images."""
        combination = self._plan.combinations[which]
        answered = [self._answered(combination, images, indices) for images in attacked]
        tensors = {name: torch.stack([s[name] for s in answered]) for name in answered[0]}
        looked_at = tensors.get("denoised", attacked)
        tensors |= self._maps(combination, looked_at, indices)
        save_tensors(self._file(which), {"images": attacked.float(), **tensors})
        self._write_index(indices)

    def _answered(
        self, combination: Combination, images: Tensor, indices: Sequence[int]
    ) -> dict[str, Tensor]:
        """What the network makes of K images."""
        if combination.sigma is None:
            return _answers(self._setup.models[combination.network].reference(images))
        defense = self._setup.defense(combination.network, combination.sigma)
        noise = first_noise(images, indices, combination.seed)
        noisy = defense.noisy(images, noise)
        denoised = defense.cleaned(noisy, noise) if isinstance(defense, Denoising) else noisy
        answers = _answers(defense.logits(images, noise))
        return {"noisy": noisy.float(), "denoised": denoised.float(), **answers}

    def _maps(
        self, combination: Combination, looked_at: Tensor, indices: Sequence[int]
    ) -> dict[str, Tensor]:
        """Where the network looks in (E, K, C, H, W) images, and how far from where it looks in
        the clean ones."""
        reference = self._setup.models[combination.network].reference
        size = self._setup.batch_sizes.counting
        clean = self._setup.images[: len(indices)]
        if combination.sigma is not None:
            clean = self._answered(combination, clean, indices)["denoised"]
        before = saved_maps(reference, clean, size)
        after = [saved_maps(reference, images, size) for images in looked_at] if before else []
        found: dict[str, Tensor] = {}
        for name, map_of_clean in before.items():
            found[MAP + name] = _halved(torch.stack([maps[name] for maps in after]))
            moved = torch.stack([drift(map_of_clean, maps[name]) for maps in after])
            found[DRIFT + name] = moved.float()
        return found

    def _write_index(self, indices: Sequence[int]) -> None:
        saved = [k for k in range(len(self._plan.combinations)) if self.has(k)]
        content = {
            "schema": SCHEMA,
            "data": self._setup.data,
            "classes": list(self._setup.classes),
            "images": list(indices),
            "labels": self._setup.labels[: len(indices)].tolist(),
            "files": [self._entry(k) for k in saved],
        }
        write_json(self._folder / INDEX, content)

    def _entry(self, which: int) -> dict[str, Any]:
        combination = self._plan.combinations[which]
        return {
            "file": self._file(which).name,
            "network": self._setup.models[combination.network].name,
            "defense": self._plan.defense(combination, self._settings),
            "sigma": combination.sigma,
            "attack": CLEAN if combination.is_certificate else combination.attack,
            "norm": self._settings.norm,
            "seed": combination.seed,
            "eps": list(self._plan.radii((MAIN, which, 0))) or [0.0],
        }  # fmt: skip

    def _file(self, which: int) -> Path:
        return self._folder / f"{which:04d}.safetensors"


def _halved(tensor: Tensor) -> Tensor:
    """In float16, where that can hold it."""
    half = tensor.half()
    return half if bool(half.isfinite().all()) else tensor


def _answers(logits: Tensor) -> dict[str, Tensor]:
    confidence, predicted = as_float32(logits).softmax(1).max(1)
    return {"predicted": predicted, "confidence": confidence.float()}
