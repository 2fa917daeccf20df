"""A server's process, with its output in a file; it is killed when this process ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

TIED = Path(__file__).with_name("tied.py")

TERMINAL = os.dup(2)
"""Standard error before pytest captures it, so that the progress of a slow start is visible."""


class Broken(Exception):
    """A server did not start; the message contains the end of its log."""


def to_terminal(line: str) -> None:
    """Prints one line of progress."""
    os.write(TERMINAL, f"· {line}\n".encode())


@dataclass(frozen=True)
class Patience:
    """A start may take `seconds`; `say` is called with a line of progress every `every` seconds."""

    seconds: float = 600
    every: float = 20
    say: Callable[[str], None] = to_terminal
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Process:
    """Starts when constructed, with the environment of this process and `environ`."""

    def __init__(self, command: Sequence[str | Path], log: Path, environ: Mapping[str, str] | None = None) -> None:
        self._log = log
        tied = [sys.executable, "-SE", str(TIED), str(os.getpid()), *map(str, command)]
        with log.open("ab") as output:
            self._running = subprocess.Popen(
                tied, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environ or {})}
            )

    def await_ready(self, ready: Callable[[], bool], patience: Patience) -> None:
        """Waits until `ready()`. Kills the process and raises Broken when it ends before or takes too long."""
        try:
            self._await(ready, patience)
        except BaseException:
            self.kill()
            raise

    def await_end(self, patience: Patience) -> None:
        """Waits until the process ends with code 0. Raises Broken for any other end."""
        self.await_ready(lambda: self._running.poll() == 0, patience)

    def kill(self) -> None:
        """Kills the process, as a power failure does. A second call does nothing."""
        self._running.kill()
        self._running.wait()

    def _await(self, ready: Callable[[], bool], patience: Patience) -> None:
        begun = reported = patience.now()
        while not self._is(ready):
            now = patience.now()
            if now - begun > patience.seconds:
                raise Broken(f"{self._name} was not ready after {patience.seconds:g} s: {self._last_lines()}")
            if now - reported >= patience.every:
                patience.say(f"{self._name}: not ready after {now - begun:.0f} s: {self._last_lines(1) or 'no output'}")
                reported = now
            patience.sleep(0.1)

    def _is(self, ready: Callable[[], bool]) -> bool:
        ended = self._running.poll()  # before `ready`, which may be the end of the process
        if ready():
            return True
        if ended is not None:
            raise Broken(f"{self._name} ended with {ended}: {self._last_lines() or 'no output'}")
        return False

    @property
    def _name(self) -> str:
        return self._log.stem

    def _last_lines(self, lines: int = 15) -> str:
        return " | ".join(self._log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """Returns a port that is free now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
