"""The texture of CONTRIBUTING.md in a rendered picture: its colours follow the distance."""

import numpy as np

from isoloss.geometry.surface import Surface
from isoloss.gl.pictures.picture import draw_views
from isoloss.scene import SurfaceLayer
from isoloss.scene.files.staging import stage


def test_the_colours_of_a_picture_follow_a_new_texture(distance_texture, renderer):
    axis = np.linspace(-1, 1, 33)
    layer = SurfaceLayer(
        "flat", Surface.from_loss(axis, axis, 1 + 0.001 * axis[:, None] + 0 * axis)
    )
    scene = stage(
        layer, texture="distance", colormap="cividis", overlays=False, contours=False,
        floor_contours=False, orthographic=True, azimuth=0.0, elevation=90.0, log_height=False,
        ambient_occlusion=False, height_gain=0.01,
    ).view  # fmt: skip
    image = draw_views(renderer, [scene], (240, 240), 1.0, 1)[..., :3].astype(float)
    middle = np.array([120.0, 120.0])
    rows, columns = np.indices(image.shape[:2])
    distance = np.hypot(rows + 0.5 - middle[0], columns + 0.5 - middle[1])
    # Cividis runs from blue to yellow: red less blue rises with the distance, all around.
    warmth = image[..., 0] - image[..., 2]
    side = 54  # of 59 pixels to the edge
    rings = [warmth[(distance >= r) & (distance < r + 4)] for r in range(2, side, 8)]
    means = [ring.mean() for ring in rings]
    assert (np.diff(means) > 3).all(), means
    assert max(ring.std() for ring in rings) < 12
