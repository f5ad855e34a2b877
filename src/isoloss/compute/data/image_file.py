"""An image in a file as three channels of 8 bits, or the reason why it cannot be that.

As torchvision and timm have it, transparency is dropped and not laid over any colour, EXIF's
orientation is not applied, and of several frames the first counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isoloss.errors import IsolossError
from isoloss.naming import in_one_line

_BITS, _PHOTOMETRIC = 258, 262  # tags of TIFF
_WHITE_IS_ZERO = 0


def open_image(path: str) -> Any:
    """The image of Pillow in a file, with three channels of 8 bits.

    Raises:
        IsolossError: if it is damaged, or its scale is not known.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            return _eight_bits(file).convert("RGB")
    except MemoryError:
        raise
    except Exception as error:  # each of Pillow's formats raises its own
        telling = isinstance(error, OSError | ValueError | Image.DecompressionBombError)
        why = getattr(error, "strerror", None) or in_one_line(error)
        if not telling or isinstance(error, UnidentifiedImageError):
            why = "it is damaged, or no image"
        raise IsolossError(f"cannot read the image {path}: {why}") from error


def _eight_bits(image: Any) -> Any:
    """An image of more bits a pixel on the scale of 8; Pillow itself would clip it to white."""
    if image.mode != "F" and image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    from PIL import Image

    values = np.asarray(image)  # which decodes it: only then are all tags there
    tags: dict[int, Any] = dict(getattr(image, "tag_v2", {}))
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        kind = "floating-point values" if image.mode == "F" else "integers"
        raise ValueError(f"it holds {kind} of unknown scale; save it with 8 or 16 bits a pixel")
    bits = int(tags.get(_BITS, (16,))[0])
    scaled = values / ((1 << bits) - 1)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        scaled = 1 - scaled
    return Image.fromarray((255 * scaled).clip(0, 255).astype(np.uint8))
