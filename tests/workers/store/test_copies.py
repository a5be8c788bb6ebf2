"""Copies: read like any file, and gone with whoever made them, whatever that died of."""

import subprocess
import sys
from pathlib import Path

from workers.store.copies import temporary_copy

DIES = """
import os, signal, sys
from pathlib import Path
from workers.store.copies import temporary_copy

with temporary_copy(Path(sys.argv[1])) as (file, path):
    file.write(b"some bytes")
    file.flush()
    assert path.read_bytes() == b"some bytes"
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_copy_is_read_by_its_path_as_often_as_one_likes(tmp_path: Path) -> None:
    with temporary_copy(tmp_path) as (file, path):
        file.write(b"some bytes")
        file.flush()
        with path.open("rb") as one, path.open("rb") as other:
            assert one.read(4) == b"some"
            assert other.read() == b"some bytes"
        assert path.is_file()
    assert not path.exists()


def test_nothing_is_left_of_a_process_that_is_killed(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)  # noqa: S603 - our own

    assert died.returncode == -9
    assert list(tmp_path.iterdir()) == []
