"""One session's transaction over SQLite: READ COMMITTED, as PolarDB's default is, with one writer at a time.

The first write takes the database's only write lock and keeps it until COMMIT, where MySQL would lock rows. Reads
before it hold nothing, so they see what was committed last; a second writer waits, and gives up with 1205.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.polardb.errors import refusal


class Transaction:
    """`writer` is shared by everything that writes to the file; `committed` is called after each commit of a write."""

    def __init__(self, connection: sqlite3.Connection, writer: threading.Lock, committed: Callable[[], None]) -> None:
        self._connection = connection
        self._writer = writer
        self._committed = committed
        self._writing = False
        self.explicit = False
        self.autocommit = True
        self.patience: Callable[[], float] = lambda: 50.0

    @property
    def open(self) -> bool:
        """Whether COMMIT would have something to end."""
        return self._writing or self.explicit

    def begin(self) -> None:
        """START TRANSACTION: commits what is open."""
        self.commit()
        self.explicit = True

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, word: str) -> None:
        wrote, self._writing, self.explicit = self._writing, False, False
        if not wrote:
            return
        try:
            self._connection.execute(word)
        finally:
            self._writer.release()
        if word == "COMMIT":
            self._committed()

    def lock(self) -> None:
        """Takes the write lock for the rest of the transaction. Raises 1205."""
        if self._writing:
            return
        if not self._writer.acquire(timeout=self.patience()):
            raise refusal(1205)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._writer.release()
            raise refusal(1205) from None
        self._writing = True

    def lock_for_reading(self) -> None:
        """SELECT … FOR UPDATE: holds the lock if the transaction outlives the statement."""
        if self.explicit or not self.autocommit:
            self.lock()

    @contextmanager
    def change(self) -> Iterator[None]:
        """A statement that writes: all of it or nothing, and committed at once under autocommit."""
        self.lock()
        self._connection.execute("SAVEPOINT statement")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO statement")
            self._connection.execute("RELEASE statement")
            if not self.explicit and self.autocommit:
                self.rollback()
            raise
        self._connection.execute("RELEASE statement")
        if not self.explicit and self.autocommit:
            self.commit()

    @contextmanager
    def definition(self) -> Iterator[None]:
        """A statement that MySQL commits by itself: what was open before it is committed first."""
        self.commit()
        self.lock()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()
