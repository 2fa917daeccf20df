"""Scores: Lucene's BM25 to the digit, in 32-bit floats as Lucene has them, and its vector comparisons nearly so."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

K1, B = np.float32(1.2), np.float32(0.75)
_FREE = 24  # the first values of SmallFloat.byte4 stand for themselves


def _int4_to_long(code: int) -> int:
    bits, shift = code & 0x07, (code >> 3) - 1
    return bits if shift == -1 else (bits | 0x08) << shift


LENGTHS = np.array([i if i < _FREE else _FREE + _int4_to_long(i - _FREE) for i in range(256)], np.float32)


def stored_length(length: int) -> int:
    """A text's number of tokens as Lucene's one-byte norm remembers it."""
    return int(LENGTHS[np.searchsorted(LENGTHS, length, side="right") - 1])


def idf(documents: int, containing: int) -> float:
    """How telling a term is that `containing` of `documents` texts have."""
    return float(np.float32(math.log(1 + (documents - containing + 0.5) / (containing + 0.5))))


def bm25(weight: np.float32, frequencies: Floats, lengths: Floats, average: float) -> Floats:
    """`weight` is boost × idf (× 2.2 before 3.0). Without norms every length is 1, though the average is not."""
    one = np.float32(1)
    inverse = one / (K1 * ((one - B) + B * lengths / np.float32(average)))
    return np.asarray(weight - weight / (one + frequencies * inverse), np.float32)


def vector_scores(space: str, matrix: Floats, vector: Floats) -> Floats:
    """k-NN's score of each row: l2 1/(1+d²), cosinesimil (1+cos)/2, innerproduct 1+p or 1/(1-p) when negative."""
    if space == "innerproduct":
        product = matrix @ vector
        return np.asarray(np.where(product >= 0, product + 1, 1 / (1 - np.minimum(product, 0))), np.float32)
    if space == "cosinesimil":
        lengths = np.sqrt((matrix.astype(np.float64) ** 2).sum(axis=1) * (vector.astype(np.float64) ** 2).sum())
        return np.asarray((1 + (matrix @ vector) / np.maximum(lengths, 1e-150)) / 2, np.float32)
    difference = matrix - vector
    return np.asarray(1 / (1 + (difference * difference).sum(axis=1)), np.float32)
