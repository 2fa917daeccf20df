"""The query language: the table of queries, one function each. What a body may hold was checked before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sandbox.polarsearch import dates, values
from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.matches import Matches, any_of, best_of, constant, nothing
from sandbox.polarsearch.scoring import bm25, idf
from sandbox.polarsearch.searched import Searched
from sandbox.polarsearch.settings import as_list, as_text
from sandbox.polarsearch.vectors import VectorField

Body = Any
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}


def run(index: Searched, query: dict[str, Any] | None) -> Matches:
    """All documents when there is no query."""
    if query is None:
        return constant(np.ones(index.size, np.bool_))
    [(kind, body)] = query.items()
    if kind not in _OF_ONE_FIELD:
        return QUERIES[kind](index, body).boosted(body.get("boost", 1))
    [(name, value)] = body.items()
    options = value if isinstance(value, dict) else {_OF_ONE_FIELD[kind]: value}
    return QUERIES[kind](index, {"field": name, **options}).boosted(options.get("boost", 1))


# -- words


def _match(index: Searched, body: Body) -> Matches:
    name = body["field"]
    if index.kind(name) not in {"text", "keyword"}:
        return _exactly(index, name, body["query"])
    parts = [_term_scores(index, name, token) for token in index.analyzed(name, body["query"])]
    every = body.get("operator", "or").lower() == "and"
    return any_of(index.size, parts, len(parts) if every else min(_least(body, len(parts), 1), len(parts)))


def _least(body: Body, clauses: int, default: int) -> int:
    least = int(body.get("minimum_should_match", default))
    return least if least >= 0 else clauses + least


def _multi_match(index: Searched, body: Body) -> Matches:
    if not (names := as_list(body["fields"])) or any("*" in name for name in names):
        raise not_here("wildcards in [fields], or none, are not supported")
    pairs = [name.partition("^") for name in names]
    parts = [_match(index, {**body, "field": name}).boosted(float(boost or 1)) for name, _, boost in pairs]
    return best_of(parts)


def _term_scores(index: Searched, name: str, term: str) -> Matches:
    column = index.postings(name)
    ordinals, frequencies = column.of(term)
    mask, scores = np.zeros(index.size, np.bool_), np.zeros(index.size, np.float32)
    if len(ordinals):
        factor = np.float32(1 if index.version.has("bm25_without_k1") else 2.2)
        weight = np.float32(factor * np.float32(idf(column.documents, len(ordinals))))
        lengths = np.array([column.lengths[place] if column.norms else 1 for place in ordinals], np.float32)
        mask[ordinals], scores[ordinals] = True, bm25(weight, frequencies, lengths, column.average)
    return Matches(mask, scores)


# -- exact values


def _exactly(index: Searched, name: str, value: Any) -> Matches:
    kind = index.kind(name)
    if kind is None:
        return nothing(index.size)
    if kind == "boolean":
        return _term_scores(index, name, "true" if _converted(index, name, value) else "false")
    if kind == "date":
        return _range(index, {"field": name, "gte": value, "lte": value})
    if kind not in values.NUMBERS | {"ip"}:
        raise not_here(f"a query for a value of [{name}] of type [{kind}] is not supported")
    wanted = _converted(index, name, value)
    return constant(index.values(name).where(lambda found: bool(found == wanted)))


def _converted(index: Searched, name: str, value: Any) -> Any:
    """A query's value as the field compares it; a fraction stays one, where the field has whole numbers."""
    whole = index.kind(name) in values.WHOLE
    if whole and isinstance(value, float) and not value.is_integer():
        return value
    try:
        if whole and isinstance(value, str):
            value = int(value)
        return values.indexed({**index.shown(name), "coerce": True}, value)
    except ValueError:
        raise not_here(f"[{value}] is not supported as a value of [{name}]") from None


def _term(index: Searched, body: Body) -> Matches:
    return _term_on(index, body["field"], body["value"])


def _term_on(index: Searched, name: str, value: Any) -> Matches:
    if name == "_id":
        return _ids(index, {"values": [as_text(value)]})
    kind = index.kind(name)
    if kind not in {"text", "keyword"}:
        return _exactly(index, name, value)
    found = _term_scores(index, name, as_text(value))
    return constant(found.mask) if kind == "keyword" and index.version.has("keyword_constant_score") else found


def _terms(index: Searched, body: Body) -> Matches:
    if not all(isinstance(value, (str, int, float)) for value in body["values"]):
        raise not_here("[terms] takes texts, numbers and booleans")
    masks = [_term_on(index, body["field"], value).mask for value in body["values"]]
    return constant(np.any(masks, axis=0) if masks else np.zeros(index.size, np.bool_))


def _ids(index: Searched, body: Body) -> Matches:
    listed = body["values"] if isinstance(body["values"], list) else [body["values"]]
    mask = np.zeros(index.size, np.bool_)
    mask[[place for id in listed if (place := index.view.places.get(id)) is not None]] = True
    return constant(mask)


