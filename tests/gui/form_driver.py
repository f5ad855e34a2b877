"""Fills in the form of an experiment as a person does; journeys import this."""

from __future__ import annotations

from typing import Any

from drive import Driver


class FormDriver:
    """The form of one kind of experiment, which is open or opening."""

    def __init__(self, d: Driver, kind: str, first: str) -> None:
        """`first` is the first of the usual fields, after which their table is called."""
        self._d, self._kind, self._usual = d, kind, first
        d.until(self._window, "the form")

    def typed(
        self,
        name: str,
        value: str | int | float,
        *,
        table: str = "",
        part: str = "##value",
    ) -> None:
        """Type into a field, which may have to be scrolled to."""
        table = table or self._usual
        self._here()
        self._d.type(f"{table}/{name}/{part}", value)

    def suggested(self, name: str, offered: list[str], choice: int) -> None:
        """Choose what a field offers, which is just this."""
        d, panel = self._d, self._d.parts.experiments
        form = panel.forms[self._kind.lower()]
        d.until(lambda: form.is_judged, "the form to be looked at")
        assert [offer.value for offer in form.verdict.offers[name]] == offered
        self._here()
        d.click(f"{self._usual}/{name}/suggestions")
        d.until(lambda: d.ctx.item_exists(f"//$FOCUSED/choice {choice}"), "the list")
        assert d.ctx.item_exists(f"//$FOCUSED/choice {len(offered) - 1}")
        assert not d.ctx.item_exists(f"//$FOCUSED/choice {len(offered)}")
        d.shot(f"suggestions_{name}.png")
        d.click(f"//$FOCUSED/choice {choice}")

    def _here(self) -> None:
        self._d.ctx.set_ref(self._window())

    def _window(self) -> Any:
        return self._d.ctx.window_info(f"//Experiments/kinds/{self._kind}/fields").window
