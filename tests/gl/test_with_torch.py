"""Rendering and PyTorch in one process, in either order."""

import subprocess
import sys

RENDER = """
import numpy as np
import isoloss
surface = isoloss.Surface.from_loss([0, 1, 2], [0, 1], np.ones((3, 2)))
isoloss.render(surface, size=(64, 48))
"""
TRAIN = """
import torch, torch._dynamo, torchvision
"""


def test_both_orders_work():
    orders = RENDER + TRAIN, TRAIN + RENDER
    running = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for code in orders
    ]  # beside each other: each takes its time to import torch
    for process in running:
        _, text = process.communicate(timeout=100)
        assert process.returncode == 0, text
