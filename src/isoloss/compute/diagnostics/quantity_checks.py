"""What may mislead in what is found beside the loss: each quantity looks at its own."""

from __future__ import annotations

from collections.abc import Sequence

from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.quantities import Quantity
from isoloss.compute.machine.user_code import one_line
from isoloss.geometry.findings import Finding
from isoloss.geometry.surface import Surface


def check_each(
    quantities: Sequence[Quantity], surface: Surface, evaluator: Evaluator
) -> list[Finding]:
    """What they find of a surface; that one of them fails must not cost it."""
    found: list[Finding] = []
    for quantity in quantities:
        try:
            found += quantity.findings(surface, evaluator)
        except Exception as error:
            message = f"This could not be checked: {one_line(error)}."
            found.append(Finding("note", quantity.name, message))
    return found
