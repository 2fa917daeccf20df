"""Backfill: how far an index is with the rows of its table. Counts estimate it; at the end every row is looked up.

Counts alone do not suffice where rows come and go: a deleted row that is still indexed offsets one that is missing, and
on a busy table the newest rows are always in transit, so that the two never agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from providers.kit import pluralize

from .select import read_query
from .sqltext import quote
from .tables import Tables
from .texts import PASSAGE_VECTOR

if TYPE_CHECKING:
    from .http import SearchClient
    from .sql import Database

NON_BLANK = "[^[:space:]\x1c-\x1f]"
"""Matches a text that is embedded: those control characters are white space to neural-search, and not to MySQL."""

PAGE = 500
"""Rows looked up at once: one statement, and a search for their documents and one for each vector field."""

IN_KEY_ORDER = "SELECT /*+ JOIN_FIXED_ORDER() NO_BNL() */ "
"""Begins a query whose first table is read by its key: otherwise each page sorts all rows where others are small (seen
on MySQL 8.0.15)."""

THREADS = 4
"""Pages whose documents are searched for at the same time."""

FEW = 1000

PLAIN_KEYS = frozenset({"smallint", "mediumint", "int", "bigint", "char", "varchar"})
"""Data types of keys that ids are written from as they are: not TINYINT(1), which may be a boolean, nor decimals."""

Keys = frozenset[str]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class BackfillSource:
    """The rows of a table, or of a `query`: `columns` maps each column that is embedded to its vector field.

    `key` is the column whose values are the documents' ids, an integer or a text; None where there is none.
    """

    table: str
    columns: Mapping[str, str]
    key: str | None = None
    query: str | None = None

    def relation(self) -> tuple[str, list[str]]:
        """Returns what stands in FROM, and its values."""
        return relation_of(self.table, self.query, [*self.columns, *([self.key] if self.key else [])])


def relation_of(table: str, query: str | None, columns: Iterable[str]) -> tuple[str, list[str]]:
    """Returns what stands in FROM for the rows of a table or, where there is one, of a query; and its values."""
    if query is None:
        return quote(*table.split(".")), []
    rows, values = read_query(query).bound({name: name for name in columns})
    return f"({IN_KEY_ORDER}{rows.removeprefix('SELECT ')}) AS `found`", values


def with_plain_key(source: BackfillSource, database: Database) -> BackfillSource:
    """Returns the source without its key, where that is a query's column whose values may not be the ids as they are.

    Of a table's column the configuration has the type.
    """
    if source.query is None or source.key is None:
        return source
    place = read_query(source.query).column(source.key)
    column = Tables(database, [place.table]).column(*place) if place else None
    return source if column and column.data_type in PLAIN_KEYS else replace(source, key=None)


@dataclass(frozen=True)
class Backfill:
    """How far an index is: `rows` of the source and `documents`; by column, non-blank `texts` and their `vectors`.

    `missing` are keys of rows without their document or a vector, as far as they were looked up; None if they were not.
    """

    rows: int
    documents: int
    texts: Mapping[str, int]
    vectors: Mapping[str, int]
    missing: Keys | None = None

    @property
    def left(self) -> int:
        """The number of documents and vectors still to come."""
        if self.missing is not None:
            return len(self.missing)
        vectors = (max(0, count - self.vectors[column]) for column, count in self.texts.items())
        return max(0, self.rows - self.documents) + sum(vectors)

    @property
    def nearly_done(self) -> bool:
        """Whether so few are left, by count, that every row is looked up."""
        return self.left <= max(FEW, self.rows // 100)

    def __str__(self) -> str:
        vectors = (f"{self.vectors[column]} of {count} vectors of {column}" for column, count in self.texts.items())
        return ", ".join([f"{self.documents} of {self.rows} rows", *vectors]) + name_missing(self.missing or Keys())


def count_documents(search: SearchClient, index: str) -> int:
    """Returns how many documents an index has, those written a moment ago included. Raises ApiError."""
    search.post(f"/{index}/_refresh", idempotent=True)
    return int(search.get(f"/{index}/_count")["count"])


def name_missing(missing: Keys) -> str:
    """Names the first three rows that are missing; empty for none."""
    if not missing:
        return ""
    first, more = sorted(missing)[:3], len(missing) - 3
    return f", but not all of {', '.join(first)}" + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Progress:
    """How a backfill went on from `first` to `now`, in so many seconds."""

    first: Backfill
    now: Backfill
    seconds: float

    @property
    def percent(self) -> int:
        """What is done of all documents and vectors; 100 only when nothing is left."""
        every = self.now.rows + sum(self.now.texts.values())
        return min(99, 100 * (every - self.now.left) // every) if self.now.left and every else 100

    @property
    def seconds_left(self) -> float | None:
        """The seconds until it is done, at the rate so far; None before anything arrived."""
        done = self.first.left - self.now.left
        return self.now.left * self.seconds / done if done > 0 and self.seconds > 0 else None

    def __str__(self) -> str:
        """In 25 characters, as a terminal of 80 columns has room for: `62 % · 41/s · 3 min left`."""
        if self.now.missing is not None:
            return f"{self.percent} % · {pluralize(self.now.left, 'row')} to go"
        if (left := self.seconds_left) is None:
            return f"{self.percent} % · no row yet" if not self.now.documents else f"{self.percent} % · waiting"
        rate = (self.now.documents - self.first.documents) / self.seconds
        return f"{self.percent} % · {rate:.0f}/s · {duration(left)} left"


def duration(seconds: float) -> str:
    """Returns `12 s`, `3 min` or `2 h`; never none."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(1, seconds):.0f} s"


