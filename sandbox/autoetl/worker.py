"""One link's thread: outbox to `_bulk`, until it is told to stop.

A row that PolarSearch refuses is tried again and again, as the real engine restarts its job: the link stays `active`,
and only its Message (jobStatus `recovering`, restart_times) shows it.
"""

from __future__ import annotations

import sqlite3
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sandbox.autoetl.documents import bulk_body, document, document_id, failures
from sandbox.autoetl.search import Search, SearchDown
from sandbox.autoetl.store import FAILED, RECOVERING, RUNNING, Change, Link, Store
from sandbox.polardb.catalog import Table
from sandbox.polardb.database import Database
from sandbox.polardb.links import SEARCH_VIEW
from sandbox.polardb.tables import Catalog


@dataclass(frozen=True)
class Pace:
    """How much at once, and how long to wait after failures: `first` seconds, doubling up to `longest`."""

    batch: int = 500
    first: float = 0.1
    longest: float = 2.0

    def delay(self, failures_in_a_row: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(failures_in_a_row - 1, 16))


class Outcome(Enum):
    """Of one step: something was delivered, there was nothing to do, or the link is no more."""

    BUSY, IDLE, OVER = range(3)


class _Trouble(Exception):
    """The link cannot deliver now; the text is for its Message."""


class Worker:
    """Starts its thread at once. `wake` says there may be work; `stop` returns when the thread is gone."""

    def __init__(self, database: Database, link: int, search: Search, pace: Pace, log: Callable[[str], None]) -> None:
        self._database = database
        self._number = link
        self._search = search
        self._pace = pace
        self._log = log
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"link-{link}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._work.set()

    def stop(self) -> None:
        self.ask_to_stop()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def ask_to_stop(self) -> None:
        """The thread ends after what it is sending."""
        self._stopping.set()
        self._work.set()

    def _run(self) -> None:
        with closing(self._database.connect()) as connection:
            delivery = _Delivery(self._database, connection, self._number, self._search, self._pace)
            troubles = 0
            while not self._stopping.is_set():
                self._work.clear()
                try:
                    outcome = delivery.step()
                except _Trouble as trouble:
                    troubles += 1
                    delivery.note_trouble(str(trouble))
                    self._stopping.wait(self._pace.delay(troubles))
                    continue
                except Exception:
                    troubles += 1
                    self._log(traceback.format_exc())
                    self._stopping.wait(self._pace.delay(troubles))
                    continue
                troubles = 0
                if outcome is Outcome.OVER:
                    return
                if outcome is Outcome.IDLE:
                    self._work.wait()


class _Delivery:
    def __init__(
        self, database: Database, connection: sqlite3.Connection, link: int, search: Search, pace: Pace
    ) -> None:
        self._database = database
        self._connection = connection
        self._store = Store(connection)
        self._catalog = Catalog(connection)
        self._number = link
        self._search = search
        self._pace = pace

    def step(self) -> Outcome:
        """Delivers one batch, if there is one. Raises _Trouble."""
        link = self._store.link(self._number)
        if link is None or link.status == FAILED:
            return Outcome.OVER
        changes, documents = self._batch(link)
        if changes or link.job != RUNNING:
            self._check_index(link)
        if not changes:
            self._note_idle(link)
            return Outcome.IDLE
        self._deliver(link, changes, documents)
        return Outcome.BUSY

    def _batch(self, link: Link) -> tuple[list[Change], dict[str, dict[str, Any] | None]]:
        """The oldest changes, and their rows' documents as of the same moment."""
        self._connection.execute("BEGIN")
        try:
            table = self._table(link)
            changes = self._store.changes(link.id, self._pace.batch)
            return changes, self._documents(link, table, changes)
        finally:
            self._connection.execute("COMMIT")

    def _table(self, link: Link) -> Table:
        request = link.request
        table = self._catalog.find(request.schema, request.table)
        if table is None:
            missing = request.schema not in self._catalog.schemas()
            known = f"Table '{request.schema}.{request.table}' doesn't exist"
            raise _Trouble(f"Unknown database '{request.schema}'" if missing else known)
        return table

    def _documents(self, link: Link, table: Table, changes: Sequence[Change]) -> dict[str, dict[str, Any] | None]:
        keys = list({change.key: None for change in changes})
        found: dict[str, dict[str, Any] | None] = {document_id(key): None for key in keys}
        names = [table.column(name).name for name in link.request.key]
        for row in self._store.rows(table, names, keys):
            found[document_id([row[name] for name in names])] = document(row, link.request, table)
        return found

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

    def _deliver(self, link: Link, changes: Sequence[Change], documents: dict[str, dict[str, Any] | None]) -> None:
        try:
            answer = self._search.bulk(bulk_body(link.request.index, documents.items()))
        except SearchDown as down:
            raise _Trouble(str(down)) from None
        failed = failures(answer)
        done = [change for change in changes if document_id(change.key) not in failed]
        self._acknowledge(link, done, failed)
        if failed:
            ((key, why), *_) = failed.items()
            raise _Trouble(f"{why} at _id {key}; {len(failed)} of {len(documents)} documents refused")

    def _acknowledge(self, link: Link, done: Sequence[Change], failed: dict[str, str]) -> None:
        fresh = [change for change in done if change.position > link.snapshot]
        latency = int(self._database.clock() * 1000) - fresh[-1].at if fresh else link.latency
        with self._database.writer, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._store.forget([change.position for change in done])
            if not failed:
                self._store.save(self._healthy(replace(link, latency=max(latency, -1))))

    def _healthy(self, link: Link) -> Link:
        return replace(link, job=RUNNING, errors="", updated_at=self._database.now())

    def _note_idle(self, link: Link) -> None:
        if link.job != RUNNING or link.errors:
            self._save(self._healthy(link))

    def note_trouble(self, why: str) -> None:
        """Shows it in the link's Message, and counts a restart."""
        link = self._store.link(self._number)
        if link:
            restarts = link.restarts + 1
            self._save(replace(link, job=RECOVERING, errors=why, restarts=restarts, updated_at=self._database.now()))

    def _save(self, link: Link) -> None:
        with self._database.writer, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._store.save(link)
