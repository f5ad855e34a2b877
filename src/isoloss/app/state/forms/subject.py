"""What the run that a form asks for is about: the network, its data, where it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isoloss.app.state.forms.known_names import Here, training_run
from isoloss.errors import IsolossError
from isoloss.jobs.devices import device_of, usual_device
from isoloss.naming import capitalized
from isoloss.run import checkpoint_count
from isoloss.settings import AnySettings, InputProbeSettings, ProbeSettings, TrainingSettings
from isoloss.settings.built_in import DATA_SETS


@dataclass(frozen=True)
class Subject:
    """What is known of it without loading anything.

    Attributes:
        trained: what the network's training was asked for; None where no run tells.
        checkpoints: that this training has left; None while it is at work, or where none tells.
        data: by its name; "" where that is not known.
        samples: of the data, (training, test); None where that takes loading them.
        device: where it is computed.
    """

    trained: TrainingSettings | None = None
    checkpoints: int | None = None
    data: str = ""
    samples: tuple[int, int] | None = None
    device: str = "cpu"

    def size_of(self, split: str) -> int | None:
        """How many samples a split has."""
        return None if self.samples is None else self.samples[split == "test"]

    def refuses(self, settings: AnySettings) -> tuple[str, str] | None:
        """The field of settings that the run would refuse, and why; None where it may not."""
        if isinstance(settings, InputProbeSettings):
            count = self.size_of(settings.split)
            if count is not None and settings.image >= count:
                split = {"train": "training", "test": "test"}[settings.split]
                return "image", (
                    f"There are {count:,} {split} images: choose one from 0 to {count - 1:,}"
                )
        if isinstance(settings, ProbeSettings) and self.checkpoints is not None:
            try:
                settings.plane_kind.check_enough(self.checkpoints)
            except IsolossError as error:
                return "plane", capitalized(str(error))
        return None


def subject_of(values: Mapping[str, Any], here: Here) -> Subject:
    """Find out what the values in a form are about."""
    trained, checkpoints = None, None
    source = str(values.get("source", ""))
    if (run := training_run(source)) is not None:
        assert isinstance(run.settings, TrainingSettings)
        trained = run.settings
        checkpoints = None if here.is_at_work(run.folder) else checkpoint_count(run.folder)
    data = str(values.get("data") or "") or (trained.data if trained is not None else "")
    asked = str(values.get("device", "auto"))
    return Subject(
        trained=trained,
        checkpoints=checkpoints,
        data=data,
        samples=_samples(data, here),
        device=usual_device() if asked == "auto" else device_of(asked),
    )


def _samples(data: str, here: Here) -> tuple[int, int] | None:
    """How many samples data have, of which runs have told where they do not come with us."""
    if data in DATA_SETS:
        return DATA_SETS[data]
    told = (e.samples for e in here.entries() if e.samples and e.settings.get("data") == data)
    return next(told, None)
