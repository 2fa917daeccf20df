"""Aliases: second names of indexes. `POST /_aliases` does all of its actions or none, which makes a swap safe."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.errors import ApiError, index_not_found, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.names import aliased, check_alias_name, no_alias_expected, resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.settings import as_list, truth


def alias_body(sent: dict[str, Any]) -> dict[str, Any]:
    """As GET shows it."""
    return {"is_write_index": truth(sent["is_write_index"])} if "is_write_index" in sent else {}


def update(node: Node, call: Call) -> Reply:
    """POST /_aliases."""
    actions = [_parsed(action) for action in call.required()["actions"]]
    if not actions:
        raise not_here("No action specified")
    planned: dict[str, dict[str, dict[str, Any]]] = {}
    missing: list[str] = []
    for verb, body in actions:
        indices = _indices(node, body)
        missing += _apply(node, planned, verb, body, indices)
    if missing and (len(missing) == len(actions) or any(body.get("must_exist") for _, body in actions)):
        raise aliases_missing(missing)
    _check_writers(node, planned)
    for name, aliases in planned.items():
        node.indices[name].aliases = aliases
        node.save(node.indices[name])
    return Reply({"acknowledged": True})


def _parsed(action: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    [(verb, body)] = action.items()
    for one, several in (("alias", "aliases"), ("index", "indices")):
        if bool(body.get(one)) is bool(body.get(several)):
            raise not_here(f"one of [{one}] and [{several}] is required")
    return verb, body


def _indices(node: Node, body: dict[str, Any]) -> list[StoredIndex]:
    found: list[StoredIndex] = []
    for expression in as_list(body.get("indices") or body["index"]):
        if "*" not in expression and expression not in node.indices:
            raise no_alias_expected(expression) if aliased(node, expression) else index_not_found(expression)
        found += resolve(node, expression)
        if not found:
            raise index_not_found(expression)
    return found


def _apply(
    node: Node, planned: dict[str, Any], verb: str, body: dict[str, Any], indices: list[StoredIndex]
) -> list[str]:
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


def _check_writers(node: Node, planned: dict[str, dict[str, dict[str, Any]]]) -> None:
    after = {name: planned.get(name, index.aliases) for name, index in node.indices.items()}
    for alias in {alias for aliases in planned.values() for alias in aliases}:
        writers = [name for name, aliases in after.items() if aliases.get(alias, {}).get("is_write_index")]
        if len(writers) > 1:
            raise not_here(f"alias [{alias}] has more than one write index [{','.join(sorted(writers))}]")


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
