"""What databases and tables there are. A definition is kept as the CREATE TABLE that gives it, beside SQLite's tables.

MySQL's `shop.products` is the SQLite table "shop.products". Names are in lower case (lower_case_table_names=1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.polardb.errors import SqlError, refusal
from sandbox.polardb.types import ColumnType, quoted, text_of

SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys", "dbms_etl")
SCHEMA = """
CREATE TABLE IF NOT EXISTS _schemata(name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _tables(
    schema TEXT, name TEXT, definition TEXT, created TEXT, number INTEGER, PRIMARY KEY(schema, name)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Column:
    """`default` is the value as text, None for no default; `null` says that NULL was written, which no key may be."""

    name: str
    type: ColumnType
    nullable: bool = True
    default: str | None = None
    default_now: bool = False
    on_update_now: bool = False
    auto_increment: bool = False
    comment: str = ""
    null: bool = field(default=False, compare=False)

    @property
    def shown_default(self) -> str | None:
        """As COLUMN_DEFAULT shows it."""
        return "CURRENT_TIMESTAMP" if self.default_now else self.default

    @property
    def optional(self) -> bool:
        """Whether an INSERT may leave it out."""
        return self.nullable or self.shown_default is not None or self.auto_increment

    def __str__(self) -> str:
        """As SHOW CREATE TABLE prints it."""
        words = [f"{quote(self.name)} {self.type}"]
        words += ["CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"] if self.type.binary else []
        words += ["NOT NULL"] if not self.nullable else ["NULL"] if self.type.name == "timestamp" else []
        words += ["AUTO_INCREMENT"] if self.auto_increment else []
        bare = self.type.name.endswith(("text", "blob"))
        if self.shown_default is not None:
            words.append(f"DEFAULT {self.shown_default if self.default_now else quoted(self.default or '')}")
        elif self.nullable and not bare:
            words.append("DEFAULT NULL")
        words += ["ON UPDATE CURRENT_TIMESTAMP"] if self.on_update_now else []
        return " ".join([*words, *([f"COMMENT {quoted(self.comment)}"] if self.comment else [])])


@dataclass(frozen=True)
class KeyDefinition:
    """`name` is PRIMARY for the primary key; `unique` holds for it too."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False

    def __str__(self) -> str:
        word = "PRIMARY KEY" if self.name == "PRIMARY" else f"{'UNIQUE ' if self.unique else ''}KEY {quote(self.name)}"
        return f"{word} ({','.join(map(quote, self.columns))})"


@dataclass(frozen=True)
class Table:
    """A table as CREATE TABLE described it and ALTER TABLE changed it; `number` is its first AUTO_INCREMENT."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    indexes: tuple[KeyDefinition, ...] = ()
    comment: str = ""
    number: int = 1

    @property
    def stored_name(self) -> str:
        """The SQLite table's name."""
        return f"{self.schema}.{self.name}"

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Its columns; empty when there is none."""
        return next((index.columns for index in self.indexes if index.name == "PRIMARY"), ())

    @property
    def unique(self) -> list[KeyDefinition]:
        """The unique keys, the primary key first."""
        return sorted((index for index in self.indexes if index.unique), key=lambda index: index.name != "PRIMARY")

    @property
    def keys(self) -> list[tuple[str, ...]]:
        """What identifies a row: the primary key first, then unique keys of columns that are NOT NULL."""
        return [one.columns for one in self.unique if not any(self.column(name).nullable for name in one.columns)]

    def is_unique(self, names: Sequence[str]) -> bool:
        """Whether at most one row has given values in these columns."""
        given = {name.lower() for name in names}
        return any({name.lower() for name in index.columns} <= given for index in self.unique)

    def find(self, name: str) -> Column | None:
        """The column of that name, in any case."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)

    def column(self, name: str) -> Column:
        """Like `find`; raises 1054."""
        column = self.find(name)
        if column is None:
            raise refusal(1054, name, "field list")
        return column

    def key_of(self, column: Column) -> str:
        """PRI, UNI, MUL or empty, as COLUMN_KEY says it."""
        if column.name in self.primary_key:
            return "PRI"
        if any(index.unique and index.columns == (column.name,) for index in self.indexes):
            return "UNI" if self.primary_key or column.nullable else "PRI"
        return "MUL" if any(index.columns[0] == column.name for index in self.indexes) else ""

    def __str__(self) -> str:
        """As SHOW CREATE TABLE prints it."""
        order = sorted(self.indexes, key=lambda index: (index.name != "PRIMARY", not index.unique))
        lines = ",\n".join(f"  {part}" for part in (*self.columns, *order))
        comment = f" COMMENT={quoted(self.comment)}" if self.comment else ""
        counted = self.number > 1 and any(column.auto_increment for column in self.columns)
        number = f" AUTO_INCREMENT={self.number}" if counted else ""
        tail = f"ENGINE=InnoDB{number} DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"
        return f"CREATE TABLE {quote(self.name)} (\n{lines}\n) {tail}{comment}"

    def duplicate(self, columns: tuple[str, ...], values: Mapping[str, Any]) -> SqlError:
        """1062, for the key of these columns."""
        key = next((index.name for index in self.indexes if index.columns == columns), "PRIMARY")
        return refusal(1062, "-".join(text_of(values[name]) for name in columns), key)

    def with_index(self, index: KeyDefinition) -> Table:
        """`self` with one more index, which gets a name if it has none. Raises 1061, 1068 or 1072."""
        for name in index.columns:
            if self.find(name) is None:
                raise refusal(1072, name)
        columns = tuple(self.column(name).name for name in index.columns)
        taken = {known.name.lower() for known in self.indexes}
        names = (columns[0] if at == 1 else f"{columns[0]}_{at}" for at in range(1, 99))
        index = KeyDefinition(
            index.name or next(name for name in names if name.lower() not in taken), columns, index.unique
        )
        if index.name.lower() in taken:
            raise refusal(1068) if index.name == "PRIMARY" else refusal(1061, index.name)
        required = columns if index.name == "PRIMARY" else ()
        if any(self.column(name).null for name in required):
            raise refusal(1171)
        changed = (replace(one, nullable=one.nullable and one.name not in required) for one in self.columns)
        return replace(self, columns=tuple(changed), indexes=(*self.indexes, index))


def quote(name: str) -> str:
    """An identifier for SQLite; never in double quotes, which SQLite takes for a string when nothing has that name."""
    return "`" + name.replace("`", "``") + "`"


def sqlite_statements(table: Table) -> Iterator[str]:
    """What makes the SQLite table, which keeps its rows in the order of the primary key, and its indexes."""
    parts = [f"{quote(one.name)} {one.type.storage}{'' if one.nullable else ' NOT NULL'}" for one in table.columns]
    key = ", ".join(map(quote, table.primary_key))
    tail = f", PRIMARY KEY ({key})) STRICT, WITHOUT ROWID" if key else ") STRICT"
    yield f"CREATE TABLE {quote(table.stored_name)} ({', '.join(parts)}{tail}"
    for index in table.indexes:
        columns, name = ", ".join(map(quote, index.columns)), quote(f"{table.stored_name}.{index.name}")
        if index.name != "PRIMARY":
            unique = "UNIQUE " if index.unique else ""
            yield f"CREATE {unique}INDEX {name} ON {quote(table.stored_name)} ({columns})"
