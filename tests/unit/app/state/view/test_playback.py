"""Playing trajectories: where their heads are, and how the epoch moves."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.app.state.config import Preferences
from isoloss.app.state.view.playback import REST, WHOLE, Playback
from isoloss.app.state.workspace import Workspace
from isoloss.app.viewports.timeline import facts_at
from isoloss.geometry.playhead import playhead
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.layer import SurfaceLayer

PATH = Trajectory(
    alpha=np.array([0.0, 1.0, 3.0]),
    beta=np.array([2.0, 1.0, 0.0]),
    loss=np.array([1.0, 0.1, 0.001]),
    off_plane=np.array([0.0, 2.0, 4.0]),
    epoch=np.array([0.0, 2.0, 6.0]),
    lr=np.array([0.1, 0.1, 0.01]),
)


class Clock:
    """Seconds that pass as the test says, in frames short enough not to be cut."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def playback(tmp_path, monkeypatch, clock):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    workspace = Workspace(tmp_path, Preferences())
    axis = np.linspace(-1, 1, 5)
    surface = Surface.from_loss(axis, axis, axis[:, None] ** 2 + axis**2)
    longer = replace(PATH, epoch=np.array([1.0, 3.0, 8.0]))
    workspace.document.add(SurfaceLayer("net", surface, (PATH, longer)))
    return Playback(workspace, clock)


def pass_time(playback, clock, seconds):
    for _ in range(round(seconds / 0.05)):
        clock.now += 0.05
        playback.advance()


def test_between_checkpoints_a_head_is_on_the_straight_line():
    at = playhead(PATH, 3.0)
    assert (at.checkpoint, at.fraction) == (1, 0.25)
    assert (at.alpha, at.beta, at.off_plane) == (1.5, 0.75, 2.5)
    assert at.loss == pytest.approx(0.1 + 0.25 * (0.001 - 0.1))
    assert playhead(PATH, 3.0, log=True).loss == pytest.approx(10**-1.5)
    assert at.lr == 0.1
    assert not at.is_checkpoint


def test_at_a_checkpoint_and_beyond_the_ends_its_values_are_told():
    assert playhead(PATH, 2.0).loss == 0.1
    assert playhead(PATH, 2.0).is_checkpoint
    assert playhead(PATH, -5.0).checkpoint == 0
    for epoch in (6.0, 99.0, None):
        at = playhead(PATH, epoch)
        assert (at.checkpoint, at.fraction, at.epoch, at.lr) == (2, 0.0, 6.0, 0.01)


def test_a_path_of_one_checkpoint_stays_there():
    one = Trajectory(*(np.ones(1) for _ in range(6)))
    assert playhead(one, 0.3).epoch == 1.0


def test_a_loss_that_is_not_a_number_does_not_spread_to_checkpoints():
    broken = replace(PATH, loss=np.array([1.0, np.nan, 0.5]))
    assert playhead(broken, 0.0).loss == 1.0
    assert np.isnan(playhead(broken, 1.0).loss)


def test_it_plays_the_whole_span_in_its_time(playback, clock):
    assert playback.span == (0.0, 8.0)
    assert playback.epoch == 8.0
    playback.loop = False
    playback.toggle()
    assert playback.epoch == 0.0
    pass_time(playback, clock, WHOLE / 2)
    assert playback.epoch == pytest.approx(4.0)
    playback.change_speed(1)
    pass_time(playback, clock, WHOLE / 8)
    assert playback.epoch == pytest.approx(6.0)
    pass_time(playback, clock, WHOLE)
    assert not playback.playing
    assert playback.workspace.appearance.epoch is None


def test_in_a_loop_it_rests_at_the_end_and_begins_again(playback, clock):
    playback.go_to(7.9)
    playback.toggle()
    pass_time(playback, clock, 0.5)
    assert playback.workspace.appearance.epoch is None
    pass_time(playback, clock, REST)
    assert playback.playing
    assert playback.epoch < 1.0


def test_a_long_frame_does_not_make_it_jump(playback, clock):
    playback.toggle()
    clock.now += 60.0
    playback.advance()
    assert playback.epoch == pytest.approx(0.1 / WHOLE * 8.0)


def test_steps_go_from_checkpoint_to_checkpoint_of_any_path(playback):
    seen = []
    for _ in range(7):
        playback.step(-1)
        seen.append(playback.epoch)
    assert seen == [6.0, 3.0, 2.0, 1.0, 0.0, 0.0, 0.0]
    playback.step(1)
    assert playback.epoch == 1.0
    playback.show_whole()
    assert playback.workspace.appearance.epoch is None


def test_viewports_that_look_alike_are_played_together(playback):
    document = playback.workspace.document
    axis = np.linspace(-1, 1, 5)
    other = SurfaceLayer("random", Surface.from_loss(axis, axis, axis[:, None] + axis))
    document.arrange(2)
    document.active = 1
    document.add(other)
    assert [x.name for x in document.view.shown] == ["random"]
    assert playback.span == (0.0, 8.0)
    playback.go_to(3.0)
    document.link()
    assert [view.appearance.epoch for view in document.shown_views] == [3.0, 3.0]
    document.links = replace(document.links, look=False)
    assert playback.span is None


def test_hidden_paths_are_not_played(playback):
    (layer,) = playback.workspace.scene.layers
    layer.hidden = frozenset({1})
    assert playback.span == (0.0, 6.0)
    playback.toggle()
    layer.hidden = frozenset({0, 1})
    assert playback.span is None
    assert not playback.advance()
    assert not playback.playing
    playback.toggle()
    assert not playback.playing


def test_a_learning_rate_that_nobody_knows_is_not_told():
    foreign = replace(PATH, lr=np.full(3, np.nan))
    assert [name for name, _ in facts_at(playhead(PATH, 2.0))][:2] == ["lr", "loss"]
    told = facts_at(playhead(foreign, 2.0))
    assert [name for name, _ in told] == ["loss", "off-plane", "checkpoint"]
    assert not any("NaN" in value for _, value in told)
