"""What PolarDB and AutoETL say to each other: SQL asks for a link, AutoETL keeps it going and says how it is.

PolarDB never imports AutoETL; it is handed a `Links`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.polardb.catalog import Table
from sandbox.polardb.errors import refusal

SEARCH_VIEW = "search_view"


@dataclass(frozen=True)
class LinkRequest:
    """From one table to one index. `fields`: (field of the document, column); `key`: columns that make the `_id`.

    `origin` is the procedure's name or `search_view`, whose name is the index's. With a `query`, the table is its
    first, and `fields` are its outputs in their order.
    """

    origin: str
    schema: str
    table: str
    index: str
    fields: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    query: str = ""


@dataclass(frozen=True)
class LinkStatus:
    """A link as SHOW gives it. `message` is JSON, times are `YYYY-MM-DD HH:MM:SS`."""

    id: int
    request: LinkRequest
    status: str
    message: str
    created_at: str
    updated_at: str


class Links:
    """AutoETL, seen from the database; by itself, a database without one.

    What is done on the session's connection is part of its transaction.
    """

    def missing_index(self, index: str) -> str | None:
        """Why a link cannot write to `index`, or None."""
        return f"no PolarSearch node for index {index}"

    def create(self, connection: sqlite3.Connection, request: LinkRequest, tables: Sequence[Table]) -> int:
        """Starts at this transaction's view of the tables: nothing is missed, nothing comes twice."""
        raise refusal(1644, "AutoETL is not available")

    def drop(self, connection: sqlite3.Connection, link: int) -> None:
        """Returns when nothing more is written for it."""

    def every(self, connection: sqlite3.Connection) -> Sequence[LinkStatus]:
        """All links, search views among them."""
        return ()

    def altered(self, connection: sqlite3.Connection, before: Table, after: Table, renamed: Mapping[str, str]) -> None:
        """After ALTER TABLE, RENAME TABLE, or a CREATE TABLE of a name that had links (`before` is `after`)."""

    def committed(self) -> None:
        """Something was written: there may be work."""
