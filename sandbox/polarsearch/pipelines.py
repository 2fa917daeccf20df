"""What ingest and search pipelines have in common: stored whole under a name, shown as sent, deleted without asking."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal

from sandbox.polarsearch.calls import Call, Handle, Reply
from sandbox.polarsearch.errors import ApiError
from sandbox.polarsearch.node import Node

Check = Callable[[Node, dict[str, Any]], None]


def pipeline_handlers(kind: Literal["ingest", "search"], check: Check) -> tuple[Handle, Handle, Handle]:
    """To put, get and delete one kind of pipeline."""

    def put(node: Node, call: Call) -> Reply:
        name, body = call.path["id"], call.required()
        check(node, body)
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
