"""Model group: what ML Commons files models under.

A model registered without one gets a group named after it that nothing ever deletes (lifecycle.jsonl, "implicit
group"), so every model of ours has an explicit group. Names are unique in the cluster.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import Input, Output
from pydantic import Field

from providers.kit import (
    Inputs,
    Kind,
    Mark,
    NotFound,
    Resource,
    State,
    describe,
    insist,
    read_description,
    require_ours,
    wait_until,
)
from providers.kit.mlcommons import ROOT, find_named


class ModelGroupInputs(Inputs):
    """What a person declares: a name, at most 256 characters, unique in the cluster."""

    name: str = Field(min_length=1, max_length=256)
    description: str = ""


class ModelGroupState(ModelGroupInputs, State):
    """What PolarSearch shows."""


def shown(source: dict[str, Any]) -> ModelGroupState:
    """The group that a document of ML Commons describes."""
    description, mark = read_description(source.get("description", ""))
    return ModelGroupState(name=source["name"], description=description, owner=mark.owner, incarnation=mark.incarnation)


class ModelGroupKind(Kind[ModelGroupInputs, ModelGroupState]):
    """Makes, shows, changes and drops model groups."""

    inputs_type = ModelGroupInputs
    state_type = ModelGroupState

    def find(self, inputs: ModelGroupInputs) -> str | None:
        for id, group in find_named(self.search, "model_groups", inputs.name, lambda id: self.read(id, inputs)):
            adopt = f"PUT {ROOT}/model_groups/{id} {{description: … [pulumi:{inputs.owner}]}}"
            mark = Mark(group.owner, group.incarnation)
            require_ours(f"model group {inputs.name} ({id})", mark, inputs.owner, adopt)
            return id
        return None

    def create(self, inputs: ModelGroupInputs, incarnation: str) -> str:
        return str(self.search.post(f"{ROOT}/model_groups/_register", _body(inputs, incarnation))["model_group_id"])

    def read(self, id: str, declared: ModelGroupInputs) -> ModelGroupState:
        return shown(self._get(id))

    def update(self, id: str, old: ModelGroupState, new: ModelGroupInputs, incarnation: str) -> None:
        body = _body(new, incarnation)
        self.search.put(f"{ROOT}/model_groups/{id}", body)
        if not self._has_get:
            self._until_found(id, body)

    def delete(self, id: str, state: ModelGroupState) -> None:
        """A model that was just moved elsewhere, or in 2.11 deleted, counts for up to a second more."""
        insist(
            lambda: self.search.delete(f"{ROOT}/model_groups/{id}"),
            "associated model versions",
            clock=self.connections.clock,
        )

    @property
    def _has_get(self) -> bool:
        """2.11 shows a group only in searches, which are up to a second late for a change (ml-commons)."""
        return self.search.version >= (2, 12, 0)

    def _until_found(self, id: str, body: dict[str, Any]) -> None:
        """Or else what is read next would be the group before the change, with its former incarnation."""

        def pending(found: dict[str, Any]) -> str | None:
            return None if body.items() <= found.items() else f"model group {body['name']} does not show its change"

        wait_until(lambda: self._get(id), pending, timeout=self.patience, clock=self.connections.clock)

    def _get(self, id: str) -> dict[str, Any]:
        if self._has_get:
            return self.search.get(f"{ROOT}/model_groups/{id}")
        query = {"query": {"ids": {"values": [id]}}}
        found = self.search.post(f"{ROOT}/model_groups/_search", query, repeatable=True)["hits"]["hits"]
        if not found:
            raise NotFound(f"POST {ROOT}/model_groups/_search", 404, f"no model group {id}")
        return dict(found[0]["_source"])


def _body(inputs: ModelGroupInputs, incarnation: str) -> dict[str, Any]:
    return {"name": inputs.name, "description": describe(inputs.description, Mark(inputs.owner, incarnation))}


class ModelGroup(Resource, module="polarsearch", name="ModelGroup"):
    """A group of models. Its id is the group's `model_group_id`.

    Example:
        group = ModelGroup("embeddings", name="embeddings", description="Embedding models", opts=opts)
    """

    kind = ModelGroupKind
    name: Output[str]
    description: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: Input[str],
        description: Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, {"name": name, "description": description}, opts)
