"""`python -m dev up|preview|down|search|app|ops`: the commands behind `make up`, `preview`, `down`, `search`, `app`,
and those of `python -m ops` on stack dev.

Each starts the sandbox and runs the project's own program on it. The program, `Pulumi.yaml` and the engine contain
nothing about the sandbox: stack dev is a stack like staging and prod.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import engine
from dev import question, stack
from dev.stack import ROOT, STACK, Pulumi, Stopped, say

FIRST_QUESTION = "something to keep coffee hot"


class Failed(Exception):
    """A child process failed and has printed why; `code` is the exit code to end with."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def up() -> int:
    """Starts the sandbox, updates the stack, waits for the documents, and asks one question."""
    begun = time.monotonic()
    _sandbox("start")
    pulumi = stack.select()
    stack.clear_after_a_kill(pulumi)
    say(f"pulumi up, stack {STACK}")
    if code := pulumi.run("up", "--yes", "--skip-preview", "--refresh"):
        return code
    changes = stack.changes(pulumi.read("stack", "history", "--json", "--page-size", "1"))
    say(changes or "nothing changed: everything is as declared")
    access, collections = _outputs(pulumi)
    if changes:
        for counts in question.changing_counts(lambda: question.counts(access, collections)):
            say("documents: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    _ask(access, collections, FIRST_QUESTION)
    say(f'done in {time.monotonic() - begun:.0f} s; ask more with: make search Q="…"')
    return 0


def preview() -> int:
    """Starts the sandbox and shows what `up` would change."""
    _sandbox("start")
    return stack.select().run("preview", "--diff")


def down() -> int:
    """Destroys the stack, then stops the sandbox. The sandbox is started first: it holds the objects to delete."""
    if stack.exists():
        _sandbox("start")
        pulumi = stack.select()
        stack.clear_after_a_kill(pulumi)
        say(f"pulumi destroy, stack {STACK}")
        if code := pulumi.run("destroy", "--yes", "--skip-preview"):
            return code
    _sandbox("stop")
    return 0


def search(text: str) -> int:
    """Searches every collection of the stack."""
    if not text.strip():
        raise Stopped(f'what for? make search Q="{FIRST_QUESTION}"')
    _ask(*_outputs(stack.select()), text)
    return 0


def app(arguments: list[str]) -> int:
    """Starts the sandbox, brings the stack up where it is not, and serves the application on it until Ctrl-C."""
    _sandbox("start")
    pulumi = stack.select()
    if not pulumi.read("stack", "output", "--json") and (code := up()):
        return code
    given = question.connection(pulumi.read("stack", "export", "--show-secrets"))
    if given is None:
        raise Stopped(f"stack {STACK} is not up: make up")
    outputs = stack.HOME / "outputs.json"
    outputs.write_text(json.dumps(pulumi.read("stack", "output", "--json")))
    environ = {**os.environ, **question.environment(given), "STACK_OUTPUTS": str(outputs)}
    return stack.run_until_interrupted([sys.executable, "-m", "examples.search_app", *arguments], environ)


def operate(arguments: list[str]) -> int:
    """Starts the sandbox and runs a command of `python -m ops` on the stack, which need not be up."""
    _sandbox("start")
    environ = stack.select().environ
    return subprocess.run([sys.executable, "-m", "ops", *arguments, "--stack", STACK], cwd=ROOT, env=environ).returncode


def _sandbox(command: str) -> None:
    say(f"sandbox {command}")
    # In a session of its own, so that Ctrl-C interrupts this process only: the child would print a traceback.
    code = subprocess.run([sys.executable, "-m", "sandbox", command], cwd=ROOT, start_new_session=True).returncode
    if code < 0:
        raise Stopped(f"python -m sandbox {command} was ended by signal {-code}; try again")
    if code:
        raise Failed(code)


def _outputs(pulumi: Pulumi) -> tuple[question.Access, dict[str, Any]]:
    """Returns where to search, and the collections by name, as the last update stored them."""
    outputs = pulumi.read("stack", "output", "--json")
    access = question.access(pulumi.read("stack", "export", "--show-secrets"))
    if not outputs or access is None:
        raise Stopped(f"stack {STACK} is not up: make up")
    return access, outputs["collections"]


def _ask(access: question.Access, collections: dict[str, Any], text: str) -> None:
    try:
        for line in question.ask(access, collections, text):
            print(line, flush=True)
    except BrokenPipeError:  # the reader has closed the pipe, as in `make search Q="…" | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _replace_unprintable() -> None:
    """Makes stdout print `?` for characters that its encoding lacks: the documents may be in any language."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def main(argv: list[str]) -> int:
    """Runs one command and returns its exit code."""
    _replace_unprintable()
    commands: dict[str, Callable[[], int]] = {
        "up": up,
        "preview": preview,
        "down": down,
        "search": lambda: search(" ".join(argv[1:])),
        "app": lambda: app(argv[1:]),
        "ops": lambda: operate(argv[1:]),
    }
    if not argv or argv[0] not in commands:
        print(f"usage: python -m dev {'|'.join(commands)}", file=sys.stderr)
        return 2
    try:
        return commands[argv[0]]()
    except (Stopped, question.Unanswered, engine.NoEngine) as error:
        print(error, file=sys.stderr)
        return 1
    except Failed as failed:
        return failed.code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
