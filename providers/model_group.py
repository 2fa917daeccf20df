"""Model group: what ML Commons files models under.

A model registered without one gets a group of its own name that nothing ever deletes (lifecycle.jsonl, "implicit
group"), so every model of ours has an explicit group. Names are unique in the cluster.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from providers.kit import (
    Inputs,
    NotFound,
    OwnerReference,
    Properties,
    Property,
    Rejected,
    Resource,
    State,
    describe,
    prop,
    read_description,
    require_owned,
    wait_until,
)
from providers.services import ClusterKind
from providers.services.mlcommons import HAS_MODELS, ROOT, delete_group, find_named
from providers.services.orphans import delete_with_models


class ModelGroupProperties(Properties):
    """`name` has at most 256 characters, and is unique in the cluster."""

    name: Property[str] = prop(min_length=1, max_length=256)
    description: Property[str] = prop(default="")


class ModelGroupInputs(ModelGroupProperties, Inputs):
    """What a person declares."""


class ModelGroupState(ModelGroupInputs, State):
    """What PolarSearch shows."""


def shown(source: dict[str, Any]) -> ModelGroupState:
    """Returns the group that a document of ML Commons describes."""
    description, reference = read_description(source.get("description", ""))
    return ModelGroupState(name=source["name"], description=description, owner=reference.owner, uid=reference.uid)


def body(inputs: ModelGroupInputs, uid: str) -> dict[str, Any]:
    """Returns the whole group, as it is sent."""
    return {"name": inputs.name, "description": describe(inputs.description, OwnerReference(inputs.owner, uid))}


class ModelGroupKind(ClusterKind[ModelGroupInputs, ModelGroupState]):
    """Makes, shows, changes and deletes model groups. The id is the `model_group_id`."""

    inputs_type = ModelGroupInputs
    state_type = ModelGroupState

    def find(self, inputs: ModelGroupInputs) -> tuple[str, ModelGroupState] | None:
        for id, group in find_named(self.search, "model_groups", inputs.name, lambda id: self.read(id, inputs)):
            reference = OwnerReference(group.owner, group.uid)
            require_owned(f"model group {inputs.name} ({id})", reference, inputs.owner)
            return id, group
        return None

    def create(self, inputs: ModelGroupInputs, uid: str) -> str:
        return self.search.post_for("model_group_id", f"{ROOT}/model_groups/_register", body(inputs, uid))

    def bring_up(self, id: str, inputs: ModelGroupInputs, uid: str) -> ModelGroupState:
        """A group is usable once its write is acknowledged."""
        return shown(body(inputs, uid))

    def read(self, id: str, declared: ModelGroupInputs) -> ModelGroupState:
        return shown(self._get(id))

    def update(self, id: str, old: ModelGroupState, new: ModelGroupInputs, uid: str) -> None:
        self.search.put(f"{ROOT}/model_groups/{id}", body(new, uid))
        if not self._has_get:
            self._wait_until_found(id, body(new, uid))

    def delete(self, id: str, state: ModelGroupState) -> None:
        delete = partial(delete_group, self.search, id, self.services.clock)
        delete_with_models(self.services, state.owner, delete, HAS_MODELS, model_group_id=id)

    @property
    def _has_get(self) -> bool:
        """2.11 shows a group only in searches, which are up to a second late for a change (ml-commons)."""
        return self.search.version >= (2, 12, 0)

    def _wait_until_found(self, id: str, sent: dict[str, Any]) -> None:
        """What is read next would otherwise be the group before the change, with its former uid."""

        def not_ready_reason(found: dict[str, Any]) -> str | None:
            return None if sent.items() <= found.items() else f"model group {sent['name']} does not show its change"

        wait_until(lambda: self._get(id), not_ready_reason, timeout=self.timeout, clock=self.services.clock)

    def _get(self, id: str) -> dict[str, Any]:
        try:
            return self.search.get(f"{ROOT}/model_groups/{id}")
        except Rejected:
            if self._has_get:
                raise
        query = {"query": {"ids": {"values": [id]}}}
        found = self.search.post(f"{ROOT}/model_groups/_search", query, idempotent=True)["hits"]["hits"]
        if not found:
            raise NotFound(f"POST {ROOT}/model_groups/_search", 404, f"no model group {id}")
        return dict(found[0]["_source"])


class ModelGroup(ModelGroupProperties, Resource, module="polarsearch", name="ModelGroup"):
    """A group of models. Its id is the group's `model_group_id`.

    Example:
        group = ModelGroup("embeddings", name="embeddings", description="Embedding models", opts=opts)
    """

    kind = ModelGroupKind
