"""A sandbox in a process of its own: `serve` is that process; `start`, `stop` and `running` control it from outside.

Whether it runs is decided by a lock on a file, not by a pid: the system releases the lock however the process ends, and
a reused pid cannot be mistaken for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from sandbox import defaults

if TYPE_CHECKING:
    from sandbox.process import Sandbox, Taken

PATIENCE = 60.0
FILES = ("sandbox.db", "search.db", "sandbox.json", "sandbox.log", "sandbox.lock")
T = TypeVar("T")


class Unable(Exception):
    """The command failed; the message is one line for a person."""


@dataclass(frozen=True)
class Options:
    """How to start a sandbox; a port of 0 is any free one."""

    home: Path
    search_port: int
    database_port: int
    embeddings_port: int
    version: str
    polardb_version: str

    def arguments(self) -> list[str]:
        """Returns the options as a command line."""
        values = {**vars(self), "home": self.home.resolve()}
        return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


@dataclass(frozen=True)
class State:
    """A running sandbox, as stored in `sandbox.json`."""

    pid: int
    search: int
    database: int
    embeddings: int
    version: str
    polardb_version: str

    def lines(self) -> list[str]:
        """Returns one line for each service."""
        host, revision = defaults.HOST, self.polardb_version or "none"
        return [
            f"search      http://{host}:{self.search}  user {defaults.SEARCH_USERNAME}  OpenSearch {self.version}",
            f"database    {host}:{self.database}  user {defaults.DATABASE_USER}  revision {revision}",
            f"embeddings  http://{host}:{self.embeddings}/v1",
        ]


# The process itself


def serve(options: Options) -> None:
    """Runs a sandbox until SIGTERM or SIGINT. Raises Unable when one runs in this home, or a port is in use."""
    options.home.mkdir(parents=True, exist_ok=True)
    file = options.home / "sandbox.json"
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with _locked(options.home):
        file.unlink(missing_ok=True)  # left by a sandbox that was killed; deleted only by the owner of the lock
        with _sandbox(options) as box:
            ports = box.search_port, box.database_port, box.embeddings_port
            state = State(os.getpid(), *ports, options.version, options.polardb_version)
            draft = file.with_suffix(".json.new")
            draft.write_text(json.dumps(vars(state)))
            draft.replace(file)
            print(*state.lines(), sep="\n", flush=True)
            ended.wait()
            file.unlink(missing_ok=True)


def _sandbox(options: Options) -> Sandbox:
    from sandbox.process import Sandbox, Taken  # only here: the other commands need none of its libraries

    try:
        return Sandbox(**vars(options), log=partial(print, flush=True))
    except Taken as taken:
        raise Unable(f"{taken} by {_occupant(taken)}") from None


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "sandbox.lock").open("a") as file:
        # is_locked() takes the lock for a moment, hence more than one attempt.
        if not _wait(lambda: _lock(file, fcntl.LOCK_EX) or None, 0.5):
            raise Unable(f"a sandbox is already running on {home}")
        yield


def _lock(file: IO[str], mode: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, mode | fcntl.LOCK_NB)
        return True
    return False


# From outside


def running(home: Path) -> State | None:
    """Returns the sandbox that runs in `home` and has stored its state, or None."""
    with suppress(OSError, ValueError, TypeError):
        if is_locked(home):
            return State(**json.loads((home / "sandbox.json").read_text()))
    return None


def is_locked(home: Path) -> bool:
    """Returns whether a sandbox runs, starts or stops in `home`."""
    with suppress(FileNotFoundError, NotADirectoryError), (home / "sandbox.lock").open() as file:
        return not _lock(file, fcntl.LOCK_SH)
    return False


def start(options: Options) -> tuple[State, bool]:
    """Starts a sandbox in the background unless one runs, and waits until its three services take connections.

    Returns its state and whether it was started. Raises Unable.
    """
    home = options.home
    if found := _already_running(home):
        return found, False
    home.mkdir(parents=True, exist_ok=True)
    with (home / "sandbox.log").open("a") as log:
        before = log.tell()
        child = _spawn(options, log)
    if state := _wait(lambda: _started(home, child, before), PATIENCE):
        child.returncode = 0  # it outlives this process, and Popen warns of a child that has no return code yet
        return state, True
    child.terminate()
    child.wait()
    raise Unable(f"the sandbox was not up after {PATIENCE:.0f} s: see {log.name}")


def _spawn(options: Options, log: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", *options.arguments()],
        cwd=Path(__file__).resolve().parents[1],
        env={"OPENBLAS_NUM_THREADS": "1", **os.environ},  # on busy cores MiniLM takes four times as long with two
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _started(home: Path, child: subprocess.Popen[bytes], before: int) -> State | None:
    """Returns the sandbox once it answers: the child's, or one that another start began before. Raises Unable."""
    if child.poll() is None:
        state = _answering(home)
        return state if state and state.pid == child.pid else None
    if other := _already_running(home):
        return other
    log = home / "sandbox.log"
    lines = log.read_bytes()[before:].decode("utf-8", "replace").strip().splitlines()
    reason = lines[-1].removeprefix("sandbox: ") if lines else ""
    raise Unable(reason or f"the sandbox ended with code {child.returncode}: see {log}")


