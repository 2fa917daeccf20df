"""Connectors: how to call somebody else's model, key included."""

from __future__ import annotations

import re
from typing import Any

from sandbox.polarsearch import objects
from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.cluster import trusted_patterns
from sandbox.polarsearch.errors import MARK, ApiError, illegal_argument, not_here, status_error
from sandbox.polarsearch.groups import refuse_access
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.objects import CONNECTORS, MODELS
from sandbox.polarsearch.settings import gson, java_text
from sandbox.polarsearch.versions import Gate

_KEYS = ("name", "version", "description", "protocol", "parameters", "credential", "actions", "client_config")
_PROTOCOLS = {"http", "aws_sigv4"}
_ACTION_TYPES = {"PREDICT", "EXECUTE", "BATCH_PREDICT", "CANCEL_BATCH_PREDICT", "BATCH_PREDICT_STATUS"}
_ACTION_KEYS = ["action_type", "method", "url", "headers", "request_body", "pre_process_function"]
_ACTION_KEYS += ["post_process_function"]
_RETRIES: dict[str, Any] = {"retry_backoff_millis": 200, "retry_timeout_seconds": 30, "max_retry_times": 0}
_RETRIES |= {"retry_backoff_policy": "constant"}
_CLIENT: dict[Gate, dict[str, Any]] = {
    "client_config": {"max_connection": 30, "connection_timeout": 30000, "read_timeout": 30000},
    "client_retries": _RETRIES,
    "skip_ssl_verification": {"skip_ssl_verification": False},
}
_NO_UPDATE = (
    "Update connector API is currently disabled. To enable it, update the setting "
    '"plugins.ml_commons.update_connector.enabled" to true.'
)
_PARAMETER = re.compile(r"\$\{parameters\.([^}]+)\}")


def create(node: Node, call: Call) -> Reply:
    """Make a connector."""
    if not call.request.body:
        raise ApiError(500, "i_o_exception", "Create Connector request has empty body")
    body = call.json()
    warnings = retry_warnings(body)
    now, id = node.millis(), node.new_id()
    made = declared(node, body)
    refuse_access(body, "connector")
    source = made | {"created_time": now, "last_updated_time": now}
    objects.write(node, CONNECTORS, id, source, refresh=True)
    return Reply({"connector_id": id}, warnings=warnings)


def retry_warnings(body: dict[str, Any]) -> list[str]:
    """What of a client_config is only kept."""
    config = body.get("client_config") or {}
    return (
        [f"[max_retry_times] is kept, but no request is repeated {MARK}"]
        if int(config.get("max_retry_times", 0))
        else []
    )


def declared(node: Node, body: dict[str, Any]) -> dict[str, Any]:
    """A connector as it is kept, credential and all. Raises everything creating one is refused for."""
    for action in body.get("actions") or []:
        _action(action)
    for key in ("name", "version", "protocol"):
        if body.get(key) is None:
            raise illegal_argument(f"Connector {key} is null")
    protocol, credential = body["protocol"], body.get("credential") or {}
    if protocol not in _PROTOCOLS:
        raise illegal_argument(f"Can't find class for type {protocol}")
    if not credential and node.version.has("credential_required"):
        raise illegal_argument("Connector credential is null or empty list")
    if protocol == "aws_sigv4":
        _check_sigv4(credential, body.get("parameters") or {})
    source = normalised(body, node)
    if source.get("actions") is None:
        raise illegal_argument("No actions configured for this connector")
    check_urls(node, source)
    return source


def _check_sigv4(credential: dict[str, Any], parameters: dict[str, Any]) -> None:
    given = {**parameters, **credential}
    if not {"access_key", "secret_key"} <= credential.keys():
        raise illegal_argument("Missing credential")
    for key, words in (("service_name", "service name"), ("region", "region")):
        if key not in given:
            raise illegal_argument(f"Missing {words}")


def normalised(body: dict[str, Any], node: Node) -> dict[str, Any]:
    """The body in the form it is shown: every parameter a text."""
    source = {key: body[key] for key in _KEYS if body.get(key) is not None}
    for key in ("name", "version", "description", "protocol"):
        if key in source:
            source[key] = java_text(source[key])
    for key in ("parameters", "credential"):
        if key in source:
            source[key] = {name: _text(value) for name, value in source[key].items()}
    if "actions" in source:
        source["actions"] = [_action(action) for action in source["actions"]]
    if "client_config" in source:
        source |= _client_config(source.pop("client_config"), node)
    return source


