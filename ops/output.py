"""What every command prints: a report as text or, with `--json`, as a JSON object. No secret is in either."""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType

from providers.kit import hide

T = TypeVar("T")

UNWRAPPED = 10_000
"""Characters of a line that is not for a terminal."""

StackOption = Annotated[str | None, typer.Option("--stack", "-s", help="The stack; by default the selected one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]


@dataclass(frozen=True)
class Report:
    """What a command has found. With `--json`, its fields are the keys of the object, after `command` and `stack`."""

    @property
    @abstractmethod
    def code(self) -> int:
        """The exit code."""

    @abstractmethod
    def lines(self) -> Iterator[RenderableType]:
        """Yields what a person reads."""


def finish(command: str, stack: str, report: Report, secrets: Collection[str], *, as_json: bool) -> None:
    """Prints a report and ends the command with its exit code."""
    show(command, stack, report, secrets, as_json=as_json)
    raise typer.Exit(report.code)


def show(command: str, stack: str, report: Report, secrets: Collection[str], *, as_json: bool) -> None:
    """Prints a report."""
    safe = without_secrets(report, secrets)
    if as_json:
        print(json.dumps({"command": command, "stack": stack, **asdict(safe)}, ensure_ascii=False), flush=True)
        return
    console = console_of()
    for line in safe.lines():
        console.print(line)


def console_of() -> Console:
    """Returns the terminal; a line of a pipe or a file is as long as it is."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else UNWRAPPED)


def without_secrets(value: T, secrets: Collection[str]) -> T:
    """Returns a value with every secret in its texts replaced."""
    result: Any = value
    if isinstance(value, str):
        result = hide(value, secrets)
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {each.name: without_secrets(getattr(value, each.name), secrets) for each in fields(value)}
        result = replace(value, **changed)
    elif isinstance(value, Mapping):
        result = {name: without_secrets(each, secrets) for name, each in value.items()}
    elif isinstance(value, list | tuple):
        result = [without_secrets(each, secrets) for each in value]
    return result  # type: ignore[no-any-return]
