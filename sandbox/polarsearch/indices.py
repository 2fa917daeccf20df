"""Requests about indexes: create, show, delete, and their settings and mappings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.errors import ApiError, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.names import aliased, check_alias_name, check_index_name, no_alias_expected, resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.registry import check_index_settings, is_dynamic
from sandbox.polarsearch.settings import Flat, flatten, prefixed, shown

ACKNOWLEDGED = {"acknowledged": True}
_DEFAULTS = {"number_of_shards": "1", "number_of_replicas": "1", "replication.type": "DOCUMENT"}


def create(node: Node, call: Call) -> Reply:
    """PUT /{index}."""
    name, body = call.path["index"], call.json({})
    made = create_index(node, name, body)
    return Reply(
        ACKNOWLEDGED | {"shards_acknowledged": True, "index": name},
        warnings=made.mapping.warnings + made.approximations,
    )


def create_index(node: Node, name: str, body: dict[str, Any]) -> StoredIndex:
    """Make the index. Raises without a trace left."""
    check_index_name(name)
    if name in node.indices:
        extra = {"index": name, "index_uuid": node.indices[name].uuid}
        text = f"index [{name}/{extra['index_uuid']}] already exists"
        raise ApiError(400, "resource_already_exists_exception", text, extra=extra)
    if aliased(node, name):
        text = f"Invalid index name [{name}], already exists as alias"
        raise ApiError(400, "invalid_index_name_exception", text, extra={"index": name, "index_uuid": "_na_"})
    asked = dict(prefixed(flatten(body.get("settings", {}))))
    check_index_settings(asked)
    index = StoredIndex(name, _settings(node, name, asked), node.home)
    index.mapping.declare(body.get("mappings", {}))
    for alias in body.get("aliases", {}):
        check_alias_name(alias, node)
        index.aliases[alias] = {}
    node.indices[name] = index
    node.save(index)
    return index


def _settings(node: Node, name: str, given: Flat) -> Flat:
    settings: Flat = dict(prefixed(_DEFAULTS))
    if node.version.has("derived_source") and given.get("index.knn") == "true":
        settings["index.knn.derived_source.enabled"] = "true"
    if node.version.has("knn_merge_policy") and given.get("index.knn") == "true":
        settings |= {"index.merge.policy.max_merge_at_once": "10", "index.merge.policy.floor_segment": "2mb"}
    settings |= {key: value for key, value in given.items() if value is not None}
    settings |= {"index.provided_name": name, "index.creation_date": str(node.millis())}
    return settings | {"index.uuid": node.new_uuid(), "index.version.created": node.version.id}


def delete(node: Node, call: Call) -> Reply:
    """DELETE /{index}: an alias is refused, whatever is behind it."""
    expression = call.path["index"]
    for part in expression.split(","):
        if part not in node.indices and "*" not in part and aliased(node, part):
            raise no_alias_expected(part)
    for index in resolve(node, expression):
        node.remove(index)
    return Reply(ACKNOWLEDGED)


def get(node: Node, call: Call) -> Reply:
    """Aliases, mappings and settings at once."""
    flat = call.flag("flat_settings")
    answer = {}
    for index in resolve(node, call.path["index"], ignore_unavailable=call.flag("ignore_unavailable")):
        about = {"aliases": dict(sorted(index.aliases.items())), "mappings": index.mapping.shown}
        answer[index.name] = about | {"settings": shown(index.settings, as_flat=flat)}
    return Reply(answer)


def get_settings(node: Node, call: Call) -> Reply:
    """All of them."""
    flat, indices = call.flag("flat_settings"), resolve(node, call.path["index"])
    return Reply({index.name: {"settings": shown(index.settings, as_flat=flat)} for index in indices})


def put_settings(node: Node, call: Call) -> Reply:
    """Only what is dynamic; null takes a setting back."""
    body = call.required()
    inner = body.get("settings", body)
    if not isinstance(inner, dict) or ("settings" in body and len(body) > 1):
        raise not_here("[settings] must be all there is")
    flat = dict(prefixed(flatten(inner)))
    if not flat:
        raise ApiError(400, "action_request_validation_exception", "Validation Failed: 1: no settings to update;")
    indices = resolve(node, call.path["index"])
    check_index_settings(flat)
    if fixed := [key for key in flat if not is_dynamic(key)]:
        raise not_here(f"Can't update non dynamic settings {fixed} for open indices")
    for index in indices:
        _change_settings(node, index, flat)
    return Reply(ACKNOWLEDGED)


def _change_settings(node: Node, index: StoredIndex, flat: Flat) -> None:
    for key, value in flat.items():
        if value is None:
            index.settings.pop(key, None)
        else:
            index.settings[key] = value
    index.settings.setdefault("index.number_of_replicas", "1")
    index.expand_replicas()
    node.save(index)


def get_mapping(node: Node, call: Call) -> Reply:
    """As it was normalised."""
    return Reply({index.name: {"mappings": index.mapping.shown} for index in resolve(node, call.path.get("index"))})


def put_mapping(node: Node, call: Call) -> Reply:
    """Add fields, change the few parameters that may change, replace `_meta`."""
    body = call.required()
    warnings: list[str] = []
    for index in resolve(node, call.path["index"]):
        index.mapping.declare(body)
        warnings += index.mapping.warnings
        node.save(index)
    return Reply(ACKNOWLEDGED, warnings=list(dict.fromkeys(warnings)))


def refresh(node: Node, call: Call) -> Reply:
    """Let searches see every write so far."""
    indices = resolve(node, call.path.get("index"))
    for index in indices:
        index.shard.refresh()
    return Reply({"_shards": write_shards(indices)})


def write_shards(indices: Sequence[StoredIndex]) -> dict[str, int]:
    """Replicas count in total, and never succeed."""
    total = sum(index.shards * index.shard_copies for index in indices)
    return {"total": total, "successful": sum(index.shards for index in indices), "failed": 0}
