"""A temporary folder that goes with the process that made it, also when that is killed.

    python folder.py <folder>

waits until its standard input ends, which a kill of the other side ends too, and then removes the folder.
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
"""A server that is being killed may still write into the folder: ten seconds is enough for any."""


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """The folder; whatever writes into it has to be ended, or tied to this process."""
    folder = tempfile.mkdtemp(prefix=prefix)
    command = [sys.executable, "-SE", __file__, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):  # leaving ends its input, and waits
        yield Path(folder)


def remove(folder: Path) -> None:
    """Returns once it is gone, or cannot be removed."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.read()
    remove(Path(sys.argv[1]))
