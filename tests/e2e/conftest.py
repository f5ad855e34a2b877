import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def isoloss_command(tmp_path):
    """Run `python -m isoloss …` in an empty folder; returns the finished process."""

    def command(*words, check=None, **options):
        environment = {
            k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")
        }
        environment |= options.pop("env", {})
        done = subprocess.run(
            [sys.executable, "-m", "isoloss", *map(str, words)],
            cwd=options.pop("cwd", tmp_path),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=options.pop("timeout", 300),
            **options,
        )
        if check is not None:
            assert done.returncode == check, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return command
