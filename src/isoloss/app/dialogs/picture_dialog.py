"""Saving what is shown: as a picture, a figure for a paper, a movie, or a mesh."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from imgui_bundle import ImVec2, imgui

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_footer, path_row, warn_of_replacing
from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.numbers import number_field, whole_field, whole_slider
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, row, rows, shortened, toggle_button, wrapped
from isoloss.errors import IsolossError
from isoloss.naming import printable
from isoloss.paths import is_file, is_folder
from isoloss.scene.painted import save_painted
from isoloss.scene.snapshot import write_curve, write_document
from isoloss.scene.staging import DECORATIONS

Kind = Literal["Picture", "Figure", "Movie", "Mesh"]
Size = tuple[int, int]

KINDS: dict[Kind, str] = {
    "Picture": "The view as it is, as a PNG of any size",
    "Figure": "The contours in the plane for a paper, as SVG, PDF or PNG",
    "Movie": "The view in motion, as an MP4",
    "Mesh": "The selected surface in the colours that it has here, as a PLY for other programs",
}
OF_SURFACES: tuple[Kind, ...] = ("Movie", "Mesh")
"""What a curve cannot be saved as."""
SUFFIX: dict[Kind, str] = {"Picture": ".png", "Figure": ".svg", "Movie": ".mp4", "Mesh": ".ply"}
AS_SHOWN, OTHER = "As shown", "Other…"
LEAST_PIXELS, MOST_PIXELS = 16, 32768
"""A side of a picture of one's own size."""
SIZES: dict[str, Size | None] = {
    "1600 × 1000": (1600, 1000),
    "1920 × 1080": (1920, 1080),
    "2400 × 1800": (2400, 1800),
    "3840 × 2160": (3840, 2160),
    "7680 × 4320": (7680, 4320),
    AS_SHOWN: None,
    OTHER: None,
}
MOVIE_SIZES: dict[str, Size] = {
    "1280 × 720": (1280, 720),
    "1920 × 1080": (1920, 1080),
    "3840 × 2160": (3840, 2160),
    "1080 × 1080": (1080, 1080),
}
WIDTHS = {"One column (85 mm)": 85.0, "Both columns (178 mm)": 178.0, "A slide (250 mm)": 250.0}
AT_ONCE = 4_200_000
"""Pixels up to which a picture is drawn by the window itself, which it holds up for a moment."""


@dataclass
class Choices:
    """What the dialog asks for; it keeps the answers until the window closes."""

    kind: Kind = "Picture"
    size: str = next(iter(SIZES))
    own: Size = (1600, 1600)
    text: int = 100
    transparent: bool = False
    overlays: bool = True
    width: str = next(iter(WIDTHS))
    fill: bool = True
    theme: str = "Light"
    motion: str = "Turntable"
    start: str = ""
    end: str = ""
    movie_size: str = next(iter(MOVIE_SIZES))
    seconds: float = 6.0
    fps: int = 30


