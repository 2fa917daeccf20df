"""The row that a sync link is held up by: one text that the model refuses stops every row that is sent with it.

AutoETL's message is about a batch, and names its first row. PolarSearch runs rows through the index's pipeline one at a
time (`_simulate`), and tells which of them fails; one with a short text tells whether every row would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from providers.kit import Json, SearchStackError

from .backfill import relation_of
from .sqltext import quote

if TYPE_CHECKING:
    from .http import SearchClient
    from .sql import Database

TRIED = 20
"""Rows that are tried: the longest and the shortest, half each."""
SHORT_TEXT = "a"
LENGTH = "characters_in_row"
REASON = 200
"""Characters of a reason that are shown."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LinkedRows:
    """The rows of `table` or of a `query`, each identified by `key`; `fields` maps fields of documents to columns."""

    table: str
    key: Sequence[str]
    fields: Mapping[str, str]
    query: str | None = None


def find_refused_row(search: SearchClient, database: Database, index: str, rows: LinkedRows) -> str:
    """Returns `row id=7 (12031 characters) is refused: <reason>`; empty where no row is to blame, or nobody tells."""
    with suppress(SearchStackError):
        return _find(search, database, index, rows)
    return ""


def _find(search: SearchClient, database: Database, index: str, rows: LinkedRows) -> str:
    pipeline = search.get(f"/{index}/_settings")[index]["settings"]["index"].get("default_pipeline", "_none")
    if pipeline == "_none" or refusals(search, pipeline, [dict.fromkeys(rows.fields, SHORT_TEXT)]) != [None]:
        return ""
    tried = [*_sorted(database, rows, "DESC"), *_sorted(database, rows, "ASC")]
    reasons = refusals(search, pipeline, [document(row, rows.fields) for row in tried])
    return next((name_row(row, why, rows.key) for row, why in zip(tried, reasons, strict=True) if why is not None), "")


def refusals(search: SearchClient, pipeline: str, documents: Sequence[Json]) -> list[str | None]:
    """Returns why each document is refused; None for one that is not."""
    body = {"docs": [{"_source": each} for each in documents]}
    shown = search.post(f"/_ingest/pipeline/{pipeline}/_simulate", body, idempotent=True)["docs"] if documents else []
    return [str(each["error"].get("reason", "")) if "error" in each else None for each in shown]


def name_row(row: Row, why: str, key: Sequence[str]) -> str:
    """Returns a line about a row that is refused."""
    named = ", ".join(f"{column}={row[column]}" for column in key)
    return f"row {named} ({row[LENGTH]} characters) is refused: {' '.join(why.split())[:REASON]}"


def document(row: Row, fields: Mapping[str, str]) -> Json:
    """Returns what the pipeline sees of a row: numbers as they are, everything else as text."""
    shown = {field: row[column] for field, column in fields.items()}
    return {field: value if value is None or type(value) is int else str(value) for field, value in shown.items()}


def _sorted(database: Database, rows: LinkedRows, order: str) -> Sequence[Row]:
    """Returns rows by how many characters they have."""
    filled = list(dict.fromkeys(rows.fields.values()))
    columns = list(dict.fromkeys([*rows.key, *filled]))
    relation, values = relation_of(rows.table, rows.query, columns)
    length = " + ".join(f"COALESCE(CHAR_LENGTH({quote(column)}), 0)" for column in filled)
    return database.query(
        f"SELECT {', '.join(map(quote, columns))}, {length} AS {LENGTH} FROM {relation} "
        f"ORDER BY {LENGTH} {order} LIMIT {TRIED // 2}",
        values,
    )
