"""Calling out: a connector's template filled in, sent, and its answer read."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from sandbox.polarsearch.cluster import enabled
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here, status_error
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.outbound import UnknownHost
from sandbox.polarsearch.settings import gson

Connector = dict[str, Any]
Output = dict[str, Any]
_PLACEHOLDER = re.compile(r"\$\{(parameters|credential)\.([^}]+)\}")
_INPUTS = {
    "connector.pre_process.openai.embedding": "input",
    "connector.pre_process.cohere.embedding": "texts",
    "connector.pre_process.default.embedding": "input",
}
_OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "connector.post_process.openai.embedding": lambda answer: [row["embedding"] for row in answer["data"]],
    "connector.post_process.cohere.embedding": lambda answer: answer["embeddings"],
    "connector.post_process.bedrock.embedding": lambda answer: [answer["embedding"]],
    "connector.post_process.default.embedding": lambda answer: answer,
}
_DEFAULT_TIMEOUT = 30.0
_PRIVATE = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")]


def predict_texts(node: Node, connector: Connector, texts: list[str]) -> list[list[Output]]:
    """Embed texts, in as many requests as `input_docs_processed_step_size` asks for: one list of outputs for each."""
    function = _action(connector).get("pre_process_function")
    if function and function not in _INPUTS:
        raise not_here(f"pre_process_function [{function}] is not supported")
    name = _INPUTS.get(function or "", "input")
    step = int(connector.get("parameters", {}).get("input_docs_processed_step_size") or len(texts))
    return [predict(node, connector, {name: texts[at : at + step]}) for at in range(0, len(texts), step)]


def predict(node: Node, connector: Connector, parameters: dict[str, Any]) -> list[Output]:
    """One request with these parameters beside the connector's own. Raises with the other service's status."""
    action = _action(connector)
    known = connector.get("parameters", {}) | {k: v if isinstance(v, str) else gson(v) for k, v in parameters.items()}
    values = {"parameters": known, "credential": connector.get("credential", {})}
    url = _filled(action["url"], values)
    _refuse_private(node, url)
    headers = {name: _filled(value, values) for name, value in action.get("headers", {}).items()}
    headers.setdefault("content-type", "application/json")
    body = _payload(action.get("request_body", ""), values)
    answer = _sent(node, action["method"].upper(), url, headers, body, _timeout(connector))
    return list(_read(answer, action.get("post_process_function")))


def _action(connector: Connector) -> dict[str, Any]:
    for action in connector.get("actions", []):
        if action["action_type"] == "PREDICT":
            return dict(action)
    raise illegal_argument("no PREDICT action found")


def _filled(template: str, values: dict[str, dict[str, str]]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]].get(found[2], found[0]), template)


def _payload(template: str, values: dict[str, dict[str, str]]) -> bytes:
    payload = _filled(template, {"parameters": values["parameters"], "credential": {}})
    try:
        json.loads(payload)
    except ValueError:
        raise illegal_argument(f"Invalid payload: {payload}") from None
    missing = _PLACEHOLDER.search(payload)
    if missing:
        raise illegal_argument(f"Some parameter placeholder not filled in payload: {missing[2]}")
    return payload.encode()


def _timeout(connector: Connector) -> float:
    asked = float(connector.get("client_config", {}).get("read_timeout", _DEFAULT_TIMEOUT))
    return asked / 1000 if asked >= 1000 else asked


def _refuse_private(node: Node, url: str) -> None:
    host = urlsplit(url).hostname or ""
    if enabled(node, "connector.private_ip_enabled"):
        return
    try:
        at = ipaddress.ip_address(host)
        private = at.version == 4 and any(at in network for network in _PRIVATE)
        private = private or at.is_loopback or at.is_unspecified
    except ValueError:
        private = host in {"localhost", ""}
    if private:
        shown = f"[{host}]" if ":" in host else host
        raise illegal_argument(f"Remote inference host name has private ip address: {shown}")


def _sent(node: Node, method: str, url: str, headers: dict[str, str], body: bytes, timeout: float) -> Any:
    try:
        status, content = node.call(method, url, headers, body, timeout)
    except UnknownHost:
        cause = ApiError(500, "unknown_host_exception", f"{urlsplit(url).hostname}: Name or service not known")
        raise ApiError(500, "m_l_exception", "Fail to execute http connector", cause=cause) from None
    except OSError as error:
        raise status_error(500, f"Error communicating with remote model: {type(error).__name__}") from None
    text = content.decode(errors="replace")
    if not 200 <= status < 300:
        raise status_error(status, f"Error from remote service: {text}")
    try:
        return json.loads(text)
    except ValueError:
        raise ApiError(500, "json_syntax_exception", f"The remote service answered no JSON: {text[:100]}") from None


def _read(answer: Any, function: str | None) -> Iterator[Output]:
    if not function:
        yield {"name": "response", "dataAsMap": _doubles(answer)}
        return
    if function not in _OUTPUTS:
        raise not_here(f"post_process_function [{function}] is not supported")
    try:
        vectors = _OUTPUTS[function](answer)
    except (KeyError, TypeError, IndexError):
        raise not_here(f"post_process_function [{function}] cannot read the remote service's answer") from None
    for vector in vectors:
        yield {"name": "sentence_embedding", "data_type": "FLOAT32", "shape": [len(vector)], "data": vector}


def _doubles(value: Any) -> Any:
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
