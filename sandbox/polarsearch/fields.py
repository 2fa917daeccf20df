"""One index as queries see it: its mapping says what kind a field is, its view holds the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import numpy as np

from sandbox.polarsearch.analysis import ANALYZERS, keyword, standard
from sandbox.polarsearch.columns import Mask, Postings, Values, Vectors, values_at
from sandbox.polarsearch.errors import ApiError
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.settings import java_text
from sandbox.polarsearch.vectors import VectorField, field_of
from sandbox.polarsearch.versions import Version

NUMBERS = {"long", "integer", "short", "byte", "double", "float", "half_float", "unsigned_long", "scaled_float"}


class Searched:
    """A snapshot for one search."""

    def __init__(self, index: Index, version: Version) -> None:
        self.index, self.version, self.view = index, version, index.view()
        self.size, self.live = len(self.view), self.view.live

    def kind(self, name: str) -> str | None:
        """The field's type; None when it is not mapped."""
        field = self.index.mapping.fields.get(name)
        return None if field is None else str(field.get("type", "object"))

    def text_fields(self) -> Iterator[str]:
        """The fields that words are looked for in."""
        return (path for path in self.index.mapping.fields if self.kind(path) in {"text", "keyword"})

    def place(self, id: str) -> int | None:
        """Where the document is."""
        return self.view.places.get(id)

    def _path(self, name: str) -> str:
        """A multi-field (`name.keyword`) has its parent's values."""
        parent, _, last = name.rpartition(".")
        return parent if last in self.index.mapping.fields.get(parent, {}).get("fields", {}) else name

    def _analyzer(self, name: str, key: str) -> Callable[[str], list[str]]:
        field = self.index.mapping.fields[name]
        if field.get("type") in {"keyword", "boolean"}:
            return keyword
        return ANALYZERS.get(field.get(key) or field.get("analyzer", "standard"), standard)

    def analyzed(self, name: str, text: Any) -> list[str]:
        """A query's text as the field would have been cut."""
        return self._analyzer(name, "search_analyzer")(as_term(text))

    def tokens_of(self, name: str, place: int) -> list[str]:
        """One document's tokens, in order."""
        analyze = self._analyzer(name, "analyzer")
        values = values_at(self.view.sources[place], self._path(name).split("."))
        return [token for value in values for token in analyze(as_term(value))]

    def postings(self, name: str) -> Postings:
        """The field's inverted index."""
        field, analyze = self.index.mapping.fields[name], self._analyzer(name, "analyzer")
        longest = field.get("ignore_above", 2**31)

        def tokens(value: Any) -> list[str]:
            text = as_term(value)
            return analyze(text) if len(text) <= longest else []

        norms = field.get("type") == "text"
        return self.view.column("postings", name, lambda: Postings(self._path(name), tokens, norms=norms))

    def values(self, name: str) -> Values:
        """The field's values, as they compare."""
        kind = self.kind(name)
        return self.view.column("values", name, lambda: Values(self._path(name), lambda value: _safe(kind, value)))

    def vector_field(self, name: str) -> VectorField | None:
        """None when the field is no knn_vector."""
        shown = self.index.mapping.fields.get(name, {})
        return field_of(name, shown) if shown.get("type") == "knn_vector" else None

    def vectors(self, field: VectorField) -> Vectors:
        """The field's matrix."""
        return self.view.column("vectors", field.path, lambda: Vectors(field))

    def present(self, name: str) -> Mask:
        """Which documents have the field."""
        field, kind = self.vector_field(name), self.kind(name)
        if field:
            return self.vectors(field).present(self.size)
        if kind is None:
            return np.zeros(self.size, np.bool_)
        column = self.view.column("raw", name, lambda: Values(self._path(name), lambda value: value))
        return column.where(lambda value: True)

    def failed(self, reason: str, cause: ApiError | None = None, kind: str = "query_shard_exception") -> ApiError:
        """The index's own refusal of a query, wrapped as all shards failing."""
        shard = {"index": self.index.name, "index_uuid": self.index.uuid}
        extra = shard if kind == "query_shard_exception" else {}
        return ShardFailure(ApiError(400, kind, reason, extra=extra, cause=cause), self.index.name)


class ShardFailure(ApiError):
    """What is answered as "all shards failed": the reason stands in root_cause and failed_shards."""

    def __init__(self, inner: ApiError, index: str) -> None:
        failed = [{"shard": 0, "index": index, "node": "", "reason": inner.item()}]
        extra = {"phase": "query", "grouped": True, "failed_shards": failed}
        super().__init__(inner.status, "search_phase_execution_exception", "all shards failed", extra=extra)
        self.root = ApiError(inner.status, inner.kind, inner.reason, extra=inner.extra)
        if inner.kind == "illegal_argument_exception":
            self.cause = ApiError(
                inner.status, inner.kind, inner.reason, cause=ApiError(inner.status, inner.kind, inner.reason)
            )

    def at(self, node: str) -> ShardFailure:
        """With the node's id."""
        self.extra["failed_shards"][0]["node"] = node
        return self


def as_term(value: Any) -> str:
    """A value as a token: numbers and booleans as their texts."""
    return value if isinstance(value, str) else java_text(value)


def converted(kind: str | None, value: Any) -> Any:
    """A value as its field compares it. Raises ValueError."""
    if kind in NUMBERS:
        if isinstance(value, bool):
            raise ValueError(f'For input string: "{java_text(value)}"')
        return int(value) if isinstance(value, int) or str(value).lstrip("-").isdigit() else float(value)
    if kind in {"date", "date_nanos"}:
        return _millis(value)
    if kind == "boolean":
        return java_text(value) == "true"
    return as_term(value)


def _safe(kind: str | None, value: Any) -> Any:
    try:
        return converted(kind, value)
    except ValueError:
        return None


def _millis(value: Any) -> float:
    text = str(value)
    if text.lstrip("-").isdigit() and len(text) > 4:
        return float(text)
    text = text.replace("/", "-").replace("Z", "+00:00")
    text += {4: "-01-01", 7: "-01"}.get(len(text), "")
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp() * 1000


def edits(one: str, other: str) -> int:
    """Edit distance with transpositions, as fuzzy queries count."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def occurrences(tokens: Sequence[str], phrase: Sequence[str], prefix: bool) -> int:
    """How often `phrase` stands in `tokens`."""
    width = len(phrase)
    windows = (tokens[start : start + width] for start in range(len(tokens) - width + 1))
    if prefix:
        return sum(window[:-1] == phrase[:-1] and window[-1].startswith(phrase[-1]) for window in windows)
    return sum(window == phrase for window in windows)
