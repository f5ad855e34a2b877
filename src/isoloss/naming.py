"""What people call things."""

import re


def short_name(name: str) -> str:
    """The last part of a network's or data set's name: "resnet18" of "timm:resnet18", "birds" of
    "imagefolder:/data/birds/"."""
    return re.split(r"[:/\\]", name.rstrip("/\\"))[-1]
