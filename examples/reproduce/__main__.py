"""All results, those first on which others stand."""

import importlib

from recipe import reproduce

SCRIPTS = (
    "published_surfaces", "attack_truth", "vgg11", "curvature", "resnet50", "shortcuts",
    "learning_rate", "batch_size", "adversarial_training", "defense",
)  # fmt: skip

if __name__ == "__main__":
    reproduce([importlib.import_module(name).RECIPE for name in SCRIPTS])
