"""Queries for words: match, phrases, several fields at once, and a little of the query string's language.

A text is cut as its field was; on a field that is not text the whole of it is compared.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from sandbox.polarsearch import fields
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.matches import Body, Matches, any_of, best_of, constant, minimum, nothing, one_field
from sandbox.polarsearch.scoring import bm25, idf
from sandbox.polarsearch.term_queries import exactly, term_scores


def match(index: Searched, body: Body) -> Matches:
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
    name, options = one_field("match", body, "query", known)
    return match_field(index, name, options).boosted(float(options.get("boost", 1)))


def match_field(index: Searched, name: str, options: dict[str, Any]) -> Matches:
    """A text against one field: any of its tokens, or with operator=and all."""
    kind = index.kind(name)
    if kind not in {"text", "keyword"}:
        return exactly(index, name, options["query"])
    tokens = index.analyzed(name, options["query"])
    if options.get("fuzziness") not in {None, 0, "0"}:
        parts = [_fuzzy(index, name, token, options["fuzziness"]) for token in tokens]
    else:
        parts = [term_scores(index, name, token) for token in tokens]
    least = len(parts) if str(options.get("operator", "or")).lower() == "and" else _least(options, len(parts))
    return any_of(index, parts, least)


def _least(options: dict[str, Any], clauses: int) -> int:
    return max(1, minimum(options.get("minimum_should_match", 1), clauses))


def _fuzzy(index: Searched, name: str, token: str, fuzziness: Any) -> Matches:
    """Terms within some edits, each counting less the further away: as the top-terms rewrite scores them."""
    allowed = _edits(token, fuzziness)
    near = ((term, fields.edits(token, term)) for term in index.postings(name).terms)
    parts = [
        term_scores(index, name, term, 1 - away / min(len(token), len(term))) for term, away in near if away <= allowed
    ]
    return any_of(index, parts, 1)


def _edits(token: str, fuzziness: Any) -> int:
    if str(fuzziness).upper().startswith("AUTO"):
        return 0 if len(token) < 3 else 1 if len(token) < 6 else 2
    return int(fuzziness)


def phrase(index: Searched, body: Body) -> Matches:
    name, options = one_field("match_phrase", body, "query", ("slop", "analyzer", "zero_terms_query"))
    return phrase_field(index, name, options["query"]).boosted(float(options.get("boost", 1)))


def phrase_field(index: Searched, name: str, text: Any, *, prefix: bool = False) -> Matches:
    """The tokens of `text` one after another; the last may be the start of a word."""
    if index.kind(name) != "text":
        return exactly(index, name, text)
    tokens = index.analyzed(name, text)
    if not tokens:
        return nothing(index)
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


def phrase_prefix(index: Searched, body: Body) -> Matches:
    name, options = one_field("match_phrase_prefix", body, "query", ("slop", "max_expansions", "analyzer"))
    return phrase_field(index, name, options["query"], prefix=True).boosted(float(options.get("boost", 1)))


def multi_match(index: Searched, body: Body) -> Matches:
    names = [part for pattern in body.get("fields", ["*"]) for part in _boosted_fields(index, pattern)]
    options = {key: value for key, value in body.items() if key not in {"fields", "type", "tie_breaker"}}
    if body.get("type") == "phrase":
        parts = [phrase_field(index, name, body["query"]).boosted(boost) for name, boost in names]
    else:
        parts = [match_field(index, name, options).boosted(boost) for name, boost in names]
    return best_of(index, parts, float(body.get("tie_breaker", 0)))


def _boosted_fields(index: Searched, pattern: str) -> list[tuple[str, float]]:
    name, _, boost = pattern.partition("^")
    found = [path for path in index.text_fields() if fnmatchcase(path, name)] if "*" in name else [name]
    return [(path, float(boost or 1)) for path in found]


def query_string(index: Searched, body: Body) -> Matches:
    """Plain words only: the sandbox reads no operators."""
    text = body["query"]
    if text.strip() == "*":
        return constant(np.ones(index.size, np.bool_))
    field, _, rest = text.partition(":")
    names = [field] if rest and field.replace("_", "").replace(".", "").isalnum() else body.get("fields", ["*"])
    operator = {"operator": body["default_operator"]} if "default_operator" in body else {}
    return multi_match(index, {"query": rest if names == [field] else text, "fields": names, **operator})
