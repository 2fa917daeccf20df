"""Model: an embedding model that PolarSearch can call through a connector.

`_deploy` says COMPLETED before the model is deployed, and a model can be deployed and still fail for every text, so it
is ready only once it has embedded one. `space` is what its vectors mean: vectors of two spaces never meet in one index.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pulumi
from pulumi import Input, Output
from pydantic import Field

from providers.kit import (
    ApiError,
    Immutable,
    Inputs,
    Kind,
    Mark,
    NotFound,
    Refused,
    Resource,
    ResourceFailed,
    State,
    describe,
    insist,
    read_description,
    wait_until,
)
from providers.kit.mlcommons import ROOT, can_be_marked_again, find_named, of_incarnation

PROBE_TEXT = "hello world"
SWAP_DELAY = 0.3
"""Seconds until a deployed model uses another connector; seen: up to 0.07 (swap.jsonl)."""
PROOF = "/proof"
FAILED = frozenset({"DEPLOY_FAILED", "PARTIALLY_DEPLOYED"})
_SPACE = re.compile(r"^(?P<text>.*?)\s*\[space:(?P<space>.*)/(?P<dimension>\d+)\]$", re.DOTALL)


class ModelInputs(Inputs):
    """What a person declares. `dimension` is the length of its vectors, 1 to 16,000."""

    name: str = Field(min_length=1, max_length=256)
    description: str = ""
    group_id: str
    connector_id: str
    dimension: Immutable[int] = Field(ge=1, le=16000)
    space: Immutable[str] = Field(min_length=1, pattern=r"^[^\[\]]+$")


class ModelState(ModelInputs, State):
    """What PolarSearch shows. `model_state` is DEPLOYED when it is in use."""

    model_state: str = ""
    enabled: bool = True


def shown(source: Mapping[str, Any]) -> ModelState:
    """The model that a document of ML Commons describes; its space and dimension stand in our description."""
    marked, mark = read_description(source.get("description", ""))
    facts = _SPACE.match(marked)
    return ModelState.model_construct(
        name=source["name"],
        description=facts["text"] if facts else marked,
        group_id=source.get("model_group_id", ""),
        connector_id=source.get("connector_id", ""),
        dimension=int(facts["dimension"]) if facts else 0,
        space=facts["space"] if facts else "",
        model_state=source.get("model_state", ""),
        enabled=source.get("is_enabled", True),
        owner=mark.owner,
        incarnation=mark.incarnation,
    )


def deploying(state: ModelState) -> str | None:
    """What `_deploy` still has to do. Raises ResourceFailed when it has given up."""
    if state.model_state in FAILED:
        raise ResourceFailed(f"model {state.name}: model_state is {state.model_state}")
    return None if state.model_state == "DEPLOYED" else f"model {state.name}: model_state is {state.model_state}"


def vector_length(answer: Mapping[str, Any]) -> int:
    """The length of the vector that a prediction for one text answered with; 0 when there is none."""
    outputs = [output for result in answer.get("inference_results", []) for output in result.get("output", [])]
    return len(outputs[0].get("data", [])) if outputs else 0


class ModelKind(Kind[ModelInputs, ModelState]):
    """Registers, deploys, proves, shows, changes and drops models. The id is the model's `model_id`."""

    inputs_type = ModelInputs
    state_type = ModelState

    @classmethod
    def pending(cls, state: ModelState) -> str | None:
        if not state.enabled:
            return f"model {state.name} is disabled; `pulumi up` enables it"
        if state.model_state != "DEPLOYED":
            return f"model {state.name}: model_state is {state.model_state}; `pulumi up` deploys it"
        return None

    def find(self, inputs: ModelInputs) -> str | None:
        models = self._named(inputs) if can_be_marked_again(self.search) else []
        ours = [id for id, model in models if model.owner == inputs.owner and not self.plan(model, inputs).replaces]
        return ours[0] if ours else None

    def create(self, inputs: ModelInputs, incarnation: str) -> str:
        return self._register(inputs, Mark(inputs.owner, incarnation))

    def recover(self, inputs: ModelInputs, incarnation: str) -> str | None:
        return of_incarnation(self._named(inputs), incarnation)

    def ready(self, id: str, inputs: ModelInputs) -> None:
        self._deploy(id, inputs)
        self._embed_one(id, inputs)

    def read(self, id: str, declared: ModelInputs) -> ModelState:
        model = shown(self.search.get(f"{ROOT}/models/{id}"))
        if model.space or not isinstance(declared, ModelState):
            return model
        # Somebody edited its description: what stood there is still so, and comes back with the next up.
        return model.model_copy(update={"space": declared.space, "dimension": declared.dimension})

    def update(self, id: str, old: ModelState, new: ModelInputs, incarnation: str) -> None:
        if can_be_marked_again(self.search):
            self._change(id, old, new, incarnation)
        elif changed := self.plan(old, new).updates:  # nothing changed is no mistake: `ready` deploys it again
            raise Refused(
                f"model {old.name}: changing {', '.join(sorted(changed))} needs OpenSearch 2.12 or later; "
                f"replace it instead: `pulumi up --replace` with its URN"
            )

    def delete(self, id: str, state: ModelState) -> None:
        self._named(state)
        self._drop(id)

    def _change(self, id: str, old: ModelState, new: ModelInputs, incarnation: str) -> None:
        self._named(new)
        swapped = old.connector_id != new.connector_id
        if swapped:
            self._prove(new)
        self.search.put(f"{ROOT}/models/{id}", _changes(old, new, incarnation))
        if swapped:
            self.connections.clock.sleep(SWAP_DELAY)

    def _register(self, inputs: ModelInputs, mark: Mark) -> str:
        body = {
            "name": inputs.name,
            "function_name": "remote",
            "description": _description(inputs, mark),
            "model_group_id": inputs.group_id,
            "connector_id": inputs.connector_id,
        }
        return str(self.search.post(f"{ROOT}/models/_register", body)["model_id"])

    def _deploy(self, id: str, inputs: ModelInputs) -> None:
        state = self.read(id, inputs).model_state
        task = "" if state in ("DEPLOYED", "DEPLOYING") else self._start_deploy(id)
        try:
            wait_until(
                lambda: self.read(id, inputs),
                deploying,
                timeout=self.patience,
                clock=self.connections.clock,
                tell=self.tell,
            )
        except ResourceFailed as error:
            raise ResourceFailed(f"{error}: {self._why(task)}; run `pulumi up` again to deploy it again") from error

    def _start_deploy(self, id: str) -> str:
        """The answer says COMPLETED once the nodes have heard of it; the model's state tells the outcome."""
        return str(self.search.post(f"{ROOT}/models/{id}/_deploy", repeatable=True).get("task_id", ""))

    def _why(self, task: str) -> str:
        try:
            return (
                str(self.search.get(f"{ROOT}/tasks/{task}").get("error", "no reason given")) if task else "see its task"
            )
        except ApiError:
            return "its task is gone"

    def _embed_one(self, id: str, inputs: ModelInputs) -> None:
        """One real embedding, the way the ingest pipeline asks for it; `parameters` would skip the pre-processing."""
        body = {"text_docs": [PROBE_TEXT], "return_number": True, "target_response": ["sentence_embedding"]}
        length = vector_length(self.search.post(f"{ROOT}/_predict/text_embedding/{id}", body, repeatable=True))
        if length != inputs.dimension:
            raise ResourceFailed(
                f"model {inputs.name} answers with vectors of {length} numbers, `dimension` says {inputs.dimension}; "
                f"set `dimension` to {length}, or name a model that has {inputs.dimension}"
            )

    def _prove(self, inputs: ModelInputs) -> None:
        """Embed through a throw-away model first, so that a bad key never reaches the live one."""
        trial = self._register(inputs, Mark(inputs.owner + PROOF, "trial"))
        try:
            self.ready(trial, inputs)
        finally:
            self._drop(trial)

    def _named(self, inputs: ModelInputs) -> list[tuple[str, ModelState]]:
        """The models of that name; throw-away ones that a killed run left behind are dropped in passing."""
        found = find_named(self.search, "models", inputs.name, lambda id: self.read(id, inputs))
        for id, model in found:
            if model.owner == inputs.owner + PROOF:
                self._drop(id)
        return [(id, model) for id, model in found if model.owner != inputs.owner + PROOF]

    def _drop(self, id: str) -> None:
        """More than once: a write or a query in between deploys a model again by itself."""
        with suppress(NotFound):
            insist(lambda: self._undeploy_and_delete(id), "deployed state", clock=self.connections.clock)

    def _undeploy_and_delete(self, id: str) -> None:
        self.search.post(f"{ROOT}/models/{id}/_undeploy", repeatable=True)
        self.search.delete(f"{ROOT}/models/{id}")


