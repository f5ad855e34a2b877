"""The kinds of planes that can be probed: what there is to know of each, said once.

A new kind is a file in `compute/planes` with the function that builds it, and an entry here. All
else (the settings and their checks, command line, form, names of runs, titles, diagnostics) asks a
kind what it is, never which.
"""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.errors import IsolossError
from isoloss.registry import Registry


@dataclass(frozen=True)
class PlaneKind:
    """One kind of plane through a network's parameters.

    Attributes:
        name: what `--plane` and `run.json` call it.
        title: what headings call it, in small letters: "random plane".
        help: which directions it has, in one clause for the help of `--plane`.
        builder: "module:function" of `function(PlaneInputs) -> Plane`, imported when it is needed.
        options: which of a probe's options that are not for every kind its builder heeds, of "to",
            "also", "planes", "normalize", "parameters", "directions", "rescale", "third",
            "beside", "align" and "every".
        is_line: whether it has one direction only, η being zero.
        moves_buffers: whether its directions move floating-point buffers (batch-norm statistics)
            too, which stay those of either end beyond α = 0 and α = 1.
        least_checkpoints: of a training run, that it takes to build one; 0 if it needs no
            trajectory.
        of_path: whether it is built from the Bézier path that a training run has found, along which
            batch norms are measured anew.
        measured: "module:function" of `function(surface, evaluator, samples, population)`, which
            keeps with a surface that is done what is measured of this kind beside it; "" for none.
        usual_range: of α, and of β, where neither a range is asked for nor a trajectory shown.
    """

    name: str
    title: str
    help: str
    builder: str
    options: tuple[str, ...] = ()
    is_line: bool = False
    moves_buffers: bool = False
    least_checkpoints: int = 0
    usual_range: tuple[float, float] = (-1.0, 1.0)
    measured: str = ""
    of_path: bool = False

    @property
    def joins_networks(self) -> bool:
        """Whether its directions lead from a network to others."""
        return self.takes("to") or self.of_path

    @property
    def shows_networks(self) -> bool:
        """Whether what it is built from is shown on it, and lies in its usual range."""
        return self.needs_trajectory or self.takes("third") or (self.of_path and not self.is_line)

    @property
    def needs_trajectory(self) -> bool:
        """Whether it is built from the checkpoints of training runs, which are shown on it."""
        return self.least_checkpoints > 0

    def takes(self, option: str) -> bool:
        """Whether an option of `ProbeSettings` means something to it."""
        if option in ("grid", "beta_range"):
            return not self.is_line
        return self.is_line if option == "points" else option in self.options

    def check_enough(self, checkpoints: int) -> None:
        """Refuse so few checkpoints that they span no plane of this kind.

        Raises:
            IsolossError: saying how many it takes.
        """
        if checkpoints < self.least_checkpoints:
            raise IsolossError(
                f"a {self.title} needs at least {self.least_checkpoints} checkpoints, there are "
                f"{checkpoints}: train for longer, or with more checkpoints per epoch"
            )


PLANE_KINDS = Registry[PlaneKind]("plane kind")
"""All kinds that can be asked for, in the order in which they are listed."""
register, unregister = PLANE_KINDS.register, PLANE_KINDS.unregister

register(PlaneKind(
    "random", "random plane", "two random ones, every filter as long as the network's own",
    "isoloss.compute.planes.random_plane:build_plane",
    options=("planes", "normalize", "parameters", "every"),
))  # fmt: skip
register(PlaneKind(
    "pca", "PCA plane", "those along which the checkpoints of a training moved most",
    "isoloss.compute.planes.pca_plane:build", options=("also", "parameters", "every"),
    least_checkpoints=3,
))  # fmt: skip
register(PlaneKind(
    "line", "random line", "one random one",
    "isoloss.compute.planes.random_plane:build_line", options=("normalize", "parameters"),
    is_line=True,
))  # fmt: skip
register(PlaneKind(
    "interpolate", "interpolation", "straight to another network",
    "isoloss.compute.planes.interpolation:build", options=("to", "align"), is_line=True,
    moves_buffers=True, usual_range=(-0.5, 1.5),
    measured="isoloss.compute.curvature.barrier:measure",
))  # fmt: skip
register(PlaneKind(
    "directions", "plane of given directions", "two that a file holds",
    "isoloss.compute.planes.saved_plane:build_plane",
    options=("directions", "rescale", "every"),
))  # fmt: skip
register(PlaneKind(
    "direction", "line of a given direction", "the first that a file holds",
    "isoloss.compute.planes.saved_plane:build_line", options=("directions", "rescale"),
    is_line=True,
))  # fmt: skip
register(PlaneKind(
    "hessian", "Hessian plane", "those along which the loss curves most",
    "isoloss.compute.curvature.hessian_plane:build", options=("normalize", "parameters", "every"),
    usual_range=(-0.5, 0.5),
))  # fmt: skip
register(PlaneKind(
    "gradient", "gradient plane", "the steepest, and a random one or the momentum beside it",
    "isoloss.compute.curvature.gradient_plane:build",
    options=("beside", "normalize", "parameters", "every"),
    usual_range=(-0.5, 0.5),
))  # fmt: skip
register(PlaneKind(
    "three", "plane of three networks", "those to two other networks",
    "isoloss.compute.planes.three_networks:build", options=("to", "third"),
))  # fmt: skip
register(PlaneKind(
    "path", "plane of a path", "those through both ends and the bend of a trained path",
    "isoloss.compute.planes.bezier:build", of_path=True,
))  # fmt: skip
register(PlaneKind(
    "along", "path and straight line", "along a trained path, and straight between its ends",
    "isoloss.compute.planes.bezier:build_along", is_line=True, moves_buffers=True,
    usual_range=(0.0, 1.0), measured="isoloss.compute.connection.path_barrier:measure",
    of_path=True,
))  # fmt: skip
OF_ONES_OWN = PlaneKind("custom", "", "two directions of one's own", "")


def plane_kind(name: object) -> PlaneKind:
    """The kind called `name`; that of planes of one's own directions if there is none such."""
    return PLANE_KINDS.get(str(name)) or OF_ONES_OWN


def kinds_taking(option: str) -> list[str]:
    """The names of the kinds that heed an option of `ProbeSettings`."""
    return [kind.name for kind in PLANE_KINDS if kind.takes(option)]


def help_on_kinds() -> dict[str, str]:
    """What each kind is, by name."""
    return {kind.name: kind.help for kind in PLANE_KINDS}
