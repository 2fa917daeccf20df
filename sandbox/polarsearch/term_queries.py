"""Queries for exact values: terms, ids, ranges, prefixes, and whether there is a value at all.

The surprise: a term on a keyword or a boolean is scored as a word is, on a number or date it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sandbox.polarsearch import fields
from sandbox.polarsearch.errors import ApiError, illegal_argument, parsing
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.matches import Body, Matches, constant, nothing, one_field
from sandbox.polarsearch.scoring import bm25, idf

_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}
_ONE = np.float32(1)


def term_scores(index: Searched, name: str, term: str, boost: float = 1.0) -> Matches:
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


def exactly(index: Searched, name: str, value: Any) -> Matches:
    """A number, date or boolean; an unmapped field matches nothing."""
    if index.kind(name) is None:
        return nothing(index)
    try:
        wanted = fields.converted(index.kind(name), value)
    except ValueError:
        cause = ApiError(400, "number_format_exception", f'For input string: "{value}"')
        raise index.failed(f"failed to create query: {cause.reason}", cause) from None
    return constant(index.values(name).where(lambda found: bool(found == wanted)))


def term(index: Searched, body: Body) -> Matches:
    name, options = one_field("term", body, "value", ("case_insensitive",))
    return _term_on(index, name, options["value"]).boosted(float(options.get("boost", 1)))


def _term_on(index: Searched, name: str, value: Any) -> Matches:
    if name == "_id":
        return ids(index, {"values": [value]})
    if index.kind(name) not in {"text", "keyword", "boolean"}:
        return exactly(index, name, value)
    found = term_scores(index, name, fields.as_term(value))
    if index.kind(name) == "keyword" and index.version.has("keyword_constant_score"):
        return constant(found.mask)
    return found


def terms(index: Searched, body: Body) -> Matches:
    pairs = [(name, value) for name, value in body.items() if name not in {"boost", "_name"}]
    if len(pairs) != 1 or not isinstance(pairs[0][1], list):
        raise parsing("[terms] query requires a field name and a list of values")
    name, values = pairs[0]
    masks = [_term_on(index, name, value).mask for value in values]
    return constant(np.any(masks, axis=0) if masks else np.zeros(index.size, np.bool_))


def ids(index: Searched, body: Body) -> Matches:
    mask = np.zeros(index.size, np.bool_)
    mask[[place for id in body.get("values", []) if (place := index.place(str(id))) is not None]] = True
    return constant(mask)


def range_(index: Searched, body: Body) -> Matches:
    name, options = one_field(
        "range",
        body,
        "gte",
        ("gt", "lt", "lte", "from", "to", "include_lower", "include_upper", "format", "time_zone", "relation"),
    )
    kind = index.kind(name)
    if kind is None:
        return nothing(index)
    try:
        bounds = [
            (test, fields.converted(kind, options[key])) for key, test in _TESTS.items() if options.get(key) is not None
        ]
    except ValueError as error:
        raise index.failed(f"failed to create query: {error}", illegal_argument(str(error))) from None
    mask = index.values(name).where(lambda value: all(test(value, bound) for test, bound in bounds))
    return constant(mask).boosted(float(options.get("boost", 1)))


def expanding(kind: str, short: str, test: Callable[[str, str], bool]) -> Callable[[Searched, Body], Matches]:
    """prefix, wildcard: every term that passes, all with the same score."""

    def query(index: Searched, body: Body) -> Matches:
        name, options = one_field(
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


def exists(index: Searched, body: Body) -> Matches:
    return constant(index.present(body["field"]))
