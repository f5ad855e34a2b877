"""Rendering and PyTorch in one process, in either order."""

import subprocess
import sys

import pytest

RENDER = """
import numpy as np
import isoloss
surface = isoloss.Surface.from_loss([0, 1, 2], [0, 1], np.ones((3, 2)))
isoloss.render(surface, size=(64, 48))
"""
TRAIN = """
import torch, torch._dynamo, torchvision
"""


@pytest.mark.parametrize("code", [RENDER + TRAIN, TRAIN + RENDER])
def test_both_orders_work(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
