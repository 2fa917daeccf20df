"""Scores to the digit: Lucene's BM25 and its vector comparisons, in 32-bit floats as Lucene computes them.

Two surprises: the length of a text is kept in one byte, so lengths above 39 are rounded down; and documents that were
overwritten or deleted still count until their segment is merged, so a score can change with no change one could see.
"""

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


def _fused(a: Floats, b: Floats, lanes: int) -> Floats:
    """The sum of a×b over the last axis as Lucene sums without SIMD: `lanes` running sums of fused steps when there are
    more than 32 numbers, those added up, and then the rest."""
    width = a.shape[-1]
    whole = width - width % lanes if width > 32 else 0
    total = np.zeros(a.shape[:-1], np.float32)
    if whole:
        sums = np.zeros((*a.shape[:-1], lanes), np.float32)
        for at in range(0, whole, lanes):
            sums = _step(a[..., at : at + lanes], b[..., at : at + lanes], sums)
        total = sums[..., 0]
        for lane in range(1, lanes):
            total = total + sums[..., lane]
    for at in range(whole, width):
        total = _step(a[..., at], b[..., at], total)
    return np.asarray(total, np.float32)


def _step(a: Floats, b: Floats, total: Floats) -> Floats:
    """a×b+total rounded once: the product of two 32-bit floats is exact in 64 bits."""
    return np.asarray(a.astype(np.float64) * b + total, np.float32)


def square_distances(matrix: Floats, vector: Floats) -> Floats:
    """Of each row to `vector`, to the digit."""
    difference = matrix - vector
    return _fused(difference, difference, 4)


def dot_products(matrix: Floats, vector: Floats) -> Floats:
    """Of each row with `vector`, to the digit."""
    return _fused(matrix, np.broadcast_to(vector, matrix.shape), 4)


def cosines(matrix: Floats, vector: Floats) -> Floats:
    """Of each row and `vector`, to the digit; 0 where one of them has no length."""
    rows = np.broadcast_to(vector, matrix.shape)
    squares = _fused(matrix, matrix, 2).astype(np.float64) * _fused(rows, rows, 2)
    return np.asarray(_fused(matrix, rows, 2) / np.sqrt(np.maximum(squares, 1e-300)), np.float32)


def unit(matrix: Floats) -> Floats:
    """Each row at length 1, as faiss keeps vectors that are compared by angle."""
    lengths = np.sqrt(dot_products(matrix, matrix).astype(np.float64)).astype(np.float32)
    return np.asarray(matrix / np.where(lengths > 0, lengths, np.float32(1))[..., None], np.float32)


def vector_scores(space: str, matrix: Floats, vector: Floats, *, normalised: bool = False) -> Floats:
    """k-NN's score of each row: l2 1/(1+d²), cosinesimil (1+cos)/2, innerproduct 1+p or 1/(1-p) when negative.

    `normalised`: the engine (faiss) brings vectors to length 1 before it compares them by angle.
    """
    one = np.float32(1)
    if space == "cosinesimil":
        cosine = cosines(unit(matrix), unit(vector[None])[0]) if normalised else cosines(matrix, vector)
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
