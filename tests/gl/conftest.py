"""One OpenGL context for all frames, no error in it before or after any test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isoloss.gl.device.context import HeadlessContext
from isoloss.gl.frame.renderer import Renderer

BASELINES, FAILED = Path(__file__).parent / "baselines", Path(__file__).parent / "failed"


@pytest.fixture(scope="session")
def context() -> Iterator[HeadlessContext]:
    """A context that cannot be had fails the tests: pictures without a display are a promise."""
    with HeadlessContext() as opened:
        yield opened


@pytest.fixture(scope="session")
def renderer(context: HeadlessContext) -> Renderer:
    return Renderer()


@pytest.fixture(autouse=True)
def no_gl_error(context: HeadlessContext) -> Iterator[None]:
    from OpenGL import GL

    context.make_current()
    assert GL.glGetError() == GL.GL_NO_ERROR
    yield
    context.make_current()
    assert GL.glGetError() == GL.GL_NO_ERROR


@pytest.fixture
def matches_baseline(request: pytest.FixtureRequest) -> Callable[[np.ndarray, str], None]:
    """Compares a picture with the one stored under its name.

    Rasterisers differ by a pixel along edges and in the last bits of colours; so few pixels may
    differ much, and all of them only a little on average.
    """

    def compare(image: np.ndarray, name: str) -> None:
        file = BASELINES / f"{name}.png"
        if request.config.getoption("--regenerate-baselines"):
            file.parent.mkdir(exist_ok=True)
            # Without its last two bits, which are dither, a picture is a third of the size.
            coarse = np.minimum((image.astype(int) + 2) // 4 * 4, 255).astype(np.uint8)
            Image.fromarray(coarse).save(file, optimize=True)
            return
        assert file.exists(), f"no baseline {file.name}: run with --regenerate-baselines and look"
        expected = np.asarray(Image.open(file).convert("RGBA"))
        assert image.shape == expected.shape
        difference = np.abs(image.astype(int) - expected.astype(int)).max(axis=-1)
        share, mean = (difference > 24).mean(), difference.mean()
        if share > 0.01 or mean > 2.5:
            FAILED.mkdir(exist_ok=True)
            magnified = np.clip(difference * 4, 0, 255).astype(np.uint8)
            gray = np.dstack([magnified] * 3 + [np.full_like(magnified, 255)])
            Image.fromarray(np.hstack([expected, image, gray])).save(FAILED / f"{name}.png")
            pytest.fail(
                f"{share:.1%} of the pixels differ, {mean:.2f} on average; "
                f"expected, actual and difference side by side: {FAILED / name}.png"
            )

    return compare
