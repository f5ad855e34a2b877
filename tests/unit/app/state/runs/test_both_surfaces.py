"""A probe through an image in the window: undefended beside defended, by one camera."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from isoloss.app.state.forms.example_landscape import values_of
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.opening.opener import open_path, show_again
from isoloss.app.state.runs.example_browser import UNDEFENDED, ExampleBrowser
from isoloss.events import Done, Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.results.saved_examples import ExampleFile, Index
from isoloss.run import Run
from isoloss.scene.document import Links
from isoloss.scene.textures import Texture
from isoloss.settings import (
    AttackSettings,
    CertifySettings,
    DefendSettings,
    InputProbeSettings,
)

AXIS = np.linspace(-1, 1, 5)
SURFACE = Surface.from_loss(AXIS, AXIS, AXIS[:, None] ** 2 + AXIS**2 + 1)
LATER = itertools.count(1e9, 100)
"""Later than any clock says, however long the tests before have taken."""


@pytest.fixture
def begun(tmp_path):
    """A run with a defense, both of whose surfaces have a first value."""
    asked = InputProbeSettings(source="digits-classifier", denoiser="digits-denoiser", grid=5)
    run = Run.create(tmp_path / "runs" / "seen", asked)
    run.emit(Started(1, "cpu"))
    for folder in (run.growing_path, run.defended_growing_path):
        grown = GrowingSurface.create(folder, AXIS, AXIS, 1, True, {}, ("margin", "predicted"))
        grown.put((2, 2), 1.0, 1.0, 0.0, 1, -2.0, 3.0)
    return run


def finish(run):
    SURFACE.save(run.surface_path)
    replace(SURFACE, loss=SURFACE.loss + 1).save(run.defended_path)
    run.emit(Done(1.0))


def shown(workspace):
    return [[layer.name for layer in view.shown] for view in workspace.document.shown_views]


def test_both_surfaces_grow_beside_each_other_and_are_finished(workspace, begun):
    workspace.document.links = Links(camera=False)
    assert open_path(workspace, begun.folder)
    assert shown(workspace) == [["seen"], ["seen, defended"]]
    assert workspace.document.links.camera
    assert workspace.appearance.texture is Texture.CLASS
    assert workspace.document.active == 0
    first, second = workspace.document.layers
    assert (first.surface.count.sum(), second.surface.count.sum()) == (1, 1)
    finish(begun)
    workspace.update(next(LATER))
    assert first.surface.is_complete
    np.testing.assert_array_equal(second.surface.loss, SURFACE.loss + 1)
    assert shown(workspace) == [["seen"], ["seen, defended"]]


def test_both_come_to_the_front_again(workspace, begun, tmp_path):
    finish(begun)
    open_path(workspace, begun.folder)
    open_path(workspace, SURFACE.save(tmp_path / "other.ply"))
    workspace.document.arrange(1)
    assert shown(workspace) == [["other"]]
    show_again(workspace, workspace.runs.follow(begun))
    assert shown(workspace) == [["seen"], ["seen, defended"]]
    assert len(workspace.document.layers) == 3


def test_a_run_without_a_defense_has_one_surface(workspace, tmp_path):
    run = Run.create(tmp_path / "seen", InputProbeSettings(source="digits-classifier", grid=5))
    SURFACE.save(run.surface_path)
    run.emit(Started(1, "cpu"))
    run.emit(Done(1.0))
    open_path(workspace, run.folder)
    assert shown(workspace) == [["seen"]]


def test_a_session_brings_both_back_while_they_grow(workspace, begun, tmp_path):
    open_path(workspace, begun.folder)
    assert workspace.session.save(tmp_path / "s.isoloss")
    workspace.close_all()
    assert open_path(workspace, tmp_path / "s.isoloss")
    assert shown(workspace) == [["seen"], ["seen, defended"]]
    finish(begun)
    workspace.update(next(LATER))
    second = workspace.document.layers[1]
    np.testing.assert_array_equal(second.surface.loss, SURFACE.loss + 1)


FILES = tuple(
    ExampleFile(None, "digits-classifier", "none", s, a, "l2", 0, (0.0, 0.5))
    for s, a in ((float("nan"), "pgd"), (0.5, "eot"))
)
INDEX = Index("digits", tuple("0123456789"), (41, 7, 30), (1, 2, 3), FILES)


def test_the_form_of_an_example_asks_for_the_same_network_attack_and_defense():
    asked = DefendSettings(
        source="digits-classifier", denoiser="digits-denoiser", sigma=(0.25, 0.5), norm="l2",
        steps=7, seed=3, eps=(0.5,),
    )  # fmt: skip
    browser = ExampleBrowser("digits-classifier", 0.5, 3, "eot", 0.5, image=1)
    form = Form(InputProbeSettings)
    for name, value in values_of(asked, INDEX, browser).items():
        form.set(name, value)
    wanted = InputProbeSettings(
        source="digits-classifier", image=7, norm="l2", eps=0.5, steps=7, seed=3, attacks="eot",
        denoiser="digits-denoiser", sigma=0.5, queries=100,
    )  # fmt: skip
    assert form.settings == wanted


@pytest.mark.parametrize(
    ("asked", "browser", "wanted"),
    [
        (
            AttackSettings(source="digits-classifier", split="train"),
            ExampleBrowser("digits-classifier", UNDEFENDED, 0, "pgd", 0.03, image=2),
            {"image": 30, "split": "train", "eps": 0.03, "attacks": "pgd"},
        ),
        (
            CertifySettings(source="digits-classifier", denoiser="digits-denoiser"),
            ExampleBrowser("digits-classifier", 0.25, 0, "clean", 0.0),
            {"image": 41, "norm": "l2", "sigma": 0.25, "denoiser": "digits-denoiser"},
        ),
        (
            DefendSettings(source="digits-classifier", denoiser="digits-denoiser", sigma=(0.5,)),
            ExampleBrowser("digits-classifier", UNDEFENDED, 0, "pgd", 0.1),
            {"image": 41, "eps": 0.1, "attacks": "pgd", "sigma": 0.5, "queries": 100,
             "denoiser": "digits-denoiser"},
        ),
        (
            AttackSettings(source="shipped", also=("digits-classifier",)),
            ExampleBrowser("digits-classifier", UNDEFENDED, 0, "os.path:join", 0.1),
            {"image": 41, "eps": 0.1, "attacks": "os.path:join"},
        ),
    ],
)  # fmt: skip
def test_what_an_example_does_not_say_stays_as_it_is(asked, browser, wanted):
    form = Form(InputProbeSettings)
    for name, value in values_of(asked, INDEX, browser).items():
        form.set(name, value)
    assert form.settings == InputProbeSettings(source="digits-classifier", **wanted)
