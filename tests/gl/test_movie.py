"""Movies: what moves in which frame, and what is written; ffmpeg is played by a small script."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.events import Done, Log, Progress
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.pictures.movie import Motion, epochs, flight, render_movie, turntable
from isoloss.scene.camera import Camera
from isoloss.scene.document import Document, SavedView
from isoloss.scene.layer import SurfaceLayer

SIZE = (64, 40)
FFMPEG = """
import json, os, sys
mode = os.environ.get("FAKE_FFMPEG", "")
if mode == "fails at once":
    sys.exit("[libx264 @ 0x55] \\nUnknown encoder 'libx264'\\nand more")
data = sys.stdin.buffer.read(1000 if mode == "fails later" else -1)
if mode == "fails later":
    sys.exit("No space left on device")
record = {"arguments": sys.argv[1:], "bytes": len(data), "sum": sum(data[:3000])}
with open(sys.argv[-1], "w") as file:
    json.dump(record, file)
"""


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch) -> Path:
    """A folder that is all of PATH, with a program called ffmpeg in it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    script = folder / "fake.py"
    script.write_text(FFMPEG)
    if sys.platform == "win32":
        (folder / "ffmpeg.cmd").write_text(f'@"{sys.executable}" "{script}" %*\n')
    else:
        program = folder / "ffmpeg"
        program.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{script}' \"$@\"\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def no_ffmpeg(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def layer() -> SurfaceLayer:
    axis = np.linspace(-1, 1, 9)
    a, b = np.meshgrid(axis, axis, indexing="ij")
    t = np.linspace(0, 1, 5)
    path = Trajectory(-0.8 + t, 0.7 - t, 2 - t, 0 * t, 10 * t, 0 * t + 1)
    return SurfaceLayer("bowl", Surface.from_loss(axis, axis, 1 + a**2 + 0.5 * b), (path,))


def document() -> Document:
    views = (SavedView("Front", Camera().axis_view(1)), SavedView("Top", Camera().axis_view(7)))
    return Document([layer()], saved_views=views)


def written(out: Path, motion: Motion, source=None, **options) -> list:
    return list(render_movie(source or layer(), out, motion, SIZE, **options))


def frames(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(f)) for f in sorted(folder.glob("*.png"))]


def test_a_turntable_closes_without_a_repeated_frame():
    cameras = turntable(Camera(azimuth=-32.0), 8)
    turns = np.diff(np.unwrap([c.azimuth for c in cameras] + [-32.0], period=360))
    np.testing.assert_allclose(turns, 45.0)
    assert cameras[0].azimuth == -32.0
    assert all(-180 <= c.azimuth < 180 and c.elevation == Camera().elevation for c in cameras)


def test_a_flight_begins_and_ends_at_rest_in_the_saved_views():
    stops = [Camera(azimuth=0, elevation=0), Camera(azimuth=90, elevation=40), Camera(azimuth=0)]
    cameras = flight(stops, 21)
    assert [cameras[0], cameras[10], cameras[-1]] == stops
    steps = np.abs(np.diff([c.azimuth for c in cameras]))
    assert steps[0] < steps[4] > steps[9]
    assert flight(stops, 1) == [stops[0]]


def test_epochs_rest_at_the_end():
    times = epochs(0.0, 30.0, 50)
    assert times[0] == 0
    assert times[-6:] == [30.0] * 6
    np.testing.assert_allclose(np.diff(times[:44]), 30 / 43)


def test_frames_go_through_a_pipe_to_ffmpeg(tmp_path, ffmpeg):
    out = tmp_path / "x.mp4"
    events = list(render_movie(layer(), out, Motion(turntable=True, seconds=1, fps=4), (63, 41)))
    received = json.loads(out.read_text())
    assert received["bytes"] == 4 * 64 * 42 * 3, "four whole frames of an even size"
    assert received["sum"] > 0
    arguments = " ".join(received["arguments"])
    for wanted in ("-video_size 64x42", "-framerate 4", "libx264", "yuv420p", "+faststart"):
        assert wanted in arguments
    assert [e.done for e in events if isinstance(e, Progress)] == [1, 2, 3, 4]
    assert isinstance(events[-1], Done)
    assert names(tmp_path) == ["programs", "x.mp4"]


@pytest.mark.parametrize(
    ("mode", "message"),
    [("fails at once", "Unknown encoder"), ("fails later", "No space left on device")],
)
def test_what_ffmpeg_complains_of_is_one_line(tmp_path, ffmpeg, monkeypatch, mode, message):
    monkeypatch.setenv("FAKE_FFMPEG", mode)
    (tmp_path / "x.mp4").write_text("the old movie")
    with pytest.raises(IsolossError, match=f"ffmpeg failed: .*{message}") as error:
        written(tmp_path / "x.mp4", Motion(play=True, seconds=2, fps=30))
    assert "\n" not in str(error.value)
    assert (tmp_path / "x.mp4").read_text() == "the old movie"
    assert names(tmp_path) == ["programs", "x.mp4"]


def test_an_interrupted_movie_leaves_nothing(tmp_path, ffmpeg):
    for name in ("x.mp4", "x.webp", "frames"):
        drawing = render_movie(layer(), tmp_path / name, Motion(turntable=True), SIZE)
        next(drawing)
        with pytest.raises(KeyboardInterrupt):
            drawing.throw(KeyboardInterrupt())
    assert names(tmp_path) == ["programs"]


