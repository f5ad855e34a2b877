"""Images of every kind: on the scale of 8 bits, or refused by name."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from isoloss import IsolossError
from isoloss.compute.data.image_file import open_image

UNSIGNED, SIGNED, FLOATING = 1, 2, 3
RAMP = np.linspace(0, 255, 64).reshape(8, 8)


def tiff(values, bits, kind=UNSIGNED, white_is_zero=False):
    """A TIFF of 8 × 8 pixels, written by its specification."""
    raw = values if isinstance(values, bytes) else values.tobytes()
    tags = [
        (256, 3, 8), (257, 3, 8), (258, 3, bits), (259, 3, 1), (262, 3, 0 if white_is_zero else 1),
        (273, 4, 8), (277, 3, 1), (278, 3, 8), (279, 4, len(raw)), (339, 3, kind),
    ]  # fmt: skip
    listed = b"".join(struct.pack("<HHII", tag, type_, 1, value) for tag, type_, value in tags)
    head = b"II*\0" + struct.pack("<I", 8 + len(raw))
    return head + raw + struct.pack("<H", len(tags)) + listed + struct.pack("<I", 0)


def twelve_bits(values):
    """Pairs of values in three bytes each."""
    flat = values.ravel().astype(int).tolist()
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return b"".join(bytes((a >> 4, (a & 15) << 4 | b >> 8, b & 255)) for a, b in pairs)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pixels(tmp_path, content):
    path = tmp_path / "x.img"
    path.write_bytes(content)
    return np.asarray(open_image(str(path)))


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.fromarray((RAMP * 257).astype(np.uint16)), "PNG"),
        saved(Image.fromarray((RAMP * 257).astype(np.uint16)), "TIFF"),
        saved(Image.fromarray((RAMP * 257).astype(np.uint16)), "TIFF", compression="tiff_lzw"),
        tiff((RAMP * 257).astype("<u2"), 16),
        tiff((65535 - RAMP * 257).astype("<u2"), 16, white_is_zero=True),
        tiff(twelve_bits(RAMP / 255 * 4095), 12),
        tiff(RAMP.astype("u1"), 8),
        tiff((255 - RAMP).astype("u1"), 8, white_is_zero=True),
        b"P5 8 8 65535\n" + (RAMP * 257).astype(">u2").tobytes(),
        b"P5 8 8 1000\n" + (RAMP / 255 * 1000).astype(">u2").tobytes(),
        b"P5 8 8 255\n" + RAMP.astype("u1").tobytes(),
    ],
    ids=["png", "tiff", "lzw", "ours", "inverse", "12", "8", "inverse8", "pgm", "pgm1000", "pgm8"],
)
def test_grey_values_of_any_known_scale_keep_it(tmp_path, content):
    found = pixels(tmp_path, content)
    assert found.shape == (8, 8, 3)
    for channel in range(3):
        np.testing.assert_allclose(found[..., channel], RAMP, atol=1.3)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (tiff(RAMP.astype("<u4"), 32), "integers"),
        (tiff((RAMP * 65793).astype("<u4"), 32), "integers"),
        (tiff(RAMP.astype("<i4"), 32, SIGNED), "integers"),
        (tiff(RAMP.astype("<i2"), 16, SIGNED), "integers"),
        (tiff(RAMP.astype("<f4"), 32, FLOATING), "floating-point values"),
    ],
)
def test_values_of_unknown_scale_are_refused(tmp_path, content, what):
    with pytest.raises(IsolossError) as caught:
        pixels(tmp_path, content)
    assert str(caught.value) == (
        f"cannot read the image {tmp_path / 'x.img'}: it holds {what} of unknown scale; save it "
        "with 8 or 16 bits a pixel"
    )


def test_colours_are_those_of_pillow_and_torchvision(tmp_path):
    """Palettes, CMYK, one bit, transparency (dropped), EXIF's orientation (not applied)."""
    from torchvision.datasets.folder import pil_loader

    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (8, 6, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    for content in (
        saved(picture.quantize(16), "PNG"),
        saved(picture.convert("CMYK"), "JPEG"),
        saved(picture.convert("CMYK"), "TIFF"),
        saved(picture.convert("1"), "PNG"),
        saved(picture.convert("LA"), "PNG"),
        saved(Image.fromarray(rng.integers(0, 256, (8, 6, 4), dtype=np.uint8)), "PNG"),
        saved(picture, "JPEG", exif=exif),
    ):
        found = pixels(tmp_path, content)
        np.testing.assert_array_equal(found, pil_loader(str(tmp_path / "x.img")))
        assert found.shape == (8, 6, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM", "nothing", "text"])
def test_what_is_damaged_is_told_in_one_line(tmp_path, kind):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
    wrong = {"nothing": b"", "text": b"<html>not found</html>"}
    whole = wrong[kind] if kind in wrong else saved(picture, kind)
    with pytest.raises(IsolossError) as caught:
        pixels(tmp_path, whole[: len(whole) * 2 // 3])
    assert str(caught.value).startswith(f"cannot read the image {tmp_path / 'x.img'}: ")
    assert "\n" not in str(caught.value)
