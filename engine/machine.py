"""What the engine's finder may know of a machine and do to it: programs, a cache folder, the time, a place to talk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


def to_stderr(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)


def user_cache(environ: Mapping[str, str]) -> Path:
    """Where programs kept for all of a user's checkouts go (XDG Base Directory Specification)."""
    xdg = environ.get("XDG_CACHE_HOME", "")
    home = Path(xdg) if Path(xdg).is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache"
    return home / "polardb-semantic-search" / "engine"


@dataclass(frozen=True)
class Machine:
    """This machine, unless a test says otherwise. `now` is in seconds since 1970."""

    environ: Mapping[str, str]
    cache: Path
    say: Callable[[str], None] = to_stderr
    now: Callable[[], float] = time.time

    @classmethod
    def here(cls, say: Callable[[str], None] = to_stderr) -> Machine:
        """The machine we run on."""
        return cls(os.environ, user_cache(os.environ), say)

    def which(self, name: str, *places: str) -> Path | None:
        """The program on PATH, or in one of the `places` it is installed to without being put there."""
        path = os.pathsep.join([self.environ.get("PATH", ""), *places])
        found = shutil.which(name, path=path)
        return Path(found) if found else None

    def ask(self, *command: str | Path, timeout: float = 30) -> str | None:
        """What a command prints, or None if it cannot be run, fails or takes longer than `timeout` seconds."""
        quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": str(self.cache / "home")}
        try:
            done = subprocess.run(
                command, env={**self.environ, **quiet}, capture_output=True, text=True, timeout=timeout, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()
