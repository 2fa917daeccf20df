"""What ingest and search pipelines have in common: stored whole under a name, shown as sent, deleted without asking."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal

from sandbox.polarsearch.calls import Call, Handle, Reply
from sandbox.polarsearch.errors import ApiError, not_here, parse_error
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.settings import java_type

Check = Callable[[Node, str, dict[str, Any]], None]


def required_list(body: dict[str, Any], name: str) -> list[Any]:
    """Raises parse_exception when `name` is missing or no list."""
    if name not in body:
        raise parse_error(f"[{name}] required property is missing", property_name=name)
    if not isinstance(body[name], list):
        reason = f"[{name}] property isn't a list, but of type [{java_type(body[name])}]"
        raise parse_error(reason, property_name=name)
    return list(body[name])


def check_keys(name: str, body: dict[str, Any], known: set[str], not_taken: set[str]) -> None:
    """Raises parse_exception for keys of a pipeline that nobody knows."""
    if taken := sorted(body.keys() & not_taken):
        raise not_here(f"[{taken[0]}] of pipeline [{name}] is not supported", "parse_exception")
    unknown = sorted(body.keys() - known)
    if unknown:
        reason = f"pipeline [{name}] doesn't support one or more provided configuration parameters"
        raise parse_error(f"{reason} [{', '.join(unknown)}]")
    if not isinstance(body.get("description", ""), str) or not isinstance(body.get("version", 0), int):
        raise not_here("[description] must be a text, [version] a whole number", "parse_exception")


def pipeline_handlers(kind: Literal["ingest", "search"], check: Check) -> tuple[Handle, Handle, Handle]:
    """To put, get and delete one kind of pipeline."""

    def put(node: Node, call: Call) -> Reply:
        name, body = call.path["id"], call.mapped()
        check(node, name, body)
        node.pipelines[kind][name] = body
        node.store.put(kind, name, body)
        return Reply({"acknowledged": True})

    def get(node: Node, call: Call) -> Reply:
        found = _matching(node.pipelines[kind], call.path.get("id", "*"))
        return Reply(found, 200 if found else 404)

    def delete(node: Node, call: Call) -> Reply:
        name = call.path["id"]
        found = _matching(node.pipelines[kind], name)
        if not found:
            raise ApiError(404, "resource_not_found_exception", f"pipeline [{name}] is missing")
        for each in found:
            del node.pipelines[kind][each]
            node.store.drop(kind, each)
        return Reply({"acknowledged": True})

    return put, get, delete


def _matching(known: dict[str, Any], expression: str) -> dict[str, Any]:
    patterns = expression.split(",")
    return {name: body for name, body in sorted(known.items()) if any(fnmatchcase(name, each) for each in patterns)}
