"""Model: an embedding model that PolarSearch can call through a connector.

`_deploy` answers COMPLETED before the model is deployed, and a deployed model may still fail for every text, so a model
is ready only once it has embedded one. `space` says what its vectors mean: vectors of two spaces never share an index.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pulumi import Output

from providers.kit import (
    ApiError,
    Immutable,
    Inputs,
    OwnerReference,
    Properties,
    Property,
    Refused,
    Resource,
    ResourceFailed,
    State,
    describe,
    prop,
    read_description,
    wait_until,
)
from providers.services import ClusterKind, Inventory
from providers.services.embedding_answers import VectorType, misfit, named, unreadable, vector_of
from providers.services.mlcommons import PROOF, ROOT, can_be_taken_over, delete_model, find_named, with_uid

PROBE_TEXT = "hello world"
SWAP_DELAY = 0.3
"""Seconds until a deployed model uses another connector; recorded: up to 0.07 (swap.jsonl)."""
FAILED = frozenset({"DEPLOY_FAILED", "PARTIALLY_DEPLOYED"})
_SPACE = re.compile(r"^(?P<text>.*?)\s*\[space:(?P<space>.*)/(?P<dimension>\d+)\]$", re.DOTALL)


class ModelProperties(Properties):
    """`dimension` is the length of the model's vectors, 1 to 16,000; `space` names what they mean.

    `vector_type` is what their numbers are, `float` by default, or `byte`.
    """

    name: Property[str] = prop(min_length=1, max_length=256)
    description: Property[str] = prop(default="")
    group_id: Property[str]
    connector_id: Property[str]
    dimension: Immutable[int] = prop(ge=1, le=16000)
    space: Immutable[str] = prop(min_length=1, pattern=r"^[^\[\]]+$")
    vector_type: Property[VectorType | None] = prop(default=None)


class ModelInputs(ModelProperties, Inputs):
    """What a person declares."""


class ModelState(ModelInputs, State):
    """What PolarSearch shows. `model_state` is DEPLOYED when it is in use."""

    model_state: Property[str] = prop(default="")
    enabled: Property[bool] = prop(default=True)


def shown(source: Mapping[str, Any]) -> ModelState:
    """Returns the model that a document of ML Commons describes; space and dimension stand in our description."""
    text, reference = read_description(source.get("description", ""))
    facts = _SPACE.match(text)
    return ModelState.model_construct(
        name=source["name"],
        description=facts["text"] if facts else text,
        group_id=source.get("model_group_id", ""),
        connector_id=source.get("connector_id", ""),
        dimension=int(facts["dimension"]) if facts else 0,
        space=facts["space"] if facts else "",
        model_state=source.get("model_state", ""),
        enabled=source.get("is_enabled", True),
        owner=reference.owner,
        uid=reference.uid,
    )


def deploying(state: ModelState) -> str | None:
    """Returns what `_deploy` still has to do. Raises ResourceFailed when it has given up."""
    if state.model_state in FAILED:
        raise ResourceFailed(f"model {state.name}: model_state is {state.model_state}")
    return None if state.model_state == "DEPLOYED" else f"model {state.name}: model_state is {state.model_state}"


class ModelKind(ClusterKind[ModelInputs, ModelState]):
    """Registers, deploys, tests, shows, changes and deletes models. The id is the model's `model_id`."""

    inputs_type = ModelInputs
    state_type = ModelState

    @classmethod
    def not_ready_reason(cls, state: ModelState) -> str | None:
        if not state.enabled:
            return f"model {state.name} is disabled; `pulumi up` enables it"
        if state.model_state != "DEPLOYED":
            return f"model {state.name}: model_state is {state.model_state}; `pulumi up` deploys it"
        return None

    def find(self, inputs: ModelInputs) -> tuple[str, ModelState] | None:
        models = self._named(inputs) if can_be_taken_over(self.search) else []
        ours = (model for model in models if model[1].owner == inputs.owner)
        return next((model for model in ours if not self.plan(model[1], inputs).replaces), None)

    def is_ours(self, inputs: ModelInputs, inventory: Inventory) -> bool:
        """Names of models are not unique: no other one is in the way."""
        return False

    def create(self, inputs: ModelInputs, uid: str) -> str:
        """The deployment is started at once; where that fails, `bring_up` starts it again and says why."""
        id = self._register(inputs, OwnerReference(inputs.owner, uid))
        with suppress(ApiError):
            self._start_deploy(id)
        return id

    def recover(self, inputs: ModelInputs, uid: str) -> str | None:
        return with_uid(self._named(inputs), uid)

    def bring_up(self, id: str, inputs: ModelInputs, uid: str) -> ModelState:
        state = self._deploy(id, inputs)
        self._embed_one(id, inputs)
        return state

    def read(self, id: str, declared: ModelInputs) -> ModelState:
        model = shown(self.search.get(f"{ROOT}/models/{id}")).model_copy(update={"vector_type": declared.vector_type})
        if model.space or not isinstance(declared, ModelState):
            return model
        # Somebody edited its description: what stood there still holds, and the next up writes it again.
        return model.model_copy(update={"space": declared.space, "dimension": declared.dimension})

    def update(self, id: str, old: ModelState, new: ModelInputs, uid: str) -> None:
        if can_be_taken_over(self.search):
            self._change(id, old, new, uid)
        elif changed := self.plan(old, new).updates:  # `bring_up` deploys it again where nothing changed
            raise Refused(
                f"model {old.name}: changing {', '.join(sorted(changed))} needs OpenSearch 2.12 or later; "
                f"replace it instead: `pulumi up --replace` with its URN"
            )

    def delete(self, id: str, state: ModelState) -> None:
        """Temporary ones that a killed run left go with it; where the whole stack goes, with their connectors."""
        if state.owner not in self.services.judged:
            self._named(state, known={id: state})
        delete_model(self.search, id, self.services.clock)

    def _change(self, id: str, old: ModelState, new: ModelInputs, uid: str) -> None:
        self._named(new)
        swapped = old.connector_id != new.connector_id
        if swapped:
            self._test_connector(new)
        self.search.put(f"{ROOT}/models/{id}", _changes(old, new, uid))
        if swapped:
            self.services.clock.sleep(SWAP_DELAY)

    def _register(self, inputs: ModelInputs, reference: OwnerReference) -> str:
        body = {
            "name": inputs.name,
            "function_name": "remote",
            "description": _description(inputs, reference),
            "model_group_id": inputs.group_id,
            "connector_id": inputs.connector_id,
        }
        return self.search.post_for("model_id", f"{ROOT}/models/_register", body)

    def _deploy(self, id: str, inputs: ModelInputs) -> ModelState:
        state = self.read(id, inputs)
        if state.model_state == "DEPLOYED":
            return state
        task = "" if state.model_state == "DEPLOYING" else self._start_deploy(id)
        seen = [] if task else [state]
        try:
            return wait_until(
                lambda: seen.pop() if seen else self.read(id, inputs),
                deploying,
                timeout=self.timeout,
                clock=self.services.clock,
                report=self.report,
            )
        except ResourceFailed as error:
            raise ResourceFailed(f"{error}: {self._why(task)}; run `pulumi up` again to deploy it again") from error

    def _start_deploy(self, id: str) -> str:
        """Returns the task. It is COMPLETED once the nodes were told; the model's state tells the outcome."""
        return str(self.search.post(f"{ROOT}/models/{id}/_deploy", idempotent=True).get("task_id", ""))

    def _why(self, task: str) -> str:
        try:
            return (
                str(self.search.get(f"{ROOT}/tasks/{task}").get("error", "no reason given")) if task else "see its task"
            )
        except ApiError:
            return "its task is gone"

    def _embed_one(self, id: str, inputs: ModelInputs) -> None:
        """Embeds one text as the ingest pipeline does; with `parameters` the pre-processing would be skipped."""
        if what := self._misfit(id, inputs):
            exact = named(what, lambda: json.dumps(self.search.get(f"{ROOT}/connectors/{inputs.connector_id}")))
            raise ResourceFailed(f"model {inputs.name} answers with {exact}")

    def _misfit(self, id: str, inputs: ModelInputs) -> str:
        body = {"text_docs": [PROBE_TEXT], "return_number": True, "target_response": ["sentence_embedding"]}
        try:
            answer = self.search.post(f"{ROOT}/_predict/text_embedding/{id}", body, idempotent=True)
        except ApiError as error:
            if what := unreadable(str(error)):
                return what
            raise
        return misfit(vector_of(answer), inputs.dimension, inputs.vector_type or "float")

    def _test_connector(self, inputs: ModelInputs) -> None:
        """Embeds through a temporary model first, so that an invalid key never reaches the live one.

        Raises Refused: the live one is as it was.
        """
        try:
            trial = self._register(inputs, OwnerReference(inputs.owner + PROOF, "trial"))
            try:
                self.bring_up(trial, inputs, "trial")
            finally:
                delete_model(self.search, trial, self.services.clock)
        except ApiError as error:
            raise Refused(str(error)) from error

    def _named(
        self, inputs: ModelInputs, known: Mapping[str, ModelState] = MappingProxyType({})
    ) -> list[tuple[str, ModelState]]:
        """Returns the models of that name, all but `known` read; deletes temporary ones that a killed run left."""
        found = find_named(self.search, "models", inputs.name, lambda id: known.get(id) or self.read(id, inputs))
        for id, model in found:
            if model.owner == inputs.owner + PROOF:
                delete_model(self.search, id, self.services.clock)
        return [(id, model) for id, model in found if model.owner != inputs.owner + PROOF]


def _description(inputs: ModelInputs, reference: OwnerReference) -> str:
    return describe(f"{inputs.description} [space:{inputs.space}/{inputs.dimension}]".lstrip(), reference)


def _changes(old: ModelState, new: ModelInputs, uid: str) -> dict[str, Any]:
    """Returns the whole object, without what is sent only when it changes: a group sent again makes a new version."""
    regrouped = {"model_group_id": new.group_id} if old.group_id != new.group_id else {}
    enabled = {} if old.enabled else {"is_enabled": True}
    return {
        "name": new.name,
        "description": _description(new, OwnerReference(new.owner, uid)),
        "connector_id": new.connector_id,
        **regrouped,
        **enabled,
    }


class Model(ModelProperties, Resource, module="polarsearch", name="Model"):
    """An embedding model, deployed and tested. Its id is the `model_id` that pipelines and queries name.

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

    if TYPE_CHECKING:
        model_state: Output[str] = prop(init=False)
