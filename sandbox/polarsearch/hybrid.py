"""Hybrid search: several queries side by side, their scores made comparable and then combined."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.matches import Matches
from sandbox.polarsearch.scoring import Floats

MIN_SCORE = np.float32(0.001)
MAX_QUERIES = 5

Combine = Callable[[list[np.float32], list[np.float32]], float]


def min_max(scores: Floats) -> Floats:
    """0.001 to 1; a single score, or all the same, is 1."""
    low, high = scores.min(), scores.max()
    if low == high:
        return np.ones_like(scores)
    scaled = (scores - low) / (high - low)
    return np.asarray(np.where(scaled == 0, MIN_SCORE, scaled), np.float32)


def l2(scores: Floats) -> Floats:
    """Each over the root of the sum of squares."""
    norm = np.float32(math.sqrt(float((scores.astype(np.float64) ** 2).sum())))
    return np.asarray(scores / norm if norm else np.full_like(scores, MIN_SCORE), np.float32)


def z_score(scores: Floats) -> Floats:
    """How many standard deviations above the mean, never less than 0.001."""
    deviation = scores.std()
    if not deviation:
        return np.full_like(scores, MIN_SCORE)
    return np.asarray(np.maximum((scores - scores.mean()) / deviation, MIN_SCORE), np.float32)


def _arithmetic(scores: list[np.float32], weights: list[np.float32]) -> float:
    return float(_sum(score * weight for score, weight in zip(scores, weights, strict=True)) / _sum(weights))


def _harmonic(scores: list[np.float32], weights: list[np.float32]) -> float:
    pairs = [(score, weight) for score, weight in zip(scores, weights, strict=True) if score > 0]
    if not pairs:
        return 0.0
    return float(_sum(weight for _, weight in pairs) / _sum(weight / score for score, weight in pairs))


def _geometric(scores: list[np.float32], weights: list[np.float32]) -> float:
    pairs = [(score, weight) for score, weight in zip(scores, weights, strict=True) if score > 0]
    if not pairs:
        return 0.0
    logarithms = _sum(float(weight) * math.log(score) for score, weight in pairs)
    return math.exp(logarithms / _sum(weight for _, weight in pairs))


def _sum(numbers: Iterable[Any]) -> Any:
    total = np.float32(0)
    for number in numbers:
        total = np.float32(float(total) + float(number))
    return total


NORMALIZATIONS = {"min_max": min_max, "l2": l2, "z_score": z_score}
COMBINATIONS: dict[str, Combine] = {
    "arithmetic_mean": _arithmetic,
    "harmonic_mean": _harmonic,
    "geometric_mean": _geometric,
}


def combined(parts: list[Matches], processor: dict[str, Any]) -> Matches:
    """One ranking of several."""
    mask = np.any([part.mask for part in parts], axis=0)
    [config] = processor.values()
    if not mask.any():
        return Matches(mask, np.zeros(len(mask), np.float32))
    return Matches(mask, _normalised(parts, config, mask))


def _normalised(parts: list[Matches], config: dict[str, Any], mask: Any) -> Floats:
    normalize = NORMALIZATIONS[(config.get("normalization") or {}).get("technique", "min_max")]
    combination = config.get("combination") or {}
    combine = COMBINATIONS[combination.get("technique", "arithmetic_mean")]
    weights = _weights(combination, len(parts))
    rows = []
    for part in parts:
        row = np.zeros(len(mask), np.float32)
        if part.mask.any():
            row[part.mask] = normalize(part.scores[part.mask])
        rows.append(row)
    scores = np.zeros(len(mask), np.float32)
    for place in np.flatnonzero(mask):
        scores[place] = combine([row[place] for row in rows], [np.float32(weight) for weight in weights])
    return scores


def _weights(combination: dict[str, Any], queries: int) -> list[float]:
    weights = (combination.get("parameters") or {}).get("weights") or [1.0] * queries
    if len(weights) != queries:
        text = f"number of weights [{len(weights)}] must match number of sub-queries [{queries}] in hybrid query"
        raise not_here(text)
    return list(weights)
