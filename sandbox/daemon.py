"""A sandbox in a process of its own: `serve` is that process, `start`, `stop` and `status` look at it from outside.

Whether it runs is told by a lock on a file, not by a pid: a lock goes with its process, however that ended, and no
other process can be mistaken for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sandbox import defaults
from sandbox.process import Sandbox, Taken

PATIENCE = 60.0
FILES = ("sandbox.db", "search.db", "sandbox.json", "sandbox.log", "sandbox.lock")


class Unable(Exception):
    """The command cannot do what it was asked; the message is one line for a person."""


@dataclass(frozen=True)
class Options:
    """What a sandbox is started with; ports of 0 are any free ones."""

    home: Path
    search_port: int = defaults.SEARCH_PORT
    database_port: int = defaults.DATABASE_PORT
    embeddings_port: int = defaults.EMBEDDINGS_PORT
    version: str = defaults.SEARCH_VERSION
    polardb_version: str = defaults.POLARDB_VERSION

    def arguments(self) -> list[str]:
        """As a command line."""
        return [
            f"--home={self.home.resolve()}",
            f"--search-port={self.search_port}",
            f"--database-port={self.database_port}",
            f"--embeddings-port={self.embeddings_port}",
            f"--version={self.version}",
            f"--polardb-version={self.polardb_version}",
        ]


@dataclass(frozen=True)
class State:
    """A running sandbox, as it wrote itself down."""

    pid: int
    search: int
    database: int
    embeddings: int
    version: str
    polardb_version: str

    def lines(self) -> list[str]:
        """One line for each service, for a person."""
        host, revision = defaults.HOST, self.polardb_version or "none"
        return [
            f"search      http://{host}:{self.search}  user {defaults.SEARCH_USERNAME}  OpenSearch {self.version}",
            f"database    {host}:{self.database}  user {defaults.DATABASE_USER}  revision {revision}",
            f"embeddings  http://{host}:{self.embeddings}/v1",
        ]


# The process itself


def serve(options: Options, say: Callable[[str], None] = print) -> None:
    """Runs a sandbox until SIGTERM or SIGINT. Raises Unable when one runs on this home, or a port is taken."""
    options.home.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with _locked(options.home):
        # What a killed one left behind; only who holds the lock may touch it.
        (options.home / "sandbox.json").unlink(missing_ok=True)
        _serve(options, say, ended)


def _serve(options: Options, say: Callable[[str], None], ended: threading.Event) -> None:
    with _box(options, say) as box:
        state = _write(options, box)
        for line in state.lines():
            say(line)
        ended.wait()
        (options.home / "sandbox.json").unlink(missing_ok=True)


@contextmanager
def _box(options: Options, say: Callable[[str], None]) -> Iterator[Sandbox]:
    try:
        box = Sandbox(
            options.home,
            search_port=options.search_port,
            database_port=options.database_port,
            embeddings_port=options.embeddings_port,
            version=options.version,
            polardb_version=options.polardb_version or None,
            log=say,
        )
    except Taken as taken:
        raise Unable(f"{taken} by {_who_and_what_to_do(taken)}") from None
    with box:
        yield box


def _who_and_what_to_do(taken: Taken) -> str:
    found = holder(taken.port)
    if found and (home := found.home):
        if home.name == defaults.HOME.name:
            return f"the sandbox of {home.parent}: `make down` there first"
        return f"the sandbox of {home}: `python -m sandbox stop --home={home}` first"
    return f"{found or 'another process'}: stop that, or give `python -m sandbox` another --{taken.service}-port"


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "sandbox.lock").open("a") as file:
        # Whoever only asks whether it is locked holds it too, for a moment: hence more than one try.
        deadline = time.monotonic() + 0.5
        while not _lock(file):
            if time.monotonic() > deadline:
                raise Unable(f"a sandbox is already running on {home}")
            time.sleep(0.005)
        yield


def _lock(file: IO[str]) -> bool:
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _write(options: Options, box: Sandbox) -> State:
    ports = [int(url.split(":")[2].split("/")[0]) for url in (box.search_url, box.embeddings_url)]
    state = State(os.getpid(), ports[0], box.database_port, ports[1], options.version, options.polardb_version)
    draft = options.home / "sandbox.json.new"
    draft.write_text(json.dumps(vars(state)))
    draft.replace(options.home / "sandbox.json")
    return state


# From outside


def running(home: Path) -> State | None:
    """The sandbox that runs on `home` and has said where, or None."""
    if not is_locked(home):
        return None
    try:
        raw: dict[str, Any] = json.loads((home / "sandbox.json").read_text())
        return State(**raw)
    except (OSError, ValueError, TypeError):
        return None


def is_locked(home: Path) -> bool:
    """Whether a process holds `home`: one that runs, starts or stops."""
    try:
        with (home / "sandbox.lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except BlockingIOError:
        return True
    return False


def start(options: Options) -> tuple[State, bool]:
    """Starts one in the background and waits until all three services answer: its state, and whether it is new."""
    known = _known(options.home)
    if known:
        return known, False
    options.home.mkdir(parents=True, exist_ok=True)
    log = options.home / "sandbox.log"
    with log.open("a") as out:
        before = out.tell()
        child = _spawn(["serve", *options.arguments()], out.fileno())
    return _awaited(options.home, child, log, before), True


def _known(home: Path) -> State | None:
    deadline = time.monotonic() + PATIENCE
    while is_locked(home) and time.monotonic() < deadline:
        state = running(home)
        if state and answers(state):
            return state
        time.sleep(0.02)
    return None


def _spawn(arguments: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=Path(__file__).resolve().parents[1],
        env={"OPENBLAS_NUM_THREADS": "1", **os.environ},  # on busy cores MiniLM takes four times as long with two
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _awaited(home: Path, child: subprocess.Popen[bytes], log: Path, before: int) -> State:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            if other := _known(home):
                return other
            raise Unable(_last_line(log, before) or f"the sandbox ended with code {child.returncode}: see {log}")
        state = running(home)
        if state and answers(state):
            if state.pid != child.pid:  # another start was first, and ours may still wait for its turn
                child.terminate()
                child.wait()
            # It outlives us: what is not waited for must not warn.
            child.returncode = 0
            return state
        time.sleep(0.02)
    child.terminate()
    child.wait()
    raise Unable(f"the sandbox was not up after {PATIENCE:.0f} s: see {log}")


def _last_line(log: Path, before: int) -> str:
    with log.open("rb") as file:
        file.seek(before)
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("sandbox: ") if lines else ""


def answers(state: State) -> bool:
    """Whether all three services take connections."""
    return all(_listens(port) for port in (state.search, state.database, state.embeddings))


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((defaults.HOST, port), timeout=1):
        return True
    return False


def stop(home: Path) -> bool:
    """Ends the sandbox on `home` and waits until it is gone: whether there was one. Raises Unable if it will not go."""
    if not is_locked(home):
        return False
    if any(_ended(home, number, patience) for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))):
        return True
    state = running(home)
    raise Unable(f"process {state.pid} does not end" if state else f"a sandbox on {home} neither runs nor ends")


def _ended(home: Path, number: signal.Signals, patience: float) -> bool:
    """Signal whoever runs on `home`, also one that was waiting for its turn, until nobody does."""
    deadline, told = time.monotonic() + patience, set[int]()
    while is_locked(home):
        if time.monotonic() > deadline:
            return False
        if (state := running(home)) and state.pid not in told:
            told.add(state.pid)
            with suppress(ProcessLookupError):
                os.kill(state.pid, number)
        time.sleep(0.02)
    return True


def reset(home: Path) -> None:
    """Stops it and deletes what it kept; other files under `home` stay."""
    stop(home)
    for name in FILES:
        for path in home.glob(f"{name}*"):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Holder:
    """A process that listens on a port, and its command line."""

    pid: int
    command: list[str]

    def __str__(self) -> str:
        return f"process {self.pid} ({' '.join(self.command)[:80]})"

    @property
    def home(self) -> Path | None:
        """Of a sandbox; None when it is something else, or was not told a whole path."""
        homes = [Path(word.removeprefix("--home=")) for word in self.command if word.startswith("--home=/")]
        return homes[0] if homes and " -m sandbox serve " in " ".join(self.command) else None


def holder(port: int) -> Holder | None:
    """Who listens on a port, where this system tells."""
    inodes = set(_listening_inodes(port))
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            links = {str(link.readlink()) for link in (process / "fd").iterdir()}
            if links & inodes:
                command = (process / "cmdline").read_bytes().decode("utf-8", "replace").strip("\0").split("\0")
                return Holder(int(process.name), command)
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{words[9]}]"