def _already_running(home: Path) -> State | None:
    return _wait(lambda: _answering(home), PATIENCE, unless=lambda: not is_locked(home))


def _answering(home: Path) -> State | None:
    state = running(home)
    return state if state and answers(state) else None


def answers(state: State) -> bool:
    """Returns whether all three services take connections."""
    return all(_listens(port) for port in (state.search, state.database, state.embeddings))


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((defaults.HOST, port)) == 0


def stop(home: Path) -> bool:
    """Ends the sandbox in `home` and waits until it has ended. Returns whether there was one. Raises Unable."""
    if not is_locked(home):
        return False
    for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        if _wait(partial(_ended, home, number, set()), patience):
            return True
    state = running(home)
    raise Unable(f"process {state.pid} does not end" if state else f"a sandbox on {home} neither runs nor ends")


def _ended(home: Path, number: signal.Signals, signalled: set[int]) -> bool | None:
    """Signals each process that runs in `home` once, also one that waited for the lock. Returns True when none does."""
    if not is_locked(home):
        return True
    if (state := running(home)) and state.pid not in signalled:
        signalled.add(state.pid)
        with suppress(ProcessLookupError):
            os.kill(state.pid, number)
    return None


def reset(home: Path) -> None:
    """Stops the sandbox and deletes its files; other files in `home` stay."""
    stop(home)
    for name in FILES:
        for path in home.glob(f"{name}*"):
            path.unlink(missing_ok=True)


def _wait(probe: Callable[[], T | None], patience: float, unless: Callable[[], bool] = lambda: False) -> T | None:
    """Returns the first result of `probe` that is not None; None after `patience` seconds or when `unless` holds."""
    deadline = time.monotonic() + patience
    while (found := probe()) is None and time.monotonic() < deadline and not unless():
        time.sleep(0.01)
    return found


# The process that uses a port


def _occupant(taken: Taken) -> str:
    """Returns which process listens on the port, where the system shows it, and how to free the port."""
    pid, command = _listener(taken.port)
    if sandbox := re.search("\0-m\0sandbox\0serve\0(?:.*\0)?--home=(/[^\0]+)", command):
        home = Path(sandbox[1])
        if home.name == defaults.HOME.name:
            return f"the sandbox of {home.parent}: `make down` there first"
        return f"the sandbox of {home}: `python -m sandbox stop --home={home}` first"
    words = command.replace("\0", " ").strip()[:80]
    found = f"process {pid} ({words})" if pid else "another process"
    return f"{found}: stop that, or give `python -m sandbox` another --{taken.service}-port"


def _listener(port: int) -> tuple[int, str]:
    """Returns the pid and the command line, as in /proc, of the process that listens on a port; 0 if none is found."""
    inodes = set(_listening_inodes(port))
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if inodes & {str(link.readlink()) for link in (process / "fd").iterdir()}:
                return int(process.name), (process / "cmdline").read_text(errors="replace")
    return 0, ""


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{words[9]}]"
