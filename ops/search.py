"""`search`: asks a stack's collections, as an application does, and says why each document is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from components.settings import Collection
from ops.found import Found, Mode, bodies, hits
from ops.output import JsonOption, Report, StackOption, finish
from ops.stack import Stack, Stopped, to_stderr
from providers.services import Connections

NEEDED: Mapping[Mode, Sequence[Mode]] = {
    "words": ("words",),
    "meaning": ("meaning",),
    "hybrid": ("hybrid", "words", "meaning"),
}
"""The searches of each mode: a hybrid one is explained by the two that it combines."""


@dataclass(frozen=True)
class Answers(Report):
    """What every collection answers."""

    text: str
    mode: Mode
    collections: Sequence[Found]

    @property
    def code(self) -> int:
        return 0

    def lines(self) -> Iterator[RenderableType]:
        for each in self.collections:
            yield Text(f"{each.collection} ({each.index})", style="bold")
            table = Table("score", "id", "why", "text", box=None, pad_edge=False)
            for hit in each.hits:
                table.add_row(f"{hit.score:.3f}", hit.id, hit.why, Text(hit.text, no_wrap=True, overflow="ellipsis"))
            yield table if each.hits else Text("nothing found")


def search(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    stack: StackOption = None,
    as_json: JsonOption = False,
    mode: Annotated[Mode, typer.Option(help="By words, by meaning, or by both.")] = "hybrid",
    collection: Annotated[str | None, typer.Option(help="One collection; by default every one.")] = None,
    size: Annotated[int, typer.Option(min=1, max=10, help="Documents of each collection.")] = 5,
) -> None:
    """Search the collections of a stack by words, by meaning, or by both: ids, scores, and why a document is there.

    With --json: {command, stack, text, mode, collections: [{collection, index, hits: [{id, score, why, words, meaning,
    text}]}]}; words and meaning are the places in the searches by words and by meaning, null where a document is not
    among the best of one.
    """
    opened = Stack.open(stack)
    connections = opened.connections(to_stderr)
    found = [answer(connections, each, opened, text, mode, size) for each in chosen(opened, collection)]
    finish("search", opened.name, Answers(text, mode, found), opened.secrets(), as_json=as_json)


def chosen(stack: Stack, name: str | None) -> list[Collection]:
    """Returns the collections that are up, or the one that was named. Raises Stopped."""
    outputs = stack.outputs["collections"]
    found = [each for each in stack.collections if each.name in outputs and name in (None, each.name)]
    if not found:
        raise Stopped(f"stack {stack.name} has no collection {name or ''}; it has {', '.join(outputs) or 'none'}")
    return found


def answer(connections: Connections, collection: Collection, stack: Stack, text: str, mode: Mode, size: int) -> Found:
    """Asks one collection. Raises ApiError."""
    outputs: Mapping[str, Any] = stack.outputs["collections"][collection.name]
    asked = bodies(outputs["hybrid"], text, size)
    path = f"/{outputs['alias']}/_search"
    answers = {each: _hits(connections, path, asked[each]) for each in NEEDED[mode]}
    return Found(collection.name, outputs["index"], hits(mode, answers, collection.embedded_texts()))


def _hits(connections: Connections, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connections.search.post(path, body, idempotent=True)["hits"]["hits"]
    return found
