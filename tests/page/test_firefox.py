"""Firefox opens pages too."""

import io

import numpy as np
from PIL import Image

from firefox import Firefox
from isoloss.page.writing import write_page
from isoloss.resources import resource_folder
from isoloss.scene.files.staging import stage


def test_it_opens_pages_without_a_complaint(tmp_path):
    surfaces = resource_folder("data") / "surfaces"
    with Firefox(700, 500) as firefox:
        for name in ("vgg11-digits-pca", "iris"):
            page = write_page(stage(surfaces / f"{name}.ply"), tmp_path / f"{name}.html")
            firefox.open(page)
            firefox.wait("document.documentElement.dataset.ready === 'true'")
            shot = np.asarray(Image.open(io.BytesIO(firefox.screenshot())).convert("RGB"))
            assert len(np.unique(shot.reshape(-1, 3), axis=0)) > 2000
        assert firefox.complaints() == []
