"""How well something typed in haste fits the name of a command."""

from __future__ import annotations

import re


def misfit(query: str, label: str, menu: str = "") -> int | None:
    """How badly `query` fits a command, 0 being best; None if it does not.

    Each of its words has to occur in the label or its menu: best at the beginning, then where a
    word begins, then anywhere, then in the menu. Or its letters occur in the label in that order,
    from the beginning of a word on: "svw" finds "Save view".
    """
    total = 0
    for word in query.lower().split():
        fit = _misfit_of_word(word, label.lower(), menu.lower())
        if fit is None:
            return None
        total += fit
    return total


def _misfit_of_word(word: str, label: str, menu: str) -> int | None:
    if label.startswith(word):
        return 0
    if re.search(rf"\b{re.escape(word)}", label):
        return 1
    if word in label:
        return 2
    if word in menu:
        return 3
    letters = ".*".join(map(re.escape, word))
    return 4 if re.search(rf"\b{letters}", label) else None
