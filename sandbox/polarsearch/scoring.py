"""Scores to the digit: Lucene's BM25 and its vector comparisons, in 32-bit floats as Lucene computes them.

Two surprises: the length of a text is kept in one byte, so lengths above 39 are rounded down; and documents that were
overwritten or deleted still count until their segment is merged, so a score can change with no change one could see.
"""

from __future__ import annotations

import math
from typing import Any

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


def idf(documents: int, containing: int) -> np.float32:
    """How telling a term is that `containing` of `documents` texts have."""
    return np.float32(math.log(1 + (documents - containing + 0.5) / (containing + 0.5)))


def bm25(weight: np.float32, frequencies: Floats, lengths: Floats | None, average: float) -> Floats:
    """`weight` is boost × idf (× 2.2 before 3.0); `lengths` None: a field without norms, such as a keyword."""
    one = np.float32(1)
    if lengths is None:
        inverse: Any = one / K1
    else:
        inverse = one / (K1 * ((one - B) + B * lengths / np.float32(average)))
    return np.asarray(weight - weight / (one + frequencies * inverse), np.float32)


def _lanes(values: Floats) -> Floats:
    """The sum over the last axis as Lucene sums without SIMD: four running sums, then those added up."""
    width = values.shape[-1]
    whole = width - width % 4 if width > 32 else 0
    total = np.zeros(values.shape[:-1], np.float32)
    if whole:
        lanes = np.add.accumulate(values[..., :whole].reshape(*values.shape[:-1], -1, 4), axis=-2)[..., -1, :]
        total = ((lanes[..., 0] + lanes[..., 1]) + lanes[..., 2]) + lanes[..., 3]
    for column in range(whole, width):
        total = total + values[..., column]
    return np.asarray(total, np.float32)


def square_distances(matrix: Floats, vector: Floats) -> Floats:
    """Of each row to `vector`, to the digit."""
    difference = matrix - vector
    return _lanes(difference * difference)


def dot_products(matrix: Floats, vector: Floats) -> Floats:
    """Of each row with `vector`, to the digit."""
    return _lanes(matrix * vector)


def vector_scores(space: str, matrix: Floats, vector: Floats) -> Floats:
    """k-NN's score of each row: l2 1/(1+d²), cosinesimil (1+cos)/2, innerproduct 1+p or 1/(1-p) when negative."""
    one = np.float32(1)
    if space == "cosinesimil":
        norms = np.sqrt(dot_products(matrix, matrix) * dot_products(vector[None], vector)[0])
        cosine = np.divide(dot_products(matrix, vector), norms, out=np.zeros_like(norms), where=norms > 0)
        return np.asarray((one + cosine) / np.float32(2), np.float32)
    if space == "innerproduct":
        product = dot_products(matrix, vector)
        return np.asarray(np.where(product >= 0, product + one, one / (one - np.minimum(product, 0))), np.float32)
    return np.asarray(one / (one + distances(space, matrix, vector)), np.float32)


def distances(space: str, matrix: Floats, vector: Floats) -> Floats:
    """By the spaces whose score is 1/(1+d): l2 (squared), l1, linf, hamming."""
    if space == "l1":
        return np.asarray(np.abs(matrix - vector).sum(axis=1), np.float32)
    if space == "linf":
        return np.asarray(np.abs(matrix - vector).max(axis=1), np.float32)
    if space == "hamming":
        return np.asarray((matrix != vector).sum(axis=1), np.float32)
    return square_distances(matrix, vector)


def rough_order(space: str, matrix: Floats, vector: Floats, squares: Floats) -> Floats:
    """Values that grow with the score, from one matrix product: to find the best before scoring them to the digit."""
    if space in {"l1", "linf", "hamming"}:
        return -distances(space, matrix, vector)
    product = matrix @ vector
    if space == "innerproduct":
        return np.asarray(product, np.float32)
    if space == "cosinesimil":
        return np.asarray(product / np.sqrt(np.maximum(squares, np.float32(1e-30))), np.float32)
    return np.asarray(2 * product - squares, np.float32)
