"""Files that are written whole or not at all."""

import pytest

from isoloss import IsolossError
from isoloss.files import write_atomic


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = write_atomic(tmp_path / "a" / "b.txt", lambda p: p.write_text("old"))

    def full(target):
        target.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(IsolossError, match="No space left"):
        write_atomic(path, full)
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    with pytest.raises(IsolossError, match="cannot write"):
        write_atomic(path / "c.txt", lambda p: p.write_text("x"))
