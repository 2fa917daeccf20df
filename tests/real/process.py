"""A server's process: started with its output in a file, ended for certain, and gone when this process is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

TIED = Path(__file__).with_name("tied.py")


class Broken(Exception):
    """A server did not start; the message has the end of its log."""


class Process:
    """Starts when made; its environment is ours and `environ`."""

    def __init__(self, command: Sequence[str | Path], log: Path, environ: Mapping[str, str] | None = None) -> None:
        self._log = log
        tied = [sys.executable, "-SE", str(TIED), str(os.getpid()), *map(str, command)]
        with log.open("ab") as output:
            self._running = subprocess.Popen(
                tied, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environ or {})}
            )

    def await_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns once `ready()`; raises Broken when the process ends before that, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._running.poll() is not None:
                raise Broken(f"{self._name} ended with {self._running.returncode}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise Broken(f"{self._name} was not ready after {seconds:g} s: {self._last_words()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, as a power cut would. Safe to call twice."""
        self._running.kill()
        self._running.wait()

    @property
    def _name(self) -> str:
        return self._log.stem

    def _last_words(self) -> str:
        return " | ".join(self._log.read_text(errors="replace").splitlines()[-15:])


def free_port() -> int:
    """A port nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