def _description(inputs: ModelInputs, mark: Mark) -> str:
    return describe(f"{inputs.description} [space:{inputs.space}/{inputs.dimension}]".lstrip(), mark)


def _changes(old: ModelState, new: ModelInputs, incarnation: str) -> dict[str, Any]:
    """The whole object, but for what must be sent only when it changes: a group given again makes a new version."""
    regrouped = {"model_group_id": new.group_id} if old.group_id != new.group_id else {}
    enabled = {} if old.enabled else {"is_enabled": True}
    return {
        "name": new.name,
        "description": _description(new, Mark(new.owner, incarnation)),
        "connector_id": new.connector_id,
        **regrouped,
        **enabled,
    }


class Model(Resource, module="polarsearch", name="Model"):
    """An embedding model, deployed and proved. Its id is the `model_id` that pipelines and queries name.

    Another `connector_id` takes effect without a failed request; another `dimension` or `space` is another model.

    Example:
        model = Model(
            "embedding",
            name="text-embedding-v4",
            group_id=group.id,
            connector_id=connector.id,
            dimension=1024,
            space="text-embedding-v4/1024",
            opts=opts,
        )
    """

    kind = ModelKind
    name: Output[str]
    dimension: Output[int]
    space: Output[str]
    model_state: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: Input[str],
        group_id: Input[str],
        connector_id: Input[str],
        dimension: Input[int],
        space: Input[str],
        description: Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": name,
            "description": description,
            "group_id": group_id,
            "connector_id": connector_id,
            "dimension": dimension,
            "space": space,
        }
        super().__init__(resource_name, props, opts)
