"""`adopt`: makes the objects that a person made the stack's own, as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from ops.adoptable import Adoptable
from ops.adoption import Difference
from ops.handover import writes
from ops.output import JsonOption, Report, StackOption, finish, show
from ops.stack import Stack, Stopped, to_stderr


@dataclass(frozen=True)
class Adoption(Report):
    """What was found, what the next `up` changes of it, what is written, and why nothing is; `done`: it is written."""

    found: Sequence[str]
    changes: Sequence[Difference]
    writes: Sequence[str]
    refused: Sequence[str]
    done: bool = False

    @property
    def code(self) -> int:
        return 1 if self.refused or (self.writes and not self.done) else 0

    def lines(self) -> Iterator[RenderableType]:
        yield from (Text(f"· {each}", style="dim") for each in self.found)
        yield from (Text(f"✗ {each}", style="red") for each in self.refused)
        if self.refused:
            return
        yield from (Text(f"+ {each}") for each in self.writes)
        yield from (Text(f"~ `pulumi up` changes {each}", style="yellow") for each in self.changes)
        if not self.writes:
            yield Text("there is nothing to adopt")


def adopt(
    stack: StackOption = None,
    as_json: JsonOption = False,
    index: Annotated[
        list[str] | None, typer.Option("--index", help="<collection>=<index>, where several indexes fit.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Make index, pipeline, model, group, connector and link that a person made the stack's own, as they are.

    Documents and vectors stay, and no search fails. It shows what it found, what it writes and what the next
    `pulumi up` changes in place, and asks. The names that a person gave are written to the stack's configuration, and
    an owner reference to each object; `pulumi up` takes the objects over. Three stored texts are embedded and compared:
    refused are an index without vectors, vectors of another model, a model group with other models, and whatever is
    declared otherwise and cannot change in place. A command that was killed goes on where it was.

    With --json: {command, stack, found: [text], changes: [{object, name, shown, declared, in_place}], writes:
    [text], refused: [text], done}; without --yes nothing is written. The exit code is 1 while something is refused, or
    left to write.
    """
    opened = Stack.open(stack)
    looked = Adoptable(opened, opened.connections(to_stderr), dict(map(_chosen, index or [])))
    looked.look()
    left = [] if looked.refused else list(writes(looked))
    report = Adoption(looked.found, looked.changes if left else [], [each.what for each in left], looked.refused)
    if not as_json:
        show("adopt", opened.name, report, opened.secrets(), as_json=False)
    done = bool(left) and (yes or (not as_json and _confirmed()))
    for each in left if done else []:
        each.run()
    if as_json:
        finish("adopt", opened.name, replace(report, done=done), opened.secrets(), as_json=True)
    if done:
        print("adopted: run `pulumi up`, which takes the objects over")
    raise typer.Exit(replace(report, done=done).code)


def _chosen(option: str) -> tuple[str, str]:
    collection, _, index = option.partition("=")
    if not index:
        raise Stopped(f"--index {option}: write <collection>=<index>")
    return collection, index


def _confirmed() -> bool:
    """Asks; where nobody can answer, says how to do without."""
    if sys.stdin.isatty():
        return typer.confirm("Adopt?")
    print("nothing is written: run it in a terminal, or with --yes", file=sys.stderr)
    return False
