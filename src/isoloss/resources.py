"""Where the files that ship with the program are: from a wheel or from the source tree."""

import importlib.util
from functools import cache
from pathlib import Path

from isoloss.paths import is_file, is_folder

_PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: str) -> Path:
    """The folder `name` ("shaders" or "data") as shipped.

    In an installed wheel it lies inside the package; in a source checkout (editable install) at
    the top level of the repository.
    """
    installed = _PACKAGE / name
    return installed if is_folder(installed) else _PACKAGE.parents[1] / name


@cache
def font_file() -> Path | None:
    """Roboto as it ships with imgui_bundle, which is looked up, not imported."""
    package = importlib.util.find_spec("imgui_bundle")
    for folder in (package.submodule_search_locations or []) if package else []:
        file = Path(folder) / "assets" / "fonts" / "Roboto" / "Roboto-Regular.ttf"
        if is_file(file):
            return file
    return None
