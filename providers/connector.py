"""Connector: how PolarSearch reaches an embedding service outside the cluster.

It is never edited: a deployed model keeps the one it loaded, a parameter cannot be taken out, and its credential is
never shown. Any change makes a new connector, which costs nothing; the model is then pointed at it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pulumi
from pulumi import Input, Output
from pydantic import BeforeValidator, Field, field_validator

from providers.kit import (
    Immutable,
    Inputs,
    Kind,
    Mark,
    Part,
    Plan,
    Resource,
    Secret,
    State,
    Version,
    describe,
    insist,
    plan_by_field,
    read_description,
    require_version,
    whole,
)
from providers.kit.mlcommons import ROOT, can_be_marked_again, find_by, find_named, of_incarnation

EMBEDDING_BODY = '{ "model": "${parameters.model}", "input": ${parameters.input} }'
EMBEDDING_BODY_WITH_DIMENSIONS = (
    '{ "model": "${parameters.model}", "input": ${parameters.input}, "dimensions": ${parameters.dimensions} }'
)
UNEXPANDED = re.compile(r"\$\{|^\$\w+$")
"""A variable that no shell expanded, such as the tutorial's `${YOUR_API_KEY}`, or `$YOUR_API_KEY`."""

NO_CREDENTIAL = {"unused": "unused"}
"""2.19 and later refuse a connector without one, needed or not (lifecycle.jsonl, "no credential")."""

CLIENT_CONFIG = (2, 13, 0)
LATER_OPTIONS: Mapping[str, Version] = {
    "retry_backoff_millis": (2, 15, 0),
    "retry_timeout_seconds": (2, 15, 0),
    "max_retry_times": (2, 15, 0),
    "retry_backoff_policy": (2, 15, 0),
    "skip_ssl_verification": (3, 5, 0),
}
"""Options of `client_config` that came later than itself (ml-commons, ConnectorClientConfig, tag by tag).

An older service drops them in silence, and the connector would be made anew at every up.
"""


def as_shown(value: Any) -> Any:
    """A parameter as the service shows it: text, or compact JSON of what is not (lifecycle.jsonl, "normalised")."""
    return value if isinstance(value, str) else json.dumps(whole(value), ensure_ascii=False, separators=(",", ":"))


Parameter = Annotated[str, BeforeValidator(as_shown)]


class Action(Part):
    """One call a connector can make; a URL, headers and a body with `${parameters.x}` and `${credential.x}` in them."""

    action_type: str = "PREDICT"
    method: Literal["GET", "POST", "PUT"] = "POST"
    url: str
    headers: dict[str, str] = {}
    request_body: str | None = None
    pre_process_function: str | None = None
    post_process_function: str | None = None

    @field_validator("action_type")
    @classmethod
    def _as_shown(cls, action_type: str) -> str:
        return action_type.upper()


class ConnectorInputs(Inputs):
    """What a person declares. `credential` is sent once and never shown again.

    `client_config` is as OpenSearch takes it: its `connection_timeout` and `read_timeout` are milliseconds in 2.13, and
    seconds since.
    """

    name: Immutable[str] = Field(min_length=1, max_length=256)
    description: Immutable[str] = ""
    protocol: Immutable[Literal["http", "aws_sigv4"]] = "http"
    parameters: Immutable[dict[str, Parameter]] = {}
    credential: Immutable[Secret[dict[str, str] | None]] = None
    actions: Immutable[list[Action]] = Field(min_length=1)
    client_config: Immutable[dict[str, Parameter] | None] = None

    @field_validator("credential")
    @classmethod
    def _not_left_literally(cls, credential: dict[str, str] | None) -> dict[str, str] | None:
        for name, value in (credential or {}).items():
            if UNEXPANDED.search(value) or not value.strip():
                what = "empty" if not value.strip() else "the text of a variable that no shell expanded"
                raise ValueError(f"{name} is {what}; write the key itself, as a secret")
        return credential


class ConnectorState(ConnectorInputs, State):
    """What PolarSearch shows, and the credential as declared."""


def shown(source: Mapping[str, Any], declared: ConnectorInputs) -> ConnectorState:
    """The connector that PolarSearch shows; of `client_config`, which it fills up, only what was declared."""
    description, mark = read_description(source.get("description", ""))
    config = {name: source.get("client_config", {}).get(name) for name in declared.client_config or {}}
    return ConnectorState(
        name=source["name"],
        description=description,
        protocol=source["protocol"],
        parameters=source.get("parameters", {}),
        credential=declared.credential,
        actions=source["actions"],
        client_config=config or None,
        owner=mark.owner,
        incarnation=mark.incarnation,
    )


