"""The dark and the light theme: colours as (r, g, b, a) in [0, 1], sRGB."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[float, float, float, float]


@dataclass(frozen=True)
class Theme:
    """Colours by what they are for."""

    background_top: Color
    background_bottom: Color
    glow: float
    """How much lighter the background is around the middle."""
    ink: Color
    """Labels and titles."""
    quiet_ink: Color
    """Tick labels."""
    box: Color
    """Edges of the box."""
    grid: Color
    """Grid lines on its walls."""
    wall: Color
    """Faces of the box; low alpha."""
    floor_contour: Color
    """What the contours on the floor are mixed with, to stand off the background."""
    body: Color
    """The surface behind the lines of the wireframe texture."""
    wire: Color
    """The grid drawn over a texture."""
    contour: Color
    """Tint of the contour lines on the surface: a darker tone of the colour they have."""
    level: Color
    """The contour set by hand."""
    path: Color
    """The trajectory."""
    further_paths: tuple[Color, ...]
    """Trajectories of other runs beside it: distinct to the colour-blind too."""
    path_end: Color
    """Its last checkpoint."""
    minimum: Color
    """A local minimum."""
    cut: Color
    """The line along which surfaces are sliced."""
    ball: Color
    """Where the plane cuts the ball of an adversary."""
    cube: Color
    """Where the plane leaves what images are."""
    lr_drop: Color
    """Checkpoints where the learning rate dropped."""
    path_casing: Color
    """The outline that keeps the trajectory apart from any colour below it."""
    matte: Color
    """A surface without a meaning in its colour."""
    uncomputed: Color
    """What cells not yet computed fade to."""
    clamped: Color
    """Hatching where the loss lies above the top of the scale."""

    @property
    def ground(self) -> Color:
        """What is behind a text on the whole: the background between its top and its bottom."""
        top, bottom = self.background_top, self.background_bottom
        red, green, blue = ((a + b) / 2 for a, b in zip(top[:3], bottom[:3], strict=True))
        return red, green, blue, 1.0

    def path_color(self, index: int) -> Color:
        """The colour of the trajectory with this index in its layer."""
        further = self.further_paths
        return further[(index - 1) % len(further)] if index else self.path


def _hex(code: str, alpha: float = 1.0) -> Color:
    r, g, b = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return r, g, b, alpha


THEMES = {
    "dark": Theme(
        background_top=_hex("2a303c"),
        background_bottom=_hex("12151b"),
        glow=0.045,
        ink=_hex("eef1f6"),
        quiet_ink=_hex("b4bcca"),
        box=_hex("8d97a8", 0.75),
        grid=_hex("8d97a8", 0.22),
        wall=_hex("ffffff", 0.025),
        floor_contour=(1.0, 1.0, 1.0, 0.22),
        body=_hex("1d222c"),
        wire=(0.1, 0.1, 0.1, 0.45),
        contour=(0.22, 0.22, 0.25, 0.75),
        level=_hex("ff8a3c"),
        path=_hex("ffffff"),
        further_paths=(_hex("ff9f1c"), _hex("5ac8ff"), _hex("e9025a"), _hex("9741f7")),
        path_end=_hex("ffd166"),
        minimum=_hex("3ddc97"),
        cut=_hex("ff4fd8"),
        ball=_hex("ff3b6b"),
        cube=_hex("dfe5ee"),
        lr_drop=_hex("ff8fab"),
        path_casing=_hex("10131a", 0.9),
        matte=_hex("aab1bf"),
        uncomputed=_hex("5b6370"),
        clamped=_hex("ff5a4d"),
    ),
    "light": Theme(
        background_top=_hex("ffffff"),
        background_bottom=_hex("e6eaf0"),
        glow=0.0,
        ink=_hex("1b212b"),
        quiet_ink=_hex("4c5666"),
        box=_hex("5d6878", 0.8),
        grid=_hex("5d6878", 0.2),
        wall=_hex("33415a", 0.03),
        floor_contour=(0.1, 0.12, 0.16, 0.28),
        body=_hex("f4f6f9"),
        wire=(0.1, 0.1, 0.1, 0.4),
        contour=(0.25, 0.25, 0.28, 0.7),
        level=_hex("d94a00"),
        path=_hex("15181f"),
        further_paths=(_hex("c74a00"), _hex("0a5fc2"), _hex("863f2f"), _hex("8f6396")),
        path_end=_hex("d9480f"),
        minimum=_hex("00694c"),
        cut=_hex("b0008e"),
        ball=_hex("c1003f"),
        cube=_hex("3a4352"),
        lr_drop=_hex("c2255c"),
        path_casing=_hex("ffffff", 0.95),
        matte=_hex("b4bcc9"),
        uncomputed=_hex("c3c8d0"),
        clamped=_hex("d8281c"),
    ),
}
