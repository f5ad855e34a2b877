"""The first run: stories and samples as thumbnails, a click shows one, the welcome comes back when
asked."""

from pathlib import Path

import numpy as np
from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.state.opening.opener import samples
from isoloss.app.state.opening.stories import stories
from isoloss.system.user_folders import cache_folder


def welcome(d: Driver) -> None:
    workspace, page = d.parts.workspace, d.parts.welcome
    d.until(lambda: d.window.frames > 0, "the first frame")
    assert d.parts.shows_welcome
    names = [path.name for path in samples()]
    assert len(names) >= 3

    # the thumbnails come after the first frame, and look like surfaces
    done = page.thumbnails.of
    sides = [(story.session, k) for story in stories() for k in range(len(story.files))]
    assert len(sides) >= 2
    d.until(lambda: all(done(path, "dark") for path in samples()), "all thumbnails")
    d.until(lambda: all(done(path, "dark", k) for path, k in sides), "those of the stories")
    count = len(names) + len(sides)
    d.until(lambda: len(kept()) == count, "the thumbnails in the cache folder")
    titles = {done(path, "dark").title for path in samples()}
    assert len(titles) == len(names)
    assert "" not in titles
    assert all(done(path, "dark").picture is not None for path in samples())
    for file in kept():
        assert np.ptp(picture(file), axis=(0, 1)).max() > 100, f"{file} is blank"
    d.shot("welcome.png")

    # a real click on a story shows its two surfaces beside each other, under what each is
    story = stories()[0]
    d.click(f"//Viewport/**/{story.session.name}")
    d.until(lambda: workspace.document.arrangement == 2, "two viewports")
    views = workspace.document.shown_views
    assert [[x.source for x in view.shown] for view in views] == [[f] for f in story.files]
    assert all(view.title for view in views)
    assert not d.parts.shows_welcome
    assert workspace.messages.lines[-1].text == f"{story.title} {' '.join(story.sentences)}"
    d.settle()
    d.shot("story.png")
    while workspace.scene.layers:
        d.press(imgui.Key.mod_ctrl, imgui.Key.w)
        d.ctx.yield_(2)
    workspace.document.arrange(1)
    d.until(lambda: d.parts.shows_welcome, "the welcome, with nothing open")

    # a real click on a thumbnail shows its surface, and the first hint how to hold it
    d.click(f"//Viewport/**/{names[1]}")
    d.until(lambda: [x.name for x in workspace.scene.layers] == [Path(names[1]).stem], "a surface")
    assert not d.parts.shows_welcome
    d.until(lambda: d.ctx.item_exists("//Hint/dismiss"), "the hint")
    d.shot("first-surface.png")
    d.drag(60, 20)
    d.until(lambda: "orbit" in workspace.preferences.hints, "the hint to have been followed")
    d.until(lambda: not shows_hint(d, "orbit"), "the hint to go")

    # asked for again, it lies over what is open; Escape puts it away
    d.ctx.menu_click("//##MainMenuBar/Help/welcome")
    d.until(lambda: d.parts.shows_welcome, "the welcome again")
    d.until(lambda: d.ctx.item_exists("//Viewport/**/close"), "its way back")
    d.click("//Viewport/**/close")
    d.until(lambda: not d.parts.shows_welcome, "the surface again")
    assert len(workspace.scene.layers) == 1

    # by keyboard only: nothing open, Tab to the page, Enter on a thumbnail
    d.press(imgui.Key.mod_ctrl, imgui.Key.w)
    d.until(lambda: d.parts.shows_welcome and not workspace.scene.layers, "the welcome")
    d.ctx.item_nav_activate(f"//Viewport/**/{names[2]}")
    d.until(lambda: [x.name for x in workspace.scene.layers] == [Path(names[2]).stem], "another")


def kept() -> list[Path]:
    """The pictures in the cache folder."""
    return sorted((cache_folder() / "thumbnails").glob("[!.]*.png"))


def picture(file: Path) -> np.ndarray:
    from PIL import Image

    return np.array(Image.open(file).convert("RGB")).astype(int)


def shows_hint(d: Driver, name: str) -> bool:
    hint = d.parts.hints.current()
    return hint is not None and hint.name == name


drive(welcome)
