"""The colours of a page in both themes: the style chooses, so that no script needs to run."""

from __future__ import annotations

from collections.abc import Callable

from isoloss.scene.theme import THEMES, Color, Theme

Tell = Callable[[Theme], Color]

_ALL: dict[str, Tell] = {
    "ink": lambda theme: theme.ink,
    "quiet": lambda theme: theme.quiet_ink,
    "ground": lambda theme: theme.ground,
    "high": lambda theme: theme.background_top,
    "line": lambda theme: theme.box,
    "grid": lambda theme: theme.grid,
    "right": lambda theme: theme.minimum,
    "wrong": lambda theme: theme.clamped,
    "accent": lambda theme: theme.path_color(2),
}
"""Those of all pages, by the names that the style calls them."""


class Colours:
    """Collects the colours of curves, each a class of its own."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}

    def name(self, tell: Tell) -> str:
        """The class that gives an element this colour as `--own`."""
        pair = _code(tell(THEMES["light"])), _code(tell(THEMES["dark"]))
        return self._names.setdefault(pair, f"c{len(self._names)}")

    def style(self) -> str:
        """CSS of all of them; where a browser knows no two themes, the light one."""
        every = {
            name: (_code(tell(THEMES["light"])), _code(tell(THEMES["dark"])))
            for name, tell in _ALL.items()
        }
        plain = [_rule(":root", {f"--{name}": light for name, (light, _) in every.items()})]
        both = [_rule(":root", {f"--{name}": _both(pair) for name, pair in every.items()})]
        for pair, name in self._names.items():
            plain.append(_rule(f".{name}", {"--own": pair[0]}))
            both.append(_rule(f".{name}", {"--own": _both(pair)}))
        known = "@supports (color: light-dark(red, red)) {\n" + "\n".join(both) + "\n}"
        return "\n".join([*plain, known])


def _rule(selector: str, values: dict[str, str]) -> str:
    return f"{selector} {{ {'; '.join(f'{k}: {v}' for k, v in values.items())} }}"


def _both(pair: tuple[str, str]) -> str:
    return f"light-dark({pair[0]}, {pair[1]})"


def _code(color: Color) -> str:
    levels = [round(255 * part) for part in color]
    return "#" + "".join(f"{level:02x}" for level in levels[: 3 if levels[3] == 255 else 4])
