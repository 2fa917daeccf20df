"""What ingest and search pipelines have in common: stored whole under a name, shown as sent, deleted without asking.

The surprise: getting a pipeline that is not there is 404 with an empty object, and no reason.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal

from sandbox.polarsearch.calls import WAITS, Call, Reply, Route, route
from sandbox.polarsearch.errors import ApiError, parse_error
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


def pipeline_routes(kind: Literal["ingest", "search"], path: str, check: Check) -> list[Route]:
    """PUT, GET and DELETE for one kind of pipeline."""

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

    action = "cluster:admin/ingest/pipeline" if kind == "ingest" else "cluster:admin/search/pipeline"
    return [
        route("PUT", f"{path}/{{id}}", put, f"{action}/put", WAITS),
        route("GET", f"{path}/{{id}}", get, f"{action}/get", WAITS, "local"),
        route("GET", path, get, f"{action}/get", WAITS, "local"),
        route("DELETE", f"{path}/{{id}}", delete, f"{action}/delete", WAITS),
    ]


def _matching(known: dict[str, Any], expression: str) -> dict[str, Any]:
    patterns = expression.split(",")
    return {name: body for name, body in sorted(known.items()) if any(fnmatchcase(name, each) for each in patterns)}
