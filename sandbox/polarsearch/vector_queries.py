"""Nearest vectors: the `k` best, or all within a score or distance. Exact, where a real node may approximate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sandbox.polarsearch.errors import illegal_argument, unknown_field
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.matches import Body, Matches, nothing
from sandbox.polarsearch.vectors import VectorField

Run = Callable[[Searched, Any], Matches]


def knn(index: Searched, body: Body, run: Run) -> Matches:
    """`run` evaluates the filter."""
    name, options = next(iter(body.items()))
    known = {
        "vector",
        "k",
        "filter",
        "min_score",
        "max_distance",
        "boost",
        "method_parameters",
        "rescore",
        "expand_nested_docs",
        "ignore_unmapped",
        "_name",
    }
    for key in options:
        if key not in known:
            raise unknown_field("knn", key)
    _check_knn(options)
    field = index.vector_field(name)
    if field is None and options.get("ignore_unmapped"):
        return nothing(index)
    if field is None:
        text = f"Field '{name}' is not knn_vector type."
        raise index.failed(f"failed to create query: {text}", illegal_argument(text))
    return _nearest(index, field, options, run).boosted(float(options.get("boost", 1)))


def _check_knn(options: dict[str, Any]) -> None:
    if options.get("vector") is None:
        raise illegal_argument("[knn] requires query vector")
    if sum(key in options for key in ("k", "min_score", "max_distance")) != 1:
        raise illegal_argument("[knn] requires exactly one of k, distance or score to be set")
    if "k" in options and not 0 < int(options["k"]) <= 10000:
        raise illegal_argument("[knn] requires k to be in the range (0, 10000]")


def _nearest(index: Searched, field: VectorField, options: dict[str, Any], run: Run) -> Matches:
    vector = np.asarray(options["vector"], np.float32)
    if len(vector) != field.dimension:
        text = f"Query vector has invalid dimension: {len(vector)}. Dimension should be: {field.dimension}"
        raise index.failed(f"failed to create query: {text}", illegal_argument(text))
    allowed = index.live.copy()
    if options.get("filter"):
        allowed &= run(index, options["filter"]).mask
    column = index.vectors(field)
    if "k" in options:
        places, scores = column.nearest(vector, allowed, int(options["k"]))
    else:
        places, scores = column.within(vector, allowed)
        keep = scores >= _least_score(field.space, options)
        places, scores = places[keep], scores[keep]
    mask, all_scores = np.zeros(index.size, np.bool_), np.zeros(index.size, np.float32)
    mask[places], all_scores[places] = True, scores
    return Matches(mask, all_scores)


def _least_score(space: str, options: dict[str, Any]) -> float:
    if "min_score" in options:
        return float(options["min_score"])
    distance = float(options["max_distance"])
    if space == "cosinesimil":
        return (2 - distance) / 2
    if space == "innerproduct":
        return 1 / (1 + distance) if distance >= 0 else 1 - distance
    return 1 / (1 + distance)
