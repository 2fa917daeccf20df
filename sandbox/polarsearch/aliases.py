"""Aliases: second names of indexes. `POST /_aliases` does all of its actions or none, which makes a swap safe."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.errors import ApiError, index_not_found, not_here
from sandbox.polarsearch.names import aliased, check_alias_name, no_alias_expected, resolve
from sandbox.polarsearch.node import Node


def update(node: Node, call: Call) -> Reply:
    """POST /_aliases."""
    actions = [pair for action in call.required()["actions"] for pair in action.items()]
    if not actions:
        raise not_here("No action specified")
    planned: dict[str, dict[str, dict[str, Any]]] = {}
    missing: list[str] = []
    for verb, body in actions:
        name, alias = body["index"], body["alias"]
        if name not in node.indices:
            raise no_alias_expected(name) if aliased(node, name) else index_not_found(name)
        aliases = planned.setdefault(name, dict(node.indices[name].aliases))
        if verb == "add":
            check_alias_name(alias, node)
            aliases[alias] = {}
        elif aliases.pop(alias, None) is None:
            missing.append(alias)
    if len(missing) == len(actions):
        raise aliases_missing(missing)
    for name, aliases in planned.items():
        node.indices[name].aliases = aliases
        node.save(node.indices[name])
    return Reply({"acknowledged": True})


def aliases_missing(names: list[str]) -> ApiError:
    """HTTP 404 of a removal."""
    listed = ",".join(names)
    extra = {"resource.id": listed, "resource.type": "aliases"}
    return ApiError(404, "aliases_not_found_exception", f"aliases [{listed}] missing", extra=extra)


def get(node: Node, call: Call) -> Reply:
    """By alias, by index, or all. A plain alias nobody has is 404, with those that were found beside the error."""
    indices = resolve(node, call.path.get("index"))
    wanted = [part for part in call.path.get("name", "*").split(",") if part] or ["*"]
    answer: dict[str, Any] = {}
    for index in indices:
        every = sorted(index.aliases.items())
        found = {a: b for a, b in every if any(p == "_all" or fnmatchcase(a, p) for p in wanted)}
        if found or "name" not in call.path:
            answer[index.name] = {"aliases": found}
    known = {alias for each in answer.values() for alias in each["aliases"]}
    missing = sorted(name for name in wanted if "*" not in name and name != "_all" and name not in known)
    if missing:
        text = f"alias{'es' * (len(missing) > 1)} [{','.join(missing)}] missing"
        return Reply({"error": text, "status": 404, **answer}, 404)
    return Reply(answer)


def delete(node: Node, call: Call) -> Reply:
    """Remove one alias from one index."""
    indices, name = resolve(node, call.path["index"]), call.path["name"]
    found = [(index, alias) for index in indices for alias in index.aliases if fnmatchcase(alias, name)]
    if not found:
        raise aliases_missing([name])
    for index, alias in found:
        del index.aliases[alias]
        node.save(index)
    return Reply({"acknowledged": True})
