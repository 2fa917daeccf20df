"""The rules of the policy pack. Each yields what is wrong with one resource, by its type and inputs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from components.embedding_calls import PARAMETER, STEP
from components.embedding_services import SERVICES
from components.embedding_validation import KEY_VALUE, SECRET_NAME

CONNECTION = "pulumi:providers:pulumi-python"
CONNECTOR = "pulumi-python:dynamic/polarsearch:Connector"
INDEX = "pulumi-python:dynamic/polarsearch:Index"
SOURCE_TABLE = "pulumi-python:dynamic/polardb:SourceTable"
TRUSTED_ENDPOINT = "pulumi-python:dynamic/polarsearch:TrustedEndpoint"

SECRETS = {
    CONNECTION: {"search_password", "database_password"},
    CONNECTOR: {"credential"},
    "pulumi-python:dynamic/polarsearch:GarbageCollector": {"configuration"},
}
"""The inputs of each type that are secrets."""

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PATTERN = re.compile(
    r"\^?(?P<scheme>https?)://(?P<host>(?:[\w-]|\\?\.|\\-)+|\\\[[\da-f:]+\\\])(?::\d+)?(?:[/?$].*)?", re.DOTALL
)
"""A trusted pattern that names one host. Its dots may stand without a backslash, as in the tutorial."""


@dataclass(frozen=True)
class Declared:
    """A resource as a program declares it. `stack` is the name of its stack."""

    type: str
    inputs: Mapping[str, Any]
    stack: str = ""


Rule = Callable[[Declared], Iterator[str]]


def trusts_one_host(declared: Declared) -> Iterator[str]:
    """A trusted endpoint names the one host that connectors may call."""
    if declared.type == TRUSTED_ENDPOINT and not PATTERN.fullmatch(declared.inputs["pattern"]):
        yield f"pattern {declared.inputs['pattern']} names no single host; write one such as ^https://host/.*$"


def is_encrypted(declared: Declared) -> Iterator[str]:
    """Outside loopback, PolarSearch and embedding services are called by https, and the database with TLS."""
    for place, url in _urls(declared):
        if urlsplit(url).scheme == "http" and not _is_loopback(urlsplit(url).hostname or ""):
            yield f"{place} {url} is not encrypted; write https://"
    host = declared.inputs.get("database_host", "") if declared.type == CONNECTION else ""
    if host and not _is_loopback(host) and not declared.inputs.get("database_tls"):
        yield f"database_host {host} is reached without TLS; write database_tls: true, or the path of the CA's PEM file"


def is_kept_in_production(declared: Declared, production: Collection[str] = ("prod",)) -> Iterator[str]:
    """In production, indexes and tables are protected from deletion, and an index has a replica."""
    kind = {INDEX: "index", SOURCE_TABLE: "table"}.get(declared.type)
    if not kind or declared.stack not in production:
        return
    inputs = declared.inputs
    if not inputs.get("deletion_protection", True):
        yield f"{kind} {inputs['name']} has deletion_protection: false; write true"
    if kind == "index" and not inputs.get("replicas", 1) and "auto_expand_replicas" not in inputs.get("settings", {}):
        yield f"index {inputs['name']} has no replica; write replicas: 1 or more"


def has_no_open_key(declared: Declared) -> Iterator[str]:
    """A connector's key stands in its credential alone, which is a secret."""
    if declared.type != CONNECTOR:
        return
    for place, name, value in _texts(declared.inputs):
        named = SECRET_NAME.search(name) and "${credential." not in value
        if named or KEY_VALUE.search(value):
            yield f"{place} holds a key that is no secret; write it in `credential`, and ${{credential.api_key}} here"


def batches_within_the_limit(declared: Declared) -> Iterator[str]:
    """A connector sends at most as many texts in a request as its model takes."""
    parameters = declared.inputs.get("parameters", {}) if declared.type == CONNECTOR else {}
    step, model = parameters.get(STEP, "1"), parameters.get("model", "")
    most = _most_texts(model)
    if most and int(step) > most:
        yield f"parameters.{STEP} is {step}, and {model} takes {most} texts at most; write {most} or less"


def unencrypted(type: str, names: Collection[str], encrypted: Collection[str]) -> list[str]:
    """Returns the secrets of a resource, of all its inputs' `names`, that are not among the `encrypted` ones."""
    secrets = SECRETS.get(type, ())
    return sorted(_plain(name) for name in names if _plain(name) in secrets and name not in encrypted)


def stack_of(urn: str) -> str:
    """Returns the stack in a URN, `urn:pulumi:<stack>::<project>::<type>::<name>`."""
    return urn.removeprefix("urn:pulumi:").partition("::")[0]


def plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs under their own names: a Connection has the project's name before each."""
    return {_plain(name): value for name, value in inputs.items()}


def _plain(name: str) -> str:
    return name.rpartition(":")[2]


def _most_texts(model: str) -> int | None:
    """Returns the most texts that a model takes in a request; None where no documentation says."""
    known = (service.models[model].texts for service in SERVICES if model in service.models)
    return next(known, None)


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK


def _urls(declared: Declared) -> Iterator[tuple[str, str]]:
    inputs = declared.inputs
    if declared.type == CONNECTION and inputs.get("search_url"):
        yield "search_url", inputs["search_url"]
    if declared.type == CONNECTOR:
        known = inputs.get("parameters", {})
        for position, action in enumerate(inputs["actions"]):
            filled = PARAMETER.sub(lambda found: str(known.get(found["name"], found[0])), action["url"])
            yield f"actions[{position}].url", filled
    if declared.type == TRUSTED_ENDPOINT and (found := PATTERN.fullmatch(inputs["pattern"])):
        yield "pattern", f"{found['scheme']}://{found['host']}".replace("\\", "")


def _texts(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yields place, name and value of every text of a connector that is sent or shown unencrypted."""
    for name, value in inputs.get("parameters", {}).items():
        yield f"parameters.{name}", name, value
    for position, action in enumerate(inputs["actions"]):
        for name, value in (action.get("headers") or {}).items():
            yield f"actions[{position}].headers.{name}", name, value
        for name in ("url", "request_body"):
            yield f"actions[{position}].{name}", "", action.get(name) or ""
