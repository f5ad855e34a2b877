"""Thumbnails: drawn once, read from the cache afterwards, and never in the way."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from OpenGL import GL
from PIL import Image

from isoloss.app.guide import thumbnails
from isoloss.app.guide.thumbnails import SIZE, Thumbnails, title_and_note
from isoloss.geometry.surface import Surface
from isoloss.gl.device.image_texture import ImageTexture


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config" / "cache" / "thumbnails"


@pytest.fixture
def bowl(tmp_path):
    x = np.linspace(-1, 1, 9)
    surface = Surface.from_loss(x, x, x[:, None] ** 2 + x**2, model="net", title="A bowl")
    return surface.save(tmp_path / "bowl.ply")


def finished(made: Thumbnails, path, theme="dark"):
    """Its thumbnail, once it is there."""
    end = time.monotonic() + 20
    while (found := made.of(path, theme)) is None:
        assert time.monotonic() < end
        made.step()
    return found


def pixels(picture: ImageTexture) -> np.ndarray:
    GL.glBindTexture(GL.GL_TEXTURE_2D, picture.texture)
    read = GL.glGetTexImage(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE)
    GL.glBindTexture(GL.GL_TEXTURE_2D, 0)
    width, height = picture.size
    return np.frombuffer(read, np.uint8).reshape(height, width, 4)


def test_a_texture_holds_the_picture_as_it_is(context):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    texture = ImageTexture(image)
    assert texture.size == (7, 5)
    assert np.array_equal(pixels(texture), image)
    texture.free()


def test_a_texture_holds_the_picture_ever_smaller(context):
    image = np.zeros((4, 6, 4), np.uint8)
    image[..., 3], image[:2, :2, 0], image[2, 2, 1] = 255, 200, 100
    texture = ImageTexture(image)
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture.texture)
    read = [
        np.frombuffer(
            GL.glGetTexImage(GL.GL_TEXTURE_2D, level, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE), np.uint8
        ).reshape(shape)
        for level, shape in enumerate([(4, 6, 4), (2, 3, 4), (1, 1, 4)])
    ]
    GL.glBindTexture(GL.GL_TEXTURE_2D, 0)
    assert np.array_equal(read[0], image)
    assert np.array_equal(read[1][..., 0], [[200, 0, 0], [0, 0, 0]])
    assert np.array_equal(read[1][..., 1], [[0, 0, 0], [0, 25, 0]])
    assert abs(int(read[2][0, 0, 0]) - 200 / 6) <= 1
    assert (read[2][..., 3] == 255).all()
    texture.free()


def test_drawn_once_then_read(context, bowl, cache, monkeypatch):
    made = Thumbnails()
    first = finished(made, bowl)
    assert (first.title, first.note) == ("A bowl", "9 × 9 points")
    assert first.picture.size == SIZE
    drawn = pixels(first.picture).copy()
    assert np.ptp(drawn[..., :3], axis=(0, 1)).min() > 60, "nothing to be seen"
    assert (drawn[..., 3] == 255).all()
    made._thread.shutdown(wait=True)
    assert len(list(cache.iterdir())) == 1
    made.free()

    monkeypatch.setattr(thumbnails, "load_layer", None)  # whoever read the file now would fail
    again = Thumbnails()
    second = finished(again, bowl)
    assert (second.title, second.note) == (first.title, first.note)
    assert np.array_equal(pixels(second.picture), drawn)
    again.free()


def test_no_frame_works_a_mesh_out(context, bowl, cache, monkeypatch):
    read = thumbnails._read(bowl, "dark")
    monkeypatch.setattr("isoloss.scene.layer.display_mesh", None)  # whoever called it would fail
    monkeypatch.setattr(thumbnails, "_read", lambda *_: read)
    made = Thumbnails()
    assert finished(made, bowl).picture is not None
    made.free()


def test_a_changed_file_and_a_damaged_cache_are_drawn_anew(context, bowl, cache):
    made = Thumbnails()
    before = pixels(finished(made, bowl).picture).copy()
    made._thread.shutdown(wait=True)
    made.free()
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:200])
    assert np.array_equal(pixels(finished(made, bowl).picture), before)
    made.free()

    x = np.linspace(-1, 1, 12)
    Surface.from_loss(x, x, x[:, None] * x + 2).save(bowl)
    assert not np.array_equal(pixels(finished(made, bowl).picture), before)
    made.free()


def test_what_has_no_surface_has_no_picture(context, tmp_path):
    (tmp_path / "noise.ply").write_bytes(b"ply\nnoise")
    x = np.linspace(0, 1, 9)
    line = Surface.from_loss(x, np.zeros(1), x[:, None])
    curve = line.save(tmp_path / "line.npz")
    made = Thumbnails()
    for path in (tmp_path / "noise.ply", tmp_path / "gone.ply", curve):
        assert finished(made, path).picture is None
    assert not made.is_busy
    made.free()


def test_the_cache_keeps_the_newest(cache, monkeypatch):
    monkeypatch.setattr(thumbnails, "IN_CACHE", 3)
    image = np.zeros((2, 2, 4), np.uint8)
    for k in range(6):
        place = cache / f"{k}.png"
        thumbnails._save(place, image, "", "")
        Image.open(place).verify()
        stamp = 1_000_000_000 + k
        os.utime(place, (stamp, stamp))
    assert sorted(p.name for p in cache.iterdir()) == ["3.png", "4.png", "5.png"]


def test_what_is_told():
    x = np.linspace(-1, 1, 3)
    flat = np.zeros((3, 3))
    plain = Surface.from_loss(x, x, flat)
    assert title_and_note(plain, 0) == ("", "3 × 3 points")
    meta = {"model": "vgg11", "data": "digits", "plane": "pca"}
    pca = Surface.from_loss(x, x, flat, **meta)
    assert title_and_note(pca, 7)[1].endswith("7 checkpoints, 3 × 3 points")
    assert "vgg11 on digits" in title_and_note(pca, 7)[0]
