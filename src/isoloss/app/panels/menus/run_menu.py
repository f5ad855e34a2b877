"""What can be done with runs of the library: a menu, and what asks before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.messages import Messages
from isoloss.app.state.opening.opener import show_again
from isoloss.app.ui.desktop import reveal
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, primary_button, row, rows, wrapped
from isoloss.errors import IsolossError
from isoloss.jobs.follow import FollowedRun, can_resume
from isoloss.library.about import About, tag
from isoloss.library.columns import total_size
from isoloss.library.entry import Entry
from isoloss.naming import in_one_line, size_in_words
from isoloss.settings import TrainingSettings
from isoloss.settings.text import command_line

USES = {
    "classifier": ("probe", "sharpness", "attack", "defend", "certify"),
    "denoiser": ("defend", "certify"),
    "path": ("probe", "sharpness", "attack", "defend", "certify"),
}
"""What can be done with what a training run has learnt, by its task."""


class RunMenu:
    """The menu of the runs that are chosen, and its questions."""

    def __init__(self, parts: Surroundings) -> None:
        self._parts, self.workspace = parts, parts.workspace
        self._asked, self._about = "", list[Entry]()
        self._name, self._tags, self._note = "", "", ""

    def show(self, entry: Entry) -> None:
        """Bring what a run has found to the front."""
        followed = self.workspace.runs.select(entry.folder)
        if followed is not None and not isinstance(followed.run.settings, TrainingSettings):
            show_again(self.workspace, followed)

    def items(self, entries: Sequence[Entry]) -> None:
        """The items of the menu for runs; to be called in an open one."""
        one = entries[0] if len(entries) == 1 else None
        followed = self.workspace.runs.select(one.folder) if one and one.settings else None
        if one is not None and followed is not None and one.state != "damaged":
            self._about_one(one, followed)
        if one is None and _item(fa.ICON_FA_CHART_LINE, "Compare", "compare"):
            self._parts.compare(entries)
        favourite = all(entry.about.favourite for entry in entries)
        if _item(fa.ICON_FA_STAR, "Favourite", "favourite", chosen=favourite):
            self.workspace.table.toggle_favourite(entries)
        if _item(fa.ICON_FA_TAG, "Name, tags, note…" if one else "Tags…", "describe"):
            self._ask("describe", entries)
        imgui.separator()
        if one is not None and _item(fa.ICON_FA_FOLDER_OPEN, "Open its folder", "reveal"):
            open_folder(one.folder, self.workspace.messages)
        size = size_in_words(total_size(entries))
        if _item(fa.ICON_FA_TRASH_CAN, f"Move to the trash ({size})…", "trash"):
            self._ask("trash", entries)

    def _about_one(self, entry: Entry, followed: FollowedRun) -> None:
        runs, settings = self.workspace.runs, followed.run.settings
        if isinstance(settings, TrainingSettings):
            for kind in USES[settings.task]:
                if _item(fa.ICON_FA_FLASK, f"{kind.capitalize()}…", f"use {kind}"):
                    self._parts.use(kind, followed)
        elif _item(fa.ICON_FA_EYE, "Show", "show"):
            self.show(entry)
        if not settings.is_from_python:
            if _item(fa.ICON_FA_COPY, "Repeat…", "repeat"):
                self._parts.repeat(followed)
            if _item(fa.ICON_FA_TERMINAL, "Copy its command line", "command"):
                imgui.set_clipboard_text(command_line(settings, entry.folder))
                self.workspace.messages.say("Copied the command line")
        if followed.is_active or runs.place(followed) is not None:
            if _item(fa.ICON_FA_STOP, "Cancel", "cancel"):
                runs.cancel(followed)
        elif can_resume(followed) and _item(fa.ICON_FA_PLAY, "Resume", "resume"):
            self.workspace.resume(followed)
        imgui.separator()

    def _ask(self, what: str, entries: Sequence[Entry]) -> None:
        self._asked, self._about = what, list(entries)
        first = entries[0].about
        self._name, self._note = first.name, first.note
        shared = [t for t in first.tags if all(t in entry.about.tags for entry in entries)]
        self._tags = " ".join(shared)

    def draw(self) -> None:
        """Draw what asks; outside of any menu."""
        if self._asked:
            imgui.open_popup(f"###{self._asked}")
            self._asked = ""
        imgui.set_next_window_size(ImVec2(em(24), 0))
        if imgui.begin_popup("###describe"):
            self._describe()
            imgui.end_popup()
        imgui.set_next_window_size(ImVec2(em(24), 0))
        if imgui.begin_popup("###trash"):
            self._confirm_trash()
            imgui.end_popup()

    def _describe(self) -> None:
        several = len(self._about) > 1
        with rows("about", em(5)) as shown:
            if shown and not several:
                row("Name", "What the run is called in place of its folder's name")
                if imgui.is_window_appearing():
                    imgui.set_keyboard_focus_here()
                self._name = imgui.input_text_with_hint(
                    "##name", self._about[0].folder.name, self._name
                )[1]
            if shown:
                row("Tags", "Single words with blanks between")
                self._tags = imgui.input_text("##tags", self._tags)[1]
            if shown and not several:
                row("Note", "Anything worth remembering")
                size = ImVec2(-1, em(6))
                self._note = imgui.input_text_multiline("##note", self._note, size)[1]
        if primary_button("Keep###keep"):
            self._keep()
            imgui.close_current_popup()

    def _keep(self) -> None:
        """Keep what was typed; of several runs, whose own tags stay, what all of them share."""
        try:
            tags = tuple(tag(word) for word in self._tags.replace(",", " ").split())
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return
        table = self.workspace.table
        if len(self._about) > 1:
            shared = set.intersection(*(set(entry.about.tags) for entry in self._about))
            gone = shared - {*tags}

            def retag(about: About) -> About:
                kept = (t for t in (*about.tags, *tags) if t not in gone)
                return replace(about, tags=tuple(dict.fromkeys(kept)))

            table.describe(self._about, retag)
            return
        name, note = in_one_line(self._name), self._note.strip()
        table.describe(
            self._about,
            lambda about: replace(about, name=name, note=note, tags=tuple(dict.fromkeys(tags))),
        )

    def _confirm_trash(self) -> None:
        what = self._about[0].name if len(self._about) == 1 else f"{len(self._about):,} runs"
        size = size_in_words(total_size(self._about))
        wrapped(f"Move {what} to the trash? The size is {size}.", palette().text)
        if primary_button("Move to the trash###move"):
            for folder in self.workspace.table.to_trash(self._about):
                self.workspace.runs.drop(folder)
            imgui.close_current_popup()


def open_folder(folder: Path, messages: Messages) -> None:
    """Open a folder in the file manager; where there is none, its path is copied."""
    if not reveal(folder):
        imgui.set_clipboard_text(str(folder))
        messages.say(f"No file manager was found; copied {folder}", "warning")


def _item(icon: str, text: str, name: str, *, chosen: bool = False) -> bool:
    """An item of the menu, whose icon has a column of its own."""
    return imgui.internal.menu_item_ex(f"{text}###{name}", icon, "", chosen)
