"""One client's session: its database, variables and transaction, and what everything that runs in it may ask."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.polardb import functions, system_views
from sandbox.polardb.accounts import Account, Accounts, Grant, Level, allows, any_within
from sandbox.polardb.catalog import SYSTEM_SCHEMAS, Column, Table
from sandbox.polardb.database import Database
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.tables import Catalog
from sandbox.polardb.translate import FromTable
from sandbox.polardb.types import BIGINT, DATE, DATETIME, VARCHAR, ColumnType
from sandbox.polardb.variables import Variables


@dataclass(frozen=True)
class Rows:
    """A result set: columns with their types, rows as SQLite gave them."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Done:
    """What a statement without a result set did."""

    affected: int = 0
    insert_id: int = 0
    info: str = ""


Answer = Rows | Done


class Duplicate(Exception):
    """A unique key of these columns has such a value already."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(columns)
        self.columns = columns


def listing(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> Rows:
    """A result set; a column of whole numbers is one."""
    kinds = [BIGINT if any(isinstance(row[at], int) for row in rows) else VARCHAR for at in range(len(headings))]
    return Rows([Column(name, kind) for name, kind in zip(headings, kinds, strict=True)], rows)


class Transaction:
    """READ COMMITTED, as PolarDB's default is, with one writer at a time.

    The first write takes the database's only write lock and keeps it until COMMIT, where MySQL would lock rows. A
    second writer waits, and gives up with 1205. `committed` is called after each commit of a write.
    """

    def __init__(self, connection: sqlite3.Connection, writer: threading.Lock, committed: Callable[[], None]) -> None:
        self._connection, self._writer, self._committed = connection, writer, committed
        self._writing = self.explicit = False
        self.autocommit = True
        self.patience = 50

    @property
    def open(self) -> bool:
        """Whether COMMIT would have something to end."""
        return self._writing or self.explicit

    def end(self, word: str) -> None:
        """COMMIT or ROLLBACK."""
        wrote, self._writing, self.explicit = self._writing, False, False
        if not wrote:
            return
        try:
            self._connection.execute(word)
        finally:
            self._writer.release()
        if word == "COMMIT":
            self._committed()

    def _lock(self) -> None:
        if self._writing:
            return
        if not self._writer.acquire(timeout=self.patience):
            raise refusal(1205)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._writer.release()
            raise refusal(1205) from None
        self._writing = True

    @contextmanager
    def change(self) -> Iterator[None]:
        """A statement that writes: all of it or nothing, and committed at once under autocommit."""
        self._lock()
        self._connection.execute("SAVEPOINT statement")
        alone = self.autocommit and not self.explicit
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO statement")
            self._connection.execute("RELEASE statement")
            if alone:
                self.end("ROLLBACK")
            raise
        self._connection.execute("RELEASE statement")
        if alone:
            self.end("COMMIT")

    @contextmanager
    def definition(self) -> Iterator[None]:
        """A statement that MySQL commits by itself: what was open before it is committed first."""
        self.end("COMMIT")
        self._lock()
        try:
            yield
        except BaseException:
            self.end("ROLLBACK")
            raise
        self.end("COMMIT")


class Session:
    """`account` is the row of mysql.user the client matched, `peer` its address; `found_rows` counts matched rows."""

    def __init__(
        self, database: Database, account: Account, *, peer: str = "127.0.0.1", found_rows: bool = False
    ) -> None:
        self.database, self.account, self.peer, self.found_rows = database, account, peer, found_rows
        self.id = next(database.session_ids)
        self.schema = ""
        self.connection = database.connect()
        self.catalog = Catalog(self.connection)
        self.accounts = Accounts(self.connection)
        self.transaction = Transaction(self.connection, database.writer, lambda: database.links.committed())
        self._raised: BaseException | None = None
        functions.install(self.connection, self._guarded)
        self._begin()

    def _begin(self) -> None:
        self.variables = Variables(self.database.server_variables)
        self.warnings: list[tuple[str, int, str]] = []
        self._grants: list[Grant] | None = None
        self.last_insert_id, self.row_count = 0, -1

    def reset(self) -> None:
        """As if it had just begun, but in the same database."""
        self.transaction.end("ROLLBACK")
        self.transaction.autocommit, self.transaction.patience = True, 50
        self._begin()

    def close(self) -> None:
        """Rolls back and lets go of the file."""
        self.transaction.end("ROLLBACK")
        self.connection.close()

    def note(self, code: int, *parts: object) -> None:
        """A refusal that IF EXISTS or IF NOT EXISTS makes a note."""
        self.warnings.append(("Note", code, refusal(code, *parts).message))

    # SQLite

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*values: Any) -> Any:
            try:
                return call(*values)
            except Exception as error:
                self._raised = self._raised or error
                raise

        return guarded

    def execute(self, sql: str, values: Sequence[Any] = ()) -> tuple[list[Any], int]:
        """Runs SQLite's SQL to its end: its rows, and how many it changed. What a function of ours raised is raised."""
        self._raised = None
        try:
            cursor = self.connection.execute(sql, values)
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise self._raised or _translated(error) from None
        if self._raised:
            raise self._raised
        return rows, cursor.rowcount

    # Privileges

    def grants(self) -> list[Grant]:
        """Those of the account, read once a statement."""
        if self._grants is None:
            self._grants = self.accounts.grants(self.account)
        return self._grants

    def begin_statement(self) -> None:
        """Forgets what held for the statement before: another session may have granted something since."""
        self._grants = None

    def may(self, privilege: str, level: Level) -> bool:
        return allows(self.grants(), privilege, level)

    def require(self, privilege: str, level: Level | None = None) -> None:
        """Raises 1142 for a table, 1044 for a database, 1227 for the server."""
        if not self.may(privilege, level or Level()):
            raise self.denied(privilege, level)

    def denied(self, privilege: str, level: Level | None) -> SqlError:
        if level is None:
            return refusal(1227, privilege)
        if level.name:
            return refusal(1142, privilege, self.account.user, self.peer, level.name)
        return refusal(1044, self.account.user, self.account.host, level.schema)

    def sees(self, schema: str, name: str = "") -> bool:
        """Whether information_schema shows it to this user."""
        return schema == "information_schema" or any_within(self.grants(), schema, name)

    # Names

    def use(self, schema: str) -> None:
        """USE. Raises 1044 or 1049."""
        schema = schema.lower()
        if not self.sees(schema):
            raise self.denied("", Level(schema))
        if schema not in self.catalog.schemas():
            raise refusal(1049, schema)
        self.schema = schema

    def current(self) -> str:
        """The database in use. Raises 1046."""
        if not self.schema:
            raise refusal(1046)
        return self.schema

    def table(self, schema: str, name: str, privilege: str) -> Table:
        """A table this user may do that to. Raises 1142 before anything tells whether it is there."""
        level = Level((schema or self.current()).lower(), name.lower())
        if level.schema in SYSTEM_SCHEMAS and privilege != "SELECT":
            raise self.denied(privilege, Level(level.schema))
        self.require(privilege, level)
        return self.catalog.table(level.schema, level.name)

    # What a query asks

    def source(self, schema: str, name: str) -> FromTable:
        if (schema or self.current()).lower() == "information_schema":
            return FromTable(name.lower(), "information_schema", *system_views.filled(self, name.lower()))
        table = self.table(schema, name, "SELECT")
        return FromTable(table.name, table.schema, table.stored_name, table.columns, table.keys)

    def variable(self, name: str, scope: str) -> Any:
        return self.variables.value(name, scope)

    def constant(self, name: str) -> tuple[Any, ColumnType]:
        """Functions without arguments that depend on the session. Raises LookupError for any other."""
        now = self.database.now()
        values: dict[str, tuple[Any, ColumnType]] = {
            "DATABASE": (self.schema or None, VARCHAR), "USER": (f"{self.account.user}@{self.peer}", VARCHAR),
            "CURRENT_USER": (f"{self.account.user}@{self.account.host}", VARCHAR),
            "VERSION": (self.database.version, VARCHAR), "CONNECTION_ID": (self.id, BIGINT),
            "LAST_INSERT_ID": (self.last_insert_id, BIGINT), "ROW_COUNT": (self.row_count, BIGINT),
            "NOW": (now, DATETIME), "CURDATE": (now[:10], DATE),
        }  # fmt: skip
        return values[name]


def _translated(error: sqlite3.Error) -> Exception:
    if duplicate := re.match(r"UNIQUE constraint failed: (.+)", str(error)):
        return Duplicate(tuple(part.rsplit(".", 1)[1] for part in duplicate[1].split(", ")))
    if missing := re.match(r"NOT NULL constraint failed: .+\.(\w+)$", str(error)):
        return refusal(1048, missing[1])
    return refusal(1205) if re.search("locked|busy", str(error)) else unsupported(str(error))
