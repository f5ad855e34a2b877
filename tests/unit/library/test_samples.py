"""Whether there is such an image, known while somebody types."""

import os

import pytest

from isoloss.compute.data.datasets import load_dataset
from isoloss.events import Log
from isoloss.library.samples import problem_with_image, samples_of
from isoloss.settings import InputProbeSettings, TrainSettings
from isoloss.settings.built_in import DATA_SETS

SAID = Log("data: own, 3 classes, 1,200 training and 37 test images of 32×32, as given")


def asked(source, **more):
    return InputProbeSettings(source=source, **more)


def test_the_digits_are_as_many_as_is_said():
    data = load_dataset("digits")
    assert DATA_SETS["digits"] == (len(data.train), len(data.test))


@pytest.mark.parametrize(
    ("more", "images"),
    [({}, 360), ({"split": "train"}, 1437), ({"data": "cifar10"}, 10_000)],
)
def test_built_in_data_are_known(more, images):
    settings = asked("digits-classifier", image=images - 1, **more)
    assert problem_with_image(settings) == ""
    beyond = settings.model_copy(update={"image": images})
    split = settings.split
    assert problem_with_image(beyond) == (
        f"--image: there are {images:,} {split} images, from 0 to {images - 1}"
    )


def test_other_data_are_as_many_as_their_training_run_has_said(begin):
    data = "imagefolder:/birds"
    run = begin("trained", TrainSettings(model="resnet20", data=data), SAID)
    for settings in (asked(run.folder, image=37), asked(run.folder, image=37, data=data)):
        assert samples_of(settings) == (1200, 37)
        assert "there are 37 test images, from 0 to 36" in problem_with_image(settings)
    assert problem_with_image(asked(run.folder, image=36)) == ""
    assert "1,200 train images" in problem_with_image(asked(run.folder, image=1200, split="train"))
    # Of other data nothing is said.
    assert samples_of(asked(run.folder, image=37, data="imagefolder:/fish")) is None


def test_what_is_said_later_is_heard(begin):
    run = begin("trained", TrainSettings(model="resnet20", data="my:data"))
    settings = asked(run.folder, image=40)
    assert problem_with_image(settings) == ""
    run.emit(SAID)
    os.utime(run.events_path, (9e9, 9e9))
    assert "37 test images" in problem_with_image(settings)


def test_what_is_no_run_or_damaged_is_left_to_the_command(tmp_path, begin):
    for source in (tmp_path / "nothing", "timm:vgg11.tv_in1k"):
        assert problem_with_image(asked(source, image=10**6, data="my:images")) == ""
    run = begin("trained", TrainSettings(model="resnet20", data="my:data"))
    (run.folder / "run.json").write_text("{")
    assert problem_with_image(asked(run.folder, image=10**6)) == ""
    run.events_path.unlink()
    assert problem_with_image(asked(run.folder, image=10**6)) == ""
