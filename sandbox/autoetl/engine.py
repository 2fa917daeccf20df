"""All links of one database: makes and drops them inside the session's transaction, and runs a worker for each.

A worker starts when its link is committed, not before: `committed` looks for links without one, so a rolled back CALL
leaves nothing running.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from sandbox.autoetl.rules import broken_by
from sandbox.autoetl.search import HttpSearch, SearchDown
from sandbox.autoetl.store import FAILED, SCHEMA, Store
from sandbox.autoetl.worker import Pace, Worker
from sandbox.polardb.catalog import Table
from sandbox.polardb.database import Database
from sandbox.polardb.errors import unsupported
from sandbox.polardb.joins import members
from sandbox.polardb.links import LinkRequest, Links, LinkStatus


class AutoEtl(Links):
    """Made with a database it then belongs to; `close` stops every worker."""

    def __init__(
        self, database: Database, search: HttpSearch, *, pace: Pace | None = None, log: Callable[[str], None] = print
    ) -> None:
        self._database, self._search, self._pace, self._log = database, search, pace or Pace(), log
        self._workers: dict[int, Worker] = {}
        self._lock = threading.Lock()
        self._closed = False
        with database.writer, closing(database.connect()) as connection:
            connection.executescript(SCHEMA)
        database.links = self
        self.committed()

    def close(self) -> None:
        """Returns when no thread is left."""
        with self._lock:
            self._closed = True
            workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.stop()

    def missing_index(self, index: str) -> str | None:
        try:
            return None if self._search.has_index(index) else f"no such index [{index}]: create it first"
        except SearchDown as down:
            return str(down)

    def create(self, connection: sqlite3.Connection, request: LinkRequest, tables: Sequence[Table]) -> int:
        return Store(connection).add(request, tables, self._database.now())

    def drop(self, connection: sqlite3.Connection, link: int) -> None:
        Store(connection).remove(link)

    def every(self, connection: sqlite3.Connection) -> Sequence[LinkStatus]:
        return [
            LinkStatus(link.id, link.request, link.status, link.message, link.created_at, link.updated_at)
            for link in Store(connection).links()
        ]

    def altered(self, connection: sqlite3.Connection, before: Table, after: Table, renamed: Mapping[str, str]) -> None:
        store = Store(connection)
        for link in (link for link in store.links() if link.status != FAILED):
            every = enumerate(members(link.request))
            mine = {at: one for at, one in every if (one.schema, one.name) == (before.schema, before.name)}
            reasons = [why for one in mine.values() if (why := broken_by(one, before, after, renamed))]
            used = [name for one in mine.values() for name in one.used if link.request.query]
            if reasons:
                store.fail(link, reasons[0], self._database.now())
            elif any(before.find(name) and not after.find(name) for name in used):
                raise unsupported(f"dropping a column of {before.stored_name} that the query of a link uses")
            else:
                for at, one in mine.items():
                    store.attach(link.id, at, one, after)

    def committed(self) -> None:
        with self._lock:
            if self._closed:
                return
            with closing(self._database.connect()) as connection:
                alive = Store(connection).alive()
            ended = [self._workers.pop(number) for number in self._workers.keys() - alive.keys()]
            for number, behind in alive.items():
                self._attend(number, behind)
        # Once DROP has answered nothing more is written: a late bulk would bring a deleted index back.
        for worker in ended:
            worker.stop()

    def _attend(self, number: int, behind: bool) -> None:
        """Starts a new link's worker, which looks for work by itself; wakes another's when there is some."""
        if number not in self._workers:
            self._workers[number] = Worker(self._database, number, self._search, self._pace, self._log)
        elif behind:
            self._workers[number].wake()
