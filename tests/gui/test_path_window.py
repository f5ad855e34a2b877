"""A path between two networks in a real window."""

from collections.abc import Callable
from pathlib import Path

from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.work import resume


def test_a_path_from_its_form_to_its_plane(
    travel: Callable[..., None], work_of_users_module: Path
) -> None:
    work = work_of_users_module
    for seed, name in enumerate("ab"):
        settings = TrainSettings(
            model="tinyuser:network", data="tinyuser:data", epochs=1, seed=seed
        )
        list(resume(Run.create(work / "runs" / name, settings)))
    travel("runs/path", seconds=280)
