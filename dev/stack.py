"""Stack dev on the command line: Pulumi's CLI in an environment of its own, and the recovery after a killed run.

Its backend, its Pulumi home and its passphrase are in .sandbox/ and are of no use anywhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".sandbox"
STACK = "dev"
PASSPHRASE = "sandbox"  # of stack dev's secrets, which give access to the sandbox only


class Stopped(Exception):
    """The command cannot go on; the message is one line for a person."""


def say(line: str) -> None:
    """Prints one line of progress, before anything that a child process prints next."""
    print(f"· {line}", flush=True)


@dataclass(frozen=True)
class Pulumi:
    """The CLI on stack dev, in an environment of its own."""

    program: Path
    environ: Mapping[str, str]

    def run(self, *args: str) -> int:
        """Runs a command on this terminal and returns its exit code. Ctrl-C interrupts the CLI, not this process."""
        return run_until_interrupted([str(self.program), *args, "--stack", STACK], self.environ)

    def read(self, *args: str) -> Any:
        """Returns what a command prints as JSON. Raises Stopped with the last line of the command's error."""
        command = [str(self.program), *args, "--stack", STACK]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise Stopped(f"pulumi {' '.join(args)}: {lines[-1].removeprefix('error: ')}")
        return json.loads(done.stdout or "null")


def run_until_interrupted(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs a command on this terminal and returns its exit code. Ctrl-C interrupts the command, not this process."""
    with subprocess.Popen(command, cwd=ROOT, env=environ) as child:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return child.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def exists() -> bool:
    """Returns whether the stack is in the backend."""
    return any(HOME.glob(f"state/.pulumi/stacks/*/{STACK}.json"))


def select() -> Pulumi:
    """Returns the CLI with stack dev selected; creates the stack if it does not exist."""
    found = engine.find()
    say(f"engine: {found}")
    pulumi = Pulumi(found.path, engine.environment(found, HOME, passphrase=PASSPHRASE))
    if not exists() and pulumi.run("stack", "select", "--create"):
        raise Stopped(f"stack {STACK} could not be made")
    return pulumi


def clear_after_a_kill(pulumi: Pulumi) -> None:
    """Removes the lock of a killed run, and its pending creates: the next `up` finds the objects by their owner."""
    if is_stale(list(_locks()), socket.gethostname(), _is_pulumi):
        say("a run was killed: taking its lock away")
        pulumi.run("cancel", "--yes")
    if pulumi.read("stack", "export")["deployment"].get("pending_operations"):
        say("a run was killed while it created: forgetting the attempt, what it made is found again")
        pulumi.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")


def is_stale(locks: list[dict[str, Any]], host: str, is_alive: Callable[[int], bool]) -> bool:
    """Returns whether there are locks, and all are of processes of this host that have ended."""
    return bool(locks) and all(lock.get("hostname") == host and not is_alive(lock["pid"]) for lock in locks)


def changes(history: list[dict[str, Any]] | None) -> str:
    """Returns the changes of the last update in words, empty if there are none.

    `history` is the output of `pulumi stack history --json`, newest first.
    """
    counts = dict(history[0].get("resourceChanges") or {}) if history else {}
    same = counts.pop("same", 0)
    words = [f"{count} {operation}" for operation, count in sorted(counts.items())]
    return ", ".join([*words, f"{same} unchanged"]) if words else ""


def _locks() -> Iterator[dict[str, Any]]:
    for path in HOME.glob(f"state/.pulumi/locks/**/{STACK}/*.json"):
        with contextlib.suppress(OSError, ValueError):  # the file may be deleted meanwhile
            yield json.loads(path.read_text())


def _is_pulumi(pid: int) -> bool:
    """Returns whether the process exists and, where its name can be read, is Pulumi and not a reuse of the pid."""
    try:
        os.kill(pid, 0)
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return True
