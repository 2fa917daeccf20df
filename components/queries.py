"""Query bodies for applications: they put the text in and send it to the alias, and need to know nothing else.

No model is named: the search pipeline of the index behind the alias fills in the one its vectors were made with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PLACEHOLDER = "{{text}}"
"""Stands for the text to search for."""

Query = dict[str, Any]


def neural(field_map: Mapping[str, str], size: int = 10) -> Query:
    """The `size` documents closest in meaning, without their vectors."""
    return {"size": size, "_source": _without(field_map), "query": _by_meaning(field_map, size)}


def hybrid(field_map: Mapping[str, str], size: int = 10) -> Query:
    """The `size` best by words and by meaning; the search pipeline weighs the two."""
    queries = [_by_words(list(field_map)), _by_meaning(field_map, size)]
    return {"size": size, "_source": _without(field_map), "query": {"hybrid": {"queries": queries}}}


def _without(field_map: Mapping[str, str]) -> Query:
    return {"excludes": sorted(set(field_map.values()))}


def _by_words(fields: Sequence[str]) -> Query:
    if len(fields) == 1:
        return {"match": {fields[0]: PLACEHOLDER}}
    return {"multi_match": {"query": PLACEHOLDER, "fields": list(fields)}}


def _by_meaning(field_map: Mapping[str, str], k: int) -> Query:
    found = [{"neural": {vector: {"query_text": PLACEHOLDER, "k": k}}} for vector in dict.fromkeys(field_map.values())]
    return found[0] if len(found) == 1 else {"bool": {"should": found}}
