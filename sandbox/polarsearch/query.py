"""The query language: the table of queries, and those that are made of other queries.

What the sandbox does not know is refused as a real node refuses what it does not know, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from sandbox.polarsearch.errors import ApiError, illegal_argument, parsing, unknown_field
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.matches import Body, Matches, any_of, best_of, constant, minimum, nothing
from sandbox.polarsearch.term_queries import exists, expanding, ids, range_, term, terms
from sandbox.polarsearch.text_queries import match, multi_match, phrase, phrase_prefix, query_string
from sandbox.polarsearch.vector_queries import knn


def run(index: Searched, query: dict[str, Any] | None) -> Matches:
    """All documents when there is no query."""
    if query is None:
        return constant(np.ones(index.size, np.bool_))
    if not query:
        raise illegal_argument("query malformed, empty clause found at [1:1]")
    if not isinstance(query, dict) or len(query) != 1:
        raise parsing("[_na] query malformed, too many clauses")
    kind, body = next(iter(query.items()))
    if kind not in QUERIES:
        error = parsing(f"unknown query [{kind}]")
        error.cause = ApiError(400, "named_object_not_found_exception", f"[1:1] unknown field [{kind}]")
        raise error
    boost = float(body.get("boost", 1)) if isinstance(body, dict) and kind in _BOOSTED else 1.0
    return QUERIES[kind](index, body).boosted(boost)


def _dis_max(index: Searched, body: Body) -> Matches:
    return best_of(index, [run(index, query) for query in body["queries"]], float(body.get("tie_breaker", 0)))


def _bool(index: Searched, body: Body) -> Matches:
    clauses = {key: _listed(body.get(key)) for key in ("must", "filter", "should", "must_not")}
    unknown = body.keys() - clauses.keys() - {"minimum_should_match", "boost", "adjust_pure_negative", "_name"}
    if unknown:
        raise unknown_field("bool", min(unknown))
    must, filters, should, never = ([run(index, query) for query in clauses[key]] for key in clauses)
    if not (must or filters or should or never):
        return run(index, None)
    least = body.get("minimum_should_match")
    required = minimum(least, len(should)) if least is not None else int(bool(should) and not (must or filters))
    mask = np.ones(index.size, np.bool_)
    for part in (*must, *filters):
        mask &= part.mask
    for part in never:
        mask &= ~part.mask
    if required > 0:
        mask &= np.sum([part.mask for part in should], axis=0) >= required
    scored = any_of(index, [*must, *should], 0)
    only_negative = bool(never) and not (must or filters or should)
    return Matches(mask, np.zeros(index.size, np.float32) if only_negative else scored.scores)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _constant_score(index: Searched, body: Body) -> Matches:
    return constant(run(index, body["filter"]).mask)


def _function_score(index: Searched, body: Body) -> Matches:
    if body.keys() - {"query", "boost", "boost_mode", "score_mode"}:
        raise parsing("[function_score] the sandbox knows no functions")
    return run(index, body.get("query"))


def _nested(index: Searched, body: Body) -> Matches:
    """Objects are searched as if they were flat, which is nearly the same for one inner condition."""
    return run(index, body["query"])


def _unresolved(index: Searched, body: Body) -> Matches:
    raise illegal_argument("hybrid query must be a top level query and cannot be wrapped into other queries")


_BOOSTED = {
    "match_all",
    "bool",
    "constant_score",
    "ids",
    "exists",
    "terms",
    "multi_match",
    "dis_max",
    "query_string",
    "simple_query_string",
    "function_score",
}
QUERIES: dict[str, Callable[[Searched, Body], Matches]] = {
    "match_all": lambda index, body: run(index, None),
    "match_none": lambda index, body: nothing(index),
    "match": match,
    "match_phrase": phrase,
    "match_phrase_prefix": phrase_prefix,
    "multi_match": multi_match,
    "query_string": query_string,
    "simple_query_string": query_string,
    "term": term,
    "terms": terms,
    "ids": ids,
    "range": range_,
    "prefix": expanding("prefix", "value", str.startswith),
    "wildcard": expanding("wildcard", "value", fnmatchcase),
    "exists": exists,
    "bool": _bool,
    "dis_max": _dis_max,
    "constant_score": _constant_score,
    "function_score": _function_score,
    "nested": _nested,
    "knn": lambda index, body: knn(index, body, run),
    "hybrid": _unresolved,
}
