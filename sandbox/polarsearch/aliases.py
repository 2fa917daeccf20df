"""Aliases: second names of indexes. `POST /_aliases` does all of its actions or none, which makes a swap safe.

The surprise: removing an alias that is not there is an error only when it is all that was asked, or with must_exist.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.polarsearch.calls import EXPANDS, WAITS, Call, Reply, route
from sandbox.polarsearch.errors import ApiError, illegal_argument, index_not_found
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.names import aliased, check_alias_name, no_alias_expected, resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.settings import as_list, java_bool

_ACTIONS = {"add", "remove", "remove_index"}


def alias_body(sent: dict[str, Any]) -> dict[str, Any]:
    """As GET shows it: `routing` stands for both of its halves."""
    body: dict[str, Any] = {"filter": sent["filter"]} if sent.get("filter") else {}
    for half in ("index_routing", "search_routing"):
        if (value := sent.get(half, sent.get("routing"))) is not None:
            body[half] = str(value)
    for flag in ("is_write_index", "is_hidden"):
        if sent.get(flag) is not None:
            body[flag] = java_bool(sent[flag])
    return body


def update(node: Node, call: Call) -> Reply:
    """POST /_aliases."""
    actions = [_parsed(action) for action in call.required().get("actions") or []]
    if not actions:
        raise illegal_argument("No action specified")
    planned: dict[str, dict[str, dict[str, Any]]] = {}
    removed: list[Index] = []
    missing: list[str] = []
    for verb, body in actions:
        indices = _indices(node, body)
        if verb == "remove_index":
            removed += indices
        else:
            missing += _apply(node, planned, verb, body, indices)
    if missing and (len(missing) == len(actions) or any(body.get("must_exist") for _, body in actions)):
        raise aliases_missing(missing)
    _commit(node, planned, removed)
    return Reply({"acknowledged": True})


def _parsed(action: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    verb = next(iter(action), "")
    if verb not in _ACTIONS:
        inner = ApiError(400, "x_content_parse_exception", f"[1:15] [alias_action] unknown field [{verb}]")
        raise _unparsed(inner, root=inner)
    body = action[verb]
    if verb != "remove_index" and not (body.get("alias") or body.get("aliases")):
        raise _unparsed(illegal_argument("One of [alias] or [aliases] is required"))
    if not (body.get("index") or body.get("indices")):
        raise _unparsed(illegal_argument("One of [index] or [indices] is required"))
    return verb, body


def _unparsed(cause: ApiError, root: ApiError | None = None) -> ApiError:
    text = "[1:23] [aliases] failed to parse field [actions]"
    return ApiError(400, "x_content_parse_exception", text, cause=cause, root=root)


def _indices(node: Node, body: dict[str, Any]) -> list[Index]:
    found: list[Index] = []
    for expression in as_list(body.get("indices") or body["index"]):
        if "*" not in expression and expression not in node.indices:
            raise no_alias_expected(expression) if aliased(node, expression) else index_not_found(expression)
        found += resolve(node, expression)
    return found


def _apply(node: Node, planned: dict[str, Any], verb: str, body: dict[str, Any], indices: list[Index]) -> list[str]:
    """Do it to the plan; what `remove` did not find comes back."""
    missing = []
    for alias in as_list(body.get("aliases") or body["alias"]):
        if verb == "add":
            check_alias_name(alias, node)
        there = False
        for index in indices:
            aliases = planned.setdefault(index.name, dict(index.aliases))
            if verb == "add":
                aliases[alias] = alias_body(body)
            for name in [name for name in aliases if verb == "remove" and fnmatchcase(name, alias)]:
                there = aliases.pop(name) is not None
        if verb == "remove" and not there:
            missing.append(alias)
    return missing


def _commit(node: Node, planned: dict[str, dict[str, dict[str, Any]]], removed: list[Index]) -> None:
    for name, aliases in planned.items():
        node.indices[name].aliases = aliases
        node.save(node.indices[name])
    for index in removed:
        node.indices.pop(index.name, None)
        node.store.drop("index", index.name)
        node.store.clear(index.uuid)


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
        found = {
            a: b for a, b in sorted(index.aliases.items()) if any(p == "_all" or fnmatchcase(a, p) for p in wanted)
        }
        if found or "name" not in call.path:
            answer[index.name] = {"aliases": found}
    known = {alias for each in answer.values() for alias in each["aliases"]}
    missing = sorted(name for name in wanted if "*" not in name and name != "_all" and name not in known)
    if missing:
        text = f"alias{'es' * (len(missing) > 1)} [{','.join(missing)}] missing"
        return Reply({"error": text, "status": 404, **answer}, 404)
    return Reply(answer)


def put(node: Node, call: Call) -> Reply:
    """Add one alias; again is no change."""
    body, name = call.json({}), call.path["name"]
    indices = resolve(node, call.path["index"])
    check_alias_name(name, node)
    for index in indices:
        index.aliases[name] = alias_body(body)
        node.save(index)
    return Reply({"acknowledged": True})


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


ROUTES = [
    route("POST", "/_aliases", update, "indices:admin/aliases", WAITS),
    route("GET HEAD", "/_alias", get, "indices:admin/aliases/get", EXPANDS),
    route("GET HEAD", "/_alias/{name}", get, "indices:admin/aliases/get", EXPANDS),
    route("GET HEAD", "/{index}/_alias", get, "indices:admin/aliases/get", EXPANDS),
    route("GET HEAD", "/{index}/_alias/{name}", get, "indices:admin/aliases/get", EXPANDS),
    *(
        each
        for word in ("_alias", "_aliases")
        for each in (
            route("PUT POST", f"/{{index}}/{word}/{{name}}", put, "indices:admin/aliases", WAITS),
            route("DELETE", f"/{{index}}/{word}/{{name}}", delete, "indices:admin/aliases", WAITS),
        )
    ),
]
