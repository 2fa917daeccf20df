"""Objects that ML Commons keeps: their names are not unique, so ours are told by their owner references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from providers.kit import Clock, NotFound, OwnerReference, State, retry_while_rejected

if TYPE_CHECKING:
    from .http import SearchClient


ROOT = "/_plugins/_ml"

STILL_USED, HAS_MODELS = "are still using this connector", "associated model versions"
"""What refusals to delete a connector and a group say while models use them."""

PROOF = "/proof"
"""Ends the owner of a temporary model, which a new connector is tested by."""

CONNECTOR_REFERENCES = "cluster.metadata.pulumi.connector."
"""Settings that keep owner references of connectors, by id: one that a model uses takes no other description."""

T = TypeVar("T")
S = TypeVar("S", bound=State)


def can_be_taken_over(search: SearchClient) -> bool:
    """Tells whether an existing model or connector can be changed at all, and so be taken over.

    2.11 has no PUT for a model, and a connector's is off by default (ml-commons, MLFeatureEnabledSetting): each keeps
    the owner reference it was made with, and belongs for good to the create that made it. Another create makes another
    object, and one that a killed create left behind cannot be deleted.
    """
    return search.version >= (2, 12, 0)


def with_uid(named: Iterable[tuple[str, S]], uid: str) -> str | None:
    """Returns the id of the object that a create with this uid made."""
    return next((id for id, shown in named if shown.uid == uid), None)


def find_named(search: SearchClient, objects: str, name: str, read: Callable[[str], T]) -> list[tuple[str, T]]:
    """Returns ids and what `read` shows of the `connectors`, `models` or `model_groups` of a name, at most 1,000.

    A search is up to a second late for what was changed or deleted, so each is read by its id.
    """
    found = []
    for id in find_by(search, objects, **{"name.keyword": name}):
        with suppress(NotFound):
            found.append((id, read(id)))
    return found


def find_by(search: SearchClient, objects: str, **terms: str) -> list[str]:
    """Returns ids of the objects that have these keyword values; 2.11 answers 404 where there is no object yet."""
    query = {"bool": {"filter": [_exactly(field, value) for field, value in terms.items()]}}
    try:
        body = {"size": 1000, "_source": False, "query": query}
        found = search.post(f"{ROOT}/{objects}/_search", body, idempotent=True)
    except NotFound:
        return []
    return [hit["_id"] for hit in found["hits"]["hits"]]


def delete_model(search: SearchClient, id: str, clock: Clock) -> None:
    """Deletes a model, if it is there, more than once: a write or a query in between deploys it again."""

    def undeploy_and_delete() -> None:
        search.post(f"{ROOT}/models/{id}/_undeploy", idempotent=True)
        search.delete(f"{ROOT}/models/{id}")

    with suppress(NotFound):
        retry_while_rejected(undeploy_and_delete, "deployed state", clock=clock)


def delete_connector(search: SearchClient, id: str, clock: Clock) -> None:
    """A model that was just pointed elsewhere counts for up to a second more (lifecycle.jsonl, "after swap")."""
    retry_while_rejected(lambda: search.delete(f"{ROOT}/connectors/{id}"), STILL_USED, clock=clock)


def delete_group(search: SearchClient, id: str, clock: Clock) -> None:
    """A model that was just moved elsewhere, or in 2.11 deleted, counts for up to a second more."""
    retry_while_rejected(lambda: search.delete(f"{ROOT}/model_groups/{id}"), HAS_MODELS, clock=clock)


def connector_reference(settings: Mapping[str, Any], id: str) -> OwnerReference:
    """Returns the owner reference that the cluster's settings keep of an adopted connector; empty without one."""
    return OwnerReference.parse(str(settings.get("persistent", {}).get(CONNECTOR_REFERENCES + id, "")))


def write_connector_reference(search: SearchClient, id: str, reference: OwnerReference | None) -> None:
    """Sets or removes the owner reference of an adopted connector."""
    kept = str(reference) if reference else None
    search.put("/_cluster/settings", {"persistent": {CONNECTOR_REFERENCES + id: kept}})


def _exactly(field: str, value: str) -> dict[str, Any]:
    """Matches a field that ML Commons maps as keyword, or leaves to be mapped: text with a keyword inside.

    2.19.1 does the latter with `connector_id`, where a term of the field itself finds nothing.
    """
    inside = [] if field.endswith(".keyword") else [f"{field}.keyword"]
    return {"bool": {"should": [{"term": {name: value}} for name in (field, *inside)]}}
