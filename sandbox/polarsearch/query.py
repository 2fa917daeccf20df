"""The query language: each query turns the documents of one index into "which, and how well".

Dense arrays over all places of the view, dead ones included; who asks takes the dead out at the end. What the sandbox
does not know is refused as a real node refuses what it does not know, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from sandbox.polarsearch import fields
from sandbox.polarsearch.columns import Mask
from sandbox.polarsearch.errors import ApiError, illegal_argument, parsing, unknown_field
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.scoring import Floats, bm25, idf
from sandbox.polarsearch.vectors import VectorField

_ONE = np.float32(1)
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


def _one(kind: str, body: Body, short: str, known: Iterable[str]) -> tuple[str, dict[str, Any]]:
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


# -- text


def _match(index: Searched, body: Body) -> Matches:
    known = (
        "operator",
        "fuzziness",
        "minimum_should_match",
        "analyzer",
        "lenient",
        "zero_terms_query",
        "auto_generate_synonyms_phrase_query",
        "prefix_length",
        "max_expansions",
    )
    name, options = _one("match", body, "query", known)
    return match_field(index, name, options).boosted(float(options.get("boost", 1)))


def match_field(index: Searched, name: str, options: dict[str, Any]) -> Matches:
    """A text against one field: any of its tokens, or with operator=and all."""
    kind = index.kind(name)
    if kind not in {"text", "keyword"}:
        return _exactly(index, name, options["query"])
    tokens = index.analyzed(name, options["query"])
    if options.get("fuzziness") not in {None, 0, "0"}:
        parts = [_fuzzy(index, name, token, options["fuzziness"]) for token in tokens]
    else:
        parts = [_term_scores(index, name, token) for token in tokens]
    least = len(parts) if str(options.get("operator", "or")).lower() == "and" else _least(options, len(parts))
    return _any_of(index, parts, least)


def _least(options: dict[str, Any], clauses: int) -> int:
    return max(1, _minimum(options.get("minimum_should_match", 1), clauses))


def _minimum(value: Any, clauses: int) -> int:
    """minimum_should_match: a number, negative (all but), or a percentage of either."""
    text = str(value)
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        return int(share * clauses) if share >= 0 else clauses - int(-share * clauses)
    return int(text) if int(text) >= 0 else clauses + int(text)


def _any_of(index: Searched, parts: list[Matches], least: int) -> Matches:
    counts = np.zeros(index.size, np.int32)
    total = np.zeros(index.size, np.float64)  # Lucene adds up in doubles
    for part in parts:
        counts += part.mask
        total += np.where(part.mask, part.scores, 0)
    return Matches(counts >= max(least, 1), total.astype(np.float32))


def _term_scores(index: Searched, name: str, term: str, boost: float = 1.0) -> Matches:
    column = index.postings(name)
    ordinals, frequencies = column.of(term)
    mask, scores = np.zeros(index.size, np.bool_), np.zeros(index.size, np.float32)
    mask[ordinals] = True
    if not len(ordinals):
        return Matches(mask, scores)
    factor = np.float32(boost) * (_ONE if index.version.has("bm25_without_k1") else np.float32(2.2))
    weight = np.float32(factor * np.float32(idf(column.documents, len(ordinals))))
    lengths = np.array([column.lengths[place] if column.norms else 1 for place in ordinals], np.float32)
    scores[ordinals] = bm25(weight, frequencies, lengths, column.average)
    return Matches(mask, scores)


def _fuzzy(index: Searched, name: str, token: str, fuzziness: Any) -> Matches:
    """Terms within some edits, each counting less the further away: as the top-terms rewrite scores them."""
    allowed = _edits(token, fuzziness)
    near = ((term, fields.edits(token, term)) for term in index.postings(name).terms)
    parts = [
        _term_scores(index, name, term, 1 - away / min(len(token), len(term))) for term, away in near if away <= allowed
    ]
    return _any_of(index, parts, 1)


def _edits(token: str, fuzziness: Any) -> int:
    if str(fuzziness).upper().startswith("AUTO"):
        return 0 if len(token) < 3 else 1 if len(token) < 6 else 2
    return int(fuzziness)


def _phrase(index: Searched, body: Body) -> Matches:
    name, options = _one("match_phrase", body, "query", ("slop", "analyzer", "zero_terms_query"))
    return phrase_field(index, name, options["query"]).boosted(float(options.get("boost", 1)))


def phrase_field(index: Searched, name: str, text: Any, *, prefix: bool = False) -> Matches:
    """The tokens of `text` one after another; the last may be the start of a word."""
    if index.kind(name) != "text":
        return _exactly(index, name, text)
    tokens = index.analyzed(name, text)
    if not tokens:
        return constant(np.zeros(index.size, np.bool_))
    counts = np.array(
        [fields.occurrences(index.tokens_of(name, place), tokens, prefix) for place in range(index.size)], np.float32
    )
    mask = counts > 0
    column = index.postings(name)
    terms = [token for token in tokens[: -1 if prefix else None] if token in column.terms]
    terms += [term for term in column.terms if prefix and term.startswith(tokens[-1])]
    weight = np.float32(sum(idf(column.documents, len(column.of(term)[0])) for term in terms))
    if not index.version.has("bm25_without_k1"):
        weight = np.float32(weight * np.float32(2.2))
    lengths = np.array(column.lengths, np.float32)
    return Matches(mask, bm25(weight, counts, lengths, column.average))


def _phrase_prefix(index: Searched, body: Body) -> Matches:
    name, options = _one("match_phrase_prefix", body, "query", ("slop", "max_expansions", "analyzer"))
    return phrase_field(index, name, options["query"], prefix=True).boosted(float(options.get("boost", 1)))


def _multi_match(index: Searched, body: Body) -> Matches:
    names = [part for pattern in body.get("fields", ["*"]) for part in _boosted_fields(index, pattern)]
    options = {key: value for key, value in body.items() if key not in {"fields", "type", "tie_breaker"}}
    if body.get("type") == "phrase":
        parts = [phrase_field(index, name, body["query"]).boosted(boost) for name, boost in names]
    else:
        parts = [match_field(index, name, options).boosted(boost) for name, boost in names]
    return _best(index, parts, float(body.get("tie_breaker", 0)))


def _boosted_fields(index: Searched, pattern: str) -> list[tuple[str, float]]:
    name, _, boost = pattern.partition("^")
    found = [path for path in index.text_fields() if fnmatchcase(path, name)] if "*" in name else [name]
    return [(path, float(boost or 1)) for path in found]


def _best(index: Searched, parts: list[Matches], tie_breaker: float) -> Matches:
    if not parts:
        return constant(np.zeros(index.size, np.bool_))
    scores = np.stack([np.where(part.mask, part.scores, np.float32(0)) for part in parts])
    best = scores.max(axis=0)
    total = best + np.float32(tie_breaker) * (scores.sum(axis=0) - best) if tie_breaker else best
    return Matches(np.any([part.mask for part in parts], axis=0), np.asarray(total, np.float32))


def _dis_max(index: Searched, body: Body) -> Matches:
    return _best(index, [run(index, query) for query in body["queries"]], float(body.get("tie_breaker", 0)))


def _query_string(index: Searched, body: Body) -> Matches:
    """Plain words only: the sandbox reads no operators."""
    text = body["query"]
    if text.strip() == "*":
        return run(index, None)
    field, _, rest = text.partition(":")
    names = [field] if rest and field.replace("_", "").replace(".", "").isalnum() else body.get("fields", ["*"])
    operator = {"operator": body["default_operator"]} if "default_operator" in body else {}
    return _multi_match(index, {"query": rest if names == [field] else text, "fields": names, **operator})


# -- exact


def _exactly(index: Searched, name: str, value: Any) -> Matches:
    """A number, date or boolean; an unmapped field matches nothing."""
    if index.kind(name) is None:
        return constant(np.zeros(index.size, np.bool_))
    try:
        wanted = fields.converted(index.kind(name), value)
    except ValueError:
        cause = ApiError(400, "number_format_exception", f'For input string: "{value}"')
        raise index.failed(f"failed to create query: {cause.reason}", cause) from None
    return constant(index.values(name).where(lambda found: bool(found == wanted)))


def _term(index: Searched, body: Body) -> Matches:
    name, options = _one("term", body, "value", ("case_insensitive",))
    return _term_on(index, name, options["value"]).boosted(float(options.get("boost", 1)))


def _term_on(index: Searched, name: str, value: Any) -> Matches:
    if name == "_id":
        return _ids(index, {"values": [value]})
    if index.kind(name) not in {"text", "keyword", "boolean"}:
        return _exactly(index, name, value)
    found = _term_scores(index, name, fields.as_term(value))
    if index.kind(name) == "keyword" and index.version.has("keyword_constant_score"):
        return constant(found.mask)
    return found


def _terms(index: Searched, body: Body) -> Matches:
    pairs = [(name, value) for name, value in body.items() if name not in {"boost", "_name"}]
    if len(pairs) != 1 or not isinstance(pairs[0][1], list):
        raise parsing("[terms] query requires a field name and a list of values")
    name, values = pairs[0]
    masks = [_term_on(index, name, value).mask for value in values]
    return constant(np.any(masks, axis=0) if masks else np.zeros(index.size, np.bool_))


def _ids(index: Searched, body: Body) -> Matches:
    mask = np.zeros(index.size, np.bool_)
    mask[[place for id in body.get("values", []) if (place := index.place(str(id))) is not None]] = True
    return constant(mask)


def _range(index: Searched, body: Body) -> Matches:
    name, options = _one(
        "range",
        body,
        "gte",
        ("gt", "lt", "lte", "from", "to", "include_lower", "include_upper", "format", "time_zone", "relation"),
    )
    kind = index.kind(name)
    if kind is None:
        return constant(np.zeros(index.size, np.bool_))
    try:
        bounds = [
            (test, fields.converted(kind, options[key])) for key, test in _TESTS.items() if options.get(key) is not None
        ]
    except ValueError as error:
        raise index.failed(f"failed to create query: {error}", illegal_argument(str(error))) from None
    mask = index.values(name).where(lambda value: all(test(value, bound) for test, bound in bounds))
    return constant(mask).boosted(float(options.get("boost", 1)))


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}


def _expanding(kind: str, short: str, test: Callable[[str, str], bool]) -> Callable[[Searched, Body], Matches]:
    """prefix, wildcard: every term that passes, all with the same score."""

    def query(index: Searched, body: Body) -> Matches:
        name, options = _one(
            kind,
            body,
            short,
            ("case_insensitive", "rewrite", "value", "wildcard", "flags", "max_expansions", "fuzziness"),
        )
        wanted = str(options.get(short, options.get("value")))
        mask = np.zeros(index.size, np.bool_)
        if index.kind(name) in {"text", "keyword"}:
            column = index.postings(name)
            for term in [term for term in column.terms if test(term, wanted)]:
                mask[column.of(term)[0]] = True
        return constant(mask).boosted(float(options.get("boost", 1)))

    return query


def _exists(index: Searched, body: Body) -> Matches:
    return constant(index.present(body["field"]))


# -- compound


def _bool(index: Searched, body: Body) -> Matches:
    clauses = {key: _listed(body.get(key)) for key in ("must", "filter", "should", "must_not")}
    unknown = body.keys() - clauses.keys() - {"minimum_should_match", "boost", "adjust_pure_negative", "_name"}
    if unknown:
        raise unknown_field("bool", min(unknown))
    must, filters, should, never = ([run(index, query) for query in clauses[key]] for key in clauses)
    if not (must or filters or should or never):
        return run(index, None)
    least = body.get("minimum_should_match")
    required = _minimum(least, len(should)) if least is not None else int(bool(should) and not (must or filters))
    mask = np.ones(index.size, np.bool_)
    for part in (*must, *filters):
        mask &= part.mask
    for part in never:
        mask &= ~part.mask
    if required > 0:
        mask &= np.sum([part.mask for part in should], axis=0) >= required
    scored = _any_of(index, [*must, *should], 0)
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


# -- vectors


def _knn(index: Searched, body: Body) -> Matches:
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
        return constant(np.zeros(index.size, np.bool_))
    if field is None:
        text = f"Field '{name}' is not knn_vector type."
        raise index.failed(f"failed to create query: {text}", illegal_argument(text))
    return _nearest(index, field, options).boosted(float(options.get("boost", 1)))


def _check_knn(options: dict[str, Any]) -> None:
    if options.get("vector") is None:
        raise illegal_argument("[knn] requires query vector")
    if sum(key in options for key in ("k", "min_score", "max_distance")) != 1:
        raise illegal_argument("[knn] requires exactly one of k, distance or score to be set")
    if "k" in options and not 0 < int(options["k"]) <= 10000:
        raise illegal_argument("[knn] requires k to be in the range (0, 10000]")


def _nearest(index: Searched, field: VectorField, options: dict[str, Any]) -> Matches:
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
    "match_none": lambda index, body: constant(np.zeros(index.size, np.bool_)),
    "match": _match,
    "match_phrase": _phrase,
    "match_phrase_prefix": _phrase_prefix,
    "multi_match": _multi_match,
    "query_string": _query_string,
    "simple_query_string": _query_string,
    "term": _term,
    "terms": _terms,
    "ids": _ids,
    "range": _range,
    "prefix": _expanding("prefix", "value", str.startswith),
    "wildcard": _expanding("wildcard", "value", fnmatchcase),
    "exists": _exists,
    "bool": _bool,
    "dis_max": _dis_max,
    "constant_score": _constant_score,
    "function_score": _function_score,
    "nested": _nested,
    "knn": _knn,
    "hybrid": _unresolved,
}
