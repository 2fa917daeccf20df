"""Backfill: how far an index is with the rows of its table. Counts say how far; at the end every row is looked for.

Counts alone deceive where rows come and go: a deleted row that is still indexed makes up for one that is missing, and
on a busy table the newest rows are always on their way, so that the two never agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .http import SearchClient
from .sql import Database, quote

NON_BLANK = "[^[:space:]\x1c-\x1f]"
"""Matches a text that is embedded: those control characters are white space to neural-search, and not to MySQL."""

PAGE = 500
"""Rows looked for at once: one statement, and a search for their documents and one for each vector field."""

FEW = 1000

Keys = frozenset[str]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """Where the rows are: `columns` maps each column that is embedded to its vector field.

    `key` is the column whose values are the documents' ids, an integer or a text; None where there is no such one.
    """

    table: str
    columns: Mapping[str, str]
    key: str | None = None


@dataclass(frozen=True)
class Backfill:
    """How far an index is: `rows` of the source and `documents`; by column, non-blank `texts` and their `vectors`.

    `absent` are keys of rows without their document or a vector, as far as they were looked for; None if they were not.
    """

    rows: int
    documents: int
    texts: Mapping[str, int]
    vectors: Mapping[str, int]
    absent: Keys | None = None

    @property
    def left(self) -> int:
        """Documents and vectors still to come."""
        if self.absent is not None:
            return len(self.absent)
        missing = (max(0, count - self.vectors[column]) for column, count in self.texts.items())
        return max(0, self.rows - self.documents) + sum(missing)

    @property
    def near(self) -> bool:
        """Whether so few are left, by count, that it is time to look for every row."""
        return self.left <= max(FEW, self.rows // 100)

    def __str__(self) -> str:
        vectors = (f"{self.vectors[column]} of {count} vectors of {column}" for column, count in self.texts.items())
        return ", ".join([f"{self.documents} of {self.rows} rows", *vectors]) + named(self.absent or frozenset())


def count_documents(search: SearchClient, index: str) -> int:
    """How many documents an index has, those written a moment ago included. Raises ApiError."""
    search.post(f"/{index}/_refresh", repeatable=True)
    return int(search.get(f"/{index}/_count")["count"])


def named(absent: Keys) -> str:
    """Which rows are not there yet, the first three by name; empty for none."""
    if not absent:
        return ""
    first, more = sorted(absent)[:3], len(absent) - 3
    return f", but not all of {', '.join(first)}" + (f" and {more} more" if more > 0 else "")


def time_left(first: Backfill, now: Backfill, seconds: float) -> str:
    """When it may be done, at the rate seen so far."""
    done = first.left - now.left
    return f", about {now.left * seconds / done:.0f} s to go" if done > 0 and seconds > 0 else ""


class Roll:
    """Who is absent: everybody is called, and who was absent is called again, until all have come.

    Those that came at the next call were on their way, as the newest rows of a busy table always are. Where some took
    longer than that, the index was behind, and everybody is called once more.
    """

    def __init__(self, call: Callable[[Keys | None], Keys]) -> None:
        """`call` looks for these keys, or for every row; it answers with those that are still wanted and absent."""
        self._call, self._absent, self._behind = call, frozenset[str](), True

    def absent(self) -> Keys:
        """Who is absent now; empty once a whole call was followed by no absentee that stayed away."""
        again = self._call(self._absent) if self._absent else self._absent
        if again or not self._behind:
            self._behind = bool(again)
        else:
            again, self._behind = self._call(None), False
        self._absent = again
        return again


class Filling:
    """An index that is being filled with the rows of a table."""

    def __init__(self, search: SearchClient, database: Database, index: str, source: Source) -> None:
        self._search, self._database, self._index, self._source = search, database, index, source
        self._roll = Roll(self._call)

    def look(self) -> Backfill:
        """How far it is. Raises ApiError, SqlError."""
        counted = self._counted()
        return replace(counted, absent=self._roll.absent()) if self._source.key and counted.near else counted

    def _counted(self) -> Backfill:
        """The source is counted first, so that a row written meanwhile cannot make the index look ahead of it."""
        columns = self._source.columns
        texts = "".join(f", COALESCE(SUM({_has_text(column)}), 0) AS n{i}" for i, column in enumerate(columns))
        [row] = self._database.query(f"SELECT COUNT(*) AS n{texts} FROM {self._table}", [NON_BLANK] * len(columns))
        return Backfill(
            rows=int(row["n"]),
            documents=count_documents(self._search, self._index),
            texts={column: int(row[f"n{i}"]) for i, column in enumerate(columns)},
            vectors={column: self._vectors(field) for column, field in columns.items()},
        )

    def _call(self, keys: Keys | None) -> Keys:
        pages = self._everybody() if keys is None else self._again(sorted(keys))
        return frozenset(absent for page in pages for absent in self._absent(page))

    def _everybody(self) -> Iterator[Sequence[Row]]:
        page = self._rows("", [])
        while page:
            yield page
            page = self._rows(f"WHERE {self._key} > %s ", [page[-1]["k"]]) if len(page) == PAGE else []

    def _again(self, keys: Sequence[str]) -> Iterator[Sequence[Row]]:
        for at in range(0, len(keys), PAGE):
            part = keys[at : at + PAGE]
            yield self._rows(f"WHERE {self._key} IN ({', '.join(['%s'] * len(part))}) ", part)

    def _rows(self, where: str, values: Sequence[Any]) -> Sequence[Row]:
        columns = self._source.columns
        texts = "".join(f", {_has_text(column)} AS n{i}" for i, column in enumerate(columns))
        return self._database.query(
            f"SELECT {self._key} AS k{texts} FROM {self._table} {where}ORDER BY {self._key} LIMIT {PAGE}",
            [*[NON_BLANK] * len(columns), *values],
        )

    def _absent(self, rows: Sequence[Row]) -> Keys:
        absent = self._without(None, [str(row["k"]) for row in rows])
        for i, field in enumerate(self._source.columns.values()):
            absent |= self._without(field, [str(row["k"]) for row in rows if row[f"n{i}"]])
        return absent

    def _without(self, field: str | None, ids: list[str]) -> Keys:
        """Those of the ids that have no document, or no such field in it."""
        wanted: list[Any] = [{"ids": {"values": ids}}, *([{"exists": {"field": field}}] if field else [])]
        body = {"size": PAGE, "_source": False, "query": {"bool": {"filter": wanted}}}
        hits = self._search.post(f"/{self._index}/_search", body, repeatable=True)["hits"]["hits"] if ids else []
        return frozenset(ids) - {hit["_id"] for hit in hits}

    def _vectors(self, field: str) -> int:
        query = {"query": {"exists": {"field": field}}}
        return int(self._search.post(f"/{self._index}/_count", query, repeatable=True)["count"])

    @property
    def _key(self) -> str:
        return quote(self._source.key or "")

    @property
    def _table(self) -> str:
        return quote(*self._source.table.split("."))


def _has_text(column: str) -> str:
    return f"CASE WHEN {quote(column)} REGEXP %s THEN 1 ELSE 0 END"
