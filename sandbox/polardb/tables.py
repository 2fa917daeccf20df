"""The databases and tables, as one SQLite connection sees them."""

from __future__ import annotations

import sqlite3
from functools import lru_cache

from sandbox.polardb.catalog import SYSTEM_SCHEMAS, Table, quote, sqlite_statements
from sandbox.polardb.definitions import read_table
from sandbox.polardb.errors import refusal
from sandbox.polardb.reader import statements


@lru_cache(maxsize=512)
def _loaded(schema: str, name: str, definition: str) -> Table:
    (reader,) = statements(definition)
    reader.expect("CREATE", "TABLE")
    reader.name()
    return read_table(reader, schema, name)


class Catalog:
    """Every answer is as of now, inside the connection's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def schemas(self) -> list[str]:
        """Every database, by name."""
        rows = self._connection.execute("SELECT name FROM _schemata").fetchall()
        return sorted({*SYSTEM_SCHEMAS, *(name for (name,) in rows)})

    def tables(self, schema: str = "", name: str = "") -> list[Table]:
        """All, those of one database, or the one of that name, by name."""
        rows = self._connection.execute(
            "SELECT schema, name, definition FROM _tables WHERE ?1 IN ('', schema) AND ?2 IN ('', name)"
            " ORDER BY schema, name",
            (schema.lower(), name.lower()),
        ).fetchall()
        return [_loaded(*row) for row in rows]

    def find(self, schema: str, name: str) -> Table | None:
        return next(iter(self.tables(schema, name)), None)

    def table(self, schema: str, name: str) -> Table:
        """Like `find`; raises 1049 or 1146."""
        found = self.find(schema, name)
        if found is None:
            raise refusal(1146, schema, name) if schema in self.schemas() else refusal(1049, schema)
        return found

    def add_schema(self, name: str) -> None:
        self._connection.execute("INSERT INTO _schemata VALUES (?)", (name,))

    def remove_schema(self, name: str) -> None:
        self._connection.execute("DELETE FROM _schemata WHERE name = ?", (name,))

    def save(self, table: Table, created: str = "") -> None:
        """Writes the definition down; its creation and AUTO_INCREMENT stay."""
        self._connection.execute(
            "INSERT INTO _tables VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET definition = excluded.definition",
            (table.schema, table.name, str(table), created, table.number),
        )

    def build(self, table: Table, created: str) -> None:
        """Makes the SQLite table, empty, and writes the definition down."""
        for statement in sqlite_statements(table):
            self._connection.execute(statement)
        self.save(table, created)

    def remove(self, table: Table) -> None:
        """Drops both the rows and the definition."""
        self._connection.execute(f"DROP TABLE {quote(table.stored_name)}")
        self._connection.execute("DELETE FROM _tables WHERE (schema, name) = (?, ?)", (table.schema, table.name))

    def facts(self, table: Table) -> tuple[str, int, int]:
        """When it was made, its next AUTO_INCREMENT, and how many rows it has."""
        sql = f"SELECT created, number, (SELECT COUNT(*) FROM {quote(table.stored_name)}) FROM _tables"
        where = "WHERE (schema, name) = (?, ?)"
        row: tuple[str, int, int] = self._connection.execute(f"{sql} {where}", (table.schema, table.name)).fetchone()
        return row

    def number(self, table: Table) -> int:
        """The next AUTO_INCREMENT."""
        sql = "SELECT number FROM _tables WHERE (schema, name) = (?, ?)"
        return int(self._connection.execute(sql, (table.schema, table.name)).fetchone()[0])

    def set_number(self, table: Table, number: int) -> None:
        sql = "UPDATE _tables SET number = ? WHERE (schema, name) = (?, ?)"
        self._connection.execute(sql, (number, table.schema, table.name))
