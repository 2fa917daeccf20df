"""What tables there are: MySQL's definitions, kept as JSON beside the SQLite tables that hold the rows.

MySQL's `shop.products` is the SQLite table "shop.products". Table and database names are lower case, as PolarDB's
default lower_case_table_names=1 makes them; a name with a dot in it is refused.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from sandbox.polardb.errors import refusal
from sandbox.polardb.types import ColumnType

SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys", "dbms_etl")
SCHEMA = """
CREATE TABLE IF NOT EXISTS _schemata(name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tables(schema TEXT, name TEXT, definition TEXT, PRIMARY KEY(schema, name)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Column:
    """`default` is the value as text, or CURRENT_TIMESTAMP with `default_now`; None means no default."""

    name: str
    type: ColumnType
    nullable: bool = True
    default: str | None = None
    default_now: bool = False
    on_update_now: bool = False
    auto_increment: bool = False
    comment: str = ""

    @property
    def optional(self) -> bool:
        """Whether an INSERT may leave it out."""
        return self.nullable or self.default is not None or self.default_now or self.auto_increment


@dataclass(frozen=True)
class Index:
    """`name` is PRIMARY for the primary key; `unique` holds for it too."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True)
class Table:
    """A table as CREATE TABLE described it and ALTER TABLE changed it."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    comment: str = ""
    created: str = ""

    @property
    def stored_name(self) -> str:
        """The SQLite table's name."""
        return f"{self.schema}.{self.name}"

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Its columns; empty when there is none."""
        return next((index.columns for index in self.indexes if index.name == "PRIMARY"), ())

    @property
    def keys(self) -> list[tuple[str, ...]]:
        """What identifies a row: the primary key first, then unique keys of columns that are NOT NULL."""
        unique = [index.columns for index in self.indexes if index.unique and index.name != "PRIMARY"]
        total = [key for key in unique if not any(self.column(name).nullable for name in key)]
        return ([self.primary_key] if self.primary_key else []) + total

    def find(self, name: str) -> Column | None:
        """The column of that name, in any case."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)

    def column(self, name: str) -> Column:
        """Like `find`; raises 1054."""
        column = self.find(name)
        if column is None:
            raise refusal(1054, name, "field list")
        return column


def quote(name: str) -> str:
    """An identifier for SQLite; never in double quotes, which SQLite takes for a string when nothing has that name."""
    return "`" + name.replace("`", "``") + "`"


def table_name(schema: str, name: str) -> tuple[str, str]:
    """Both parts as they are kept. Raises 1235 for a dot inside one."""
    if "." in schema or "." in name:
        raise refusal(1235, "names with a dot")
    return schema.lower(), name.lower()


def _dumped(table: Table) -> str:
    return json.dumps(asdict(table), ensure_ascii=False)


@lru_cache(maxsize=512)
def _loaded(definition: str) -> Table:
    raw: dict[str, Any] = json.loads(definition)
    columns = tuple(
        Column(**{**column, "type": ColumnType(**{**column["type"], "members": tuple(column["type"]["members"])})})
        for column in raw["columns"]
    )
    indexes = tuple(Index(index["name"], tuple(index["columns"]), index["unique"]) for index in raw["indexes"])
    return Table(**{**raw, "columns": columns, "indexes": indexes})


class Catalog:
    """The databases and tables, as one SQLite connection sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def schemas(self) -> list[str]:
        """Every database, by name."""
        rows = self._connection.execute("SELECT name FROM _schemata").fetchall()
        return sorted({*SYSTEM_SCHEMAS, *(name for (name,) in rows)})

    def has_schema(self, name: str) -> bool:
        return name.lower() in self.schemas()

    def find(self, schema: str, name: str) -> Table | None:
        """The table, or None."""
        row = self._connection.execute(
            "SELECT definition FROM _tables WHERE schema = ? AND name = ?", (schema.lower(), name.lower())
        ).fetchone()
        return _loaded(row[0]) if row else None

    def table(self, schema: str, name: str) -> Table:
        """Like `find`; raises 1049 or 1146."""
        found = self.find(schema, name)
        if found is None:
            if not self.has_schema(schema):
                raise refusal(1049, schema)
            raise refusal(1146, schema, name)
        return found

    def tables(self, schema: str | None = None) -> list[Table]:
        """All, or those of one database, by name."""
        rows = self._connection.execute(
            "SELECT definition FROM _tables WHERE ?1 IS NULL OR schema = ?1 ORDER BY schema, name", (schema,)
        ).fetchall()
        return [_loaded(definition) for (definition,) in rows]

    def add_schema(self, name: str) -> None:
        self._connection.execute("INSERT INTO _schemata VALUES (?)", (name.lower(),))

    def remove_schema(self, name: str) -> None:
        self._connection.execute("DELETE FROM _schemata WHERE name = ?", (name.lower(),))

    def save(self, table: Table) -> None:
        """Writes the definition down; the SQLite table is `build`'s."""
        self._connection.execute(
            "INSERT OR REPLACE INTO _tables VALUES (?, ?, ?)", (table.schema, table.name, _dumped(table))
        )

    def build(self, table: Table) -> None:
        """Makes the SQLite table, empty, and its indexes, and writes the definition down."""
        for statement in _statements(table):
            self._connection.execute(statement)
        self.save(table)

    def remove(self, table: Table) -> None:
        """Drops both the rows and the definition."""
        self._connection.execute(f"DROP TABLE {quote(table.stored_name)}")
        self._connection.execute("DELETE FROM _tables WHERE schema = ? AND name = ?", (table.schema, table.name))

    def count(self, table: Table) -> int:
        (number,) = self._connection.execute(f"SELECT COUNT(*) FROM {quote(table.stored_name)}").fetchone()
        return int(number)


def _statements(table: Table) -> Iterable[str]:
    key = table.primary_key
    integer_key = len(key) == 1 and table.column(key[0]).type.family == "integer"
    parts = [_column(column, integer_key and column.name == key[0]) for column in table.columns]
    if key and not integer_key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quote, key))})")
    rowless = ", WITHOUT ROWID" if key and not integer_key else ""
    yield f"CREATE TABLE {quote(table.stored_name)} ({', '.join(parts)}) STRICT{rowless}"
    for index in table.indexes:
        if index.name != "PRIMARY":
            unique = "UNIQUE " if index.unique else ""
            columns = ", ".join(map(quote, index.columns))
            name = quote(f"{table.stored_name}.{index.name}")
            yield f"CREATE {unique}INDEX {name} ON {quote(table.stored_name)} ({columns})"


def _column(column: Column, key: bool) -> str:
    if key:
        generated = " AUTOINCREMENT" if column.auto_increment else ""
        return f"{quote(column.name)} INTEGER PRIMARY KEY{generated}"
    return f"{quote(column.name)} {column.type.storage}{'' if column.nullable else ' NOT NULL'}"


def with_index(table: Table, index: Index) -> Table:
    """`table` with one more index. Raises 1061, 1068 or 1072."""
    if any(known.name.lower() == index.name.lower() for known in table.indexes):
        raise refusal(1068) if index.name == "PRIMARY" else refusal(1061, index.name)
    for name in index.columns:
        if table.find(name) is None:
            raise refusal(1072, name)
    columns = tuple(table.column(name).name for name in index.columns)
    return replace(table, indexes=(*table.indexes, replace(index, columns=columns)))
