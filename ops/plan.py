"""`plan`: what a preview means, as Markdown for the people who review it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from components.settings import Collection
from ops.changed_collection import Part, collections_of
from ops.changes import MANY_ROWS, Change, changes
from ops.comment import comment
from ops.digest import HOW, Digest, read_digest
from ops.estimate import cost_of, summed
from ops.figures import Figures
from ops.prices import limits_of, price_of
from ops.stack import Stack, Stopped, to_stderr
from ops.texts import is_there
from providers.kit import NotFound, hide
from providers.services import Connections, Inventory


class Finding(str, Enum):
    """What a plan may end with 1 for: any change, or documents and rows that are deleted."""

    CHANGES = "changes"
    DATA_LOSS = "data-loss"


def plan(
    preview: Annotated[Path | None, typer.Argument(help="What the preview printed; by default stdin.")] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask the services how many rows and documents there are.")] = False,
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", help="The stack to ask; by default the preview's.")
    ] = None,
    many_rows: Annotated[int, typer.Option(help="Rows from which on embedding them is a warning.")] = MANY_ROWS,
    fail_on: Annotated[Finding | None, typer.Option(help="End with 1 where that is found.")] = None,
) -> None:
    """What `pulumi preview --json` means, as Markdown: a line for each collection, and the details folded."""
    digest = read_digest(_text(preview))
    told, secrets = _asked(digest, stack) if ask else ({}, [])
    found = changes(digest.steps, told, many_rows)
    print(hide(comment(digest, found, asked=ask), secrets), end="")
    raise typer.Exit(1 if fail_on in _findings(found) else 0)


def _findings(found: Sequence[Change]) -> set[Finding]:
    lost = any(sentence.loses for change in found for sentence in change.sentences)
    return {*([Finding.CHANGES] if found else []), *([Finding.DATA_LOSS] if lost else [])}


def _text(preview: Path | None) -> str:
    """Returns what was printed. Raises Stopped where it cannot be read."""
    try:
        if preview is not None:
            return preview.read_text(encoding="utf-8")
        return "" if sys.stdin.isatty() else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        raise Stopped(f"{preview or 'stdin'} cannot be read ({error}): {HOW}") from None


def _asked(digest: Digest, name: str | None) -> tuple[dict[str, Figures], list[str]]:
    """Returns the figures of the collections that change, and what is never printed. Raises SearchStackError."""
    stack = Stack.open(name or digest.stack)
    return dict(_figures(stack, stack.connections(to_stderr), collections_of(digest.steps))), stack.secrets()


def _figures(stack: Stack, connections: Connections, changing: Sequence[Part]) -> Iterator[tuple[str, Figures]]:
    """Yields figures; rows are counted where they are embedded, which reads the whole table."""
    configured = {collection.name: collection for collection in stack.collections}
    for part in changing:
        documents = _documents(connections, part.name)
        collection = configured.get(part.name) if part.embeds else None
        yield part.name, _effort(stack, connections, collection, documents) if collection else Figures(None, documents)


def _effort(stack: Stack, connections: Connections, collection: Collection, documents: int | None) -> Figures:
    """Returns what embedding every row takes; a table that is not there yet has none."""
    tables = Inventory(connections, collection.source.tables).tables
    if not is_there(collection, tables):
        return Figures(0, documents)
    cost = cost_of(connections, collection, stack, in_source=False)
    found = summed([cost], price_of(stack.embedding), limits_of(stack.embedding, None, None), [])
    return Figures(cost.rows, documents, found.requests, found.seconds, found.dollars)


def _documents(connections: Connections, alias: str) -> int | None:
    try:
        return int(connections.search.get(f"/{alias}/_count")["count"])
    except NotFound:
        return None
