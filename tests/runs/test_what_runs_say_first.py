"""The first line of every run: its data, and how they are divided."""

import pytest
import torch
from PIL import Image

from isoloss.cli.describe import describe
from isoloss.events import Log
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings, ProbeSettings, TrainSettings
from isoloss.work import resume

CPU = {"device": "cpu", "precision": "fp32"}
KINDS = {
    "probe": lambda source: ProbeSettings(source=source, grid=(2, 2), **CPU),
    "attack": lambda source: AttackSettings(source=source, attacks="pgd", steps=2, keep=0, **CPU),
    "certify": lambda source: CertifySettings(source=source, draws=9, pilot=5, keep=0, **CPU),
}


def said(run):
    return [event.message for event in resume(run) if isinstance(event, Log)]


@pytest.fixture
def trained(in_folder_of_users_module):
    generator = torch.Generator().manual_seed(0)
    for part, n in (("Training", 6), ("Validation", 4)):
        for name in ("dark", "light"):
            folder = in_folder_of_users_module / "shades" / part / name
            folder.mkdir(parents=True)
            for k in range(n):
                grey = int(torch.randint(40, 90, (), generator=generator)) + 90 * (name == "light")
                Image.new("RGB", (8, 8), (grey,) * 3).save(folder / f"{k}.png")
    settings = TrainSettings(
        model="tinyuser:network", data=f"imagefolder:{in_folder_of_users_module / 'shades'}",
        epochs=1, batch_size=4, **CPU,
    )  # fmt: skip
    return Run.create(in_folder_of_users_module / "trained", settings)


def test_every_kind_of_run_says_first_what_its_data_are(trained, tmp_path):
    about = (
        f"imagefolder:{tmp_path / 'shades'}, 2 classes, 12 training and 8 test images of 8×8, "
        "Training and Validation folders"
    )
    assert said(trained)[0] == f"data: {about}"
    for kind, settings in KINDS.items():
        run = Run.create(tmp_path / kind, settings(trained.folder))
        steps = resume(run)
        first = next(event for event in steps if isinstance(event, Log))
        steps.close()  # stopped, it says the same again
        assert first == Log(f"data: {about}")
        assert said(run)[0] == first.message
        if kind != "probe":  # of which the surface is told
            assert f"data        {about}" in describe(run.folder)
    assert f"data        {about}" in describe(trained.folder)