class MissingRows:
    """The rows that have no document yet, or no vector: all rows are looked up, then those that were missing.

    Rows that are found at the second look-up were in transit, as the newest rows of a busy table always are. Where some
    took longer than that, the index was behind, and all rows are looked up again.
    """

    def __init__(self, look_up: Callable[[Keys | None], Keys]) -> None:
        """`look_up` takes keys, or None for every row, and returns those of them that are missing."""
        self._look_up, self._missing, self._behind = look_up, Keys(), True

    def find(self) -> Keys:
        """Returns the missing rows; empty once all rows were looked up and none stayed missing."""
        again = self._look_up(self._missing) if self._missing else self._missing
        if again or not self._behind:
            self._behind = bool(again)
        else:
            again, self._behind = self._look_up(None), False
        self._missing = again
        return again


class BackfillProbe:
    """Observes an index that is being filled with the rows of a table."""

    def __init__(self, search: SearchClient, database: Database, index: str, source: BackfillSource) -> None:
        self._search, self._database, self._index, self._source = search, database, index, source
        self._relation, self._values = source.relation()
        self._missing_rows = MissingRows(self._look_up)

    def observe(self) -> Backfill:
        """Returns how far the index is. Raises ApiError, SqlError."""
        counts = self.counts()
        if not (self._source.key and counts.nearly_done):
            return counts
        return replace(counts, missing=self._missing_rows.find())

    def newest_missing(self) -> Keys | None:
        """Returns which of the rows with the largest keys are missing, a page of them; None without a key. Raises
        ApiError, SqlError.
        """
        return self._missing_in(self._rows("", [], "DESC")) if self._source.key else None

    def counts(self) -> Backfill:
        """Returns how far the index is by count alone. Raises ApiError, SqlError.

        The source is counted first: a row written meanwhile does not make the index look ahead of it.
        """
        columns = self._source.columns
        texts = "".join(f", COALESCE(SUM({_has_text(column)}), 0) AS n{i}" for i, column in enumerate(columns))
        values = [*[NON_BLANK] * len(columns), *self._values]
        [row] = self._database.query(f"SELECT COUNT(*) AS n{texts} FROM {self._relation}", values)
        return Backfill(
            rows=int(row["n"]),
            documents=count_documents(self._search, self._index),
            texts={column: int(row[f"n{i}"]) for i, column in enumerate(columns)},
            vectors={column: self._count_vectors(field) for column, field in columns.items()},
        )

    def _look_up(self, keys: Keys | None) -> Keys:
        pages = self._all_pages() if keys is None else self._pages_of(sorted(keys))
        return Keys(key for missing in _in_parallel(self._missing_in, pages) for key in missing)

    def _all_pages(self) -> Iterator[Sequence[Row]]:
        page = self._rows("", [])
        while page:
            yield page
            page = self._rows(f"WHERE {self._key} > %s ", [page[-1]["k"]]) if len(page) == PAGE else []

    def _pages_of(self, keys: Sequence[str]) -> Iterator[Sequence[Row]]:
        for at in range(0, len(keys), PAGE):
            part = keys[at : at + PAGE]
            yield self._rows(f"WHERE {self._key} IN ({', '.join(['%s'] * len(part))}) ", part)

    def _rows(self, where: str, values: Sequence[Any], order: str = "ASC") -> Sequence[Row]:
        columns = self._source.columns
        texts = "".join(f", {_has_text(column)} AS n{i}" for i, column in enumerate(columns))
        return self._database.query(
            f"SELECT {self._key} AS k{texts} FROM {self._relation} {where}ORDER BY {self._key} {order} LIMIT {PAGE}",
            [*[NON_BLANK] * len(columns), *self._values, *values],
        )

    def _missing_in(self, rows: Sequence[Row]) -> Keys:
        missing = self._without(None, [str(row["k"]) for row in rows])
        for i, field in enumerate(self._source.columns.values()):
            missing |= self._without(field, [str(row["k"]) for row in rows if row[f"n{i}"]])
        return missing

    def _without(self, field: str | None, ids: list[str]) -> Keys:
        """Returns those of the ids that have no document, or no such field in it."""
        wanted: list[Any] = [{"ids": {"values": ids}}, *([has_vector(field)] if field else [])]
        body = {"size": PAGE, "_source": False, "query": {"bool": {"filter": wanted}}}
        hits = self._search.find(self._index, body)["hits"]["hits"] if ids else []
        return Keys(ids) - {hit["_id"] for hit in hits}

    def _count_vectors(self, field: str) -> int:
        query = {"query": has_vector(field)}
        return int(self._search.post(f"/{self._index}/_count", query, idempotent=True)["count"])

    @property
    def _key(self) -> str:
        return quote(self._source.key or "")


def _in_parallel(find: Callable[[Sequence[Row]], Keys], pages: Iterable[Sequence[Row]]) -> Iterator[Keys]:
    """Calls `find` for a few pages at a time, so that no more than those are held."""
    rest = iter(pages)
    with ThreadPoolExecutor(THREADS) as pool:
        while some := list(islice(rest, THREADS)):
            yield from pool.map(find, some)


def has_vector(field: str) -> Any:
    """Returns the query for documents that have a vector; those of passages are in a nested field."""
    exists = {"exists": {"field": field}}
    path, _, name = field.rpartition(".")
    return {"nested": {"path": path, "query": exists}} if path and name == PASSAGE_VECTOR else exists


def _has_text(column: str) -> str:
    return f"CASE WHEN {quote(column)} REGEXP %s THEN 1 ELSE 0 END"
