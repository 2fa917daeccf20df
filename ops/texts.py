"""How many texts a stack has, and how long they are: one statement for each collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.settings import Collection
from ops.checks import ColumnFacts
from providers.services import quote
from providers.services.backfill import NON_BLANK, relation_of
from providers.services.column_types import ByName
from providers.services.sql import Database
from providers.services.tables import Tables
from providers.services.texts import EmbeddedText

Row = Mapping[str, Any]
Facts = Mapping[str, ColumnFacts]
"""By column."""


def columns_of(collection: Collection, text: EmbeddedText) -> list[str]:
    """Returns the columns that a text is made of."""
    return [collection.fields[name] for name in text.fields]


def text_columns(collection: Collection) -> list[str]:
    """Returns the columns that are embedded, each once."""
    texts = collection.embedded_texts()
    return list(dict.fromkeys(column for text in texts for column in columns_of(collection, text)))


def relation(collection: Collection, columns: Sequence[str]) -> tuple[str, list[str]]:
    """Returns what stands in FROM for the rows of a collection, and its values."""
    return relation_of(collection.source.table, collection.source.query, columns)


def column_facts(database: Database, collection: Collection) -> Facts:
    """Counts and measures the texts of a collection. Raises SqlError."""
    columns = text_columns(collection)
    rows, values = relation(collection, columns)
    measured = ", ".join(_measured(at, quote(column)) for at, column in enumerate(columns))
    [row] = database.query(f"SELECT COUNT(*) AS n, {measured} FROM {rows}", [*[NON_BLANK] * len(columns), *values])
    return {column: _facts(row, at) for at, column in enumerate(columns)}


def _measured(at: int, column: str) -> str:
    return (
        f"COALESCE(SUM(CASE WHEN {column} REGEXP %s THEN 1 ELSE 0 END), 0) AS f{at}, "
        f"COALESCE(SUM(CHAR_LENGTH({column})), 0) AS c{at}, COALESCE(SUM(LENGTH({column})), 0) AS s{at}, "
        f"COALESCE(MAX(CHAR_LENGTH({column})), 0) AS m{at}, COALESCE(MAX(LENGTH({column})), 0) AS b{at}"
    )


def _facts(row: Row, at: int) -> ColumnFacts:
    return ColumnFacts(*(int(row[name]) for name in ("n", f"f{at}", f"c{at}", f"s{at}", f"m{at}", f"b{at}")))


def is_there(collection: Collection, tables: Tables) -> bool:
    """Tells whether every table and column that is embedded is there, as far as this account sees."""
    if any(not tables.columns(table) for table in collection.source.tables):
        return False
    known = ByName(tables.columns(collection.source.table))
    return collection.source.query is not None or all(column in known for column in text_columns(collection))


def some_rows(database: Database, collection: Collection, columns: Sequence[str], most: int) -> Sequence[Row]:
    """Returns the first rows of a collection by its key. Raises SqlError."""
    keyed = list(dict.fromkeys([*collection.source.key, *columns]))
    rows, values = relation(collection, keyed)
    named, order = ", ".join(map(quote, keyed)), ", ".join(map(quote, collection.source.key))
    return database.query(f"SELECT {named} FROM {rows} ORDER BY {order} LIMIT {most}", values)


def some_texts(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    """Yields the texts of rows that are not blank."""
    values = (str(row[column]) for row in rows for column in columns if row[column] is not None)
    yield from (text for text in values if text.strip())
