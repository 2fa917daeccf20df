"""Connectors: how to call somebody else's model, key included."""

from __future__ import annotations

import re
from typing import Any

from sandbox.polarsearch import objects
from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.cluster import trusted_patterns
from sandbox.polarsearch.errors import MARK, ApiError, illegal_argument, not_here, status_error
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.objects import CONNECTORS, MODELS
from sandbox.polarsearch.settings import as_text, gson
from sandbox.polarsearch.versions import Gate

_KEYS = ("name", "version", "description", "protocol", "parameters", "credential", "actions", "client_config")
_ACTION_TYPES = {"PREDICT", "EXECUTE", "BATCH_PREDICT", "CANCEL_BATCH_PREDICT", "BATCH_PREDICT_STATUS"}
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
    body, now, id = call.required(), node.millis(), node.new_id()
    source = declared(node, body) | {"created_time": now, "last_updated_time": now}
    objects.write(node, CONNECTORS, id, source, refresh=True)
    return Reply({"connector_id": id}, warnings=retry_warnings(body))


def retry_warnings(body: dict[str, Any]) -> list[str]:
    """What of a client_config is only kept."""
    repeats = int(body.get("client_config", {}).get("max_retry_times", 0))
    return [f"[max_retry_times] is kept, but no request is repeated {MARK}"] if repeats else []


def declared(node: Node, body: dict[str, Any]) -> dict[str, Any]:
    """A connector as it is kept, credential and all. Raises everything creating one is refused for."""
    for key in ("name", "version", "protocol", "actions"):
        if body.get(key) is None:
            raise not_here(f"Connector {key} is null")
    source, credential = normalised(body, node), body.get("credential", {})
    if not credential and node.version.has("credential_required"):
        raise illegal_argument("Connector credential is null or empty list")
    if body["protocol"] == "aws_sigv4":
        _check_sigv4(credential, body.get("parameters", {}))
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
            source[key] = as_text(source[key])
    for key in ("parameters", "credential"):
        if key in source:
            source[key] = {k: v if isinstance(v, str) else gson(v) for k, v in source[key].items()}
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


def _action(action: dict[str, Any]) -> dict[str, Any]:
    kind = action["action_type"].upper()
    if kind not in _ACTION_TYPES:
        enum = "org.opensearch.ml.common.connector.ConnectorAction.ActionType"
        raise illegal_argument(f"No enum constant {enum}.{kind}")
    return {**action, "action_type": kind}


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
    changes = normalised(body, node)
    merged = {**old, **changes}
    for key in ("parameters", "credential"):
        if key in changes:
            merged[key] = {**old.get(key, {}), **changes[key]}
    check_urls(node, merged)
    _refuse_if_loaded(node, id)
    merged["last_updated_time"] = node.millis()
    return Reply(objects.answer(CONNECTORS, objects.write(node, CONNECTORS, id, merged)))


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
