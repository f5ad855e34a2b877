"""A path between two networks in a real window."""

from collections.abc import Callable
from pathlib import Path

import pytest

from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.work import resume


def test_a_path_from_its_form_to_its_plane(
    travel: Callable[..., None],
    in_folder_of_users_module: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = in_folder_of_users_module / "work"
    work.mkdir()
    (in_folder_of_users_module / "tinyuser.py").rename(work / "tinyuser.py")
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend(str(work))
    for seed, name in enumerate("ab"):
        settings = TrainSettings(
            model="tinyuser:network", data="tinyuser:data", epochs=1, seed=seed
        )
        list(resume(Run.create(work / "runs" / name, settings)))
    travel("runs/path", seconds=280)
