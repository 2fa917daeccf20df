"""One link's thread: outbox to `_bulk`, until it is told to stop.

A row that PolarSearch refuses is tried again and again, as the real engine restarts its job: the link stays `active`,
and only its Message (jobStatus `recovering`, restart_times) shows it.
"""

from __future__ import annotations

import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sandbox.autoetl.documents import bulk_body, document, document_id, failures, field_value
from sandbox.autoetl.search import HttpSearch, SearchDown, SearchSlow
from sandbox.autoetl.store import FAILED, RECOVERING, RUNNING, Change, Link, Store
from sandbox.polardb.catalog import Table
from sandbox.polardb.database import Database
from sandbox.polardb.errors import SqlError
from sandbox.polardb.joins import Joins
from sandbox.polardb.links import SEARCH_VIEW, LinkRequest
from sandbox.polardb.tables import Catalog

SMALLEST, FAST, SLOW = 25, 0.25, 1.0
"""How many changes a link begins with, and the seconds within which a batch is fast, or after which it is slow."""
Documents = Mapping[str, dict[str, Any] | None]
Keys = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Pace:
    """How much at most at once, and how long to wait after failures: `first` seconds, doubling up to `longest`."""

    batch: int = 500
    first: float = 0.1
    longest: float = 2.0

    def delay(self, failures_in_a_row: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(failures_in_a_row - 1, 16))

    def next_size(self, size: int, seconds: float | None) -> int:
        """How many changes to send after `size` took so long; None is a request that timed out."""
        if seconds is None or seconds > SLOW:
            return max(1, size // 2)
        return min(self.batch, size * 2) if seconds < FAST else size


class _Trouble(Exception):
    """The link cannot deliver now; the text is for its Message."""


class Worker:
    """Starts its thread at once. `wake` says there may be work; `stop` returns when the thread is gone."""

    def __init__(
        self, database: Database, link: int, search: HttpSearch, pace: Pace, log: Callable[[str], None]
    ) -> None:
        self._database, self._number, self._search, self._pace, self._log = database, link, search, pace, log
        self._size = min(SMALLEST, pace.batch)
        self._work, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"link-{link}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._work.set()

    def ask_to_stop(self) -> None:
        """The thread ends after what it is sending."""
        self._stopping.set()
        self._work.set()

    def stop(self) -> None:
        self.ask_to_stop()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        troubles = 0
        busy: bool | None = True
        with closing(self._database.connect()) as connection:
            while busy is not None and not self._stopping.is_set():
                self._work.clear()
                try:
                    busy, troubles = self._step(connection), 0
                except Exception as error:
                    busy, troubles = True, troubles + 1
                    self._note(connection, error)
                    self._stopping.wait(self._pace.delay(troubles))
                if busy is False:
                    self._work.wait()

    def _step(self, connection: sqlite3.Connection) -> bool | None:
        """Delivers one batch; whether there was one, or None when the link is no more. Raises _Trouble."""
        link = Store(connection).link(self._number)
        if link is None or link.status == FAILED:
            return None
        with connection:
            connection.execute("BEGIN")
            changes = Store(connection).changes(link.id, self._size)
            joined = [change for change in changes if change.member]
            documents = {} if joined else _documents(connection, link, changes)
        if joined:
            return self._spread(connection, link, joined)
        if changes or link.job != RUNNING:
            self._check_index(link)
        if changes:
            self._deliver(connection, link, changes, documents)
        elif link.job != RUNNING or link.errors:
            self._save(connection, link, RUNNING)
        return bool(changes)

    def _spread(self, connection: sqlite3.Connection, link: Link, changes: Sequence[Change]) -> bool:
        """A changed row of a joined table stands for the rows of the first that join with it: now, and if they joined
        with it before and do not now, they have changed themselves.
        """
        joins, store, catalog = Joins(link.request.query, link.request.key), Store(connection), Catalog(connection)
        with self._database.writer, connection, _in_trouble():
            connection.execute("BEGIN IMMEDIATE")
            for change in changes:
                sql = joins.concerned_by(change.member, change.key, catalog)
                store.spread(link.id, change, set(connection.execute(sql).fetchall()))
        return True

    def _check_index(self, link: Link) -> None:
        try:
            there = self._search.has_index(link.request.index)
            if not there and link.request.origin == SEARCH_VIEW:
                self._search.create_index(link.request.index)
                there = True
        except SearchDown as down:
            raise _Trouble(str(down)) from None
        if not there:
            raise _Trouble(f"index_not_found_exception: no such index [{link.request.index}]")

    def _deliver(
        self, connection: sqlite3.Connection, link: Link, changes: Sequence[Change], documents: Documents
    ) -> None:
        """Sends a batch, and forgets what was taken."""
        began = self._database.clock()
        try:
            answer = self._search.bulk(bulk_body(link.request.index, documents.items()))
        except SearchDown as down:
            self._size = self._pace.next_size(self._size, None) if isinstance(down, SearchSlow) else self._size
            raise _Trouble(str(down)) from None
        self._size = self._pace.next_size(self._size, self._database.clock() - began)
        failed = failures(answer)
        done = [change for change in changes if document_id(change.key) not in failed]
        fresh = [change for change in done if change.position > link.snapshot]
        latency = max(-1, int(self._database.clock() * 1000) - fresh[-1].at) if fresh else link.latency
        taken = [change.position for change in done]
        self._save(connection, replace(link, latency=latency), "" if failed else RUNNING, taken=taken)
        if failed:
            ((key, why), *_) = failed.items()
            raise _Trouble(f"{why} at _id {key}; {len(failed)} of {len(documents)} documents refused")

    def _note(self, connection: sqlite3.Connection, error: Exception) -> None:
        """Shows it in the link's Message, and counts a restart; a bug is only logged."""
        if not isinstance(error, _Trouble):
            return self._log(traceback.format_exc())
        if link := Store(connection).link(self._number):
            self._save(connection, replace(link, restarts=link.restarts + 1), RECOVERING, str(error))
        return None

    def _save(
        self, connection: sqlite3.Connection, link: Link, job: str, errors: str = "", taken: Sequence[int] = ()
    ) -> None:
        """Forgets the outbox lines `taken`, and writes down how the link is if its job has a new state."""
        with self._database.writer, connection:
            connection.execute("BEGIN IMMEDIATE")
            Store(connection).forget(taken)
            if job:
                Store(connection).save(replace(link, job=job, errors=errors, updated_at=self._database.now()))


def _table(catalog: Catalog, schema: str, name: str) -> Table:
    table = catalog.find(schema, name)
    if table is None:
        there = schema in catalog.schemas()
        raise _Trouble(f"Table '{schema}.{name}' doesn't exist" if there else f"Unknown database '{schema}'")
    return table


def _documents(connection: sqlite3.Connection, link: Link, changes: Sequence[Change]) -> Documents:
    """By `_id`, in the order of the first change; None for a row that is gone."""
    keys = list({change.key: None for change in changes})
    read = _of_query if link.request.query else _of_table
    return {**{document_id(key): None for key in keys}, **dict(read(connection, link.request, keys))}


def _of_table(connection: sqlite3.Connection, request: LinkRequest, keys: Keys) -> Iterator[tuple[str, Any]]:
    table = _table(Catalog(connection), request.schema, request.table)
    names = [table.column(name).name for name in request.key]
    for row in Store(connection).rows(table, names, keys):
        yield document_id([row[name] for name in names]), document(row, request, table)


def _of_query(connection: sqlite3.Connection, request: LinkRequest, keys: Keys) -> Iterator[tuple[str, Any]]:
    fields = [field for field, _ in request.fields]
    with _in_trouble():
        sql, columns = Joins(request.query, request.key).by_key(Catalog(connection))
        rows = [row for key in keys for row in connection.execute(sql, key).fetchall()]
    for row in rows:
        values = [field_value(value, column.type) for value, column in zip(row, columns, strict=True)]
        yield document_id(row[len(fields) :]), dict(zip(fields, values, strict=False))


@contextmanager
def _in_trouble() -> Iterator[None]:
    """What a query cannot be answered for is the link's trouble."""
    try:
        yield
    except SqlError as error:
        raise _Trouble(error.message) from None
    except sqlite3.OperationalError as error:
        raise _Trouble(f"{error} (in the sandbox)") from None
