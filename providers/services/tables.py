"""What the database tells about tables, their columns, keys and comments: by list, a statement each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from providers.kit import OwnerReference, read_references

from .column_types import ByName
from .sqltext import Row, as_text, quote

if TYPE_CHECKING:
    from .sql import Database


ColumnNames = Annotated[list[str], BeforeValidator(lambda names: [names] if isinstance(names, str) else names)]
"""Columns of a key; one may be written as its name alone."""


@dataclass(frozen=True)
class Column:
    """A column: its `data_type` (`int`) and its whole `column_type` (`int unsigned`)."""

    data_type: str
    column_type: str


@dataclass(frozen=True)
class TableFacts:
    """What a link needs to know of a table: the data type of each column, none where there is no such table.

    `keys` are the columns of the primary and of each unique key; `row_keys` those that are not null, the primary first.
    """

    columns: Mapping[str, str]
    keys: Sequence[Sequence[str]] = ()
    row_keys: Sequence[Sequence[str]] = ()
    privileges: frozenset[str] | None = None
    """What this account may do with it; None where it cannot be asked for."""


class Tables:
    """The tables `<database>.<name>` of a list, each question asked once for all of them, when it is first needed."""

    def __init__(self, database: Database, names: Iterable[str]) -> None:
        self._database, self._names = database, list(dict.fromkeys(names))

    def columns(self, table: str) -> Mapping[str, Column]:
        """Returns the columns in their order; empty where there is no such table that this account can see."""
        return {
            row["name"]: Column(as_text(row["type"]).lower(), as_text(row["full"])) for row in _of(table, self._columns)
        }

    def column(self, table: str, name: str) -> Column | None:
        """Returns a column, by its name in any case; None where there is no such table or column."""
        found: Column | None = ByName(self.columns(table)).get(name)
        return found

    def unique_keys(self, table: str) -> Mapping[str, Sequence[str]]:
        """Returns the columns of the primary and of each unique key, by the key's name."""
        keys: dict[str, list[str]] = {}
        for row in _of(table, self._keys):
            keys.setdefault(row["keyed"], []).append(row["name"])
        return keys

    def primary_key(self, table: str) -> Sequence[str]:
        """Returns the columns of the primary key; empty where there is none."""
        return self.unique_keys(table).get("PRIMARY", [])

    def row_keys(self, table: str) -> Sequence[Sequence[str]]:
        """Returns the columns of each key that identifies a row: the primary, then unique ones that are not null."""
        nullable = {row["keyed"] for row in _of(table, self._keys) if row["nullable"] == "YES"}
        keys = [(name, key) for name, key in self.unique_keys(table).items() if name not in nullable]
        return [key for _, key in sorted(keys, key=lambda named: named[0] != "PRIMARY")]

    def row_key(self, table: str, wanted: Sequence[str]) -> Sequence[str]:
        """Returns the columns that identify a row: the primary key or, without one, the wanted columns if they are
        unique and not null, as AutoETL takes them (PolarDB docs, AutoETL, limits).
        """
        if primary := self.primary_key(table):
            return primary
        asked = {name.casefold() for name in wanted}
        return next((wanted for key in self.row_keys(table) if {name.casefold() for name in key} == asked), [])

    def comment(self, table: str) -> str | None:
        """Returns a table's comment; None where there is no such table."""
        return next((as_text(row["comment"]) for row in _of(table, self._comments)), None)

    @cached_property
    def grants(self) -> list[str]:
        """What `SHOW GRANTS` says of this account."""
        return [str(next(iter(row.values()))) for row in self._database.query("SHOW GRANTS")]

    @cached_property
    def _columns(self) -> list[Row]:
        return self._about(
            "SELECT table_schema AS db, table_name AS tb, column_name AS name, data_type AS type, column_type AS full "
            "FROM information_schema.columns WHERE {tables} ORDER BY ordinal_position"
        )

    @cached_property
    def _keys(self) -> list[Row]:
        return self._about(
            "SELECT table_schema AS db, table_name AS tb, index_name AS keyed, column_name AS name, "
            "nullable AS nullable "
            "FROM information_schema.statistics WHERE non_unique = 0 AND ({tables}) ORDER BY index_name, seq_in_index"
        )

    @cached_property
    def _comments(self) -> list[Row]:
        return self._about(
            "SELECT table_schema AS db, table_name AS tb, table_comment AS comment "
            "FROM information_schema.tables WHERE {tables}"
        )

    def _about(self, statement: str) -> list[Row]:
        """Asks about all tables; a table of another database that has one of their names is asked about, too."""
        if not self._names:
            return []
        schemas, tables = (
            list(dict.fromkeys(part)) for part in zip(*(n.split(".", 1) for n in self._names), strict=True)
        )
        listed = f"table_schema IN ({_marks(schemas)}) AND table_name IN ({_marks(tables)})"
        return self._database.query(statement.format(tables=listed), [*schemas, *tables])


def count_rows(database: Database, table: str) -> int:
    """Returns the number of rows of a table `<database>.<name>`. Raises SqlError."""
    [row] = database.query(f"SELECT COUNT(*) AS n FROM {quote(*table.split('.'))}")
    return int(row["n"])


def tables_with(database: Database, schema: str, columns: Collection[str]) -> list[str]:
    """Returns the tables `<schema>.<name>` that have all of these columns."""
    rows = database.query(
        "SELECT table_name AS tb FROM information_schema.columns "
        f"WHERE table_schema = %s AND column_name IN ({_marks(list(columns))}) "
        "GROUP BY table_name HAVING COUNT(*) = %s ORDER BY table_name",
        [schema, *columns, len(columns)],
    )
    return [f"{schema}.{row['tb']}" for row in rows]


def tables_of(database: Database, reference: OwnerReference) -> list[str]:
    """Returns the tables, as `<database>.<name>`, whose comments carry an owner reference."""
    return [_id(row) for row in _commented(database, f"%#{reference.uid}]%")]


def references_of_tables(database: Database, stack: str) -> Iterator[tuple[str, OwnerReference]]:
    """Yields the tables, as `<database>.<name>`, and each owner reference of a stack in their comments."""
    for row in _commented(database, f"%[pulumi:{_literally(stack)}/%"):
        yield from ((_id(row), each) for each in read_references(as_text(row["comment"]))[1] if each.stack == stack)


def _commented(database: Database, like: str) -> list[Row]:
    """Returns the tables whose comments are like a pattern."""
    return database.query(
        "SELECT table_schema AS db, table_name AS tb, table_comment AS comment FROM information_schema.tables "
        "WHERE table_comment LIKE %s ORDER BY table_schema, table_name",
        [like],
    )


def _literally(text: str) -> str:
    """Returns a text as LIKE finds it."""
    return re.sub(r"[\\%_]", lambda found: f"\\{found[0]}", text)


def _marks(values: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(values))


def _of(table: str, rows: Sequence[Row]) -> Sequence[Row]:
    """Returns the rows about a table; a server that stores names in lower case shows them so."""
    exact = [row for row in rows if _id(row) == table]
    return exact or [row for row in rows if _id(row).lower() == table.lower()]


def _id(row: Mapping[str, Any]) -> str:
    return f"{row['db']}.{row['tb']}"
