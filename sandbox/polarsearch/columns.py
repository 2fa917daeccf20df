"""What a search reads instead of the documents: for each field an inverted index, a matrix of vectors, or plain values.

Built on first use and only ever extended, as Lucene's segments are: a document that was overwritten keeps its place
(and its part in the statistics) until the segments are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sandbox.polarsearch.scoring import Floats, rough_order, stored_length, vector_scores
from sandbox.polarsearch.vectors import VectorField

Mask = npt.NDArray[np.bool_]
Source = dict[str, Any]


def values_at(source: Any, path: Sequence[str]) -> Iterator[Any]:
    """Every value under `path`, through lists and objects, null left out."""
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

    def __init__(self, path: str, tokens: Callable[[Any], list[str]], *, norms: bool) -> None:
        self._path, self._tokens, self.norms = path.split("."), tokens, norms
        self.terms: dict[str, tuple[list[int], list[int]]] = {}
        self.lengths: list[int] = []
        self.documents = self.total = 0

    def extend(self, sources: Sequence[Source]) -> None:
        """Take in the documents that came since."""
        for ordinal in range(len(self.lengths), len(sources)):
            tokens = [token for value in values_at(sources[ordinal], self._path) for token in self._tokens(value)]
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
    """One knn_vector field as a matrix."""

    def __init__(self, field: VectorField) -> None:
        self.field, self._path = field, field.path.split(".")
        self._seen = self._rows = 0
        self._matrix = np.empty((64, field.dimension), np.float32)
        self._squares = np.empty(64, np.float32)
        self._ordinals = np.empty(64, np.intp)

    def extend(self, sources: Sequence[Source]) -> None:
        """Take in the documents that came since."""
        for ordinal in range(self._seen, len(sources)):
            vector = _vector(sources[ordinal], self._path)
            if vector is not None and len(vector) == self.field.dimension:
                self._append(ordinal, np.asarray(vector, np.float32))
        self._seen = len(sources)

    def _append(self, ordinal: int, vector: Floats) -> None:
        if self._rows == len(self._ordinals):
            size = 2 * self._rows
            self._matrix = np.resize(self._matrix, (size, self.field.dimension))
            self._squares, self._ordinals = np.resize(self._squares, size), np.resize(self._ordinals, size)
        self._matrix[self._rows], self._ordinals[self._rows] = vector, ordinal
        self._squares[self._rows] = vector @ vector
        self._rows += 1

    def present(self, size: int) -> Mask:
        """Which documents have a vector."""
        mask = np.zeros(size, np.bool_)
        mask[self._ordinals[: self._rows]] = True
        return mask

    def nearest(self, vector: Floats, allowed: Mask, k: int) -> tuple[npt.NDArray[np.intp], Floats]:
        """The `k` best of the `allowed` documents and their scores, best first, ties by age."""
        rows = np.flatnonzero(allowed[self._ordinals[: self._rows]])
        if len(rows) > k + _SPARE:
            whole = len(rows) == self._rows
            matrix = self._matrix[: self._rows] if whole else self._matrix[rows]
            order = rough_order(self.field.space, matrix, vector, self._squares[rows])
            rows = np.sort(rows[np.argpartition(order, -(k + _SPARE))[-(k + _SPARE) :]])
        scores = self.scores(rows, vector)
        best = np.lexsort((rows, -scores))[:k]
        return self._ordinals[rows[best]], scores[best]

    def within(self, vector: Floats, allowed: Mask) -> tuple[npt.NDArray[np.intp], Floats]:
        """Every allowed document with its score, for radial search."""
        rows = np.flatnonzero(allowed[self._ordinals[: self._rows]])
        return self._ordinals[rows], self.scores(rows, vector)

    def scores(self, rows: npt.NDArray[np.intp], vector: Floats) -> Floats:
        """To the digit."""
        return vector_scores(self.field.space, self._matrix[rows], vector, normalised=self.field.normalised)


_SPARE = 16  # how many more than k are scored to the digit, since the rough order may differ in the last digits


def _vector(source: Source, path: Sequence[str]) -> Any:
    """A list of numbers is one vector here, not many values."""
    found: Any = source
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, (list, np.ndarray)) else None


class Values:
    """One field's values by document, for ranges, exact numbers and sorting."""

    def __init__(self, path: str, convert: Callable[[Any], Any]) -> None:
        self._path, self._convert = path.split("."), convert
        self.rows: list[list[Any]] = []

    def extend(self, sources: Sequence[Source]) -> None:
        """Take in the documents that came since."""
        for source in sources[len(self.rows) :]:
            found = (self._convert(value) for value in values_at(source, self._path))
            self.rows.append([value for value in found if value is not None])

    def where(self, test: Callable[[Any], bool]) -> Mask:
        """Which documents have a value that passes."""
        return np.array([any(map(test, row)) for row in self.rows], np.bool_)
