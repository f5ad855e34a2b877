"""The welcome: stories and samples to look at, what was open before, and ways to begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, ImVec4, hello_imgui, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.guide.thumbnails import SIZE, Thumbnail, Thumbnails
from isoloss.app.state.opening.opener import open_path, samples
from isoloss.app.state.opening.stories import stories
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import (
    em,
    hint,
    icon_button,
    list_line,
    muted,
    primary_button,
    right_edge,
    shortened,
    wrapped,
)
from isoloss.gl.frame.rehearsal import Rehearsal
from isoloss.paths import exists, is_folder
from isoloss.run_folder import SURFACE
from isoloss.scene.files.session import SUFFIX as SESSION

WIDEST = 60
"""Width of the content, in em, where there is room."""
RECENT = 5


@dataclass(frozen=True)
class Ways:
    """What the welcome's buttons do."""

    open: Callable[[], object]
    train: Callable[[], object]
    tour: Callable[[], object]


@dataclass(frozen=True)
class _Card:
    """What a click opens.

    Attributes:
        views: pictures beside each other, of the first views of a session.
        title, text: "" for what the file itself says.
    """

    path: Path
    views: int = 1
    title: str = ""
    text: str = ""


class Welcome:
    """Fills the viewport while nothing is open, and when asked for."""

    def __init__(self, workspace: Workspace, ways: Ways, rehearsal: Rehearsal) -> None:
        self.workspace, self._rehearsal = workspace, rehearsal
        self.thumbnails = Thumbnails()
        self._ways = ways
        self._samples, self._stories = samples(), stories()
        self._open_then: object = None
        self._frames = 0
        self._from_top = False

    def is_asked_for(self) -> bool:
        """Whether it is to be shown although something is open."""
        if self._open_then != self._open_now():
            self._open_then = None  # what was opened or closed meanwhile is what one wants to see
        return self._open_then is not None

    def toggle(self) -> None:
        """Show it over what is open, from its top, or put it away."""
        self._from_top = True
        self._open_then = None if self.is_asked_for() else self._open_now()

    def draw(self, closable: bool) -> None:
        """Draw it over the whole window at hand."""
        self._frames += 1
        room = imgui.get_content_region_avail()
        margin = max(em(1.2), (room.x - em(WIDEST)) / 2)
        imgui.push_style_color(imgui.Col_.child_bg, vec(palette().panel))
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(margin, em(1.4)))
        imgui.push_style_var(imgui.StyleVar_.child_rounding, 0)
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        flags = imgui.ChildFlags_.always_use_window_padding | imgui.ChildFlags_.nav_flattened
        shown = imgui.begin_child("welcome", ImVec2(0, 0), int(flags))
        imgui.pop_style_var(3)
        imgui.pop_style_color()
        if shown:
            if self._from_top:
                imgui.set_scroll_y(0)
                self._from_top = False
            self._content(closable)
        imgui.end_child()
        self._draw_thumbnails()

    def _draw_thumbnails(self) -> None:
        # The first frames show the window as soon as can be.
        if self._frames > 2 and self._rehearsal.has_whole:
            self.thumbnails.step()
        if self.thumbnails.is_busy or self._frames < 4:
            hello_imgui.request_refresh()

    def _content(self, closable: bool) -> None:
        imgui.push_font(None, imgui.get_style().font_size_base * 1.7)
        imgui.text_unformatted("See a loss landscape")
        imgui.pop_font()
        if closable:
            side = imgui.get_frame_height()
            imgui.same_line(right_edge() - side)
            if icon_button(fa.ICON_FA_XMARK, "close", "Back", color=palette().muted) or (
                imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
                and imgui.is_key_pressed(imgui.Key.escape, False)
            ):
                self._open_then = None
        wrapped(
            "Look at a sample, drop a surface, a run folder or a session on this window, or train "
            "a network of your own and probe it.",
            palette().muted,
        )
        imgui.spacing()
        self._buttons()
        self._recent()
        self._gallery()

    def _buttons(self) -> None:
        again = self.workspace.preferences.tour > 0
        tour = f"{fa.ICON_FA_ROUTE}  {'Continue the tour' if again else 'Take the tour, 4 minutes'}"
        gap, room = em(0.5), imgui.get_content_region_avail().x
        needed = imgui.calc_text_size(tour).x + em(1.4)
        columns = 3 if room > 3 * needed + 2 * gap else 1
        size = ImVec2((room - (columns - 1) * gap) / columns, em(2.1))
        if primary_button(f"{fa.ICON_FA_FOLDER_OPEN}  Open…###open", size):
            self._ways.open()
        if columns > 1:
            imgui.same_line(0, gap)
        if imgui.button(f"{fa.ICON_FA_GRADUATION_CAP}  Train…###train", size):
            self._ways.train()
        if columns > 1:
            imgui.same_line(0, gap)
        if imgui.button(f"{tour}###tour", size):
            self._ways.tour()

    # -- stories and samples -----------------------------------------------------------------

    def _gallery(self) -> None:
        told = [
            _Card(x.session, len(x.files), x.title, " ".join(x.sentences)) for x in self._stories
        ]
        self._cards("Stories", told, em(18))
        self._cards("Samples", [_Card(path) for path in self._samples], em(10))

    def _cards(self, heading: str, cards: list[_Card], narrowest: float) -> None:
        if not cards:
            return
        imgui.spacing()
        muted(heading)
        gap = em(0.7)
        room = imgui.get_content_region_avail().x
        columns = max(1, min(int((room + gap) / (narrowest + gap)), len(cards)))
        width = (room - gap * (columns - 1)) / columns
        for first in range(0, len(cards), columns):
            row = cards[first : first + columns]
            below = max(_height_below(card, width) for card in row)
            for k, card in enumerate(row):
                if k:
                    imgui.same_line(0, gap)
                self._card(card, width, below)

    def _card(self, card: _Card, width: float, below: float) -> None:
        seen = [self._thumbnail(card.path, view) for view in range(card.views)]
        picture = width / card.views * SIZE[1] / SIZE[0]
        at = imgui.get_cursor_screen_pos()
        imgui.push_style_color(imgui.Col_.button, ImVec4(0, 0, 0, 0))
        imgui.push_style_color(imgui.Col_.button_hovered, ImVec4(0, 0, 0, 0))
        imgui.push_style_color(imgui.Col_.button_active, ImVec4(0, 0, 0, 0))
        pressed = imgui.button(f"###{card.path.name}", ImVec2(width, picture + below))
        imgui.pop_style_color(3)
        self._paint_card(card, at, ImVec2(width, picture + below), picture, seen)
        known = [word for x in seen if x is not None for word in (x.title, x.note)]
        hint("\n".join([*filter(None, known), str(card.path)]))
        if pressed:
            self._take(card.path)
            if card.text:  # which is out of sight now
                self.workspace.messages.say(f"{card.title} {card.text}")

    def _paint_card(
        self, card: _Card, at: ImVec2, size: ImVec2, picture: float, seen: list[Thumbnail | None]
    ) -> None:
        p, draw, round_ = palette(), imgui.get_window_draw_list(), em(0.5)
        hovered = imgui.is_item_hovered()
        end = ImVec2(at.x + size.x, at.y + size.y)
        draw.add_rect_filled(at, end, u32(p.field_hovered if hovered else p.field), round_)
        wide, line = size.x / len(seen), imgui.get_text_line_height()
        for k, thumbnail in enumerate(seen):
            if thumbnail is None or thumbnail.picture is None:
                continue
            texture = imgui.ImTextureRef(thumbnail.picture.texture)
            left = ImVec2(at.x + k * wide, at.y)
            whole = ImVec2(0, 0), ImVec2(1, 1), u32((1.0, 1.0, 1.0, 1.0))
            right = ImVec2(left.x + wide, at.y + picture)
            draw.add_image_rounded(texture, left, right, *whole, round_, _top_corners(k, len(seen)))
        if hovered:
            draw.add_rect(at, end, u32(p.accent), round_)
        first = seen[0]
        room, x, y = size.x - 2 * em(0.7), at.x + em(0.7), at.y + picture + em(0.3)
        title = card.title or (first.title if first is not None else "")
        note = first.note if first is not None else ""
        if card.title:
            for k, thumbnail in enumerate(seen):
                name = shortened(thumbnail.title if thumbnail is not None else "", wide - em(1.4))
                draw.add_text(ImVec2(at.x + k * wide + em(0.7), y), u32(p.muted), name)
            y += line + em(0.4)
        named = title or card.path.stem.replace("-", " ")
        draw.add_text(ImVec2(x, y), u32(p.text), shortened(named, room))
        y += line
        if card.text:
            font = imgui.get_font(), imgui.get_font_size()
            draw.add_text(*font, ImVec2(x, y), u32(p.muted), card.text, wrap_width=room)
        else:
            draw.add_text(ImVec2(x, y), u32(p.muted), shortened(note, room))

    def _thumbnail(self, path: Path, view: int) -> Thumbnail | None:
        if self._frames <= 2:
            return None
        return self.thumbnails.of(path, self.workspace.preferences.theme, view)

    # -- recent ------------------------------------------------------------------------------

    def _recent(self) -> None:
        shipped = {*self._samples, *(story.session for story in self._stories)}
        recent = [Path(p) for p in self.workspace.preferences.recent]
        recent = [p for p in recent if p not in shipped and exists(p)][:RECENT]
        last = self.workspace.session.last_path()
        if not recent and not exists(last):
            return
        imgui.spacing()
        muted("Recent")
        if exists(last):
            icon, aside = fa.ICON_FA_CLOCK_ROTATE_LEFT, "as the window was left"
            tint = palette().accent
            if list_line("last", "Last session", icon=icon, icon_color=tint, aside=aside):
                self._take(last)
        for path in recent:
            is_run = is_folder(path) or path.name == SURFACE
            shown = path.parent if path.name == SURFACE else path
            icon, color = fa.ICON_FA_MOUNTAIN_SUN, palette().accent
            if is_run:
                icon, color = fa.ICON_FA_FLASK, palette().good
            elif path.suffix == SESSION:
                icon = fa.ICON_FA_LAYER_GROUP
            aside = _short(shown.parent)
            if list_line(str(path), shown.name, icon=icon, icon_color=color, aside=aside):
                self._take(path)
            hint(str(path))

    def _take(self, path: Path) -> None:
        if open_path(self.workspace, path, remember=path != self.workspace.session.last_path()):
            self._open_then = None

    def _open_now(self) -> tuple[object, ...]:
        workspace = self.workspace
        return (*map(id, workspace.scene.layers), None, *map(id, workspace.curves.open))


def _height_below(card: _Card, width: float) -> float:
    """Of what is written under the pictures of a card."""
    line = imgui.get_text_line_height()
    if not card.text:
        return 2 * line + em(1.1)
    text = imgui.calc_text_size(card.text, wrap_width=width - 2 * em(0.7)).y
    return 2 * line + text + em(1.5)


def _top_corners(k: int, count: int) -> int:
    """Which corners of the k-th of some pictures beside each other are rounded."""
    left = int(imgui.ImDrawFlags_.round_top_left) if k == 0 else 0
    right = int(imgui.ImDrawFlags_.round_top_right) if k == count - 1 else 0
    return left | right or int(imgui.ImDrawFlags_.round_none)


def _short(folder: Path) -> str:
    """`folder`, with ~ for the home folder."""
    home = Path.home()
    return str(Path("~") / folder.relative_to(home)) if folder.is_relative_to(home) else str(folder)
