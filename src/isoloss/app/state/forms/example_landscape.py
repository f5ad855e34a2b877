"""A probe through the image that the examples panel shows, as the form of such a probe has it."""

from __future__ import annotations

from typing import Any

from isoloss.app.state.runs.example_browser import ExampleBrowser
from isoloss.results.saved_examples import Index
from isoloss.settings import EvaluationSettings, InputProbeSettings
from isoloss.settings.attack_kinds import attack_of

_SHARED = (
    "model", "stem", "data", "image_size", "key", "normalization", "mean", "std", "split", "norm",
    "steps", "step_size", "queries", "device",
)  # fmt: skip


def values_of(
    settings: EvaluationSettings, index: Index, browser: ExampleBrowser
) -> dict[str, Any]:
    """{field of `InputProbeSettings`: value} of the image that is looked at: the same network,
    attack, radius and defense."""
    names = [network.label for network in settings.networks]
    which = names.index(browser.network) if browser.network in names else 0
    known = {name: getattr(settings, name) for name in _SHARED if hasattr(settings, name)}
    asked = {
        **known,
        "source": str(settings.sources[which]),
        "image": index.images[browser.image],
        "seed": browser.seed,
    }
    if browser.eps > 0:
        asked["eps"] = browser.eps
    if settings.is_defended:  # undefended beside defended, whichever is looked at
        sigma = browser.sigma if browser.sigma >= 0 else settings.sigma[0]
        asked |= {"sigma": sigma, "denoiser": settings.denoiser}
    if attack_of(browser.attack).offered:
        asked["attacks"] = browser.attack
    return {name: value for name, value in asked.items() if name in InputProbeSettings.model_fields}
