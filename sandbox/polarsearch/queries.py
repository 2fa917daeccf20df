"""The query language: the table of queries, one function each. What a body may hold was checked before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sandbox.polarsearch import dates, values
from sandbox.polarsearch.errors import ApiError, ShardFailure, illegal_argument, not_here, parsing
from sandbox.polarsearch.matches import Matches, any_of, best_of, constant, minimum, nothing
from sandbox.polarsearch.scoring import bm25, idf
from sandbox.polarsearch.searched import Searched
from sandbox.polarsearch.vectors import VectorField

Body = Any
_EXTRA = ("boost", "_name")
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}
_RANGED = values.NUMBERS | values.DATES


def run(index: Searched, query: dict[str, Any] | None) -> Matches:
    """All documents when there is no query."""
    if query is None:
        return constant(np.ones(index.size, np.bool_))
    [(kind, body)] = query.items()
    try:
        found = QUERIES[kind](index, body)
    except ApiError as error:
        if kind in _COMPOUND and not isinstance(error, ShardFailure) and not error.ours:
            raise not_here(error.reason) from None  # a node names both queries
        raise
    return found.boosted(body.get("boost", 1)) if kind in _BOOSTED else found


def _one_field(kind: str, body: Body, short: str) -> tuple[str, dict[str, Any]]:
    if len(body) != 1:
        if not body and kind == "match":
            raise parsing("No text specified for text query")
        if len(body) == 2 and not set(body) & set(_EXTRA):
            raise parsing(f"[{kind}] query doesn't support multiple fields, found [{'] and ['.join(body)}]")
        raise not_here(f"[{kind}] takes one field")
    [(name, value)] = body.items()
    return name, dict(value) if isinstance(value, dict) else {short: value}


# -- words


def _match(index: Searched, body: Body) -> Matches:
    name, options = _one_field("match", body, "query")
    return _match_field(index, name, options).boosted(options.get("boost", 1))


def _match_field(index: Searched, name: str, options: dict[str, Any]) -> Matches:
    if index.kind(name) not in {"text", "keyword"}:
        return _exactly(index, name, options["query"])
    parts = [_term_scores(index, name, token) for token in index.analyzed(name, options["query"])]
    least = options.get("minimum_should_match", 1)
    every = str(options.get("operator", "or")).lower() == "and"
    return any_of(index.size, parts, len(parts) if every else min(minimum(least, len(parts)), len(parts)))


def _multi_match(index: Searched, body: Body) -> Matches:
    names = body["fields"] if isinstance(body["fields"], list) else [body["fields"]]
    if not names or any("*" in name for name in names):
        raise not_here("wildcards in [fields], or none, are not supported")
    pairs = [name.partition("^") for name in names]
    parts = [_match_field(index, name, body).boosted(float(boost or 1)) for name, _, boost in pairs]
    return best_of(index.size, parts, float(body.get("tie_breaker", 0)))


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
    if kind == "knn_vector":
        raise index.failed(f"KNN vector do not support exact searching, use KNN queries instead: [{name}]")
    if kind == "boolean":
        return _term_scores(index, name, "true" if _converted(index, name, value) else "false")
    if kind in values.DATES:
        try:
            return _between(index, name, {"gte": value, "lte": value})
        except ShardFailure as error:
            raise not_here(error.root.reason if error.root else error.reason) from None
    if kind not in values.NUMBERS | {"ip"}:
        raise not_here(f"a query for a value of [{name}] of type [{kind}] is not supported")
    wanted = _converted(index, name, value)
    return constant(index.values(name).where(lambda found: bool(found == wanted)))


def _converted(index: Searched, name: str, value: Any) -> Any:
    kind, shown = index.kind(name), index.shown(name)
    if kind in values.NUMBERS and isinstance(value, bool):
        raise not_here(f"[{value}] is not supported as a number")
    if kind in values.WHOLE and isinstance(value, (float, str)) and values.is_number(str(value)):
        number = float(value)
        if not number.is_integer():
            return number
    try:
        return values.indexed({**shown, "coerce": True}, value)
    except ApiError as error:
        if kind not in values.NUMBERS or not error.reason.startswith("For input string"):
            raise not_here(f"[{value}] is not supported as a value of [{name}]") from None
        cause = ApiError(400, "number_format_exception", error.reason)
        raise index.failed(f"failed to create query: {cause.reason}", cause) from None


def _term(index: Searched, body: Body) -> Matches:
    name, options = _one_field("term", body, "value")
    return _term_on(index, name, options["value"]).boosted(options.get("boost", 1))


def _term_on(index: Searched, name: str, value: Any) -> Matches:
    if name == "_id":
        return _ids(index, {"values": [value]})
    kind = index.kind(name)
    if kind not in {"text", "keyword"}:
        return _exactly(index, name, value)
    term = values.as_term(value)
    if kind == "keyword":
        term = "".join(index.analyzed(name, term))
    found = _term_scores(index, name, term)
    return constant(found.mask) if kind == "keyword" and index.version.has("keyword_constant_score") else found


def _terms(index: Searched, body: Body) -> Matches:
    pairs = [(name, value) for name, value in body.items() if name != "boost"]
    if len(pairs) == 1 and not isinstance(pairs[0][1], (list, dict)):
        raise parsing(f"[terms] query does not support [{pairs[0][0]}]")
    if len(pairs) != 1 or not isinstance(pairs[0][1], list):
        raise not_here("[terms] takes one field and a list of values")
    name, given = pairs[0]
    if not all(isinstance(value, (str, int, float)) for value in given):
        raise not_here("[terms] takes texts, numbers and booleans")
    masks = [_term_on(index, name, value).mask for value in given]
    return constant(np.any(masks, axis=0) if masks else np.zeros(index.size, np.bool_))


def _ids(index: Searched, body: Body) -> Matches:
    given = body.get("values", [])
    listed = given if isinstance(given, list) else [given]
    if not all(isinstance(value, (str, int)) for value in listed):
        raise not_here("[ids] takes texts")
    mask = np.zeros(index.size, np.bool_)
    mask[[place for id in listed if (place := index.view.places.get(str(id))) is not None]] = True
    return constant(mask)


def _range(index: Searched, body: Body) -> Matches:
    name, options = _one_field("range", body, "gte")
    if not isinstance(body[name], dict):
        raise not_here("[range] takes bounds")
    kind = index.kind(name)
    if kind is None:
        return nothing(index.size)
    if kind == "knn_vector":
        text = f"Field [{name}] of type [knn_vector] does not support range queries"
        raise index.failed(f"failed to create query: {text}", illegal_argument(text))
    if kind not in _RANGED or ("format" in options and kind not in values.DATES):
        raise not_here(f"a range of [{name}] of type [{kind}] is not supported")
    return _between(index, name, options).boosted(options.get("boost", 1))


def _between(index: Searched, name: str, options: dict[str, Any]) -> Matches:
    given = {key: options[key] for key in _TESTS if options.get(key) is not None}
    if {"gt", "gte"} <= given.keys() or {"lt", "lte"} <= given.keys():
        raise not_here("a range takes one lower and one upper bound")
    bounds = [(_TESTS[key], _bound(index, name, key, value, options)) for key, value in given.items()]
    return constant(index.values(name).where(lambda value: all(test(value, bound) for test, bound in bounds)))


def _bound(index: Searched, name: str, key: str, value: Any, options: dict[str, Any]) -> Any:
    kind = index.kind(name)
    if kind not in values.DATES:
        return _converted(index, name, value)
    text, format = values.as_term(value), options.get("format") or index.shown(name).get("format", dates.DEFAULT)
    if "now" in text or "||" in text:
        raise not_here(f"date math [{text}] is not supported")
    try:
        return dates.millis(text, format, up=key in {"lte", "gt"})
    except ApiError as error:
        if error.ours:
            raise
        outer = ApiError(400, "parse_exception", f"{error.reason}: [{error.reason}]", cause=error)
        raise index.failed(outer.reason, error, kind="parse_exception") from None


# -- queries of queries


def _bool(index: Searched, body: Body) -> Matches:
    clauses = [_listed(body.get(key)) for key in ("must", "filter", "should", "must_not")]
    must, filters, should, never = ([run(index, query) for query in each] for each in clauses)
    if not (must or filters or should or never):
        return run(index, None)
    least = body.get("minimum_should_match") if should else None
    required = minimum(least, len(should)) if least is not None else int(bool(should) and not (must or filters))
    if least is not None and required > len(should):
        return nothing(index.size)
    mask = np.ones(index.size, np.bool_)
    for part in (*must, *filters):
        mask &= part.mask
    for part in never:
        mask &= ~part.mask
    if required > 0:
        mask &= np.sum([part.mask for part in should], axis=0) >= required
    scored = any_of(index.size, [*must, *should], 0)
    only_negative = bool(never) and not (must or filters or should)
    return Matches(mask, np.zeros(index.size, np.float32) if only_negative else scored.scores)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _unresolved(index: Searched, body: Body) -> Matches:
    raise not_here("hybrid inside another query is not supported")


# -- vectors


def _knn(index: Searched, body: Body, nested: str = "") -> Matches:
    name, options = _one_field("knn", body, "vector")
    _check_knn(options)
    field = index.index.mapping.vector(name)
    if field is None:
        if options.get("ignore_unmapped") in (True, "true"):
            return nothing(index.size)
        text = f"Field '{name}' is not knn_vector type."
        raise index.failed(f"failed to create query: {text}", illegal_argument(text))
    vector = np.asarray(options["vector"], np.float32)
    if len(vector) != field.dimension:
        text = f"Query vector has invalid dimension: {len(vector)}. Dimension should be: {field.dimension}"
        raise index.failed(f"failed to create query: {text}", illegal_argument(text))
    if nested and (not name.startswith(f"{nested}.") or options.get("filter")):
        raise not_here(f"a nested query of [{nested}] takes the knn of a field in it, without a filter")
    return _nearest(index, field, vector, options, nested).boosted(options.get("boost", 1))


def _check_knn(options: dict[str, Any]) -> None:
    vector = options.get("vector")
    if vector is None:
        raise illegal_argument("[knn] requires query vector")
    if vector == []:
        cause = illegal_argument("[knn] field 'vector' requires to be non-null and non-empty")
        raise ApiError(400, "x_content_parse_exception", "[1:1] [knn] failed to parse field [vector]", cause=cause)
    numbers = vector if isinstance(vector, (list, np.ndarray)) else [None]
    if not isinstance(numbers, np.ndarray) and not all(
        isinstance(each, (int, float)) and not isinstance(each, bool) for each in numbers
    ):
        raise not_here("[knn] takes a list of numbers")
    if "k" not in options:
        raise illegal_argument("[knn] requires exactly one of k, distance or score to be set")
    if not 0 < int(options["k"]) <= 10000:
        raise illegal_argument("[knn] requires k to be in the range (0, 10000]")


def _nearest(index: Searched, field: VectorField, vector: Any, options: dict[str, Any], nested: str) -> Matches:
    allowed = index.live.copy()
    if options.get("filter"):
        allowed &= run(index, options["filter"]).mask
    places, scores, offsets = index.vectors(field, nested).nearest(vector, allowed, int(options["k"]))
    mask, every = np.zeros(index.size, np.bool_), np.zeros(index.size, np.float32)
    mask[places], every[places] = True, scores
    return Matches(mask, every, offsets=dict(zip(places.tolist(), offsets.tolist(), strict=True)))


def nested(index: Searched, body: Body) -> Matches:
    """Documents with a nested object that matches; of one's nearest vectors only the best is seen."""
    path, [(kind, inner)] = body["path"], body["query"].items()
    mapped = index.index.mapping.fields.get(path, {"type": ""}).get("type", "object")
    if mapped != "nested":
        known = f"nested object under path [{path}] is not of nested type" if mapped == "object" else ""
        text = f"[nested] {known or f'failed to find nested object under path [{path}]'}"
        raise index.failed(f"failed to create query: {text}", ApiError(500, "illegal_state_exception", text))
    field = index.index.mapping.vector(inner["field"]) if kind == "exists" else None
    if "." in path or (kind != "knn" and not (field and field.path.startswith(f"{path}."))):
        raise not_here(f"a nested query of [{path}] takes knn, or exists of a vector in it")
    return constant(index.vectors(field, path).present(index.size)) if field else _knn(index, inner, path)


_COMPOUND = {"bool", "constant_score"}
_BOOSTED = {"match_all", "bool", "constant_score", "ids", "exists", "terms", "multi_match", "nested"}
QUERIES: dict[str, Callable[[Searched, Body], Matches]] = {
    "match_all": lambda index, body: run(index, None),
    "match_none": lambda index, body: nothing(index.size),
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