def _client_config(given: dict[str, Any], node: Node) -> dict[str, Any]:
    known = {key: value for gate, keys in _CLIENT.items() if node.version.has(gate) for key, value in keys.items()}
    if unknown := sorted(given.keys() - known.keys()):
        raise not_here(f"[client_config.{unknown[0]}] is dropped by OpenSearch {node.version.number}")
    return {"client_config": {key: given.get(key, default) for key, default in known.items()}} if known else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else gson(value)


def _action(action: dict[str, Any]) -> dict[str, Any]:
    kind = action.get("action_type")
    if kind is None:
        raise illegal_argument("action type can't be null")
    if kind.upper() not in _ACTION_TYPES:
        enum = "org.opensearch.ml.common.connector.ConnectorAction.ActionType"
        raise illegal_argument(f"No enum constant {enum}.{kind.upper()}")
    for key in ("url", "method"):
        if action.get(key) is None:
            raise illegal_argument(f"{key} can't be null")
    return {key: action[key] for key in _ACTION_KEYS if action.get(key) is not None} | {"action_type": kind.upper()}


def check_urls(node: Node, connector: dict[str, Any]) -> None:
    """Every action's URL must match one trusted pattern, whole, with the connector's own parameters filled in."""
    parameters = connector.get("parameters", {})
    for action in connector.get("actions", []):
        url = _PARAMETER.sub(lambda found: parameters.get(found[1], found[0]), action["url"])
        if not any(_matches(pattern, url) for pattern in trusted_patterns(node)):
            text = f"Connector URL is not matching the trusted connector endpoint regex, URL is: {url}"
            raise illegal_argument(text)


def _matches(pattern: str, url: str) -> bool:
    try:
        return re.fullmatch(pattern, url) is not None
    except re.error as error:
        raise not_here(f"{error.msg} in [{pattern}]", "pattern_syntax_exception") from None


def shown(source: dict[str, Any]) -> dict[str, Any]:
    """Without the secret."""
    return {key: value for key, value in source.items() if key != "credential"}


def get(node: Node, call: Call) -> Reply:
    """By id."""
    return Reply(shown(existing(node, call.path["id"])))


def existing(node: Node, id: str) -> dict[str, Any]:
    """The connector as kept. Raises 404."""
    doc = objects.find(node, CONNECTORS, id)
    if doc is None:
        known = f" with the provided connector id: {id}" if CONNECTORS in node.indices else ""
        raise status_error(404, f"Failed to find connector{known}")
    return doc.source


def update(node: Node, call: Call) -> Reply:
    """Merge a change in; refused while a loaded model uses the connector."""
    id, body = call.path["id"], call.required()
    if not node.version.has("connector_put"):
        raise ApiError(500, "illegal_state_exception", _NO_UPDATE)
    old = existing(node, id)
    changes = normalised(_without_nulls(body), node)
    merged = {**old, **changes}
    for key in ("parameters", "credential"):
        if key in changes:
            merged[key] = {**old.get(key, {}), **changes[key]}
    check_urls(node, merged)
    _refuse_if_loaded(node, id)
    merged["last_updated_time"] = node.millis()
    return Reply(objects.answer(CONNECTORS, objects.write(node, CONNECTORS, id, merged)))


def _without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    for key, value in body.items():
        if value is None and key in _KEYS:
            raise ApiError(400, "parse_exception", "Can't get text on a VALUE_NULL at 1:10")
    return body


def _refuse_if_loaded(node: Node, id: str) -> None:
    using = [doc.id for doc in objects.searched(node, MODELS, connector_id=id) if doc.id in node.loaded]
    if using:
        text = f"{len(using)} models are still using this connector, please undeploy the models first: "
        raise status_error(400, f"{text}[{', '.join(using)}]")


def delete(node: Node, call: Call) -> Reply:
    """Refused while any model refers to it; of a missing connector HTTP 200."""
    id = call.path["id"]
    using = [doc.id for doc in objects.searched(node, MODELS, connector_id=id)]
    if using:
        text = f"{len(using)} models are still using this connector, please delete or update the models first: "
        text += f"[{', '.join(using)}]"
        if node.version.has("delete_in_use_status"):
            raise status_error(409, text)
        raise ApiError(500, "m_l_validation_exception", text)
    return Reply(objects.remove(node, CONNECTORS, id))
