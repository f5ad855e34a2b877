"""Makes the stories of data/gallery of the runs in examples/reproduce.

    python examples/reproduce --data FOLDER …
    python tools/make_gallery.py runs/reproduce --draft --out /tmp/gallery    # to be looked at
    python tools/make_gallery.py runs/reproduce

A story whose runs are not all done is left out, or as it is but for its words; one whose sentences
nobody has compared with its surfaces yet is left as it is. Of each, the surfaces are copied as PLY
files with their trajectories, and a session file shows them beside each other.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from gallery_stories import STORIES, Story
from isoloss.errors import IsolossError
from isoloss.files import write_json
from isoloss.geometry.files.reading import load
from isoloss.run import Run
from isoloss.run_folder import DEFENDED, is_run
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.document import Document, Links
from isoloss.scene.files.session import save_session
from isoloss.scene.layer import Marker, load_layer
from isoloss.scene.scene import Scene
from results.keeping import without_folders

ROOT = Path(__file__).absolute().parent.parent
GALLERY = ROOT / "data" / "gallery"
CAMERA = Camera(azimuth=-32.0, elevation=29.0, target=(0.0, 0.0, 0.13), distance=6.3)
MOST = 30_000_000
"""Bytes of all files together."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs")
    parser.add_argument("--out", type=Path, default=GALLERY)
    parser.add_argument("--draft", action="store_true", help="also stories not seen yet")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / "stories.json"
    known = json.loads(path.read_text(encoding="utf-8"))["stories"] if path.exists() else []
    by_session = {entry["session"]: entry for entry in known}
    for story in STORIES:
        folders = [_done(asked.runs, side.run) for side in story.sides]
        if not (story.seen or asked.draft):
            print(f"{story.name}: nobody has seen it yet (--draft, then seen=True)")
        elif all(folders):
            entry = make(story, [f for f in folders if f is not None], asked.out)
            by_session[entry["session"]] = entry
            print(f"{story.name}: made")
        else:
            print(f"{story.name}: not all of its runs are done")
            if entry := by_session.get(f"{story.name}.isoloss"):
                entry.update(_words(story))
    listed = [e for s in STORIES if (e := by_session.get(f"{s.name}.isoloss"))]
    write_json(path, {"schema": 1, "stories": listed})
    size = sum(file.stat().st_size for file in asked.out.iterdir())
    print(f"{size / 1e6:.1f} MB of {MOST / 1e6:.0f}")


def make(story: Story, folders: list[Path], out: Path) -> dict[str, Any]:
    """Write a story's surfaces and session; its entry in the list."""
    sys.path.insert(0, str(ROOT / "examples" / "reproduce"))
    recipes = importlib.import_module("recipe").recipes()
    for side, folder in zip(story.sides, folders, strict=True):
        surface = load(folder / DEFENDED if side.defended else folder)
        paths = tuple(replace(path, meta=_told(path.meta)) for path in surface.trajectories)
        meta = {**_told(surface.meta), "title": side.title}
        replace(surface, meta=meta, trajectories=paths).save(out / side.file)
    layers = [load_layer(out / side.file) for side in story.sides]
    for side, layer in zip(story.sides, layers, strict=True):
        layer.name, layer.hidden = side.title, side.hides
        layer.markers = tuple(
            Marker(path.alpha[-1], path.beta[-1], path.loss[-1], label)
            for path, label in zip(layer.trajectories, story.ends, strict=False)
        )
    appearance = Appearance(texture=story.texture, minima=story.minima)
    views = [
        Scene(layers, CAMERA, appearance, side.title, hidden=frozenset(layers) - {layer})
        for side, layer in zip(story.sides, layers, strict=True)
    ]
    links = Links(height=story.one_scale, colors=story.one_scale)
    session = save_session(Document(layers, views, 2, links=links), out / f"{story.name}.isoloss")
    content = json.loads(session.read_text(encoding="utf-8"))
    for layer in content["layers"]:
        layer.pop("fallback", None)  # where the folder is on this machine
    write_json(session, content)
    return {
        **_words(story),
        "session": f"{story.name}.isoloss",
        "layers": [
            {"file": side.file, "title": side.title, **_made_by(recipes, side.run)}
            for side in story.sides
        ],
    }


def _told(meta: dict[str, Any]) -> dict[str, Any]:
    return json.loads(without_folders(json.dumps(meta)))


def _made_by(recipes: list[Any], run: str) -> dict[str, str]:
    """The script and the command line of a run."""
    recipe = next(recipe for recipe in recipes if run in recipe.runs)
    command = recipe.commands[recipe.runs.index(run)]
    return {"script": f"examples/reproduce/{recipe.name}.py", "command": f"isoloss {command}"}


def _words(story: Story) -> dict[str, Any]:
    return {"title": story.title, "sentences": story.sentences, "source": story.source}


def _done(folders: list[Path], name: str) -> Path | None:
    """The run of this name that is done; None where there is none."""
    for folder in folders:
        try:
            if is_run(folder / name) and Run.open(folder / name).is_done:
                return folder / name
        except IsolossError as error:
            print(error, file=sys.stderr)
    return None


if __name__ == "__main__":
    main()
