"""From an example of a defense to its landscape: undefended beside defended, by one camera."""

import sys
from pathlib import Path

from drive import Driver, drive

from isoloss.run import Run
from isoloss.scene.textures import Texture

RUN = Path(sys.argv[1])


def landscape(d: Driver) -> None:
    workspace = d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    form = d.parts.experiments.forms["probe-input"]
    assert d.parts.action("example-landscape").is_possible() is False
    d.parts.show_examples(workspace.evaluations.show(workspace.runs.follow(Run.open(RUN))))
    d.until(lambda: d.panel("Examples").can_show_landscape, "an example")
    browser = workspace.evaluations.shown.browser
    browser.image, browser.eps = 2, 0.3
    d.click("//Examples/**/landscape")
    runs = workspace.runs
    followed = d.until(lambda: runs.selected.run.folder != RUN and runs.selected, "the run")
    asked = followed.run.settings
    assert (asked.kind, asked.image, asked.eps, asked.sigma) == ("probe-input", 2, 0.3, 0.25)
    assert asked.denoiser == "digits-denoiser"
    assert form.settings == asked
    d.until(lambda: len(workspace.document.layers) == 2 or followed.failure, "both surfaces", 200)
    assert not followed.failure, followed.failure
    first, second = workspace.document.layers
    views = workspace.document.shown_views
    assert [view.shown for view in views] == [[first], [second]]
    assert second.name.endswith(", defended")
    assert workspace.appearance.texture is Texture.CLASS
    d.ctx.yield_(4)
    d.shot("landscape.png")
    before = views[1].camera
    d.drag(120, 30)
    d.until(lambda: views[0].camera != before, "the camera to turn")
    d.ctx.yield_(2)
    assert views[0].camera == views[1].camera
    d.shot("landscape_turned.png")
    for name, texture in (("Margin", Texture.MARGIN), ("Height", Texture.HEIGHT)):
        d.click(f"//Appearance/texture/{name}")
        assert workspace.appearance.texture is texture
        d.shot(f"landscape_{texture.name}.png")
    d.click("//Appearance/texture/Class")
    assert workspace.appearance.texture is Texture.CLASS
    workspace.change(theme="light")
    d.ctx.yield_(4)
    d.shot("landscape_light.png")
    workspace.runs.cancel(followed)
    d.until(lambda: not followed.is_active, "the end of the job")


drive(landscape)
