"""What all tests share."""

import os

import pytest

# Read when isoloss.gl is first imported: every OpenGL call of the tests is checked.
os.environ.setdefault("ISOLOSS_GL_CHECK", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-baselines",
        action="store_true",
        help="rewrite the pictures in tests/gl/baselines instead of comparing with them",
    )
