"""The machine as the engine's finder uses it: programs, a cache folder, the time, and a place for messages."""

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
    """Prints one line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


def user_cache(environ: Mapping[str, str]) -> Path:
    """Returns the cache folder for all of a user's checkouts (XDG Base Directory Specification)."""
    xdg = environ.get("XDG_CACHE_HOME", "")
    home = Path(xdg) if Path(xdg).is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache"
    return home / "polardb-semantic-search" / "engine"


@dataclass(frozen=True)
class Machine:
    """This machine, or another one in tests. `now` returns seconds since 1970."""

    environ: Mapping[str, str]
    cache: Path
    say: Callable[[str], None] = to_stderr
    now: Callable[[], float] = time.time

    @classmethod
    def here(cls, say: Callable[[str], None] = to_stderr) -> Machine:
        """Returns this machine."""
        return cls(os.environ, user_cache(os.environ), say)

    def which(self, name: str, *places: str) -> Path | None:
        """Returns the program on PATH or in one of `places`, where it is installed without being on PATH."""
        path = os.pathsep.join([self.environ.get("PATH", ""), *places])
        found = shutil.which(name, path=path)
        return Path(found) if found else None

    def ask(self, *command: str | Path, timeout: float = 30) -> str | None:
        """Returns what a command prints, or None if it cannot run, fails or takes longer than `timeout` seconds."""
        quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": str(self.cache / "home")}
        try:
            done = subprocess.run(
                command, env={**self.environ, **quiet}, capture_output=True, text=True, timeout=timeout, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()
