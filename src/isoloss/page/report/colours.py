"""The colours of a page in both themes: the style chooses, so that no script needs to run."""

from __future__ import annotations

from collections.abc import Callable

from isoloss.scene.theme import THEMES, Color, Theme

Tell = Callable[[Theme], Color]

_ALL: dict[str, Tell] = {
    "high": lambda theme: theme.background_top,
    "grid": lambda theme: theme.grid,
    "right": lambda theme: theme.minimum,
    "wrong": lambda theme: theme.clamped,
}
"""Those that the style of pages of numbers calls by these names, beside those of all pages."""


class Colours:
    """Collects the colours of curves, each a class of its own."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, tell: Tell) -> str:
        """The class that gives an element this colour as `--own`."""
        return self._names.setdefault(self._pair(tell), f"c{len(self._names)}")

    def style(self) -> str:
        """CSS of all of them."""
        named = {f"--{name}": self._pair(tell) for name, tell in _ALL.items()}
        own = [_rule(f".{name}", {"--own": pair}) for pair, name in self._names.items()]
        return "\n".join([_rule(":root", named), *own])

    def _pair(self, tell: Tell) -> str:
        light, dark = (_code(tell(THEMES[name])) for name in ("light", "dark"))
        return f"light-dark({light}, {dark})"


def _rule(selector: str, values: dict[str, str]) -> str:
    return f"{selector} {{ {'; '.join(f'{k}: {v}' for k, v in values.items())} }}"


def _code(color: Color) -> str:
    levels = [round(255 * part) for part in color]
    return "#" + "".join(f"{level:02x}" for level in levels[: 3 if levels[3] == 255 else 4])
