"""What a script that calls isoloss is told: events as they happen, a mistake in one line."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from isoloss.compute.machine.recording import explain
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.naming import as_arguments
from isoloss.shown.cell import progress_bar


class _Raised(Exception):
    """What a callback has raised goes through as it is."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@contextmanager
def in_one_line() -> Iterator[None]:
    """Tell what goes wrong inside in one line, with the names of arguments.

    Raises:
        IsolossError: for a person's mistake, or what fails in code of the user's own; what
            `on_event` of `watch` raises, and what is a defect, as it is.
    """
    try:
        yield
    except _Raised as raised:
        raise raised.error from raised.error.__cause__
    except IsolossError as error:
        if (told := as_arguments(str(error))) == str(error):
            raise
        raise IsolossError(told) from error
    except Exception as error:
        if (told := explain(error)) is None:
            raise
        raise IsolossError(as_arguments(told)) from error


def watch(
    steps: Generator[Event], progress: bool, on_event: Callable[[Event], object] | None
) -> None:
    """Go through `steps`, showing and telling what happens; inside `in_one_line`."""
    bar = progress_bar() if progress else None
    try:
        for event in steps:
            if bar is not None:
                bar.show(event)
            if on_event is not None:
                _tell(on_event, event)
    finally:
        steps.close()  # a run is then left paused
        if bar is not None:
            bar.close()


def _tell(on_event: Callable[[Event], object], event: Event) -> None:
    try:
        on_event(event)
    except Exception as error:
        raise _Raised(error) from error
