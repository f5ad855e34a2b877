"""A surface whose cells get ever more samples: it moves to its new shape, then nothing is drawn."""

from pathlib import Path

import numpy as np
from drive import Driver, drive

from isoloss.events import Progress, Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import ProbeSettings


def sharpen(d: Driver) -> None:
    workspace, painter = d.app.workspace, d.app.viewport.painter
    d.until(lambda: d.app.frames > 4, "the first frames")
    run = Run.create(Path("runs/grows"), ProbeSettings(source=Path("net"), grid=(5, 5)))
    axis = np.linspace(-1, 1, 5)
    growing = GrowingSurface.create(run.growing_path, axis, axis, 900, True, {"plane": "random"})

    def measure(samples: int, height: float) -> None:
        for i in range(5):
            for j in range(5):
                growing.put((i, j), 1 + height * (axis[i] ** 2 + axis[j] ** 2), 0.5, 0.1, samples)

    measure(10, 1.0)
    with run.lock():  # as the job that carries it on would
        run.emit(Started(0, "cpu"))
        run.emit(Progress("surface", 250, 22500, 1234.5, "images"))
        workspace.open(run.folder)
        (layer,) = d.until(lambda: workspace.scene.layers, "the layer")
        d.until(lambda: workspace.runs.active, "the run to be seen at work")
        d.shot("sharpen.png")
        first, version = d.picture(), layer.version

        measure(90, -0.4)
        d.until(lambda: layer.version > version, "the sharper surface")
        d.until(lambda: layer.approach == 1, "the surface to arrive")
        assert not (d.picture() == first).all()
        drawn = painter.count
        d.ctx.yield_(20)
        assert painter.count == drawn, "drew again although nothing had changed"
    assert not workspace.move()


drive(sharpen)
