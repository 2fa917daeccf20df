"""What `make up`, `preview`, `search` and `down` do: the sandbox is started, then the project's own program runs on it.

The program, `Pulumi.yaml` and the engine know nothing of it: stack dev is a stack like staging and prod, only its
backend, its Pulumi home and its passphrase live in .sandbox/ and are worth nothing elsewhere.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine
from sandbox import question

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".sandbox"
STACK = "dev"
PASSPHRASE = "sandbox"  # of stack dev's secrets, which open nothing but the sandbox
FIRST_QUESTION = "something to keep coffee hot"


class Stopped(Exception):
    """The command cannot go on; the message is one line for a person."""


class Told(Exception):
    """The command cannot go on, and whom it started has said why; `code` is for us to end with."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def say(line: str) -> None:
    """One line of progress, before whatever a child prints next."""
    print(f"· {line}", flush=True)


@dataclass(frozen=True)
class Pulumi:
    """The CLI on stack dev, in an environment of its own."""

    program: Path
    environ: Mapping[str, str]

    def run(self, *args: str) -> int:
        """Run a command on this terminal and return its exit code. Ctrl-C is for the CLI alone, which ends in order."""
        with subprocess.Popen([self.program, *args, "--stack", STACK], cwd=ROOT, env=self.environ) as child:
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                return child.wait()
            finally:
                signal.signal(signal.SIGINT, before)

    def read(self, *args: str) -> Any:
        """What a command prints as JSON. Raises Stopped with the command's own words."""
        command = [str(self.program), *args, "--stack", STACK]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise Stopped(f"pulumi {' '.join(args)}: {lines[-1].removeprefix('error: ')}")
        return json.loads(done.stdout or "null")


def up() -> int:
    """Sandbox, engine, stack, outputs, one question."""
    begun = time.monotonic()
    _sandbox("start")
    pulumi = _stack()
    _clear_after_a_kill(pulumi)
    say(f"pulumi up, stack {STACK}")
    if code := pulumi.run("up", "--yes", "--skip-preview", "--refresh"):
        return code
    news = changed(pulumi.read("stack", "history", "--json", "--page-size", "1"))
    say(news or "nothing changed: everything is as declared")
    access, collections = _outputs(pulumi)
    if news:
        for counts in question.filling(lambda: question.counts(access, collections)):
            say("documents: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    _ask(access, collections, FIRST_QUESTION)
    say(f'done in {time.monotonic() - begun:.0f} s; ask more with: make search Q="…"')
    return 0


def preview() -> int:
    """What `up` would do, on a sandbox that runs."""
    _sandbox("start")
    return _stack().run("preview", "--diff")


def down() -> int:
    """Destroy the stack, then stop the sandbox; the sandbox is started first, for it holds what is to go."""
    if any(HOME.glob(f"state/.pulumi/stacks/*/{STACK}.json")):
        _sandbox("start")
        pulumi = _stack()
        _clear_after_a_kill(pulumi)
        say(f"pulumi destroy, stack {STACK}")
        if code := pulumi.run("destroy", "--yes", "--skip-preview"):
            return code
    _sandbox("stop")
    return 0


def search(text: str) -> int:
    """Ask every collection of the stack."""
    if not text.strip():
        raise Stopped(f'what for? make search Q="{FIRST_QUESTION}"')
    _ask(*_outputs(_stack()), text)
    return 0


def changed(history: list[dict[str, Any]] | None) -> str:
    """What the last update did, in words, or nothing. `history` is `pulumi stack history --json`, the newest first."""
    changes = dict(history[0].get("resourceChanges") or {}) if history else {}
    same = changes.pop("same", 0)
    told = [f"{count} {what}" for what, count in sorted(changes.items())]
    return ", ".join([*told, f"{same} unchanged"]) if told else ""


def stale(locks: list[dict[str, Any]], host: str, alive: Callable[[int], bool]) -> bool:
    """Whether every lock is left from a process of this host that is gone; then it is safe to take them away."""
    return bool(locks) and all(lock.get("hostname") == host and not alive(lock["pid"]) for lock in locks)


def _sandbox(command: str) -> None:
    say(f"sandbox {command}")
    # In a session of its own: Ctrl-C is for us, who end in order, not for it too, who would show where it was.
    code = subprocess.run([sys.executable, "-m", "sandbox", command], cwd=ROOT, start_new_session=True).returncode
    if code < 0:
        raise Stopped(f"python -m sandbox {command} was ended by signal {-code}; try again")
    if code:
        raise Told(code)


def _stack() -> Pulumi:
    """The CLI, with stack dev selected, and made if it is missing."""
    found = engine.find()
    say(f"engine: {found}")
    pulumi = Pulumi(found.path, engine.environment(found, HOME, passphrase=PASSPHRASE))
    if not any(HOME.glob(f"state/.pulumi/stacks/*/{STACK}.json")) and pulumi.run("stack", "select", "--create"):
        raise Stopped(f"stack {STACK} could not be made")
    return pulumi


def _clear_after_a_kill(pulumi: Pulumi) -> None:
    """Take away what a killed run left: its lock, and creates it did not live to record (they find what is ours)."""
    if stale(list(_locks()), socket.gethostname(), _is_pulumi):
        say("a run was killed: taking its lock away")
        pulumi.run("cancel", "--yes")
    if pulumi.read("stack", "export")["deployment"].get("pending_operations"):
        say("a run was killed while it created: forgetting the attempt, what it made is found again")
        pulumi.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")


def _locks() -> Iterator[dict[str, Any]]:
    for path in HOME.glob(f"state/.pulumi/locks/**/{STACK}/*.json"):
        with contextlib.suppress(OSError, ValueError):  # it may be gone by now
            yield json.loads(path.read_text())


def _is_pulumi(pid: int) -> bool:
    """Whether a process of that id is there and, where that can be seen, is a Pulumi and not one that came after."""
    try:
        os.kill(pid, 0)
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return True


def _outputs(pulumi: Pulumi) -> tuple[question.Access, dict[str, Any]]:
    """Where to ask, and the collections by name, as the last up left them."""
    outputs = pulumi.read("stack", "output", "--json")
    access = question.access(pulumi.read("stack", "export", "--show-secrets"))
    if not outputs or access is None:
        raise Stopped(f"stack {STACK} is not up: make up")
    return access, outputs["collections"]


def _ask(access: question.Access, collections: dict[str, Any], text: str) -> None:
    try:
        for line in question.ask(access, collections, text):
            print(line, flush=True)
    except BrokenPipeError:  # as in `make search Q="…" | head`: the reader has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_anything() -> None:
    """What a terminal's encoding has not is shown as `?`: the texts that are found may be in any language."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def main(argv: list[str]) -> int:
    """Run one command; its exit code."""
    _print_anything()
    commands: dict[str, Callable[[], int]] = {
        "up": up,
        "preview": preview,
        "down": down,
        "search": lambda: search(" ".join(argv[1:])),
    }
    if not argv or argv[0] not in commands:
        print(f"usage: python -m sandbox.dev {'|'.join(commands)}", file=sys.stderr)
        return 2
    try:
        return commands[argv[0]]()
    except (Stopped, question.Unanswered, engine.NoEngine) as error:
        print(error, file=sys.stderr)
        return 1
    except Told as told:
        return told.code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
