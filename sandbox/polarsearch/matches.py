"""What a query gives: which documents match, and how well.

Dense arrays over all places of the view, dead ones included; who asks takes the dead out at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.polarsearch.columns import Mask
from sandbox.polarsearch.errors import parsing
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.scoring import Floats

Body = Any


@dataclass
class Matches:
    """Which places match, and their scores (meaningless where they do not)."""

    mask: Mask
    scores: Floats
    count: int | None = None  # how many there were, when only the best of them are left

    def boosted(self, boost: float) -> Matches:
        """Scores times `boost`."""
        return self if boost == 1 else Matches(self.mask, np.asarray(self.scores * np.float32(boost), np.float32))


def constant(mask: Mask, score: float = 1.0) -> Matches:
    """The same score for each."""
    return Matches(mask, np.full(len(mask), score, np.float32))


def one_field(kind: str, body: Body, short: str, known: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """`{field: value}` or `{field: {short: value, …}}`. Raises for a key this query does not know."""
    pairs = [(name, value) for name, value in body.items() if name not in {"boost", "_name"}]
    if not pairs:
        raise parsing(
            "No text specified for text query" if kind.startswith("match") else f"[{kind}] query malformed, no field"
        )
    if len(pairs) > 1:
        raise parsing(f"[{kind}] query doesn't support multiple fields")
    name, value = pairs[0]
    options = dict(value) if isinstance(value, dict) else {short: value}
    options.update({key: body[key] for key in ("boost",) if key in body})
    for key in options:
        if key not in {short, "boost", "_name", *known}:
            raise parsing(f"[{kind}] query does not support [{key}]")
    return name, options


def minimum(value: Any, clauses: int) -> int:
    """minimum_should_match: a number, negative (all but), or a percentage of either."""
    text = str(value)
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        return int(share * clauses) if share >= 0 else clauses - int(-share * clauses)
    return int(text) if int(text) >= 0 else clauses + int(text)


def any_of(index: Searched, parts: list[Matches], least: int) -> Matches:
    counts = np.zeros(index.size, np.int32)
    total = np.zeros(index.size, np.float64)  # Lucene adds up in doubles
    for part in parts:
        counts += part.mask
        total += np.where(part.mask, part.scores, 0)
    return Matches(counts >= max(least, 1), total.astype(np.float32))


def best_of(index: Searched, parts: list[Matches], tie_breaker: float) -> Matches:
    if not parts:
        return nothing(index)
    scores = np.stack([np.where(part.mask, part.scores, np.float32(0)) for part in parts])
    best = scores.max(axis=0)
    total = best + np.float32(tie_breaker) * (scores.sum(axis=0) - best) if tie_breaker else best
    return Matches(np.any([part.mask for part in parts], axis=0), np.asarray(total, np.float32))


def nothing(index: Searched) -> Matches:
    """No document at all."""
    return constant(np.zeros(index.size, np.bool_))
