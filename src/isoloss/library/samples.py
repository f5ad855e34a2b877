"""How many samples data have, as far as that is known without reading them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from isoloss.library.reading import samples_of_run, training_of
from isoloss.run_folder import EVENTS
from isoloss.settings import InputProbeSettings
from isoloss.settings.built_in import DATA_SETS
from isoloss.settings.input_probe import beyond_the_data


def samples_of(settings: InputProbeSettings) -> tuple[int, int] | None:
    """How many training and test samples there are in the data that settings are about: those of a
    built-in data set, or what the training run has said; None where that is not known."""
    trained = training_of(settings)
    data = settings.data or (trained.data if trained is not None else "")
    if data in DATA_SETS or trained is None or data != trained.data:
        return DATA_SETS.get(data)
    folder = settings.networks[0].path
    try:
        return _said_by(folder, (folder / EVENTS).stat().st_mtime)
    except OSError:
        return None


def problem_with_image(settings: InputProbeSettings) -> str:
    """Why there is no such image in the data, in one line as the command line says it; "" where
    there is one, or where it is not known how many there are.

    Quick enough to be asked at every key that is pressed.
    """
    samples = samples_of(settings)
    images = settings.image + 1 if samples is None else samples[settings.split == "test"]
    return beyond_the_data(settings.split, images) if settings.image >= images else ""


@lru_cache(maxsize=64)
def _said_by(folder: Path, written: float) -> tuple[int, int] | None:
    """What the training run in a folder has said by the time at which its events were `written`."""
    return samples_of_run(folder)
