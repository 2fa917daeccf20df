"""Search bodies, made of a collection's ready hybrid query and of filters. Pure.

A ready query is a JSON text in which `{{text}}` stands for the text to search for, as a JSON string. Its two parts are
the search by words and the search by meaning.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PLACEHOLDER = "{{text}}"
SIZE = 10
WIDE = 200

Mode = Literal["words", "meaning", "hybrid"]
MODES: Sequence[Mode] = ("words", "meaning", "hybrid")
Query = dict[str, Any]

NUMBERS = frozenset(
    {"long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float", "unsigned_long"}
)


@dataclass(frozen=True)
class Fields:
    """The fields of an index that can be filtered or shown, by the kind of their values."""

    keywords: Sequence[str] = ()
    numbers: Sequence[str] = ()
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Filters:
    """What a person chose: the value of a keyword field, the least and the most of a number field."""

    equal: Mapping[str, str]
    least: Mapping[str, float]
    most: Mapping[str, float]

    def clauses(self) -> list[Query]:
        """Returns the filters as OpenSearch takes them."""
        bounds: dict[str, Query] = {}
        for operator, values in (("gte", self.least), ("lte", self.most)):
            for field, value in values.items():
                bounds.setdefault(field, {})[operator] = value
        terms = [{"term": {field: {"value": value}}} for field, value in self.equal.items()]
        return [*terms, *({"range": {field: bound}} for field, bound in bounds.items())]


NO_FILTERS = Filters({}, {}, {})


def body(hybrid: str, mode: Mode, text: str, filters: Filters = NO_FILTERS, size: int = SIZE) -> Query:
    """Returns the body of one search."""
    ready: Query = json.loads(hybrid.replace(PLACEHOLDER, json.dumps(text)))
    words, meaning = ready["query"]["hybrid"]["queries"]
    clauses = filters.clauses()
    if clauses:
        words, meaning = (
            {"bool": {"must": [words], "filter": clauses}},
            filtered(meaning, clauses),
        )
    queries = {"words": words, "meaning": meaning, "hybrid": {"hybrid": {"queries": [words, meaning]}}}
    return {**ready, "size": size, "query": queries[mode]}


def everything(hybrid: str, size: int) -> Query:
    """Returns the body of a search for any documents, without their vectors."""
    ready: Query = json.loads(hybrid.replace(PLACEHOLDER, '""'))
    return {"size": size, "_source": ready["_source"], "query": {"match_all": {}}}


def filtered(query: Any, clauses: Sequence[Query]) -> Any:
    """Returns a query by meaning whose nearest neighbours are sought only among what the filters let through.

    Where texts are chunked, the filters follow the search, which looks at `WIDE` documents for that: inside of a nested
    query, OpenSearch before 3.5 lets only some kinds of queries filter the documents around it (k-NN #2222).
    """
    if "nested" in query:
        return {"bool": {"must": [with_options(query, k=WIDE)], "filter": clauses}}
    if "bool" in query:
        return {"bool": {"should": [filtered(each, clauses) for each in query["bool"]["should"]]}}
    return with_options(query, filter={"bool": {"filter": clauses}})


def with_options(query: Any, **options: Any) -> Any:
    """Returns a query with those options in its neural part, which may be a nested query's."""
    if "nested" in query:
        return {"nested": {**query["nested"], "query": with_options(query["nested"]["query"], **options)}}
    return {"neural": {field: {**nearest, **options} for field, nearest in query["neural"].items()}}


def fields(properties: Mapping[str, Any]) -> Fields:
    """Returns the fields of a mapping's `properties`, those of objects by their dotted names."""
    leaves = sorted(_leaves(properties))
    kinds: Sequence[Collection[str]] = ({"keyword"}, NUMBERS, {"text"})
    return Fields(*([name for name, kind in leaves if kind in each] for each in kinds))


def fields_of(documents: Sequence[Mapping[str, Any]]) -> Fields:
    """Returns the fields of some documents, for an account that may not read mappings: it cannot tell keywords."""
    found = {name: value for document in documents for name, value in document.items() if value is not None}
    numbers = [name for name, value in found.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    return Fields((), sorted(numbers), sorted(name for name, value in found.items() if isinstance(value, str)))


def _leaves(properties: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, definition in properties.items():
        kind = definition.get("type", "object")
        if kind == "object":
            yield from _leaves(definition.get("properties", {}), f"{prefix}{name}.")
        elif definition.get("index", True):
            yield prefix + name, kind


def chosen_filters(known: Fields, asked: Mapping[str, str]) -> tuple[Filters, list[str]]:
    """Returns the filters among a request's parameters (`is.f`, `min.f`, `max.f`), and the fields without a number."""
    equal = {field: value for field in known.keywords if (value := asked.get(f"is.{field}", "").strip())}
    bounds: dict[str, dict[str, float]] = {"min": {}, "max": {}}
    wrong = []
    for field in known.numbers:
        for end, values in bounds.items():
            if text := asked.get(f"{end}.{field}", "").strip():
                try:
                    values[field] = finite(text)
                except ValueError:
                    wrong.append(field)
    return Filters(equal, bounds["min"], bounds["max"]), list(dict.fromkeys(wrong))


def finite(text: str) -> float:
    """Returns a number that JSON can hold. Raises ValueError."""
    number = float(text)
    if number - number != 0:
        raise ValueError(text)
    return int(number) if number.is_integer() else number
