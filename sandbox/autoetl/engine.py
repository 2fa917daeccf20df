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
from sandbox.polardb.links import LinkRequest, Links, LinkStatus


class AutoEtl(Links):
    """Made with a database it then belongs to; `close` stops every worker."""

    def __init__(
        self, database: Database, search: HttpSearch, *, pace: Pace | None = None, log: Callable[[str], None] = print
    ) -> None:
        self._database, self._search, self._pace, self._log = database, search, pace or Pace(), log
        self._workers: dict[int, Worker] = {}
        self._lock = threading.Lock()
        self._closed, self._stale = False, True
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

    def create(self, connection: sqlite3.Connection, request: LinkRequest, table: Table) -> int:
        self._stale = True
        return Store(connection).add(request, table, self._database.now())

    def drop(self, connection: sqlite3.Connection, link: int) -> None:
        self._stale = True
        Store(connection).remove(link)

    def every(self, connection: sqlite3.Connection) -> Sequence[LinkStatus]:
        return [
            LinkStatus(link.id, link.request, link.status, link.message, link.created_at, link.updated_at)
            for link in Store(connection).links()
        ]

    def altered(self, connection: sqlite3.Connection, before: Table, after: Table, renamed: Mapping[str, str]) -> None:
        store = Store(connection)
        for link in store.links():
            if (link.request.schema, link.request.table) != (before.schema, before.name) or link.status == FAILED:
                continue
            if why := broken_by(link.request, before, after, renamed):
                self._stale = True
                store.fail(link, why, self._database.now())
            else:
                store.attach(link.id, link.request, after)

    def committed(self) -> None:
        with self._lock:
            if self._closed:
                return
            ended = self._catch_up() if self._stale else []
            for number in self._behind() & set(self._workers):
                self._workers[number].wake()
        # Once DROP has answered nothing more is written: a late bulk would bring a deleted index back.
        for worker in ended:
            worker.stop()

    def _behind(self) -> set[int]:
        with closing(self._database.connect()) as connection:
            return Store(connection).behind()

    def _catch_up(self) -> list[Worker]:
        """Starts workers for new links; gives those of links that are no more."""
        self._stale = False
        with closing(self._database.connect()) as connection:
            alive = {link.id for link in Store(connection).links() if link.status != FAILED}
        for number in alive - set(self._workers):
            self._workers[number] = Worker(self._database, number, self._search, self._pace, self._log)
        return [self._workers.pop(number) for number in set(self._workers) - alive]