class PictureDialog:
    """Asks what is to be saved and how, and saves it."""

    def __init__(
        self,
        workspace: Workspace,
        renderings: Renderings,
        drawn_at: Callable[[], tuple[Size, float]],
    ) -> None:
        self.workspace, self.renderings = workspace, renderings
        self.is_open = False
        self.path = ""
        self.choices = Choices()
        self.of_curve = False
        self._drawn_at = drawn_at
        self._appearing = False

    # -- what there is to save ---------------------------------------------------------------

    @property
    def is_possible(self) -> bool:
        """Whether a surface or a curve is shown."""
        return bool(self.workspace.scene.shown) or self.curve is not None

    @property
    def curve(self) -> OpenCurve | None:
        """The curve that is shown."""
        return self.workspace.curves.shown

    @property
    def motions(self) -> list[str]:
        """The ways in which there is something to move."""
        document = self.workspace.document
        found = ["Turntable"]
        if len(document.saved_views) > 1:
            found.append("Camera path")
        if any(layer.shown_trajectories for v in document.shown_views for layer in v.shown):
            found += ["Trajectory", "Trajectory and turntable"]
        return found

    def open(self) -> None:
        """Show the dialog."""
        self.of_curve = not self.workspace.scene.shown
        if self.of_curve and self.choices.kind in OF_SURFACES:
            self.choices.kind = "Picture"
        self.path = printable(self.workspace.folder / f"{self._name()}{SUFFIX[self.choices.kind]}")
        self.is_open = self._appearing = True

    def _name(self) -> str:
        if self.of_curve and self.curve is not None:
            return Path(self.curve.name).name or "curve"
        session, shown = self.workspace.session.name, self.workspace.scene.shown
        name = shown[0].name if len(shown) == 1 else session or "surfaces"
        return Path(name).name or "surface"

    # -- drawing -----------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        size = ImVec2(em(36), 0)
        stays = draw_dialog("Save picture", size, self._content, appearing=self._appearing)
        self._appearing = False
        self.is_open = self.is_open and stays

    def _content(self) -> None:
        if self.of_curve and self.curve is None:  # it was closed meanwhile
            self.is_open = False
            return
        self._kinds()
        imgui.spacing()
        entered = False
        with rows("picture", em(8)) as shown:
            if shown:
                if self.curve is not None and self.workspace.scene.shown:
                    row("Of")
                    names = ["Surface", f"Curve {self.curve.name}"]
                    k = imgui.combo("##of", int(self.of_curve), names)[1]
                    if bool(k) != self.of_curve:
                        self.of_curve = bool(k)
                        self._rename()
                entered, self.path = path_row(self.path, appearing=self._appearing)
                draw: dict[Kind, Callable[[], None]] = {
                    "Picture": self._picture,
                    "Figure": self._figure,
                    "Movie": self._movie,
                    "Mesh": self._mesh,
                }
                draw[self.choices.kind]()
        path = self._path()
        if path is not None and is_file(path):
            warn_of_replacing()
        elif path is not None and self.choices.kind == "Movie" and _lacks_ffmpeg(path):
            wrapped(
                "ffmpeg is not on the PATH: the frames become numbered PNG files in the folder "
                f"{path.with_suffix('').name}.",
                palette().caution,
            )
        imgui.spacing()
        cancelled, wanted = draw_footer("Save", enabled=path is not None)
        if cancelled:
            self.is_open = False
        elif (wanted or entered) and path is not None:
            self.save(path)

    def _kinds(self) -> None:
        kinds: list[Kind] = [k for k in KINDS if not (self.of_curve and k in OF_SURFACES)]
        gap = em(0.3)
        width = (imgui.get_content_region_avail().x - gap * (len(kinds) - 1)) / len(kinds)
        for k, kind in enumerate(kinds):
            if k:
                imgui.same_line(0, gap)
            tip = "The curve for a paper, as SVG, PDF or PNG" if self.of_curve else KINDS[kind]
            tip = "The curve, as a PNG of any size" if self.of_curve and kind == "Picture" else tip
            if toggle_button(kind, self.choices.kind == kind, ImVec2(width, 0), tip):
                self.choices.kind = kind
                self._rename()

    def _rename(self) -> None:
        """The file's suffix follows the kind, its folder stays."""
        path = typed_path(self.path, self.workspace.folder)
        path = path or self.workspace.folder / "picture"
        name = self._name() if path.stem == "picture" else path.stem
        self.path = printable(path.with_name(name + SUFFIX[self.choices.kind]))

    def _picture(self) -> None:
        choices = self.choices
        sizes = [s for s in SIZES if not (self.of_curve and s == AS_SHOWN)]
        choices.size = _combo("Size", choices.size, sizes, "In pixels")
        if choices.size == OTHER:
            row("Width × height", f"In pixels, each up to {MOST_PIXELS}")
            choices.own = self._own_size(choices.own)
        row("Text", "Size of text and lines, in per cent of what suits the picture")
        choices.text = whole_slider("##text", choices.text, (50, 300), "%d %%")[1]
        self._transparent()
        if not self.of_curve:
            self._overlays()

    @staticmethod
    def _own_size(size: Size) -> Size:
        gap = em(0.4)
        width = (imgui.get_content_region_avail().x - 2 * gap - imgui.calc_text_size("×").x) / 2
        imgui.set_next_item_width(width)
        across = whole_field("##width", size[0], (LEAST_PIXELS, MOST_PIXELS))
        imgui.same_line(0, gap)
        imgui.text_unformatted("×")
        imgui.same_line(0, gap)
        imgui.set_next_item_width(-1)
        return across, whole_field("##height", size[1], (LEAST_PIXELS, MOST_PIXELS))

    def _figure(self) -> None:
        choices = self.choices
        choices.width = _combo("Width", choices.width, list(WIDTHS), "On paper")
        choices.theme = _combo("Theme", choices.theme, ["Light", "Dark"])
        self._transparent()
        if not self.of_curve:
            row("Filled", "Colour the areas between the contours; else the lines alone")
            choices.fill = imgui.checkbox("##fill", choices.fill)[1]

    def _movie(self) -> None:
        choices, motions = self.choices, self.motions
        if choices.motion not in motions:
            choices.motion = motions[0]
        choices.motion = _combo("Motion", choices.motion, motions)
        if choices.motion == "Camera path":
            names = [view.name for view in self.workspace.document.saved_views]
            choices.start = choices.start if choices.start in names else names[0]
            choices.end = choices.end if choices.end in names else names[-1]
            choices.start = _combo("From", choices.start, names)
            choices.end = _combo("To", choices.end, names)
        choices.movie_size = _combo("Size", choices.movie_size, list(MOVIE_SIZES), "In pixels")
        row("Seconds")
        choices.seconds = number_field("##seconds", choices.seconds, (0.1, 600.0), "%.3f")
        row("Frames a second")
        choices.fps = whole_field("##fps", choices.fps, (1, 120))
        self._overlays()

    def _mesh(self) -> None:
        layer = self.workspace.shown_surface
        row("Surface", "The selected one, with the paths that it shows", tight=True)
        name = "" if layer is None else layer.name
        imgui.text_unformatted(shortened(name, imgui.get_content_region_avail().x))

    def _transparent(self) -> None:
        row("Transparent", "Leave the background out")
        self.choices.transparent = imgui.checkbox("##transparent", self.choices.transparent)[1]

    def _overlays(self) -> None:
        row("Overlays", "Axes, scalar bar, title, legend and markers, as far as they are shown")
        self.choices.overlays = imgui.checkbox("##overlays", self.choices.overlays)[1]

    # -- saving ------------------------------------------------------------------------------

    def _path(self) -> Path | None:
        path = typed_path(self.path, self.workspace.folder)
        if path is None or path.suffix:
            return path
        if self.choices.kind == "Movie" and is_folder(path):
            return path
        return path.with_name(path.name + SUFFIX[self.choices.kind])

    def save(self, path: Path) -> None:
        """Draw, and write `path`; what takes long is drawn by a process of its own."""
        try:
            if self.choices.kind == "Mesh" and not self.of_curve:
                self._save_mesh(path)
                self.workspace.messages.say(f"Saved {path}", "done")
            elif self._is_quick(path):
                self._save_now(path)
                self.workspace.messages.say(f"Saved {path}", "done")
            else:
                self.renderings.start(self._write_down, path, self._options())
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return
        self.is_open = False

    def _is_quick(self, path: Path) -> bool:
        size = self._size()
        return (
            self.choices.kind == "Picture"
            and not self.of_curve
            and path.suffix.lower() == ".png"
            and size[0] * size[1] <= AT_ONCE
        )

    def _size(self) -> Size:
        if self.choices.size == OTHER:
            return self.choices.own
        return SIZES[self.choices.size] or self._drawn_at()[0]

    def _write_down(self, folder: Path) -> Path:
        if self.of_curve and self.curve is not None:
            return write_curve(self.curve.name, self.curve.surface, folder)
        return write_document(self.workspace.document, folder)

    def _options(self) -> list[str]:
        """As one would type them after `isoloss render SOURCE --out PATH`."""
        choices, options = self.choices, list[str]()
        if self.of_curve and self.curve is not None and not self.curve.is_log:
            options.append("--no-log-height")
        if not choices.overlays and not self.of_curve and choices.kind != "Figure":
            options.append("--no-overlays")
        if choices.kind == "Picture":
            width, height = self._size()
            options += [f"--size={width}x{height}", f"--scale={self._scale():g}"]
            if self.of_curve:
                options.append(f"--theme={self.workspace.appearance.theme}")
        elif choices.kind == "Figure":
            options += [
                "--figure",
                f"--width-mm={WIDTHS[choices.width]:g}",
                f"--theme={choices.theme.lower()}",
            ]
            if not choices.fill and not self.of_curve:
                options.append("--no-fill")
        else:
            width, height = MOVIE_SIZES[choices.movie_size]
            options += [f"--size={width}x{height}"]
            options += [f"--seconds={choices.seconds:g}", f"--fps={choices.fps}"]
            if "urntable" in choices.motion:
                options.append("--turntable")
            if choices.motion.startswith("Trajectory"):
                options.append("--play")
            if choices.motion == "Camera path":
                options.append(f"--path={choices.start},{choices.end}")
        if choices.transparent and choices.kind != "Movie":
            options.append("--transparent")
        return options

    def _scale(self) -> float:
        # Pillow and the shaders of a second renderer are loaded when a picture is wanted.
        from isoloss.gl.pictures.picture import fitting_scale, places

        if self.choices.size == AS_SHOWN:
            fitting = self._drawn_at()[1]
        else:
            count = 1 if self.of_curve else self.workspace.document.arrangement
            fitting = min(fitting_scale(rect[2:]) for rect in places(count, self._size()))
        return fitting * self.choices.text / 100

    def _save_mesh(self, path: Path) -> None:
        layer = self.workspace.shown_surface
        if layer is not None:
            save_painted(layer, self.workspace.scene, path)

    def _save_now(self, path: Path) -> None:
        changes: dict[str, Any] = {"transparent": self.choices.transparent}
        if not self.choices.overlays:
            changes |= dict.fromkeys(DECORATIONS, False)
        views = [
            replace(view, layers=list(view.layers), appearance=replace(view.appearance, **changes))
            for view in self.workspace.document.shown_views
        ]
        save_picture(views, path, self._size(), self._scale())


def save_picture(views: list[Any], path: Path, size: Size, scale: float) -> None:
    """Draw `views` with the window's own OpenGL and write them to `path`.

    Raises:
        IsolossError: if the size is too large or the file cannot be written.
    """
    from isoloss.gl.frame.renderer import Renderer
    from isoloss.gl.pictures.picture import draw_views, write_png

    renderer = Renderer()
    try:
        write_png(draw_views(renderer, views, size, scale), path)
    finally:
        renderer.free()


def _combo(label: str, chosen: str, names: list[str], tip: str = "") -> str:
    """A row with a choice of names."""
    row(label, tip)
    at = names.index(chosen) if chosen in names else 0
    return names[imgui.combo(f"##{label.lower()}", at, names)[1]]


def _lacks_ffmpeg(path: Path) -> bool:
    return path.suffix.lower() in (".mp4", ".mov") and shutil.which("ffmpeg") is None
