"""A script's probe is found at work, watched, stopped, and watched again as the script goes on."""

import subprocess
import sys
from pathlib import Path

from drive import Driver, drive

HOLDS = 900, 1500
"""Before which of its evaluations the script waits: when its surface is rough, and sharper."""
SCRIPT = f"""
import signal
import time
from pathlib import Path

import torch
from torch import nn

import isoloss


class Held(nn.Sequential):
    evaluations = 0

    def forward(self, x):
        Held.evaluations += 1
        if Held.evaluations in {HOLDS}:
            Path(f"reached {{Held.evaluations}}").touch()
            while not Path(f"allowed {{Held.evaluations}}").exists():
                time.sleep(0.02)
        return super().forward(x)


signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where tests run behind others
torch.manual_seed(0)
net = Held(nn.Flatten(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 3))
x, y = torch.rand(600, 3, 2, 2), torch.arange(600) % 3
end = net.state_dict()
before = [{{k: v + n * torch.randn_like(v) for k, v in end.items()}} for n in (0.3, 0.2, 0.1, 0)]
surface = isoloss.probe(
    net, [(x, y)], isoloss.pca_plane(net, before), trajectory=before, precision="fp32",
    points_at_once=1, out="runs/script", progress=False,
)
print("interrupted" if surface.meta.get("interrupted") else "whole")
"""


def from_python(d: Driver) -> None:
    runs = d.parts.workspace.runs
    d.until(lambda: d.window.frames > 4, "the first frames")
    script = begin()
    followed = d.until(lambda: next(iter(runs.followed), None), "the run to be found", 60)
    layer = watch(d, followed)
    stop(d, followed, script)
    script = begin()
    go_on(d, followed, script, layer)


def begin() -> subprocess.Popen[str]:
    """Start the script."""
    return subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)


def reached(d: Driver, evaluation: int) -> None:
    """Wait until the script waits there."""
    d.until(Path(f"reached {evaluation}").exists, "the script to wait", 60)


def watch(d: Driver, followed):
    """The surface is shown while it grows."""
    reached(d, HOLDS[0])
    d.until(lambda: followed.is_active, "the run to be seen at work")
    assert not d.parts.workspace.scene.layers, "nobody has asked for it"
    d.shot("python_found.png")
    d.click("//Jobs/**/show")
    layer = d.until(lambda: d.parts.workspace.scene.layers, "the layer")[0]
    seen = layer.surface.count.sum()
    assert 0 < seen < 600 * layer.surface.count.size
    d.shot("python_grows.png")
    Path(f"allowed {HOLDS[0]}").touch()
    d.until(lambda: layer.surface.count.sum() > seen, "the surface to sharpen", 60)
    return layer


def stop(d: Driver, followed, script: subprocess.Popen[str]) -> None:
    """What the window stops goes on by the script's own call, and not by the window."""
    reached(d, HOLDS[1])
    d.click("//Jobs/**/cancel")
    d.until(lambda: followed.status == "paused", "the run to be paused", 60)
    assert script.communicate(timeout=60)[0] == "interrupted\n"
    d.until(lambda: not d.ctx.item_exists("//Jobs/**/cancel"), "the button to go")
    assert not d.ctx.item_exists("//Jobs/**/resume")
    d.shot("python_paused.png")
    Path(f"allowed {HOLDS[1]}").touch()


def go_on(d: Driver, followed, script: subprocess.Popen[str], layer) -> None:
    """The same call goes on in another process, and the window sees to the end of it."""
    d.until(lambda: followed.status == "done", "the run to be done", 60)
    assert script.communicate(timeout=60)[0] == "whole\n"
    d.until(lambda: layer.surface.is_complete and layer.trajectories, "the finished surface")
    assert d.parts.workspace.scene.layers == [layer]
    [path] = layer.trajectories
    assert len(path) == 4
    assert d.picture().std() > 5
    d.shot("python_done.png")


drive(from_python)
