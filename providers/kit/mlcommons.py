"""Objects that ML Commons keeps: their names are not unique, so ours are told by the mark in their description."""

from __future__ import annotations

from typing import Any

from .errors import NotFound
from .http import SearchClient

ROOT = "/_plugins/_ml"
Hit = tuple[str, dict[str, Any]]


def find_by(search: SearchClient, objects: str, **terms: str) -> list[Hit]:
    """Ids and sources of the `connectors`, `models` or `model_groups` that have these keyword values.

    At most 1,000. None yet is an empty list: 2.11 answers 404 for an index that does not exist.
    """
    query = {"bool": {"filter": [{"term": {field.replace("__", "."): value}} for field, value in terms.items()]}}
    try:
        found = search.post(f"{ROOT}/{objects}/_search", {"size": 1000, "query": query}, repeatable=True)
    except NotFound:
        return []
    return [(hit["_id"], hit["_source"]) for hit in found["hits"]["hits"]]
