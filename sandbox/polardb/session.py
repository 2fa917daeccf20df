"""One client's session: its database, variables and transaction, and what everything that runs in it may ask.

What SQLite says is turned into what MySQL would have said; what a function of ours raised inside SQLite is raised
again.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.polardb import functions, system_views
from sandbox.polardb.accounts import Account, Accounts, Grant, allows, any_within
from sandbox.polardb.catalog import SYSTEM_SCHEMAS, Catalog, Table
from sandbox.polardb.changes import Placing
from sandbox.polardb.database import Database
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.missing_functions import NAMES as MYSQL_ONLY
from sandbox.polardb.queries import Queries
from sandbox.polardb.scope import Typed
from sandbox.polardb.transactions import Transaction
from sandbox.polardb.types import BIGINT, DATE, DATETIME, VARCHAR, ColumnType
from sandbox.polardb.variables import Variables


@dataclass(frozen=True)
class Rows:
    """A result set: columns with their types, rows as SQLite gave them."""

    columns: Sequence[Typed]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Done:
    """What a statement without a result set did."""

    affected: int = 0
    insert_id: int = 0
    info: str = ""


Answer = Rows | Done


@dataclass
class Warned:
    """What SHOW WARNINGS shows: (level, code, message)."""

    entries: list[tuple[str, int, str]] = field(default_factory=list)

    def note(self, code: int, *parts: object) -> None:
        """A refusal that IF EXISTS or IF NOT EXISTS made a note."""
        self.entries.append(("Note", code, refusal(code, *parts).message))


class Session:
    """`user` is the name the client gave, `account` the row of mysql.user it matched, `peer` its address."""

    def __init__(
        self, database: Database, account: Account, *, peer: str = "127.0.0.1", found_rows: bool = False
    ) -> None:
        self.database = database
        self.account = account
        self.peer = peer
        self.found_rows = found_rows
        self.id = next(database.session_ids)
        self.schema = ""
        self.connection = database.connect()
        self.catalog = Catalog(self.connection)
        self.accounts = Accounts(self.connection)
        self.variables = Variables(database.server_variables)
        self.transaction = Transaction(self.connection, database.writer, lambda: database.links.committed())
        self.transaction.patience = lambda: float(self.variables.get("innodb_lock_wait_timeout"))
        self.warned = Warned()
        self.last_insert_id = 0
        self.row_count = -1
        self.placing = Placing()
        self._raised: SqlError | None = None
        functions.install(self.connection, self._guarded)
        self.connection.create_function("my_store", 2, self._guarded(lambda value, at: self.placing.convert(value, at)))

    def close(self) -> None:
        """Rolls back and lets go of the file."""
        self.transaction.rollback()
        self.connection.close()

    def reset(self) -> None:
        """As if it had just begun, but in the same database."""
        self.transaction.rollback()
        self.transaction.autocommit = True
        self.variables = Variables(self.database.server_variables)
        self.warned = Warned()
        self.last_insert_id = 0

    # Errors

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*values: Any) -> Any:
            try:
                return call(*values)
            except SqlError as error:
                self._raised = error
                raise

        return guarded

    @contextmanager
    def speaking_mysql(self) -> Iterator[None]:
        """What SQLite raises inside becomes MySQL's error."""
        self._raised = None
        try:
            yield
        except sqlite3.Error as error:
            raise self._raised or self._translated(error) from None

    def _translated(self, error: sqlite3.Error) -> SqlError:
        text = str(error)
        duplicate = re.match(r"UNIQUE constraint failed: (.+)", text)
        if duplicate:
            return self._duplicate(duplicate[1])
        missing = re.match(r"NOT NULL constraint failed: .+\.(\w+)$", text)
        if missing:
            return refusal(1048, missing[1])
        if "locked" in text or "busy" in text:
            return refusal(1205)
        return unsupported(text)

    def _duplicate(self, columns: str) -> SqlError:
        names = [part.rsplit(".", 1) for part in columns.split(", ")]
        schema, _, name = names[0][0].partition(".")
        table = self.catalog.find(schema, name)
        parts = tuple(column for _, column in names)
        key = next((index.name for index in table.indexes if index.columns == parts), "PRIMARY") if table else "PRIMARY"
        return refusal(1062, "-".join(str(value) for value in self.placing.values_of(parts)), key)

    # Privileges

    def grants(self) -> list[Grant]:
        return self.accounts.grants(self.account)

    def may(self, privilege: str, schema: str = "", name: str = "", kind: str = "TABLE") -> bool:
        return allows(self.grants(), privilege, schema, name, kind)

    def require(self, privilege: str, schema: str, name: str) -> None:
        """On a table. Raises 1142."""
        if not self.may(privilege, schema, name):
            raise refusal(1142, privilege, self.account.user, self.peer, name)

    def require_schema(self, privilege: str, schema: str) -> None:
        """On a whole database. Raises 1044."""
        if not self.may(privilege, schema):
            raise refusal(1044, self.account.user, self.account.host, schema)

    def require_global(self, privilege: str) -> None:
        """Raises 1227."""
        if not self.may(privilege):
            raise refusal(1227, privilege)

    def sees(self, schema: str, name: str = "") -> bool:
        """Whether information_schema shows it to this user."""
        return schema == "information_schema" or any_within(self.grants(), schema, name)

    # Names and tables

    def use(self, schema: str) -> None:
        """USE. Raises 1044 or 1049."""
        schema = schema.lower()
        if not self.sees(schema):
            raise refusal(1044, self.account.user, self.account.host, schema)
        if not self.catalog.has_schema(schema):
            raise refusal(1049, schema)
        self.schema = schema

    def table(self, schema: str, name: str, privilege: str) -> Table:
        """A table this user may do that to. Raises 1142 before anything tells whether it is there."""
        schema, name = (schema or self.current()).lower(), name.lower()
        if schema in SYSTEM_SCHEMAS and privilege != "SELECT":
            raise refusal(1044, self.account.user, self.account.host, schema)
        self.require(privilege, schema, name)
        return self.catalog.table(schema, name)

    def current(self) -> str:
        """The database in use. Raises 1046."""
        if not self.schema:
            raise refusal(1046)
        return self.schema

    def source(self, schema: str, name: str) -> tuple[str, tuple[Typed, ...], str]:
        """For FROM: the SQLite table, its columns, its database."""
        schema = (schema or self.current()).lower()
        if schema == "information_schema":
            return *system_views.source(self, name.lower()), schema
        table = self.table(schema, name, "SELECT")
        columns = tuple(
            Typed("", column.type, column.name, table.name, table.schema, column.nullable) for column in table.columns
        )
        return table.stored_name, columns, schema

    # What expressions ask

    def variable(self, name: str, scope: str) -> tuple[Any, ColumnType]:
        if scope == "persist":
            raise unsupported("@@persist")
        value = self.variables.value(name, scope)
        return value, BIGINT if isinstance(value, int) else VARCHAR

    def constant(self, name: str) -> tuple[Any, ColumnType] | None:
        """Functions without arguments that depend on the session."""
        found = {
            "DATABASE": (self.schema or None, VARCHAR),
            "SCHEMA": (self.schema or None, VARCHAR),
            "USER": (f"{self.account.user}@{self.peer}", VARCHAR),
            "SESSION_USER": (f"{self.account.user}@{self.peer}", VARCHAR),
            "CURRENT_USER": (f"{self.account.user}@{self.account.host}", VARCHAR),
            "VERSION": (self.database.version, VARCHAR),
            "CONNECTION_ID": (self.id, BIGINT),
            "LAST_INSERT_ID": (self.last_insert_id, BIGINT),
            "ROW_COUNT": (self.row_count, BIGINT),
            "NOW": (self.database.now(), DATETIME),
            "SYSDATE": (self.database.now(), DATETIME),
            "UTC_TIMESTAMP": (self.database.now(), DATETIME),
            "CURDATE": (self.database.now()[:10], DATE),
            "CURRENT_DATE": (self.database.now()[:10], DATE),
        }
        return found.get(name)

    def call(self, name: str) -> str | None:
        """The full name of a function nobody has, or None when MySQL has it and the sandbox does not."""
        return None if name in MYSQL_ONLY else f"{self.schema or 'mysql'}.{name}"

    # Running

    def queries(self) -> Queries:
        return Queries(self)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Runs SQLite SQL to its end."""
        with self.speaking_mysql():
            return self.connection.execute(sql).fetchall()
