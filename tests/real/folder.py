"""A temporary folder that is removed when the process that created it ends, even if it is killed.

    python folder.py <folder>

waits until its standard input is closed, which a kill of the other process does too, and then removes the folder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRIES = 100
"""Seconds in which a killed server may still write to the folder."""


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Yields the folder. Processes that write to it must end before, or with this process."""
    folder = tempfile.mkdtemp(prefix=prefix)
    command = [sys.executable, "-SE", __file__, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):  # its exit closes the pipe
        yield Path(folder)


def remove(folder: Path) -> None:
    """Removes the folder, and returns when it is removed or cannot be."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.read()
    remove(Path(sys.argv[1]))
