"""Sharpness in a real window."""

from collections.abc import Callable
from pathlib import Path

from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import resume


def test_sharpness_from_its_form_to_its_plots(
    travel: Callable[..., None], work_of_users_module: Path
) -> None:
    work = work_of_users_module
    settings = TrainSettings(model="tinyuser:network", data="tinyuser:data", epochs=2)
    list(resume(Run.create(work / "runs" / "tiny", settings)))
    around = ProbeSettings(source=work / "runs" / "tiny", grid=(3, 3), samples=20)
    list(resume(Run.create(work / "runs" / "around", around)))
    travel("runs/sharpness", seconds=280)
