"""Retake the rendered pictures of the documentation: python tools/pictures/samples.py"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isoloss import render

ROOT = Path(__file__).parents[2]
SURFACES, PICTURES = ROOT / "data" / "surfaces", ROOT / "docs" / "pictures"

TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "vgg11-digits-pca": ("vgg11-digits-pca", {}),
    "vgg11-digits-random-accuracy": (
        "vgg11-digits-random",
        {"texture": "accuracy", "theme": "light"},
    ),
}
"""Name of the picture -> surface and options of `isoloss render`."""


def main() -> None:
    """Take each of them; the window's own picture is a screenshot."""
    for name, (surface, options) in TAKEN.items():
        out = PICTURES / f"{name}.png"
        render(SURFACES / f"{surface}.ply", out, **options)
        print(out)


if __name__ == "__main__":
    main()
