"""Write data/colormaps/colormaps.npz; needs matplotlib, which the program itself does not.

viridis, magma (Smith & van der Walt) and cividis (Nuñez, Anderton & Renslow) are CC0 and are read
from matplotlib. coolwarm follows the formula of Moreland, "Diverging Color Maps for Scientific
Visualization" (2009). terrain is our own: hypsometric tints of rising lightness.
"""

from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "data" / "colormaps" / "colormaps.npz"
WHITE = np.array([0.95047, 1.0, 1.08883])
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ]
)


def to_lab(rgb):
    rgb = np.asarray(rgb, float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = linear @ TO_XYZ.T / WHITE
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


def to_rgb(lab):
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], -1)
    t = np.where(f > 0.206893, f**3, (f - 16 / 116) / 7.787)
    linear = np.clip((t * WHITE) @ np.linalg.inv(TO_XYZ).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def coolwarm(n=256):
    def msh(rgb):
        lab = to_lab(rgb)
        m = np.linalg.norm(lab)
        return np.array([m, np.arccos(lab[0] / m), np.arctan2(lab[2], lab[1])])

    def adjusted_hue(color, unsaturated):
        m, s, h = color
        if m >= unsaturated:
            return h
        spin = s * np.sqrt(unsaturated**2 - m**2) / (m * np.sin(s))
        return h + spin if h > -np.pi / 3 else h - spin

    low, high = msh([0.230, 0.299, 0.754]), msh([0.706, 0.016, 0.150])
    middle = max(low[0], high[0], 88.0)
    rows = []
    for t in np.linspace(0, 1, n):
        if t < 0.5:
            a, b, t = low, np.array([middle, 0, adjusted_hue(low, middle)]), 2 * t
        else:
            a, b, t = np.array([middle, 0, adjusted_hue(high, middle)]), high, 2 * t - 1
        m, s, h = (1 - t) * a + t * b
        rows.append([m * np.cos(s), m * np.sin(s) * np.cos(h), m * np.sin(s) * np.sin(h)])
    return to_rgb(np.array(rows))


def terrain(n=256):
    stops = [
        (0, "14506e"),
        (0.16, "2a8a86"),
        (0.34, "6fae6b"),
        (0.54, "d9cf86"),
        (0.72, "bb8a5a"),
        (0.86, "9a7f76"),
        (1, "f7f5f2"),
    ]
    lab = to_lab([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for _, c in stops])
    t = np.linspace(0, 1, n)
    return to_rgb(np.stack([np.interp(t, [s for s, _ in stops], lab[:, k]) for k in range(3)], -1))


def main():
    from matplotlib import colormaps

    maps = {
        name: colormaps[name](np.linspace(0, 1, 256))[:, :3]
        for name in ("viridis", "cividis", "magma")
    }
    maps |= {"coolwarm": coolwarm(), "terrain": terrain()}
    data = {name: np.rint(255 * rgb).astype(np.uint8) for name, rgb in maps.items()}
    np.savez_compressed(TARGET, **data)


if __name__ == "__main__":
    main()
