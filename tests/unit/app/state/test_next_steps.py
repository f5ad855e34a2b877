"""What is offered when runs end, what its form takes over, and news whatever the clock says."""

import time
from pathlib import Path

import pytest

from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.messages import Messages
from isoloss.app.state.next_steps import COMPARE, next_steps, taken_over
from isoloss.app.state.runs.known_runs import Runs
from isoloss.errors import IsolossError
from isoloss.events import Done, Failed, Progress, Started
from isoloss.settings import (
    KINDS,
    AttackSettings,
    CertifySettings,
    DefendSettings,
    ImportSettings,
    InputProbeSettings,
    ProbeSettings,
    TrainSettings,
)
from isoloss.settings.sweep import swept

NET = Path("digits-classifier")
BEHIND = {"denoiser": "digits-denoiser", "sigma": (0.25,)}


class StandIn:
    """A job whose end the test decides."""

    last_word = ""

    def __init__(self, folders):
        self.folders, self.exit_code, self.pid, self.done = tuple(folders), None, 0, []

    def cancel(self):
        self.done.append("cancel")

    def end(self):
        self.done.append("end")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    return Runs(tmp_path / "runs", Messages(), StandIn)


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        (TrainSettings(), ["Probe it", "Attack it"]),
        (TrainSettings(task="denoiser"), ["Defend with it", "Certify with it"]),
        (ProbeSettings(source=NET), ["Open", "Attack it"]),
        (ProbeSettings(source=Path("python:Net")), ["Open"]),
        (InputProbeSettings(source=NET), ["Open", "Defend it"]),
        (AttackSettings(source=NET), ["Open", "Defend it"]),
        (DefendSettings(source=NET, **BEHIND), ["Open", "Certify it"]),
        (CertifySettings(source=NET, **BEHIND), ["Open"]),
    ],
)
def test_what_comes_next(settings, labels):
    steps = next_steps(settings)
    assert [step.label for step in steps] == labels
    for step in steps:
        assert step.name == "open" or step.name in KINDS


def test_what_was_imported_can_be_used_likewise(tmp_path):
    (tmp_path / "a.pt").touch()
    asked = {"checkpoints": (tmp_path / "a.pt",), "model": "vgg11", "data": "digits"}
    assert next_steps(ImportSettings(**asked)) == next_steps(TrainSettings())


def test_a_form_takes_over_what_a_run_is_about():
    probe = ProbeSettings(source=NET, data="digits", samples=64, batch_size=7, norm="l2", eps=0.5)
    assert taken_over(probe, "attack").keys() == {"source", "data"}
    attack = AttackSettings(source=NET, samples=64, norm="l2", eps=(0.5,), steps=3, split="train")
    assert taken_over(attack, "defend") == {
        "source": attack.source, "samples": 64, "norm": "l2", "eps": (0.5,), "split": "train",
    }  # fmt: skip
    defend = DefendSettings(source=NET, sigma=(0.5,), denoiser="digits-denoiser", draws=3)
    form = Form(CertifySettings)
    form.fill(taken_over(defend, "certify"))
    assert form.settings is not None, form.error
    assert (form.settings.sigma, form.settings.denoiser) == ((0.5,), "digits-denoiser")
    assert form.settings.draws == CertifySettings.model_fields["draws"].default


def test_a_run_that_is_done_offers_what_comes_next_and_is_told_elsewhere(runs):
    followed = runs.start(runs.folder / "net", TrainSettings())
    assert runs.next_steps(followed) == ()
    followed.run.emit(Started(1, "cpu"))
    followed.run.emit(Done(1.0))
    runs.update(time.monotonic() + 100)
    [message] = runs._messages.take_urgent()
    assert (message.text, message.run) == ("net is done", followed.run.folder)
    assert message.steps == runs.next_steps(followed) == next_steps(TrainSettings())
    assert runs._messages.take_urgent() == []


def test_only_the_last_of_a_sweep_offers_to_compare(runs):
    asked = swept(TrainSettings, {"device": "cpu"}, {"lr": ["0.1", "0.01", "0.001"]})
    runs.start_sweep(runs.folder / "net", asked)
    runs.update(time.monotonic() + 100)
    for k in range(3):
        [followed] = runs.active
        followed.run.emit(Started(1, "cpu"))
        followed.run.emit(Failed("no memory") if k == 1 else Done(1.0))
        followed.job.exit_code = int(k == 1)
        runs.update(time.monotonic() + 200 + 100 * k)
    first, failed, last = runs._messages.take_urgent()
    assert first.text.endswith(" is done, 2 more to come")
    assert first.steps == failed.steps == ()
    assert last.text.endswith(" is done, and with it 2 of the 3 of net")
    assert last.steps == (COMPARE, next_steps(TrainSettings())[0])
    [one] = [f for f in runs.followed if f.run.folder == last.run]
    assert {*runs.next_steps(one)} == {*last.steps}
    assert len(runs.sweep_of(last.run).folders) == 3
    assert runs.sweep_of(runs.folder / "other") is None


def test_a_cancelled_job_is_seen_to_be_asked_and_can_be_ended(runs):
    followed = runs.start(runs.folder / "net", TrainSettings())
    followed.run.emit(Started(1, "cpu"))
    runs.update(time.monotonic() + 100)
    version = followed.version
    runs.cancel(followed)
    assert followed.is_asked_to_stop
    assert followed.version > version
    followed.run.emit(Progress("train", 1, 2, 1.0, "steps"))
    runs.update(time.monotonic() + 200)
    assert followed.is_asked_to_stop  # it has not yet stopped
    job = followed.job
    runs.end(followed)
    assert job.done == ["cancel", "end"]
    job.exit_code = -9
    runs.update(time.monotonic() + 300)
    assert (followed.status, followed.is_asked_to_stop) == ("paused", False)
    assert runs._messages.take_urgent() == []  # who has asked for it knows


def test_notifications_fade_by_a_clock_that_nobody_sets(monkeypatch):
    messages, now = Messages(), time.time
    messages.say("before")
    monkeypatch.setattr(time, "time", lambda: now() - 7200)
    messages.say("after")
    assert [m.text for m in messages.shown] == ["before", "after"]
    messages.fade(time.monotonic() + 1)
    assert [m.text for m in messages.shown] == ["before", "after"]
    messages.fade(time.monotonic() + 60)
    assert messages.shown == []


def test_what_is_pointed_at_and_what_offers_something_stays(runs):
    messages = Messages()
    messages.say("pointed at")
    messages.say("offers", "done", steps=next_steps(TrainSettings()))
    messages.say("plain", "done")
    later = time.monotonic() + 7
    messages.fade(later)
    assert [m.text for m in messages.shown] == ["offers"]
    [offers] = messages.shown
    messages.linger(offers)
    assert messages.shown[0].since >= offers.since
    assert messages.shown[0].steps == offers.steps


def test_who_resumes_a_run_that_is_gone_is_told(tmp_path, monkeypatch):
    from isoloss.app.state.config import Preferences
    from isoloss.app.state.workspace import Workspace

    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    workspace = Workspace(tmp_path, Preferences(), StandIn)
    followed = workspace.runs.start(tmp_path / "runs" / "net", TrainSettings())
    followed.run.emit(Failed("no memory"))
    followed.job.exit_code = 1
    workspace.update(time.monotonic() + 100)
    for path in sorted(followed.run.folder.iterdir()):
        path.unlink()
    followed.run.folder.rmdir()
    workspace.resume(followed)
    assert "no file or folder" in workspace.messages.lines[-1].text
    assert followed.status == "failed"
    with pytest.raises(IsolossError):
        followed.run.emit(Done(1.0))
