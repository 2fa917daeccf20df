"""Objects that ML Commons keeps: their names are not unique, so ours are told by the mark in their description."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from .errors import NotFound
from .fields import State
from .http import SearchClient

ROOT = "/_plugins/_ml"

T = TypeVar("T")


def can_be_marked_again(search: SearchClient) -> bool:
    """Whether a model or a connector that exists can be changed at all, and so be taken over.

    2.11 has no PUT for a model, and a connector's is off by default (ml-commons, MLFeatureEnabledSetting): each keeps
    the mark it was made with, and so belongs for good to the create that made it. Another create makes another, and
    what a killed one left behind is nobody's to delete.
    """
    return search.version >= (2, 12, 0)


def of_incarnation(named: Iterable[tuple[str, State]], incarnation: str) -> str | None:
    """The id of the one that this create made; a find would not do, since 2.11 takes nothing over."""
    return next((id for id, shown in named if shown.incarnation == incarnation), None)


def find_named(search: SearchClient, objects: str, name: str, read: Callable[[str], T]) -> list[tuple[str, T]]:
    """Ids and what `read` shows of the `connectors`, `models` or `model_groups` of that name, at most 1,000.

    A search is up to a second late for what was changed or deleted, so each is read by its id.
    """
    found = []
    for id in find_by(search, objects, **{"name.keyword": name}):
        with suppress(NotFound):
            found.append((id, read(id)))
    return found


def find_by(search: SearchClient, objects: str, **terms: str) -> list[str]:
    """Ids of the objects that have these keyword values. None yet is an empty list: 2.11 answers 404 for that."""
    query = {"bool": {"filter": [_exactly(field, value) for field, value in terms.items()]}}
    try:
        body = {"size": 1000, "_source": False, "query": query}
        found = search.post(f"{ROOT}/{objects}/_search", body, repeatable=True)
    except NotFound:
        return []
    return [hit["_id"] for hit in found["hits"]["hits"]]


def _exactly(field: str, value: str) -> dict[str, Any]:
    """A field that ML Commons maps as keyword, or leaves to be mapped: text with a keyword inside.

    2.19.1 does the latter with `connector_id`, where a term of the field itself finds nothing.
    """
    inside = [] if field.endswith(".keyword") else [f"{field}.keyword"]
    return {"bool": {"should": [{"term": {name: value}} for name in (field, *inside)]}}
