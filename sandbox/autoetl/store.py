"""What AutoETL keeps in the database's own SQLite file: links, the outbox, and the triggers that fill it.

Because it is one file, a link, its view of the table and its triggers come in one transaction, and a change and its
outbox row in another: there is no gap for a change to fall into, whenever the process is killed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from sandbox.polardb.catalog import Table, quote
from sandbox.polardb.links import LinkRequest

SCHEMA = """
CREATE TABLE IF NOT EXISTS _links(
    id INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT, status TEXT, job TEXT, errors TEXT, latency INTEGER,
    restarts INTEGER, snapshot INTEGER, created_at TEXT, updated_at TEXT);
CREATE TABLE IF NOT EXISTS _outbox(
    position INTEGER PRIMARY KEY AUTOINCREMENT, link INTEGER, key TEXT, at INTEGER);
CREATE INDEX IF NOT EXISTS _outbox_by_link ON _outbox(link, position);
"""
ACTIVE, FAILED, INITIALIZING, RUNNING, RECOVERING = "active", "failed", "initializing", "running", "recovering"
EVENTS = ("INSERT", "UPDATE", "DELETE")
_SHOWN = ("errors", "others", "latency", "jobStatus", "restart_times")


@dataclass(frozen=True)
class Link:
    """A link and how it is.

    `latency` is in milliseconds, -1 before there was a change; up to position `snapshot` the outbox is the first load.
    """

    id: int
    request: LinkRequest
    status: str
    job: str
    errors: str
    latency: int
    restarts: int
    snapshot: int
    created_at: str
    updated_at: str

    @property
    def message(self) -> str:
        """As SHOW gives it: JSON, every value a string, in the documented order."""
        values = (self.errors, "", self.latency, self.job, self.restarts)
        return json.dumps(dict(zip(_SHOWN, map(str, values), strict=True)), ensure_ascii=False)


class Change(NamedTuple):
    """One line of the outbox: the row with this key may have changed. `at` is in milliseconds since 1970."""

    position: int
    key: tuple[Any, ...]
    at: int


class Store:
    """Links and outbox, through one SQLite connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # Links

    def add(self, request: LinkRequest, table: Table, now: str) -> int:
        """Makes the link, its triggers, and an outbox line for every row there is."""
        cursor = self._connection.execute(
            "INSERT INTO _links VALUES (NULL, ?, ?, ?, '', -1, 0, 0, ?, ?)",
            (json.dumps(asdict(request), ensure_ascii=False), ACTIVE, INITIALIZING, now, now),
        )
        link = int(cursor.lastrowid or 0)
        self.attach(link, request, table)
        self._connection.execute(f"{_line(link, _key_sql(table, request.key, ''))} FROM {quote(table.stored_name)}")
        latest = "(SELECT COALESCE(MAX(position), 0) FROM _outbox)"
        self._connection.execute(f"UPDATE _links SET snapshot = {latest} WHERE id = ?", (link,))
        return link

    def attach(self, link: int, request: LinkRequest, table: Table) -> None:
        """Makes the triggers, in place of those there were."""
        self.detach(link)
        new, old = _key_sql(table, request.key, "NEW."), _key_sql(table, request.key, "OLD.")
        moved = f"{_line(link, old)} WHERE {old} IS NOT {new}; {_line(link, new)};"
        bodies = dict(zip(EVENTS, (f"{_line(link, new)};", moved, f"{_line(link, old)};"), strict=True))
        for event, body in bodies.items():
            head = f"CREATE TRIGGER `_link_{link}_{event}` AFTER {event} ON {quote(table.stored_name)}"
            self._connection.execute(f"{head} BEGIN {body} END")

    def detach(self, link: int) -> None:
        for event in EVENTS:
            self._connection.execute(f"DROP TRIGGER IF EXISTS `_link_{link}_{event}`")

    def remove(self, link: int) -> None:
        """The link, its triggers and its outbox. The index stays."""
        self.detach(link)
        self._connection.execute("DELETE FROM _outbox WHERE link = ?", (link,))
        self._connection.execute("DELETE FROM _links WHERE id = ?", (link,))

    def links(self) -> list[Link]:
        """All, oldest first."""
        return [_link(row) for row in self._connection.execute("SELECT * FROM _links ORDER BY id").fetchall()]

    def link(self, number: int) -> Link | None:
        """The one of that number."""
        row = self._connection.execute("SELECT * FROM _links WHERE id = ?", (number,)).fetchone()
        return _link(row) if row else None

    def alive(self) -> dict[int, bool]:
        """The numbers of the links that have not failed for good; whether each has something to deliver."""
        sql = "SELECT id, EXISTS (SELECT 1 FROM _outbox WHERE link = _links.id) FROM _links WHERE status <> ?"
        return {int(number): bool(behind) for number, behind in self._connection.execute(sql, (FAILED,))}

    def save(self, link: Link) -> None:
        """Writes down how it is. A link that failed for good, or is gone, stays so."""
        self._connection.execute(
            "UPDATE _links SET status = ?, job = ?, errors = ?, latency = ?, restarts = ?, updated_at = ?"
            " WHERE id = ? AND status <> ?",
            (link.status, link.job, link.errors, link.latency, link.restarts, link.updated_at, link.id, FAILED),
        )

    def fail(self, link: Link, why: str, now: str) -> None:
        """For good: only a new link helps."""
        self.save(replace(link, status=FAILED, job=FAILED, errors=why, updated_at=now))
        self.detach(link.id)
        self._connection.execute("DELETE FROM _outbox WHERE link = ?", (link.id,))

    # Outbox

    def changes(self, link: int, limit: int) -> list[Change]:
        """The oldest lines, at most `limit`."""
        sql = "SELECT position, key, at FROM _outbox WHERE link = ? ORDER BY position LIMIT ?"
        rows = self._connection.execute(sql, (link, limit)).fetchall()
        return [Change(position, tuple(json.loads(key)), at) for position, key, at in rows]

    def forget(self, positions: Sequence[int]) -> None:
        """After the search engine took them."""
        self._connection.executemany("DELETE FROM _outbox WHERE position = ?", [(position,) for position in positions])

    def rows(self, table: Table, key: Sequence[str], values: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
        """Those of the rows with these key values that are there, by column name."""
        names = [column.name for column in table.columns]
        where = " AND ".join(f"{quote(name)} = ?" for name in key)
        sql = f"SELECT {', '.join(map(quote, names))} FROM {quote(table.stored_name)} WHERE {where}"
        for one in values:
            if row := self._connection.execute(sql, one).fetchone():
                yield dict(zip(names, row, strict=True))


def _link(row: Sequence[Any]) -> Link:
    number, text, *rest = row
    return Link(number, _request(json.loads(text)), *rest)


def _request(raw: dict[str, Any]) -> LinkRequest:
    fields = tuple((field, column) for field, column in raw["fields"])
    return LinkRequest(**{**raw, "fields": fields, "key": tuple(raw["key"])})


def _line(link: int, key: str) -> str:
    return f"INSERT INTO _outbox(link, key, at) SELECT {link}, {key}, my_clock()"


def _key_sql(table: Table, key: Sequence[str], row: str) -> str:
    """SQL for the key's values as a JSON list."""
    return f"json_array({', '.join(row + quote(table.column(name).name) for name in key)})"