def test_without_ffmpeg_there_are_numbered_frames(tmp_path, no_ffmpeg):
    drawing = render_movie(layer(), tmp_path / "x.mp4", Motion(turntable=True, fps=6), SIZE)
    why = next(drawing)
    assert names(tmp_path) == [], "it is said before anything is drawn"
    drawing.close()
    events = written(tmp_path / "x.mp4", Motion(turntable=True, seconds=0.5, fps=6))
    assert names(tmp_path) == ["x"]
    assert names(tmp_path / "x") == ["0001.png", "0002.png", "0003.png"]
    assert [e for e in events if isinstance(e, Log)] == events[:1] == [why]
    assert "ffmpeg is not on the PATH" in why.message
    assert "-framerate 6" in why.message


def test_the_turntable_turns_the_scene(tmp_path):
    """A third of the way round is the picture from there, and the fourth would be the first."""
    from isoloss.gl.pictures.picture import render

    written(tmp_path / "f", Motion(turntable=True, seconds=1, fps=3), overlays=False)
    shown = frames(tmp_path / "f")
    assert len(shown) == 3
    for k, frame in enumerate(shown):
        azimuth = (Camera().azimuth + 120 * k + 180) % 360 - 180
        alone = render(layer(), size=SIZE, supersample=1, overlays=False, azimuth=azimuth)
        np.testing.assert_array_equal(frame, alone[..., :3])


def test_the_path_goes_from_saved_view_to_saved_view(tmp_path):
    from isoloss.gl.pictures.picture import render

    motion = Motion(views=("front", "Top"), seconds=1, fps=4)
    written(tmp_path / "frame-%03d.png", motion, document())
    shown = frames(tmp_path)
    assert names(tmp_path)[0] == "frame-001.png"
    for frame, view in ((shown[0], "Front"), (shown[-1], "Top")):
        alone = render(document(), size=SIZE, supersample=1, view=view)
        np.testing.assert_array_equal(frame, alone[..., :3])


def test_played_the_trajectory_grows_to_its_end(tmp_path):
    from isoloss.gl.pictures.picture import render

    written(tmp_path / "f", Motion(play=True, seconds=1, fps=4))
    shown = frames(tmp_path / "f")
    for frame, epoch in ((shown[0], 0.0), (shown[-1], 10.0)):
        alone = render(layer(), size=SIZE, supersample=1, epoch=epoch)
        np.testing.assert_array_equal(frame, alone[..., :3])
    assert not np.array_equal(shown[0], shown[1])


@pytest.mark.parametrize("suffix", ["gif", "webp", "apng"])
def test_animations_have_every_frame_and_repeat(tmp_path, suffix):
    written(tmp_path / f"x.{suffix}", Motion(turntable=True, seconds=0.5, fps=12))
    with Image.open(tmp_path / f"x.{suffix}") as movie:
        assert movie.n_frames == 6
        assert movie.size == SIZE
        assert movie.info.get("loop", 0) == 0
        total = 0.0
        for k in range(6):
            movie.seek(k)
            movie.load()
            total += movie.info["duration"]
        assert total == pytest.approx(500, abs=10)
    assert names(tmp_path) == [f"x.{suffix}"]


def test_transparent_frames_keep_their_alpha(tmp_path):
    written(tmp_path / "x.webp", Motion(turntable=True, seconds=0.5, fps=4), transparent=True)
    with Image.open(tmp_path / "x.webp") as movie:
        assert np.asarray(movie.convert("RGBA"))[0, -1, 3] == 0


def test_frames_of_a_longer_movie_are_not_mixed_with_new_ones(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "0003.png").write_bytes(b"of another movie")
    with pytest.raises(IsolossError, match="frames of a longer movie, such as 0003"):
        written(folder, Motion(turntable=True, seconds=0.5, fps=4))
    assert names(folder) == ["0003.png"]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({}, "needs something that moves"),
        ({"turntable": True, "views": ("A", "B")}, "not both"),
        ({"views": ("A",)}, "two or more"),
        ({"play": True, "seconds": 0}, "--seconds must be"),
        ({"play": True, "fps": 1e6}, "--fps must be"),
    ],
)
def test_impossible_motions_are_refused(choices, message):
    with pytest.raises(IsolossError, match=message):
        Motion(**choices)


@pytest.mark.parametrize(
    ("name", "motion", "options", "message"),
    [
        ("x.avi", {"turntable": True}, {}, "a movie is .mp4"),
        ("x.mp4", {"turntable": True}, {"transparent": True}, "cannot be transparent"),
        ("x.webp", {"views": ("Top", "Nowhere")}, {}, "no saved view 'Nowhere'.*'Front', 'Top'"),
        ("x.webp", {"play": True}, {"supersample": 99}, "--supersample"),
        ("x.png", {"play": True}, {}, "frame-%04d.png"),
    ],
)
def test_impossible_movies_are_refused(tmp_path, name, motion, options, message):
    with pytest.raises(IsolossError, match=message):
        written(tmp_path / name, Motion(**motion), document(), **options)
    assert names(tmp_path) == []


def test_there_must_be_something_to_play_and_a_curve_stands_still(tmp_path):
    axis = np.linspace(0, 1, 5)
    alone = Surface.from_loss(axis, axis, np.ones((5, 5)) + axis)
    with pytest.raises(IsolossError, match="no trajectory to play"):
        written(tmp_path / "x.gif", Motion(play=True), alone)
    curve = Surface.from_loss(axis, np.zeros(1), axis[:, None])
    with pytest.raises(IsolossError, match="does not move"):
        written(tmp_path / "x.gif", Motion(turntable=True), curve)
