"""What a query gives: which documents match, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sandbox.polarsearch.columns import Mask
from sandbox.polarsearch.scoring import Floats


@dataclass
class Matches:
    """Which places match, and their scores (meaningless where they do not)."""

    mask: Mask
    scores: Floats
    count: int | None = None  # how many there were, when only the best of them are left
    offsets: Mapping[int, int] = field(default_factory=dict)  # by place, which of the nested objects it was

    def boosted(self, boost: Any) -> Matches:
        """Scores times `boost`."""
        factor = np.float32(boost)
        return self if factor == 1 else replace(self, scores=np.asarray(self.scores * factor, np.float32))


def constant(mask: Mask, score: float = 1.0) -> Matches:
    """The same score for each."""
    return Matches(mask, np.full(len(mask), score, np.float32))


def nothing(size: int) -> Matches:
    """No document at all."""
    return constant(np.zeros(size, np.bool_))


def any_of(size: int, parts: list[Matches], least: int) -> Matches:
    """Those that at least `least` parts match, their scores added up."""
    counts = np.zeros(size, np.int32)
    total = np.zeros(size, np.float64)  # Lucene adds up in doubles
    for part in parts:
        counts += part.mask
        total += np.where(part.mask, part.scores, 0)
    return Matches(counts >= max(least, 1), total.astype(np.float32))


def best_of(parts: list[Matches]) -> Matches:
    """Those that any part matches, with the best score."""
    scores = np.stack([np.where(part.mask, part.scores, np.float32(0)) for part in parts])
    return Matches(np.any([part.mask for part in parts], axis=0), np.asarray(scores.max(axis=0), np.float32))
