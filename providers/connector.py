"""Connector: how PolarSearch reaches an embedding service outside the cluster.

It is never edited: a deployed model keeps the one it loaded, a parameter cannot be removed, and its credential is never
shown. Any change makes a new connector, which costs nothing; the model is then pointed at it. One that was in use when
it was adopted has its owner reference in a setting of the cluster.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import pulumi
from pulumi import Input
from pydantic import AfterValidator, BeforeValidator, PrivateAttr, field_validator, model_validator
from typing_extensions import Self

from providers.kit import (
    Immutable,
    ImmutableSecret,
    Inputs,
    Nested,
    OwnerReference,
    Plan,
    Properties,
    Resource,
    State,
    describe,
    ints_from_floats,
    plan_by_field,
    prop,
    read_description,
)
from providers.services import ClusterKind, Inventory, Version, require_version
from providers.services.mlcommons import (
    ROOT,
    STILL_USED,
    can_be_taken_over,
    connector_reference,
    delete_connector,
    find_by,
    find_named,
    with_uid,
    write_connector_reference,
)
from providers.services.orphans import delete_with_models
from providers.services.signing import require_signable

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

An older service drops them silently, and the connector would be replaced at every `up`.
"""
LATER_FUNCTIONS: Mapping[str, Version] = {
    "process.bedrock.embedding": (2, 12, 0),
    "process.cohere_v2.": (3, 0, 0),
    "process.bedrock_v2.": (3, 0, 0),
    "process.bedrock.nova.": (3, 4, 0),
}
"""Parts of the names of built-in functions that came later (ml-commons, MLPreProcessFunction, tag by tag).

An older service takes such a name for a script, which fails at the first text.
"""
CLIENT_OPTIONS = frozenset({"max_connection", "connection_timeout", "read_timeout", *LATER_OPTIONS})


def as_shown(value: Any) -> Any:
    """Returns a parameter as the service shows it: text, or compact JSON (lifecycle.jsonl, "normalised")."""
    return (
        value
        if isinstance(value, str)
        else json.dumps(ints_from_floats(value), ensure_ascii=False, separators=(",", ":"))
    )


Parameter = Annotated[str, BeforeValidator(as_shown)]


class Action(Nested):
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

    @property
    def functions(self) -> list[str]:
        """The functions before and after the call, by name or as scripts."""
        return [each for each in (self.pre_process_function, self.post_process_function) if each]


def validated_credential(credential: dict[str, str] | None) -> dict[str, str] | None:
    """Returns the credential, if every value was filled in. Raises ValueError."""
    for name, value in (credential or {}).items():
        if UNEXPANDED.search(value) or not value.strip():
            what = "empty" if not value.strip() else "the text of a variable that no shell expanded"
            raise ValueError(f"{name} is {what}; write the key itself, as a secret")
    return credential


Credential = Annotated["dict[str, str] | None", AfterValidator(validated_credential)]


class ConnectorProperties(Properties):
    """`credential` is sent once and never shown again. `actions` are as OpenSearch takes them.

    `client_config` is as OpenSearch takes it: its `connection_timeout` and `read_timeout` are milliseconds in 2.13, and
    seconds since.
    """

    name: Immutable[str] = prop(min_length=1, max_length=256)
    description: Immutable[str] = prop(default="")
    protocol: Immutable[Literal["http", "aws_sigv4"]] = prop(default="http")
    parameters: Immutable[dict[str, Parameter], Mapping[str, Any]] = prop(default={})
    credential: ImmutableSecret[Credential, Mapping[str, Input[str]] | None] = prop(default=None)
    actions: Immutable[list[Action], Sequence[Any]] = prop(min_length=1)
    client_config: Immutable[dict[str, Parameter] | None, Mapping[str, Any] | None] = prop(default=None)


class ConnectorInputs(ConnectorProperties, Inputs):
    """What a person declares."""

    @model_validator(mode="after")
    def _signed(self) -> Self:
        """Raises ValueError where requests to AWS cannot be signed; what PolarSearch shows has no credential."""
        if self.protocol == "aws_sigv4" and not isinstance(self, State):
            require_signable(self.credential, self.parameters)
        return self


class ConnectorState(ConnectorInputs, State):
    """What PolarSearch shows, and the credential as declared."""

    _is_adopted: bool = PrivateAttr(default=False)
    """Whether a setting of the cluster keeps its owner reference, since a model used it before it was ours."""


def shown(source: Mapping[str, Any], declared: ConnectorInputs) -> ConnectorState:
    """Returns the connector that PolarSearch shows; of `client_config`, which it completes, what was declared."""
    description, reference = read_description(source.get("description", ""))
    config = {name: source.get("client_config", {}).get(name) for name in declared.client_config or {}}
    return ConnectorState(
        name=source["name"],
        description=description,
        protocol=source["protocol"],
        parameters=source.get("parameters", {}),
        credential=declared.credential,
        actions=source["actions"],
        client_config=config or None,
        owner=reference.owner,
        uid=reference.uid,
    )


