"""What AutoETL keeps in the database's own SQLite file: links, the outbox, and the triggers that fill it.

Because it is one file, a link, its view of the table and its triggers come in one transaction, and a change and its
outbox row in another: there is no gap for a change to fall into, whenever the process is killed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

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
ACTIVE, FAILED = "active", "failed"
INITIALIZING, RUNNING, RECOVERING = "initializing", "running", "recovering"
_NOW = "my_clock()"


@dataclass(frozen=True)
class Link:
    """A link and how it is.

    `latency` is in milliseconds, -1 before there was a change; up to position `snapshot` the outbox is the first load.
    """

    id: int
    request: LinkRequest
    status: str = ACTIVE
    job: str = INITIALIZING
    errors: str = ""
    latency: int = -1
    restarts: int = 0
    snapshot: int = 0
    created_at: str = ""
    updated_at: str = ""

    @property
    def message(self) -> str:
        """As SHOW gives it: JSON, every value a string, in the documented order."""
        values = {
            "errors": self.errors,
            "others": "",
            "latency": str(self.latency),
            "jobStatus": self.job,
            "restart_times": str(self.restarts),
        }
        return json.dumps(values, ensure_ascii=False)


@dataclass(frozen=True)
class Change:
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
            "INSERT INTO _links(request, status, job, errors, latency, restarts, snapshot, created_at, updated_at)"
            " VALUES (?, ?, ?, '', -1, 0, 0, ?, ?)",
            (json.dumps(asdict(request), ensure_ascii=False), ACTIVE, INITIALIZING, now, now),
        )
        link = int(cursor.lastrowid or 0)
        self.attach(link, request, table)
        key = _key_sql(table, request.key, "")
        self._connection.execute(
            f"INSERT INTO _outbox(link, key, at) SELECT {link}, {key}, {_NOW} FROM {quote(table.stored_name)}"
        )
        self._connection.execute(
            "UPDATE _links SET snapshot = (SELECT COALESCE(MAX(position), 0) FROM _outbox) WHERE id = ?", (link,)
        )
        return link

    def attach(self, link: int, request: LinkRequest, table: Table) -> None:
        """Makes the triggers, in place of those there were."""
        self.detach(link)
        new, old = _key_sql(table, request.key, "NEW."), _key_sql(table, request.key, "OLD.")
        name = quote(table.stored_name)
        line = f"INSERT INTO _outbox(link, key, at) SELECT {link}, "
        bodies = {
            "INSERT": f"{line}{new}, {_NOW};",
            "UPDATE": f"{line}{old}, {_NOW} WHERE {old} IS NOT {new}; {line}{new}, {_NOW};",
            "DELETE": f"{line}{old}, {_NOW};",
        }
        for event, body in bodies.items():
            trigger = quote(f"_link_{link}_{event.lower()}")
            self._connection.execute(f"CREATE TRIGGER {trigger} AFTER {event} ON {name} BEGIN {body} END")

    def detach(self, link: int) -> None:
        for event in ("insert", "update", "delete"):
            self._connection.execute(f"DROP TRIGGER IF EXISTS {quote(f'_link_{link}_{event}')}")

    def remove(self, link: int) -> None:
        """The link, its triggers and its outbox. The index stays."""
        self.detach(link)
        self._connection.execute("DELETE FROM _outbox WHERE link = ?", (link,))
        self._connection.execute("DELETE FROM _links WHERE id = ?", (link,))

    def links(self) -> list[Link]:
        """All, oldest first."""
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM _links ORDER BY id").fetchall()
        return [_link(row) for row in rows]

    def link(self, number: int) -> Link | None:
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM _links WHERE id = ?", (number,)).fetchone()
        return _link(row) if row else None

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
        rows = self._connection.execute(
            "SELECT position, key, at FROM _outbox WHERE link = ? ORDER BY position LIMIT ?", (link, limit)
        ).fetchall()
        return [Change(position, tuple(json.loads(key)), at) for position, key, at in rows]

    def forget(self, positions: Sequence[int]) -> None:
        """After the search engine took them."""
        self._connection.executemany("DELETE FROM _outbox WHERE position = ?", [(position,) for position in positions])

    def rows(self, table: Table, key: Sequence[str], values: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
        """Those of the rows with these key values that are there, by column name."""
        names = [column.name for column in table.columns]
        listed = ", ".join(quote(name) for name in names)
        where = " AND ".join(f"{quote(name)} = ?" for name in key)
        sql = f"SELECT {listed} FROM {quote(table.stored_name)} WHERE {where}"
        for one in values:
            row = self._connection.execute(sql, one).fetchone()
            if row:
                yield dict(zip(names, row, strict=True))


_COLUMNS = "id, request, status, job, errors, latency, restarts, snapshot, created_at, updated_at"


def _link(row: Sequence[Any]) -> Link:
    number, request, *rest = row
    raw = json.loads(request)
    fields = tuple((field, column) for field, column in raw["fields"])
    return Link(number, LinkRequest(**{**raw, "fields": fields, "key": tuple(raw["key"])}), *rest)


def _key_sql(table: Table, key: Sequence[str], row: str) -> str:
    """SQL for the key's values as a JSON list; a BLOB could not be in it."""
    return f"json_array({', '.join(row + quote(table.column(name).name) for name in key)})"
