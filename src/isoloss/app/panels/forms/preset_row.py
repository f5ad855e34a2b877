"""The row of a form from which presets are chosen, and under which a person's own are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.messages import Messages
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, hint, icon_button, primary_button, row, rows
from isoloss.errors import IsolossError
from isoloss.settings.presets import PRESETS, Preset, presets_for, remove_preset, save_preset


class PresetRow:
    """Lists the presets for a form, shows which of them it holds, and keeps new ones."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._known: dict[str, list[Preset]] = {}
        self._name = ""

    def draw(self, form: Form, label_width: float) -> None:
        """Draw the row."""
        known = self._known.setdefault(form.kind, presets_for(form.kind))
        with rows("presets", label_width) as shown:
            if not shown:
                return
            row("Preset", "Fills in what it says, and leaves the rest as it is")
            side = imgui.get_frame_height()
            imgui.set_next_item_width(-side - em(0.15))
            held = next((p for p in known if holds(form, p.values[form.kind])), None)
            if imgui.begin_combo("##preset", held.title if held is not None else "None"):
                for preset in known:
                    self._choice(form, preset, chosen=preset is held)
                imgui.end_combo()
            imgui.same_line(0, em(0.15))
            imgui.begin_disabled(form.settings is None)
            tip = "Keep what the form says as a preset"
            if icon_button(fa.ICON_FA_BOOKMARK, "keep preset", tip, color=palette().muted):
                self._name = ""
                imgui.open_popup("new preset")
            imgui.end_disabled()
            self._new(form)

    def _choice(self, form: Form, preset: Preset, *, chosen: bool) -> None:
        if imgui.selectable(f"{preset.title}###{preset.name}", chosen)[0]:
            form.fill(preset.values[form.kind])
        hint(preset.help)
        if preset.name in PRESETS or not imgui.begin_popup_context_item():
            return
        if imgui.menu_item("Remove###remove", "", False)[0]:
            self._write(lambda: remove_preset(preset.name))
        imgui.end_popup()

    def _new(self, form: Form) -> None:
        if not imgui.begin_popup("new preset"):
            return
        imgui.set_next_item_width(em(14))
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        entered = int(imgui.InputTextFlags_.enter_returns_true)
        done, self._name = imgui.input_text_with_hint("##name", "Its name", self._name, entered)
        imgui.same_line()
        if (primary_button("Keep###keep") or done) and form.settings is not None:
            settings = form.settings
            if self._write(lambda: save_preset(self._name, settings)):
                imgui.close_current_popup()
        imgui.end_popup()

    def _write(self, change: Any) -> bool:
        try:
            change()
        except IsolossError as error:
            self._messages.say(str(error), "error")
            return False
        self._known.clear()
        return True


def holds(form: Form, values: Mapping[str, Any]) -> bool:
    """Whether a form says all that a preset does."""
    fields = {field.name: field for field in form.fields}
    return all(
        form.values[name] == value or not form.matters(fields[name])
        for name, value in values.items()
    )
