"""What tests of runs share."""

import pytest

from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.work import resume


@pytest.fixture
def trained(in_folder_of_users_module):
    """A training run of the user's own network on data of their own."""
    settings = TrainSettings(
        model="tinyuser:network", data="tinyuser:data", epochs=4, batch_size=15, device="cpu",
        precision="fp32",
    )  # fmt: skip
    run = Run.create(in_folder_of_users_module / "trained", settings)
    list(resume(run))
    return run


@pytest.fixture
def every_step(monkeypatch):
    """There is a progress event after every unit of work, however quick."""
    monkeypatch.setattr("isoloss.compute.machine.progress.INTERVAL", 0.0)