def _range(index: Searched, body: Body) -> Matches:
    name, kind = body["field"], index.kind(body["field"])
    if kind is None:
        return nothing(index.size)
    given = {key: body[key] for key in _TESTS if body.get(key) is not None}
    if kind not in values.NUMBERS | {"date"} or ("format" in body and kind != "date"):
        raise not_here(f"a range of [{name}] of type [{kind}] is not supported")
    if {"gt", "gte"} <= given.keys() or {"lt", "lte"} <= given.keys():
        raise not_here("a range takes one lower and one upper bound")
    bounds = [(_TESTS[key], _bound(index, name, key, value, body)) for key, value in given.items()]
    return constant(index.values(name).where(lambda value: all(test(value, bound) for test, bound in bounds)))


def _bound(index: Searched, name: str, key: str, value: Any, body: Body) -> Any:
    if index.kind(name) != "date":
        return _converted(index, name, value)
    format = body.get("format") or index.shown(name).get("format", dates.DEFAULT)
    try:
        return dates.millis(as_text(value), format, up=key in {"lte", "gt"})
    except ValueError as error:
        raise not_here(str(error)) from None


# -- queries of queries


def _bool(index: Searched, body: Body) -> Matches:
    clauses = [body.get(key, []) for key in ("must", "filter", "should", "must_not")]
    listed = (each if isinstance(each, list) else [each] for each in clauses)
    must, filters, should, never = ([run(index, query) for query in each] for each in listed)
    if not (must or filters or should or never):
        return run(index, None)
    least = _least(body, len(should), int(not (must or filters))) if should else 0
    if least > len(should):
        return nothing(index.size)
    mask = np.ones(index.size, np.bool_)
    for part in (*must, *filters):
        mask &= part.mask
    for part in never:
        mask &= ~part.mask
    if least > 0:
        mask &= np.sum([part.mask for part in should], axis=0) >= least
    scored = any_of(index.size, [*must, *should], 0)
    only_negative = bool(never) and not (must or filters or should)
    return Matches(mask, np.zeros(index.size, np.float32) if only_negative else scored.scores)


def _unresolved(index: Searched, body: Body) -> Matches:
    raise not_here("hybrid inside another query is not supported")


# -- vectors


def _knn(index: Searched, body: Body, nested: str = "") -> Matches:
    name, vector = body["field"], np.asarray(body["vector"], np.float32)
    field = index.index.mapping.vector(name)
    if field is None:
        raise not_here(f"failed to create query: Field '{name}' is not knn_vector type.")
    if len(vector) != field.dimension:
        text = f"Query vector has invalid dimension: {len(vector)}. Dimension should be: {field.dimension}"
        raise not_here(f"failed to create query: {text}")
    if nested and (not name.startswith(f"{nested}.") or "filter" in body):
        raise not_here(f"a nested query of [{nested}] takes the knn of a field in it, without a filter")
    return _nearest(index, field, vector, body, nested)


def _nearest(index: Searched, field: VectorField, vector: Any, body: Body, nested: str) -> Matches:
    allowed = index.live.copy()
    if "filter" in body:
        allowed &= run(index, body["filter"]).mask
    places, scores, offsets = index.vectors(field, nested).nearest(vector, allowed, int(body["k"]))
    mask, every = np.zeros(index.size, np.bool_), np.zeros(index.size, np.float32)
    mask[places], every[places] = True, scores
    return Matches(mask, every, offsets=dict(zip(places.tolist(), offsets.tolist(), strict=True)))


def nested(index: Searched, body: Body) -> Matches:
    """Documents with a nested object that matches; of one's nearest vectors only the best is seen."""
    path, [(kind, inner)] = body["path"], body["query"].items()
    field = index.index.mapping.vector(inner["field"]) if kind == "exists" else None
    inside = kind == "knn" or (field is not None and field.path.startswith(f"{path}."))
    if index.kind(path) != "nested" or "." in path or not inside:
        raise not_here(f"a nested query of [{path}] takes knn, or exists of a vector in a nested object")
    if field:
        return constant(index.vectors(field, path).present(index.size)).boosted(inner.get("boost", 1))
    [(name, options)] = inner.items()
    return _knn(index, {"field": name, **options}, path).boosted(options.get("boost", 1))


_OF_ONE_FIELD = {"match": "query", "term": "value", "terms": "values", "range": "", "knn": ""}
"""Queries written as {field: …}, and what a value alone is."""
QUERIES: dict[str, Callable[[Searched, Body], Matches]] = {
    "match_all": lambda index, body: run(index, None),
    "match": _match,
    "multi_match": _multi_match,
    "term": _term,
    "terms": _terms,
    "ids": _ids,
    "range": _range,
    "exists": lambda index, body: constant(index.present(body["field"])),
    "bool": _bool,
    "constant_score": lambda index, body: constant(run(index, body["filter"]).mask),
    "knn": _knn,
    "nested": nested,
    "hybrid": _unresolved,
}
