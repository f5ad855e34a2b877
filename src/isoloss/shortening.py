"""Texts that are too long: as much of them as fits."""

from collections.abc import Callable

from isoloss.naming import drawable_line, in_one_line


def cited(text: object, most: int = 300) -> str:
    """What a library says is wrong, in one line that does not repeat all of a long value."""
    return shortened(in_one_line(text), lambda part: len(part) <= most)


def brief(text: object, most: int = 60) -> str:
    """A name in one line, its middle left out where it is longer than that."""
    return without_middle(drawable_line(str(text)), lambda part: len(part) <= most)


def shortened(text: str, fits: Callable[[str], bool], *, keep_end: bool = False) -> str:
    """`text`, or as much of its beginning (or end) as fits beside a "…"."""

    def part(count: int) -> str:
        if keep_end:
            return "…" + text[len(text) - count :].lstrip()
        return text[:count].rstrip(" ,") + "…"

    return text if fits(text) else _longest(part, len(text), fits)


def without_middle(text: str, fits: Callable[[str], bool]) -> str:
    """`text`, or as much of its beginning and its end as fits around a "…"."""

    def part(count: int) -> str:
        return text[: count - count // 2].rstrip() + "…" + text[len(text) - count // 2 :].lstrip()

    return text if fits(text) else _longest(part, len(text) - 1, fits)


def in_lines(text: str, most: int, fits: Callable[[str], bool]) -> list[str]:
    """`text` in at most so many lines that each fit, broken between words where there are some;
    the middle of what is longer is left out."""

    def lines(part: str) -> list[str]:
        return [line for whole in part.split("\n") for line in _broken(whole, fits)]

    if len(lines(text)) <= most:
        return lines(text)
    return lines(without_middle(in_one_line(text), lambda part: len(lines(part)) <= most))[:most]


def _broken(line: str, fits: Callable[[str], bool]) -> list[str]:
    """One line in as many as it takes."""
    found: list[str] = []
    while len(line) > 1 and not fits(line):
        end = _end_of_line(line, fits)
        found.append(line[:end].rstrip())
        line = line[end:].lstrip()
    return [*found, line]


def _end_of_line(line: str, fits: Callable[[str], bool]) -> int:
    """How much of a line too long fits: up to the last space, or up to where there is none."""
    count = len(_longest(lambda n: line[:n], len(line) - 1, fits)) or 1
    space = count if line[count].isspace() else line.rfind(" ", 0, count)
    return space if space > 0 else count


def _longest(part: Callable[[int], str], most: int, fits: Callable[[str], bool]) -> str:
    """The longest of part(0) … part(most) that fits; part(0) if none does."""
    few, many = 0, max(most, 0)
    while few < many:
        middle = (few + many + 1) // 2
        few, many = (middle, many) if fits(part(middle)) else (few, middle - 1)
    return part(few)