class ConnectorKind(Kind[ConnectorInputs, ConnectorState]):
    """Makes, shows and drops connectors. The id is the connector's `connector_id`."""

    inputs_type = ConnectorInputs
    state_type = ConnectorState

    @classmethod
    def plan(cls, old: ConnectorInputs, new: ConnectorInputs) -> Plan:
        plan = plan_by_field(old, new)
        return Plan(replaces=plan.updates | plan.replaces)

    def find(self, inputs: ConnectorInputs) -> str | None:
        named = self._named(inputs) if can_be_marked_again(self.search) else []
        same = [id for id, connector in named if not plan_by_field(connector, inputs)]
        return next((id for id in same if not find_by(self.search, "models", connector_id=id)), None)

    def create(self, inputs: ConnectorInputs, incarnation: str) -> str:
        for option in inputs.client_config or {}:
            what = f"connector {inputs.name}: client_config {option}"
            require_version(self.search.version, LATER_OPTIONS.get(option, CLIENT_CONFIG), what, "leave it out")
        return str(self.search.post(f"{ROOT}/connectors/_create", self._body(inputs, incarnation))["connector_id"])

    def recover(self, inputs: ConnectorInputs, incarnation: str) -> str | None:
        return of_incarnation(self._named(inputs), incarnation)

    def read(self, id: str, declared: ConnectorInputs) -> ConnectorState:
        return shown(self.search.get(f"{ROOT}/connectors/{id}"), declared)

    def update(self, id: str, old: ConnectorState, new: ConnectorInputs, incarnation: str) -> None:
        """Only to take over one that no model uses: whole, credential included."""
        if old.incarnation != incarnation:
            self.search.put(f"{ROOT}/connectors/{id}", self._body(new, incarnation))

    def delete(self, id: str, state: ConnectorState) -> None:
        """A model that was just pointed elsewhere counts for up to a second more (lifecycle.jsonl, "after swap")."""
        path = f"{ROOT}/connectors/{id}"
        insist(lambda: self.search.delete(path), "are still using this connector", clock=self.connections.clock)

    def _named(self, inputs: ConnectorInputs) -> list[tuple[str, ConnectorState]]:
        return find_named(self.search, "connectors", inputs.name, lambda id: self.read(id, inputs))

    def _body(self, inputs: ConnectorInputs, incarnation: str) -> dict[str, Any]:
        needed = NO_CREDENTIAL if self.search.version >= (2, 19, 0) else None
        return {
            **inputs.model_dump(mode="json", exclude_none=True, exclude={"owner"}),
            "version": "1",
            "description": describe(inputs.description, Mark(inputs.owner, incarnation)),
            **({"credential": credential} if (credential := inputs.credential or needed) else {}),
        }


class Connector(Resource, module="polarsearch", name="Connector"):
    """A way to an embedding service. Its id is the connector's `connector_id`.

    Example:
        connector = Connector.openai_compatible(
            "embedding",
            url="https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings",
            model="text-embedding-v4",
            api_key="sk-0123456789",
            dimensions=1024,
            opts=opts,
        )
    """

    kind = ConnectorKind
    name: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: Input[str],
        actions: Input[list[Any]],
        description: Input[str] = "",
        protocol: Input[str] = "http",
        parameters: Input[Mapping[str, Any]] | None = None,
        credential: Input[Mapping[str, Input[str]]] | None = None,
        client_config: Input[Mapping[str, Any]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": name,
            "description": description,
            "protocol": protocol,
            "parameters": {} if parameters is None else parameters,
            "credential": credential,
            "actions": actions,
            "client_config": client_config,
        }
        super().__init__(resource_name, props, opts)

    @classmethod
    def openai_compatible(
        cls,
        resource_name: str,
        *,
        url: Input[str],
        model: Input[str],
        api_key: Input[str] | None = None,
        dimensions: Input[int] | None = None,
        batch_size: Input[int] | None = None,
        name: Input[str] | None = None,
        description: Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> Connector:
        """A connector to any service that speaks OpenAI's embeddings API, as the tutorial writes it (step 3b).

        `url` is the whole address, `…/v1/embeddings`. `dimensions` asks for vectors of that length, where the service
        can choose; `batch_size` is the most texts it takes in one request.
        """
        return cls(
            resource_name,
            name=resource_name if name is None else name,
            description=description,
            parameters=_given(model=model, dimensions=dimensions, input_docs_processed_step_size=batch_size),
            credential=None if api_key is None else {"api_key": api_key},
            actions=[_embedding_action(url, authorised=api_key is not None, sized=dimensions is not None)],
            opts=opts,
        )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _embedding_action(url: Input[str], *, authorised: bool, sized: bool) -> dict[str, Any]:
    authorisation = {"Authorization": "Bearer ${credential.api_key}"} if authorised else {}
    return {
        "action_type": "PREDICT",
        "method": "POST",
        "url": url,
        "headers": {**authorisation, "content-type": "application/json"},
        "request_body": EMBEDDING_BODY_WITH_DIMENSIONS if sized else EMBEDDING_BODY,
        "pre_process_function": "connector.pre_process.openai.embedding",
        "post_process_function": "connector.post_process.openai.embedding",
    }
