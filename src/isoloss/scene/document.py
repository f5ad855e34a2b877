"""All that is open in one window: layers, the views that show them, and what links the views."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import cycle
from weakref import WeakKeyDictionary

from isoloss.geometry.height import HeightScale
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.cut import Cut
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.scene import Scene

MOST_VIEWS = 4
ARRANGEMENTS = (1, 2, 4)
"""How many viewports there can be beside each other."""


@dataclass(frozen=True)
class Links:
    """What the viewports have in common.

    Attributes:
        camera: one camera for all.
        height: one height scale, which holds the surfaces of all.
        colors: one range of colours.
        look: one choice of texture, contours and the rest of the appearance.
    """

    camera: bool = True
    height: bool = True
    colors: bool = True
    look: bool = True


@dataclass(frozen=True)
class SavedView:
    """A camera under a name: to come back to, or to fly between."""

    name: str
    camera: Camera


@dataclass(frozen=True)
class LayerState:
    """What can be changed about a layer from the window."""

    layer: SurfaceLayer
    name: str
    markers: tuple[Marker, ...]
    hidden: frozenset[int]
    opacity: float = 1.0


@dataclass(frozen=True)
class ViewState:
    """What can be changed about one viewport."""

    camera: Camera
    appearance: Appearance
    title: str
    hidden: frozenset[SurfaceLayer]


@dataclass(frozen=True)
class DocumentState:
    """Every choice, by value, so that an undo step is a reference; the data are not in it.

    What is not compared is no choice, and no step of undo: it goes along with the choices.
    """

    layers: tuple[LayerState, ...]
    views: tuple[ViewState, ...]
    arrangement: int
    links: Links
    saved_views: tuple[SavedView, ...]
    cut: Cut | None
    origin: object = field(default=None, compare=False)
    selected: SurfaceLayer | None = field(default=None, compare=False)


@dataclass(eq=False)
class Document:
    """The layers of one window and the views on them.

    All views share one list of layers; each has layers of its own that it hides. There are always
    four views, of which the first `arrangement` are shown, so that going back to more viewports
    finds them as they were left. One that has not been shown yet shows nothing.

    Attributes:
        layers: as a legend lists them, at first in the order they were opened; change it through
            `add`, `remove`, `move` and `restore`.
        views: four of them.
        arrangement: how many are shown: 1, 2 or 4.
        active: the view that menus and panels act on, below `arrangement`.
        links: what the shown views have in common.
        saved_views: cameras by name.
        cut: the line along which a slice is plotted.
        origin: tells what was opened as a whole, as from a session, from what was open before.
        selected: the layer that panels tell about.
    """

    layers: list[SurfaceLayer] = field(default_factory=list[SurfaceLayer])
    views: list[Scene] = field(default_factory=list[Scene])
    arrangement: int = 1
    active: int = 0
    links: Links = field(default_factory=Links)
    saved_views: tuple[SavedView, ...] = ()
    cut: Cut | None = None
    origin: object = field(default_factory=object)
    selected: SurfaceLayer | None = None
    _selected_in: WeakKeyDictionary[Scene, SurfaceLayer | None] = field(
        default_factory=WeakKeyDictionary[Scene, "SurfaceLayer | None"], init=False, repr=False
    )

    def __post_init__(self) -> None:
        while len(self.views) < MOST_VIEWS:
            first = self.views[0] if self.views else Scene()
            seen = first.camera, first.appearance
            hidden = frozenset(self.layers) if self.views else frozenset[SurfaceLayer]()
            self.views.append(Scene(self.layers, *seen, hidden=hidden))
        for view in self.views:
            view.layers = self.layers

    @property
    def view(self) -> Scene:
        """The active view."""
        return self.views[self.active]

    @property
    def shown_views(self) -> list[Scene]:
        """Those that have a viewport."""
        return self.views[: self.arrangement]

    # -- layers ------------------------------------------------------------------------------

    def add(self, layer: SurfaceLayer, alone: bool = True) -> None:
        """Show `layer` in the active view; `alone` hides the others there.

        A new layer is hidden in the other views, but for shown ones that show nothing yet.
        """
        if not any(x is layer for x in self.layers):
            for k, view in enumerate(self.views):
                if view is not self.view and (view.shown or k >= self.arrangement):
                    view.hidden |= {layer}
            self.layers.append(layer)
        if alone:
            self.view.hidden = frozenset(x for x in self.layers if x is not layer)
        else:
            self.view.hidden -= {layer}

    def remove(self, layer: SurfaceLayer) -> None:
        """Take a layer out of all views; its file stays."""
        self.layers[:] = [x for x in self.layers if x is not layer]
        for view in self.views:
            view.hidden -= {layer}

    def move(self, layer: SurfaceLayer, place: int) -> None:
        """Put a layer before the one that is at `place` now, or behind the last."""
        at = self.layers.index(layer)
        self.layers.remove(layer)
        self.layers.insert(place - (at < place), layer)

    # -- views -------------------------------------------------------------------------------

    def activate(self, index: int) -> None:
        """Make a viewport the active one; the selected layer is one that it shows, if any.

        Coming back to a viewport selects what was selected there.
        """
        if index == self.active:
            return
        self._selected_in[self.view] = self.selected
        self.active = index
        visible = self.view.visible
        if visible and self.selected not in visible:
            before = self._selected_in.get(self.view)
            self.selected = before if before in visible else visible[0]

    def arrange(self, count: int) -> None:
        """Show `count` viewports; empty ones get the next layers that none shows yet.

        Where there are no further layers, those that are shown begin again.
        """
        self._show_views(count)
        everything = frozenset(self.layers)
        filled = [view for view in self.shown_views if everything - view.hidden]
        empty = [view for view in self.shown_views if not everything - view.hidden]
        unseen = everything.intersection(*(view.hidden for view in filled))
        choices = [everything - {layer} for layer in self._nearest_first() if layer in unseen]
        choices += [view.hidden for view in filled]
        for view, hidden in zip(empty, cycle(choices), strict=False):
            view.hidden = hidden

    def activate_next(self, step: int = 1) -> None:
        """Make the viewport after the active one (or before it, `step=-1`) the active one."""
        self.activate((self.active + step) % self.arrangement)

    def toggle_link(self, name: str) -> None:
        """Link what the field `name` of `Links` stands for, or let every viewport have its own."""
        self.links = replace(self.links, **{name: not getattr(self.links, name)})

    def _show_views(self, count: int) -> None:
        self.arrangement = count
        self.activate(min(self.active, count - 1))

    def _nearest_first(self) -> list[SurfaceLayer]:
        """The layers after the one the active view shows, then those before it, nearest first."""
        shown = [k for k, layer in enumerate(self.layers) if layer not in self.view.hidden]
        at = shown[-1] if shown else -1
        return [*self.layers[at + 1 :], *self.layers[: max(at, 0)][::-1]]

    def link(self) -> None:
        """Carry the active view's choices over to the others as far as they are linked.

        To be called once before the views are drawn.
        """
        shown, active = self.shown_views, self.view
        for view in shown:
            if self.links.camera:
                view.camera = active.camera
            if self.links.look:
                view.appearance = active.appearance
            elif view.appearance.theme != active.appearance.theme:
                view.appearance = replace(view.appearance, theme=active.appearance.theme)
        for view in shown:
            view.cut = self.cut
            # A difference of losses is another quantity: it shares a scale with its like only.
            alike = [v for v in shown if v.shows_difference == view.shows_difference]
            several = len(alike) > 1
            view.height_scale = _common_scale(alike) if several and self.links.height else None
            view.beside = _all_shown(alike) if several and self.links.colors else ()
        self._go_to_epochs()

    def _go_to_epochs(self) -> None:
        """Show surfaces through time at the epochs of their views; a layer that several show is at
        one epoch in all of them, the active one's before others'."""
        at: dict[SurfaceLayer, float | None] = {}
        for view in sorted(self.shown_views, key=lambda view: view is not self.view):
            moving = [layer for layer in view.shown if layer.last is not None]
            epoch = next((at[x] for x in moving if x in at), view.appearance.epoch)
            if epoch != view.appearance.epoch:
                view.appearance = replace(view.appearance, epoch=epoch)
            at |= dict.fromkeys(moving, epoch)
            view.go_to_epoch()

    # -- states ------------------------------------------------------------------------------

    def state(self) -> DocumentState:
        """Every choice as it is now."""
        return DocumentState(
            tuple(LayerState(x, x.name, x.markers, x.hidden, x.opacity) for x in self.layers),
            tuple(ViewState(v.camera, v.appearance, v.title, v.hidden) for v in self.views),
            self.arrangement,
            self.links,
            self.saved_views,
            self.cut,
            self.origin,
            self.selected,
        )

    def restore(self, state: DocumentState) -> None:
        """Make every choice as it was; data that have grown since stay as they are.

        Where layers come or go, the one that was selected then is selected again.
        """
        if set(self.layers) != {was.layer for was in state.layers}:
            self.selected = state.selected
        for was in state.layers:
            if was.layer.markers != was.markers:
                was.layer.touch()
            was.layer.name, was.layer.markers = was.name, was.markers
            was.layer.hidden, was.layer.opacity = was.hidden, was.opacity
        self.layers[:] = [was.layer for was in state.layers]
        for view, was in zip(self.views, state.views, strict=True):
            view.camera, view.appearance = was.camera, was.appearance
            view.title, view.hidden = was.title, was.hidden
        self.links, self.saved_views, self.cut = state.links, state.saved_views, state.cut
        self.origin = state.origin
        self._show_views(state.arrangement)


def _all_shown(views: list[Scene]) -> tuple[SurfaceLayer, ...]:
    return tuple(dict.fromkeys(layer for view in views for layer in view.shown))


def _common_scale(views: list[Scene]) -> HeightScale | None:
    scales = [
        layer.automatic_scale(view.appearance.log_height) for view in views for layer in view.shown
    ]
    chosen = {view.appearance.log_height for view in views if view.shown}
    return HeightScale.covering(scales, False if False in chosen else None) if scales else None
