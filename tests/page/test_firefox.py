"""Firefox opens pages too."""

import io

import numpy as np
from PIL import Image

from firefox import Firefox
from isoloss.page.report.robustness import robustness_page
from isoloss.page.writing import write_page
from isoloss.resources import resource_folder
from isoloss.scene.files.staging import stage


def test_it_opens_pages_without_a_complaint(tmp_path, evaluated_run):
    surfaces = resource_folder("data") / "surfaces"
    numbers = tmp_path / "numbers.html"
    run = evaluated_run("attack", [("pgd", (49, 40))], (0.0, 0.1), data="cifar10")
    numbers.write_text(robustness_page([run]), encoding="utf-8")
    with Firefox(700, 500) as firefox:
        firefox.open(numbers)
        firefox.wait("document.documentElement?.dataset.ready === 'true'")
        firefox.wait("document.querySelector('svg.chart').getBoundingClientRect().width > 300")
        assert firefox.complaints() == []
        for name in ("vgg11-digits-pca", "iris"):
            page = write_page(stage(surfaces / f"{name}.ply"), tmp_path / f"{name}.html")
            firefox.open(page)
            firefox.wait("document.documentElement?.dataset.ready === 'true'")
            shot = np.asarray(Image.open(io.BytesIO(firefox.screenshot())).convert("RGB"))
            assert len(np.unique(shot.reshape(-1, 3), axis=0)) > 2000
        assert firefox.complaints() == []
