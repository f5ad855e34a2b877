"""What is known of one run, in a few plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from isoloss.library.about import NOTHING, About

State = Literal["waiting", "running", "paused", "done", "failed", "damaged"]


@dataclass(frozen=True)
class Entry:
    """A run in a library.

    Attributes:
        kind: of run, as on the command line; "" where the folder does not say.
        network, data: what it is about, by short names.
        began: when, in seconds since 1970; of a run that has not begun, when it was asked for.
        state: as a followed run's, or "damaged" where it cannot be read; `problem` says why it
            failed or what is damaged.
        figures: what it came to, by the names of `key_figures`.
        settings: what was asked for, as JSON.
        size: bytes on disk.
        seconds: spent until it was done; None if it is not.
        device: where it computes; memory: bytes that it needed at most, 0 if unknown.
        samples: of its data, (training, test); None where it has not said.
        is_from_here: whether it was begun in this folder, not copied to it.
        resumable: whether `isoloss run` can go on with it: not where a script has its network.
        differs: the settings in which it differs from the run of its kind before it.
    """

    folder: Path
    kind: str = ""
    network: str = ""
    data: str = ""
    began: float = 0.0
    state: State = "damaged"
    problem: str = ""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    size: int = 0
    seconds: float | None = None
    device: str = ""
    memory: int = 0
    samples: tuple[int, int] | None = None
    is_from_here: bool = True
    resumable: bool = True
    about: About = NOTHING
    differs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """What it is called: its folder's name, if nobody has named it."""
        return self.about.name or self.folder.name

    @property
    def is_training(self) -> bool:
        """Whether it leaves a network, trained or imported."""
        return self.kind in ("train", "import")

    @cached_property
    def date(self) -> str:
        """When it began, in this place's time: 2026-11-30 08:45."""
        try:
            return datetime.fromtimestamp(self.began).strftime("%Y-%m-%d %H:%M")
        except (ValueError, OverflowError, OSError):  # a clock gone wild
            return ""

    @cached_property
    def text(self) -> str:
        """All that words without a field are looked for in, in small letters."""
        said = (
            self.name, self.folder.name, self.kind, self.network, self.data, self.state,
            self.problem, *self.about.tags, self.about.note,
        )  # fmt: skip
        return "\n".join(said).casefold()

    def as_json(self) -> dict[str, Any]:
        """Plain values, of which `from_json` makes the same entry, but for what differs."""
        return asdict(self) | {"folder": str(self.folder)}

    @classmethod
    def from_json(cls, content: Any) -> Entry:
        """The entry of what `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError: if it is something else.
        """
        about = content["about"]
        about = About(**{**about, "tags": tuple(about["tags"])})
        samples = tuple(content["samples"]) if content["samples"] else None
        whole = {"folder": Path(content["folder"]), "about": about, "samples": samples}
        return cls(**{**content, **whole})
