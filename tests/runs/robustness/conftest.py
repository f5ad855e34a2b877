"""What tests of robustness runs share."""

import importlib
import sys

import pytest
from tests.runs.robustness.lab import SOURCE, make


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A folder with `labuser.py`, networks and a denoiser."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "labuser.py").write_text(SOURCE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "labuser", raising=False)
        importlib.invalidate_caches()
        make(folder, importlib.import_module("labuser"))
        yield folder
