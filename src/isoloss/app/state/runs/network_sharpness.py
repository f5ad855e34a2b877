"""What runs of sharpness have found of the network that a surface lies around."""

from __future__ import annotations

from pathlib import Path

from isoloss.app.state.readouts import Facts, number
from isoloss.errors import IsolossError
from isoloss.library.entry import Entry
from isoloss.library.library import Library
from isoloss.results.estimates import Estimate
from isoloss.results.sharpness import Sharpness
from isoloss.results.sharpness_files import read_sharpness
from isoloss.run import Run
from isoloss.scene.layer import SurfaceLayer
from isoloss.settings import NetworkSettings


class NetworkSharpness:
    """Finds it among the runs of a library; of several the newest counts."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: tuple[int, dict[Path, Facts]] = (-1, {})
        self._sources: dict[Path, tuple[Path, ...]] = {}

    def facts(self, layer: SurfaceLayer) -> Facts:
        """(label, value) of what is known; none where the layer's surface is no run's."""
        if layer.source is None:
            return []
        if self._known[0] != self._library.version:
            self._known = self._library.version, {}
        known = self._known[1]
        if layer.source not in known:
            known[layer.source] = self._facts_of(layer.source)
        return known[layer.source]

    def _facts_of(self, folder: Path) -> Facts:
        entries = self._library.entries
        own = next((e for e in entries if e.folder == folder), None)
        if own is None or not (sources := self._sources_of(own)):
            return []
        for entry in entries:
            alike = (entry.network, entry.data) == (own.network, own.data)
            if entry.kind == "sharpness" and alike and sources[0] in self._sources_of(entry):
                found = _found(entry, self._sources_of(entry).index(sources[0]))
                if found is not None:
                    return _facts(found)
        return []

    def _sources_of(self, entry: Entry) -> tuple[Path, ...]:
        """The networks that a run is about, wherever it was begun."""
        if entry.folder not in self._sources:
            try:
                settings = Run.open(entry.folder).settings
            except IsolossError:
                return ()
            is_of_networks = isinstance(settings, NetworkSettings)
            self._sources[entry.folder] = settings.sources if is_of_networks else ()
        return self._sources[entry.folder]


def _found(entry: Entry, which: int) -> Sharpness | None:
    """Of one of a run's networks the last that is known."""
    try:
        found = read_sharpness(Run.open(entry.folder))
    except IsolossError:
        return None
    names = list(dict.fromkeys(each.place.network for each in found))
    own = [
        each for each in found
        if which < len(names) and each.place.network == names[which] and not each.left_out
    ]  # fmt: skip
    return own[-1] if own and own[-1].largest else None


def _facts(found: Sharpness) -> Facts:
    facts = [("λmax", _said(found.largest[0]))] if found.largest else []
    facts.append(("Trace", _said(found.trace)))
    if found.rise_in_mean is not None:
        noise = f"{100 * found.facts['noise']:g} % noise"
        facts.append(("Rise", f"{_said(found.rise_in_mean)}, {noise}"))
    return facts


def _said(estimate: Estimate) -> str:
    half = estimate.half_width
    return number(estimate.value) + (f" ± {number(half, 2)}" if half > 0 else "")
