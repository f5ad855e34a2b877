"""The folders in which the system lets us keep what is the user's."""

from __future__ import annotations

import os
from pathlib import Path


def config_folder() -> Path:
    """The user's folder for our settings; ISOLOSS_CONFIG_DIR overrides it."""
    if chosen := os.environ.get("ISOLOSS_CONFIG_DIR"):
        return Path(chosen).absolute()
    import platformdirs

    return Path(platformdirs.user_config_dir("isoloss", appauthor=False))


def cache_folder() -> Path:
    """The user's folder for what can be made again; below our settings' where those were moved."""
    if os.environ.get("ISOLOSS_CONFIG_DIR"):
        return config_folder() / "cache"
    import platformdirs

    return Path(platformdirs.user_cache_dir("isoloss", appauthor=False))
