"""The way from one camera to another."""

from __future__ import annotations

from dataclasses import replace

from isoloss.scene.camera import Camera


def between(a: Camera, b: Camera, t: float) -> Camera:
    """The camera a fraction `t` of the way from `a` to `b`; exactly `a` at 0 and `b` at 1.

    The azimuth goes the shorter way round. The distance grows geometrically, so that equal steps
    magnify equally. A projection cannot be half a perspective: it changes in the middle.

    Args:
        t: in [0, 1]; what lies outside is taken for the nearer end.
    """
    if t <= 0:
        return a
    if t >= 1:
        return b
    turn = (b.azimuth - a.azimuth + 180.0) % 360.0 - 180.0
    return replace(
        a,
        azimuth=(a.azimuth + t * turn + 180.0) % 360.0 - 180.0,
        elevation=_mix(a.elevation, b.elevation, t),
        target=(
            _mix(a.target[0], b.target[0], t),
            _mix(a.target[1], b.target[1], t),
            _mix(a.target[2], b.target[2], t),
        ),
        distance=a.distance ** (1 - t) * b.distance**t,
        orthographic=(a if t < 0.5 else b).orthographic,
    )


def ease(t: float) -> float:
    """[0, 1] to [0, 1], setting off and arriving at rest: 3t² - 2t³."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _mix(a: float, b: float, t: float) -> float:
    return (1 - t) * a + t * b
