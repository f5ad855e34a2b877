"""Random numbers of the user's process, which are the user's."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def random_numbers_kept() -> Generator[None]:
    """Whatever is drawn inside, PyTorch's, NumPy's and Python's random numbers stand afterwards
    where they stood."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    apples = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    pythons, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(pythons)
            np.random.set_state(numpys)  # noqa: NPY002
            if apples is not None:
                torch.mps.set_rng_state(apples)
