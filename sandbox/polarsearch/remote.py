"""Calling out: a connector's template filled in, sent, and its answer read."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from sandbox.polarsearch import sigv4
from sandbox.polarsearch.answers import Output, outputs
from sandbox.polarsearch.cluster import enabled
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here, status_error
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.settings import gson
from sandbox.polarsearch.texts import escaped, is_json
from sandbox.wire import trusted

Connector = dict[str, Any]
_PLACEHOLDER = re.compile(r"\$\{(parameters|credential)\.([^}:]+)(?::-([^}]*))?\}")
_NULL = re.compile(r'"\$\{parameters\.(\w+):-null\}"')
_LISTS = {
    "connector.pre_process.openai.embedding": "input",
    "connector.pre_process.cohere.embedding": "texts",
    "connector.pre_process.default.embedding": "input",
}
_BEDROCK = "connector.pre_process.bedrock.embedding"
_STRING = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_PREFIXED = re.compile(
    rf"StringBuilder body = new StringBuilder\({_STRING.format('start')}\); "
    r"for \(int i = 0; i < params\.text_docs\.length; i\+\+\) \{ "
    r'if \(i > 0\) \{ body\.append\(","\); \} '
    rf"body\.append\({_STRING.format('between')}\); body\.append\(params\.text_docs\[i\]\); "
    r'body\.append\("\\""\); \} body\.append\("\]\}\}"\); return body\.toString\(\);'
)
_PREFIXED_ONE = re.compile(rf"return {_STRING.format('start')} \+ params\.text_docs\[0\] \+ {_STRING.format('end')};")
"""The two scripts that are understood: they put the texts behind a prefix into a list, or the first into a string."""
_DEFAULT_TIMEOUT = 30.0
_PRIVATE = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")]


def predict_texts(node: Node, connector: Connector, texts: list[str]) -> list[list[Output]]:
    """Embed texts, in as many requests as `input_docs_processed_step_size` asks for: one list of outputs for each.

    Without it scripts and bedrock's function are called for every text.
    """
    function = _action(connector).get("pre_process_function") or "connector.pre_process.default.embedding"
    whole = len(texts) if function in _LISTS else 1
    step = int(connector.get("parameters", {}).get("input_docs_processed_step_size") or whole)
    chunks = [texts[at : at + step] for at in range(0, len(texts), step)]
    return [_predict(node, connector, _processed(node, function, chunk)) for chunk in chunks]


def _processed(node: Node, function: str, texts: list[str]) -> dict[str, str]:
    """The parameters that a pre-process function makes of texts."""
    if function in _LISTS:
        return {_LISTS[function]: gson(texts)}
    if function == _BEDROCK and node.version.has("bedrock_functions"):
        return {"inputText": _as_value(texts[0])}
    if not (script := _PREFIXED.fullmatch(function) or _PREFIXED_ONE.fullmatch(function)):
        raise not_here(f"pre_process_function [{function}] is not supported")
    inner = [escaped(text) for text in texts]
    start, one = _literal(script["start"]), "end" in script.re.groupindex
    behind = (
        [_literal(script["end"])]
        if one
        else [",".join(f'{_literal(script["between"])}{text}"' for text in inner), "]}}"]
    )
    made = json.loads("".join([start, *(inner[:1] if one else []), *behind]))
    return {name: _as_value(value) for name, value in made["parameters"].items()}


def _as_value(value: Any) -> str:
    """A parameter as it goes into a template: what is an object or a list as it is, any other text escaped."""
    text = value if isinstance(value, str) else gson(value)
    return text if is_json(text) else escaped(text)


def _literal(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def predict(node: Node, connector: Connector, parameters: dict[str, Any]) -> list[Output]:
    """One request with these parameters beside the connector's own. Raises with the other service's status."""
    return _predict(node, connector, {name: _as_value(value) for name, value in parameters.items()})


def _predict(node: Node, connector: Connector, given: dict[str, str]) -> list[Output]:
    action = _action(connector)
    known = connector.get("parameters", {}) | given
    values = {"parameters": known, "credential": connector.get("credential", {})}
    url = _filled(action["url"], values)
    headers = _headers(action, values | {"parameters": connector.get("parameters", {})})
    body = _payload(action.get("request_body", ""), known)
    method, signs = action["method"].upper(), connector.get("protocol") == "aws_sigv4"
    if signs:
        places = {**values["credential"], **known}
        scope = (places["region"], places["service_name"])
        headers = sigv4.signed(method, url, headers, body, values["credential"], scope, node.clock())
    else:
        _refuse_private(node, url)
    answer = _sent(node, method, url, headers, body, _timeout(connector))
    return outputs(answer, action.get("post_process_function"), known.get("response_filter"))


def _headers(action: dict[str, Any], values: dict[str, dict[str, str]]) -> dict[str, str]:
    headers = {name: _filled(value, values) for name, value in action.get("headers", {}).items()}
    named = {name.lower() for name in headers}
    return headers if "content-type" in named else {**headers, "content-type": "application/json"}


def _action(connector: Connector) -> dict[str, Any]:
    for action in connector.get("actions", []):
        if action["action_type"] == "PREDICT":
            return dict(action)
    raise illegal_argument("no PREDICT action found")


def _filled(template: str, values: dict[str, dict[str, str]], within: tuple[str, ...] = ()) -> str:
    """With every placeholder that is known filled in, those inside the values too."""

    def value(found: re.Match[str]) -> str:
        if (inner := values[found[1]].get(found[2], found[3])) is None:
            return found[0]
        if found[2] in within:
            reason = f"Infinite loop in property interpolation of {template}: {'->'.join(within)}"
            raise ApiError(500, "illegal_state_exception", reason)
        return _filled(inner, values, (*within, found[2]))

    return _PLACEHOLDER.sub(value, template)


def _payload(template: str, parameters: dict[str, str]) -> bytes:
    template = _NULL.sub(lambda found: found[0] if found[1] in parameters else "null", template)
    payload = _filled(template, {"parameters": parameters, "credential": {}})
    if not template:
        raise illegal_argument("Content length is 0. Aborting request to remote model")
    try:
        json.loads(payload)
    except ValueError:
        raise illegal_argument(f"Invalid payload: {payload}") from None
    missing = next((each for each in _PLACEHOLDER.finditer(payload) if each[1] == "parameters"), None)
    if missing and parameters.get("skip_validating_missing_parameters", "").lower() != "true":
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


def _sent(node: Node, method: str, url: str, headers: dict[str, str], body: bytes, timeout: float) -> str:
    try:
        status, content = node.call(method, url, headers, body, timeout)
    except UnknownHost:
        cause = ApiError(500, "unknown_host_exception", f"{urlsplit(url).hostname}: Name or service not known")
        raise ApiError(500, "m_l_exception", "Fail to execute http connector", cause=cause) from None
    except OSError as error:
        raise status_error(500, f"Error communicating with remote model: {type(error).__name__}") from None
    text = content.decode(errors="replace")
    if not text.strip():
        raise status_error(400, "No response from model")
    if not 200 <= status < 300:
        raise status_error(status, f"Error from remote service: {text}")
    return text


class UnknownHost(ConnectionError):
    """No name server knows the host."""


class OverHttp:
    """An `Outbound` over plain HTTP that keeps its connections until `close()`: one request, no retries."""

    def __init__(self) -> None:
        self._client = httpx.Client(verify=trusted(), trust_env=False)

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> tuple[int, bytes]:
        """Status and body. Raises UnknownHost, or ConnectionError when there is no answer for another reason."""
        try:
            response = self._client.request(method, url, headers=dict(headers), content=body, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise (UnknownHost if _is_about_the_name(error) else ConnectionError)(type(error).__name__) from None
        return response.status_code, response.content

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _is_about_the_name(error: BaseException | None) -> bool:
    return error is not None and (isinstance(error, socket.gaierror) or _is_about_the_name(error.__context__))
