"""The state of a collection: rows, documents, lag and backfill, as far as the accounts let the application see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .rows import Editable, Rows, Source
from .search import Problem, Search
from .settings import Collection


@dataclass(frozen=True)
class State:
    """Figures by the name of their sentence, and the table that can be edited. `problem` says what is not seen."""

    documents: int
    rows: int | None = None
    source: Source | None = None
    editable: Editable | None = None
    problem: Problem | None = None

    def figures(self) -> Iterator[tuple[str, str]]:
        """Yields the name of each figure and its value."""
        if self.rows is not None:
            yield "rows", f"{self.rows:,}"
        yield "documents", f"{self.documents:,}"
        if self.rows is not None and self.source is not None:
            yield "lag", "–" if self.source.lag is None else f"{self.source.lag:.1f} s"
            yield "backfill", f"{share(self.documents, self.rows)} %"


def share(documents: int, rows: int) -> int:
    """Returns the part of the rows that have their document, in percent, rounded down."""
    return 100 if documents >= rows else documents * 100 // rows


def look(search: Search, rows: Rows | None, collection: Collection, index: str) -> State:
    """Looks at both services. Raises Problem where PolarSearch does not answer."""
    documents = search.count(collection)
    if rows is None:
        return State(documents)
    try:
        source = rows.source(index)
        if source is None:
            return State(documents)
        return State(documents, rows.count(source), source, rows.editable(source))
    except Problem as problem:
        return State(documents, problem=problem)
