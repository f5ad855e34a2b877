"""The `isoloss` command from its first line on."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["isoloss.cli.main", "isoloss.cli.parser", "isoloss.cli.describe"]
)
def test_an_interrupt_while_something_is_imported_ends_quietly(module):
    script = (
        "import sys, isoloss.cli\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "sys.argv = ['isoloss', 'info', 'x.ply']\n"
        "isoloss.cli.entry()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
