"""The recipes of examples/reproduce, and what is published of the same."""

import importlib
import sys
from pathlib import Path

import pytest

from results.page import published

REPRODUCE = Path(__file__).parents[3] / "examples" / "reproduce"


@pytest.fixture
def recipes(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(REPRODUCE), *sys.path])
    return importlib.import_module("recipe").recipes()


@pytest.fixture
def known():
    return published(REPRODUCE / "published.csv")