class ConnectorKind(ClusterKind[ConnectorInputs, ConnectorState]):
    """Makes, shows and deletes connectors. The id is the connector's `connector_id`."""

    inputs_type = ConnectorInputs
    state_type = ConnectorState

    @classmethod
    def plan(cls, old: ConnectorInputs, new: ConnectorInputs) -> Plan:
        plan = plan_by_field(old, new)
        return Plan(replaces=plan.updates | plan.replaces)

    def find(self, inputs: ConnectorInputs) -> tuple[str, ConnectorState] | None:
        named = self._named(inputs) if can_be_taken_over(self.search) else []
        same = (found for found in named if not plan_by_field(found[1], inputs))
        return next((found for found in same if self._can_be_taken_over(*found)), None)

    def is_ours(self, inputs: ConnectorInputs, inventory: Inventory) -> bool:
        """Names of connectors are not unique: no other one is in the way."""
        return False

    def create(self, inputs: ConnectorInputs, uid: str) -> str:
        for what, since, instead in _later(inputs):
            require_version(self.search.version, since, f"connector {inputs.name}: {what}", instead)
        return self.search.post_for("connector_id", f"{ROOT}/connectors/_create", self._body(inputs, uid))

    def recover(self, inputs: ConnectorInputs, uid: str) -> str | None:
        return with_uid(self._named(inputs), uid)

    def read(self, id: str, declared: ConnectorInputs) -> ConnectorState:
        state = shown(self.search.get(f"{ROOT}/connectors/{id}"), declared)
        return state if state.owner else self._adopted(id, state)

    def update(self, id: str, old: ConnectorState, new: ConnectorInputs, uid: str) -> None:
        """Takes over one that no model uses: sends it whole, credential included. An adopted one stays as it is."""
        if old._is_adopted:
            write_connector_reference(self.search, id, OwnerReference(new.owner, uid))
        elif old.uid != uid:
            self.search.put(f"{ROOT}/connectors/{id}", self._body(new, uid))

    def delete(self, id: str, state: ConnectorState) -> None:
        delete = partial(delete_connector, self.search, id, self.services.clock)
        delete_with_models(self.services, state.owner, delete, STILL_USED, connector_id=id)
        if state._is_adopted:
            write_connector_reference(self.search, id, None)

    def _adopted(self, id: str, state: ConnectorState) -> ConnectorState:
        reference = connector_reference(self.search.cluster_settings(), id)
        adopted = state.model_copy(update={"owner": reference.owner, "uid": reference.uid})
        adopted._is_adopted = bool(reference.owner)
        return adopted

    def _can_be_taken_over(self, id: str, state: ConnectorState) -> bool:
        """Tells whether no model uses it; or, of an adopted one, whether its model was not taken over yet either.

        Afterwards another key makes another connector.
        """
        models = find_by(self.search, "models", connector_id=id)
        shown = (self.search.get(f"{ROOT}/models/{each}") for each in models if state._is_adopted)
        references = [read_description(each.get("description", ""))[1] for each in shown]
        return not models or any(each.owner and not each.uid for each in references)

    def _named(self, inputs: ConnectorInputs) -> list[tuple[str, ConnectorState]]:
        return find_named(self.search, "connectors", inputs.name, lambda id: self.read(id, inputs))

    def _body(self, inputs: ConnectorInputs, uid: str) -> dict[str, Any]:
        needed = NO_CREDENTIAL if self.search.version >= (2, 19, 0) else None
        return {
            **inputs.model_dump(mode="json", exclude_none=True, exclude={"owner"}),
            "version": "1",
            "description": describe(inputs.description, OwnerReference(inputs.owner, uid)),
            **({"credential": credential} if (credential := inputs.credential or needed) else {}),
        }


class Connector(ConnectorProperties, Resource, module="polarsearch", name="Connector"):
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
        """Declares a connector to any service with OpenAI's embeddings API, as in the tutorial (step 3b).

        The arguments are those of `openai_compatible` in this module; `name` is the resource's name by default.
        """
        inputs = openai_compatible(
            name=resource_name if name is None else name,
            description=description,
            url=url,
            model=model,
            api_key=api_key,
            dimensions=dimensions,
            batch_size=batch_size,
        )
        return cls.declare(resource_name, inputs, opts)


def openai_compatible(
    *,
    name: Input[str],
    url: Input[str],
    model: Input[str],
    description: Input[str] = "",
    api_key: Input[str] | None = None,
    dimensions: Input[int] | None = None,
    batch_size: Input[int] | None = None,
) -> ConnectorInputs:
    """Returns the inputs of a connector to a service with OpenAI's embeddings API.

    `url` is the whole address, `…/v1/embeddings`. `dimensions` asks for vectors of that length, where the service can
    choose; `batch_size` is the most texts it takes in one request.
    """
    return ConnectorInputs(
        name=name,
        description=description,
        parameters=_given(model=model, dimensions=dimensions, input_docs_processed_step_size=batch_size),
        credential=None if api_key is None else {"api_key": api_key},
        actions=[_embedding_action(url, authorized=api_key is not None, sized=dimensions is not None)],
    )


def _later(inputs: ConnectorInputs) -> Iterator[tuple[str, Version, str]]:
    """Yields what a service has to know of a connector, since when it does, and what to do with an older one."""
    for option in inputs.client_config or {}:
        yield f"client_config {option}", LATER_OPTIONS.get(option, CLIENT_CONFIG), "leave it out"
    for function in (function for action in inputs.actions for function in action.functions):
        if since := next((since for part, since in LATER_FUNCTIONS.items() if part in function), None):
            yield function, since, "write a script"


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _embedding_action(url: Input[str], *, authorized: bool, sized: bool) -> dict[str, Any]:
    authorization = {"Authorization": "Bearer ${credential.api_key}"} if authorized else {}
    return {
        "action_type": "PREDICT",
        "method": "POST",
        "url": url,
        "headers": {**authorization, "content-type": "application/json"},
        "request_body": EMBEDDING_BODY_WITH_DIMENSIONS if sized else EMBEDDING_BODY,
        "pre_process_function": "connector.pre_process.openai.embedding",
        "post_process_function": "connector.post_process.openai.embedding",
    }
