"""Objects that carry an owner reference of this stack, and that its state does not know. Pure, but for `carried`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.kit import META_KEY, NotFound, OwnerReference, meta_reference, read_description, read_references
from providers.services import Connections, Inventory
from providers.services.mlcommons import PROOF, ROOT
from providers.services.trust import references_of

LISTS = {"connectors": "connector", "models": "model", "model_groups": "model group"}
"""Lists of ML Commons', and what one of each is called. At most 1,000 of each are read."""


@dataclass(frozen=True)
class Carrier:
    """An object with an owner reference; `delete` is the request that deletes it, where one does."""

    what: str
    reference: OwnerReference
    delete: str = ""


@dataclass(frozen=True)
class Holdings:
    """What the services hold: lists as they show them."""

    metas: Mapping[str, Mapping[str, Any]]
    ingest_pipelines: Mapping[str, Any]
    search_pipelines: Mapping[str, Any]
    ml: Mapping[str, Mapping[str, str]]
    """Descriptions by id, by list of ML Commons'."""
    settings: Mapping[str, Any]
    comments: Mapping[str, str]
    """Comments of tables, by `<database>.<name>`."""


def orphans(held: Holdings, stack: str, known: Container[OwnerReference]) -> list[Carrier]:
    """Returns the objects of the stack `<project>/<stack>` whose owner reference its state does not hold."""
    return [each for each in carriers(held) if each.reference.stack == stack and each.reference not in known]


def carriers(held: Holdings) -> Iterator[Carrier]:
    """Yields every object that carries an owner reference."""
    yield from _in_metas(held.metas)
    yield from _in_descriptions("ingest pipeline", "/_ingest/pipeline", held.ingest_pipelines)
    yield from _in_descriptions("search pipeline", "/_search/pipeline", held.search_pipelines)
    for name, noun in LISTS.items():
        shown = {id: {"description": text} for id, text in held.ml.get(name, {}).items()}
        yield from _in_descriptions(noun, f"{ROOT}/{name}", shown)
    for each in references_of(held.settings).values():
        yield Carrier(f"trusted endpoint {each['pattern']}", OwnerReference(each["owner"], each["uid"]))
    for table, comment in held.comments.items():
        yield from (Carrier(f"table {table}", each) for each in read_references(comment)[1])


def _in_metas(metas: Mapping[str, Mapping[str, Any]]) -> Iterator[Carrier]:
    for index, meta in metas.items():
        for place in meta.get(META_KEY, {}):
            if place == "index":
                yield Carrier(f"index {index}", meta_reference(meta, place), f"DELETE /{index}")
            elif place == "link":
                yield Carrier(f"sync link into {index}", meta_reference(meta, place))
            elif place.startswith("alias:"):
                alias = place.removeprefix("alias:")
                yield Carrier(f"alias {alias}", meta_reference(meta, place), f"DELETE /{index}/_alias/{alias}")


def _in_descriptions(noun: str, path: str, shown: Mapping[str, Any]) -> Iterator[Carrier]:
    for id, each in shown.items():
        reference = read_description(str(each.get("description", "")))[1]
        if reference.owner and not reference.owner.endswith(PROOF):
            yield Carrier(f"{noun} {id}", reference, f"DELETE {path}/{id}")


def holdings(connections: Connections, inventory: Inventory, settings: Mapping[str, Any], stack: str) -> Holdings:
    """Asks the services for everything that may carry an owner reference. Raises ApiError, SqlError."""
    return Holdings(
        metas=inventory.metas,
        ingest_pipelines=inventory.pipelines("/_ingest/pipeline"),
        search_pipelines=inventory.pipelines("/_search/pipeline"),
        ml={name: _descriptions(connections, name) for name in LISTS},
        settings=settings,
        comments=comments(connections, stack),
    )


def comments(connections: Connections, stack: str) -> dict[str, str]:
    """Returns the comments of tables that carry an owner reference of the stack."""
    rows: Iterable[Mapping[str, Any]] = connections.database.query(
        "SELECT table_schema AS db, table_name AS tb, table_comment AS comment FROM information_schema.tables "
        "WHERE table_comment LIKE %s",
        [f"%[pulumi:{stack}/%"],
    )
    return {f"{row['db']}.{row['tb']}": str(row["comment"]) for row in rows}


def _descriptions(connections: Connections, name: str) -> dict[str, str]:
    body = {"size": 1000, "_source": ["description"], "query": {"match_all": {}}}
    try:
        hits = connections.search.post(f"{ROOT}/{name}/_search", body, idempotent=True)["hits"]["hits"]
    except NotFound:  # 2.11, where there is none yet
        return {}
    return {hit["_id"]: str(hit.get("_source", {}).get("description", "")) for hit in hits}
