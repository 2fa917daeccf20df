"""What a search reads instead of documents: for each field an inverted index, a matrix of vectors, or plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sandbox.polarsearch.scoring import Floats, stored_length, vector_scores
from sandbox.polarsearch.vectors import VectorField

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Source = dict[str, Any]
Read = Callable[[Source], Iterable[Any]]
"""The values of a field in a document."""


def values_at(source: Any, path: Sequence[str]) -> Iterator[Any]:
    """Every value under `path`, through lists and objects; null is left out."""
    if isinstance(source, list):
        for item in source:
            yield from values_at(item, path)
    elif not path:
        if source is not None:
            yield source
    elif isinstance(source, dict):
        for cut in range(1, len(path) + 1):  # a dotted key may stand in the document as it is
            key = ".".join(path[:cut])
            if key in source:
                yield from values_at(source[key], path[cut:])


class Postings:
    """Terms of one field → the documents that have them, and how often."""

    def __init__(self, read: Read, tokens: Callable[[Any], list[str]], *, norms: bool) -> None:
        self._read, self._tokens, self.norms = read, tokens, norms
        self.terms: dict[str, tuple[list[int], list[int]]] = {}
        self.lengths: list[int] = []
        self.documents = self.total = 0

    def extend(self, sources: Sequence[Source]) -> None:
        """Take in the documents that came since."""
        for ordinal in range(len(self.lengths), len(sources)):
            tokens = [token for value in self._read(sources[ordinal]) for token in self._tokens(value)]
            self.lengths.append(stored_length(len(tokens)) if tokens else 0)
            if tokens:
                self._add(ordinal, tokens)

    def _add(self, ordinal: int, tokens: list[str]) -> None:
        self.documents, self.total = self.documents + 1, self.total + len(tokens)
        counts: dict[str, int] = {}
        for token in tokens:
            counts[token] = counts.get(token, 0) + 1
        for token, count in counts.items():
            ordinals, frequencies = self.terms.setdefault(token, ([], []))
            ordinals.append(ordinal)
            frequencies.append(count if self.norms else 1)

    def of(self, term: str) -> tuple[npt.NDArray[np.intp], Floats]:
        """Documents with `term`, and its frequency in each."""
        ordinals, frequencies = self.terms.get(term, ((), ()))
        return np.array(ordinals, np.intp), np.array(frequencies, np.float32)

    @property
    def average(self) -> float:
        """The mean length of those documents that have the field."""
        return self.total / max(self.documents, 1)


class Vectors:
    """One knn_vector field as a matrix. In a nested field a document may have several, each at an offset."""

    def __init__(self, field: VectorField, path: Sequence[str], nested: Sequence[str] = ()) -> None:
        self.field, self._path, self._nested = field, path, nested
        self._seen = self._rows = 0
        self._matrix = np.empty((64, field.dimension), np.float32)
        self._ordinals, self._offsets = np.empty(64, np.intp), np.empty(64, np.intp)

    def extend(self, sources: Sequence[Source]) -> None:
        """Take in the documents that came since."""
        for ordinal in range(self._seen, len(sources)):
            for offset, inner in enumerate(values_at(sources[ordinal], self._nested)):
                vector = _vector(inner, self._path)
                if vector is not None and len(vector) == self.field.dimension:
                    self._append(ordinal, offset, np.asarray(vector, np.float32))
        self._seen = len(sources)

    def _append(self, ordinal: int, offset: int, vector: Floats) -> None:
        if self._rows == len(self._ordinals):
            size = 2 * self._rows
            self._matrix = np.resize(self._matrix, (size, self.field.dimension))
            self._ordinals, self._offsets = np.resize(self._ordinals, size), np.resize(self._offsets, size)
        self._matrix[self._rows], self._ordinals[self._rows] = vector, ordinal
        self._offsets[self._rows] = offset
        self._rows += 1

    def present(self, size: int) -> Mask:
        """Which documents have a vector."""
        mask = np.zeros(size, np.bool_)
        mask[self._ordinals[: self._rows]] = True
        return mask

    def nearest(self, vector: Floats, allowed: Mask, k: int) -> tuple[Places, Floats, Places]:
        """The `k` best of the `allowed` documents, best first, ties by age: places, scores, and offsets of the best."""
        rows = np.flatnonzero(allowed[self._ordinals[: self._rows]])
        scores = vector_scores(self.field.space, self._matrix[rows], vector)
        order = np.lexsort((rows, -scores))
        first = np.unique(self._ordinals[rows[order]], return_index=True)[1]
        best = order[np.sort(first)][:k]
        return self._ordinals[rows[best]], scores[best], self._offsets[rows[best]]


def _vector(source: Source, path: Sequence[str]) -> Any:
    found: Any = source
    for cut in range(len(path)):
        if isinstance(found, dict) and ".".join(path[cut:]) in found:  # a dotted key, as it is
            found = found[".".join(path[cut:])]
            break
        found = found.get(path[cut]) if isinstance(found, dict) else None
    return found if isinstance(found, (list, np.ndarray)) else None


class Values:
    """One field's values by document, for ranges, exact numbers and sorting."""

    def __init__(self, read: Read, convert: Callable[[Any], Any]) -> None:
        self._read, self._convert = read, convert
        self.rows: list[list[Any]] = []

    def extend(self, sources: Sequence[Source]) -> None:
        """Take in the documents that came since."""
        for source in sources[len(self.rows) :]:
            found = (self._convert(value) for value in self._read(source))
            self.rows.append([value for value in found if value is not None])

    def where(self, test: Callable[[Any], bool]) -> Mask:
        """Which documents have a value that passes."""
        return np.array([any(map(test, row)) for row in self.rows], np.bool_)


Column = TypeVar("Column", Postings, Vectors, Values)


class Table:
    """Documents in order, and the columns made of them so far."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self._columns: dict[tuple[str, str], Any] = {}

    def column(self, kind: str, path: str, make: Callable[[], Column]) -> Column:
        """The field's column, made on first use and brought up to date."""
        column: Column = self._columns.setdefault((kind, path), None) or make()
        self._columns[kind, path] = column
        column.extend(self.sources)
        return column
