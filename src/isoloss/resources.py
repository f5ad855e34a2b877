"""Where the files that ship with the program are: from a wheel or from the source tree."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: str) -> Path:
    """The folder `name` ("shaders" or "data") as shipped.

    In an installed wheel it lies inside the package; in a source checkout (editable install) at
    the top level of the repository.
    """
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name
