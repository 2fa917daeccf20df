"""What AutoETL keeps in the database's own SQLite file: links, the outbox, and the triggers that fill it.

Because it is one file, a link, its view of the table and its triggers come in one transaction, and a change and its
outbox row in another: there is no gap for a change to fall into, whenever the process is killed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from sandbox.polardb.catalog import Table, quote
from sandbox.polardb.joins import Member, members
from sandbox.polardb.links import LinkRequest

SCHEMA = """
CREATE TABLE IF NOT EXISTS _links(
    id INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT, status TEXT, job TEXT, errors TEXT, latency INTEGER,
    restarts INTEGER, snapshot INTEGER, created_at TEXT, updated_at TEXT);
CREATE TABLE IF NOT EXISTS _outbox(
    position INTEGER PRIMARY KEY AUTOINCREMENT, link INTEGER, member INTEGER, key TEXT, at INTEGER);
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
    """One line of the outbox: the row with this key may have changed. `at` is in milliseconds since 1970.

    Of another `member` than the first, `key` is what its join compares, and stands for the rows that join with it.
    """

    position: int
    member: int
    key: tuple[Any, ...]
    at: int


class Store:
    """Links and outbox, through one SQLite connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # Links

    def add(self, request: LinkRequest, tables: Sequence[Table], now: str) -> int:
        """Makes the link, its triggers, and an outbox line for every row of the first table."""
        cursor = self._connection.execute(
            "INSERT INTO _links VALUES (NULL, ?, ?, ?, '', -1, 0, 0, ?, ?)",
            (json.dumps(asdict(request), ensure_ascii=False), ACTIVE, INITIALIZING, now, now),
        )
        link = int(cursor.lastrowid or 0)
        for at, (member, table) in enumerate(zip(members(request), tables, strict=True)):
            self.attach(link, at, member, table)
        key = _key_sql(tables[0], request.key, "")
        self._connection.execute(f"{_line(link, 0, key)} FROM {quote(tables[0].stored_name)}")
        latest = "(SELECT COALESCE(MAX(position), 0) FROM _outbox)"
        self._connection.execute(f"UPDATE _links SET snapshot = {latest} WHERE id = ?", (link,))
        return link

    def attach(self, link: int, at: int, member: Member, table: Table) -> None:
        """Makes the triggers of one of its members, in place of those there were."""
        new, old = (_line(link, at, _key_sql(table, member.watched, row)) for row in ("NEW.", "OLD."))
        moved = " IS NOT ".join(_key_sql(table, member.watched, row) for row in ("OLD.", "NEW."))
        bodies = dict(zip(EVENTS, (f"{new};", f"{old} WHERE {moved}; {new};", f"{old};"), strict=True))
        for event, body in bodies.items():
            name = f"_link_{link}_{at}_{event}"
            self._connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            head = f"CREATE TRIGGER {name} AFTER {event} ON {quote(table.stored_name)}"
            self._connection.execute(f"{head} BEGIN {body} END")

    def detach(self, link: int) -> None:
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB ?"
        for (name,) in self._connection.execute(named, (f"_link_{link}_*",)).fetchall():
            self._connection.execute(f"DROP TRIGGER {name}")

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
        sql = "SELECT position, member, key, at FROM _outbox WHERE link = ? ORDER BY position LIMIT ?"
        rows = self._connection.execute(sql, (link, limit)).fetchall()
        return [Change(position, member, tuple(json.loads(key)), at) for position, member, key, at in rows]

    def spread(self, link: int, change: Change, keys: Iterable[Sequence[Any]]) -> None:
        """Puts lines of the first table's rows in the place of one of another member."""
        lines = [(link, json.dumps(list(key), ensure_ascii=False), change.at) for key in keys]
        self._connection.executemany("INSERT INTO _outbox(link, member, key, at) VALUES (?, 0, ?, ?)", lines)
        self.forget([change.position])

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


def _line(link: int, at: int, key: str) -> str:
    return f"INSERT INTO _outbox(link, member, key, at) SELECT {link}, {at}, {key}, my_clock()"


def _key_sql(table: Table, key: Sequence[str], row: str) -> str:
    """SQL for the key's values as a JSON list."""
    return f"json_array({', '.join(row + quote(table.column(name).name) for name in key)})"
