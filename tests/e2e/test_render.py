"""`isoloss render` in processes of its own: sessions, figures, movies, and what is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isoloss
from isoloss.jobs.render_job import RenderJob
from isoloss.scene.camera import Camera
from isoloss.scene.document import Document, SavedView
from isoloss.scene.files.session import save_session
from isoloss.scene.layer import load_layer

AXIS = np.linspace(-1, 1, 9)


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def session(tmp_path) -> Path:
    """Two surfaces in two viewports, and two saved views."""
    document = Document()
    for k in (1, 3):
        loss = k * (1 + AXIS[:, None] ** 2 + AXIS**2)
        isoloss.Surface.from_loss(AXIS, AXIS, loss, title=f"times {k}").save(tmp_path / f"{k}.ply")
        document.add(load_layer(tmp_path / f"{k}.ply"))
    document.arrange(2)
    cameras = Camera(), Camera().axis_view(7)
    document.saved_views = tuple(SavedView(f"View {k}", c) for k, c in enumerate(cameras, 1))
    return save_session(document, tmp_path / "my.isoloss")


def test_a_session_is_drawn_as_it_was_saved(isoloss_command, tmp_path, session):
    done = isoloss_command(
        "render", session, "--out", "x.png", "--size", "320x120", "--scale", "0.5", check=0
    )
    assert done.stdout == "x.png\n"
    with Image.open(tmp_path / "x.png") as picture:
        drawn = np.asarray(picture)
    np.testing.assert_array_equal(drawn, isoloss.render(session, size=(320, 120), scale=0.5))
    alone = isoloss.render(tmp_path / "3.ply", size=(320, 120), scale=0.5)
    assert drawn.shape == alone.shape
    assert not np.array_equal(drawn, alone), "two viewports"


def test_progress_of_a_movie_and_where_it_went(isoloss_command, tmp_path, session):
    words = ("--path", "View 1,View 2", "--seconds", "1", "--fps", "3", "--size", "80x50")
    done = isoloss_command("render", session, "--out", "m.webp", *words, "--json", check=0)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["done"] for e in events if e["event"] == "progress"] == [1, 2, 3]
    assert events[-1]["message"] == "wrote m.webp"
    with Image.open(tmp_path / "m.webp") as movie:
        assert (movie.n_frames, movie.size) == (3, (80, 50))


def test_a_movie_that_becomes_frames_is_not_what_was_asked_for(isoloss_command, tmp_path, session):
    words = ("--turntable", "--seconds", "1", "--fps", "2", "--size", "64x40")
    nothing = {"PATH": str(tmp_path / "nothing")}
    done = isoloss_command("render", session, "--out", "m.mp4", *words, env=nothing, check=1)
    assert done.stdout == "m\n"
    assert (
        "m.mp4 is not written, for ffmpeg is not on the PATH: its frames go to m, and"
        in done.stderr
    )
    assert names(tmp_path / "m") == ["0001.png", "0002.png"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_movie_leaves_nothing(tmp_path, session, name):
    command = [sys.executable, "-m", "isoloss", "render", session, "--out", "m.gif", "--turntable"]
    long = ["--seconds", "500", "--size", "64x40", "--json"]
    before = names(tmp_path)
    with subprocess.Popen(
        [*command, *long], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as movie:
        assert movie.stdout is not None
        assert json.loads(movie.stdout.readline())["event"] == "progress"
        movie.send_signal(getattr(signal, name))
        _, errors = movie.communicate(timeout=60)
    assert movie.returncode == 130
    assert errors == ""
    assert names(tmp_path) == before


def test_a_job_tells_how_far_it_is_what_it_wrote_and_what_went_wrong(tmp_path, session):
    out = tmp_path / "f"
    words = [str(session), "--turntable", "--seconds=1", "--fps=2", "--size=64x40"]
    job = RenderJob([*words, f"--out={out}"], out)
    assert job.wait(60) == 0
    assert job.written == out
    assert job.progress is not None
    assert job.progress.fraction == 1
    assert (job.problem, job.said) == ("", [])
    wrong = RenderJob([*words, "--out=x.avi"], Path("x.avi"))
    assert wrong.wait(60) == 2
    assert wrong.problem.startswith("a movie is .mp4")
    assert wrong.written is None
    long = RenderJob([str(session), "--turntable", "--seconds=500", "--out=x.webp"], Path("x.webp"))
    long.cancel()
    assert long.wait(60) != 0
    assert long.problem == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "x.avi", "--play"), "a movie is .mp4"),
        (("--out", "x.png", "--view", "View 3"), "'View 1', 'View 2'"),
        (("--out", "x.png", "--epoch", "soon"), "--epoch"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(isoloss_command, tmp_path, session, words, message):
    before = names(tmp_path)
    done = isoloss_command("render", session, *words, check=2)
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert names(tmp_path) == before


def test_a_figure_needs_no_opengl(isoloss_command, tmp_path, session):
    no_driver = {"__EGL_VENDOR_LIBRARY_FILENAMES": "/dev/null"}
    isoloss_command(
        "render", session, "--out", "x.svg", "--width-mm", "178", env=no_driver, check=0
    )
    assert "times 3" in (tmp_path / "x.svg").read_text("utf-8")


def test_of_a_pattern_the_surfaces_are_drawn(tmp_path, session, capsys):
    assert session.exists()
    (tmp_path / "3.ply").unlink()
    (tmp_path / "README.md").write_text("about")
    alone = isoloss.render(tmp_path / "1.ply", size=(64, 48), supersample=1)
    for named in (tmp_path / "?.ply", [tmp_path / "1.ply", tmp_path / "README.md"]):
        drawn = isoloss.render(named, size=(64, 48), supersample=1)
        np.testing.assert_array_equal(drawn, alone)
    assert capsys.readouterr().err == "isoloss: left out what is no surface: README.md\n"
