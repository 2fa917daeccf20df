"""Requests about indexes: create, show, delete, and their settings and mappings.

The surprise: an index may name a default_pipeline that does not exist; writing to it then fails, not creating it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.polarsearch import templates
from sandbox.polarsearch.aliases import alias_body
from sandbox.polarsearch.calls import EXPANDS, WAITS, Call, Reply, route
from sandbox.polarsearch.errors import ApiError, illegal_argument
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.mapping import wrapped
from sandbox.polarsearch.names import aliased, check_alias_name, check_index_name, no_alias_expected, resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.registry import INDEX_DYNAMIC, check_index_settings
from sandbox.polarsearch.settings import Flat, flatten, prefixed, shown

ACKNOWLEDGED = {"acknowledged": True}
_DYNAMIC_GROUPS = ("index.routing.allocation.",)


def create(node: Node, call: Call) -> Reply:
    """PUT /{index}."""
    name, body = call.path["index"], call.mapped()
    for key in body:
        if key not in {"settings", "mappings", "aliases"}:
            raise ApiError(400, "parse_exception", f"unknown key [{key}] for create index")
    if "properties" in (body.get("mappings") or {}).get("_doc", {}):
        raise illegal_argument("The mapping definition cannot be nested under a type")
    create_index(node, name, body)
    return Reply(ACKNOWLEDGED | {"shards_acknowledged": True, "index": name})


def create_index(node: Node, name: str, body: dict[str, Any], *, hidden: bool = False) -> Index:
    """Make the index with what its template adds. Raises without a trace left."""
    check_index_name(name)
    if name in node.indices:
        extra = {"index": name, "index_uuid": node.indices[name].uuid}
        text = f"index [{name}/{extra['index_uuid']}] already exists"
        raise ApiError(400, "resource_already_exists_exception", text, extra=extra)
    if aliased(node, name):
        text = f"Invalid index name [{name}], already exists as alias"
        raise ApiError(400, "invalid_index_name_exception", text, extra={"index": name, "index_uuid": "_na_"})
    template = {} if hidden else templates.matching(node, name)
    asked = dict(prefixed(flatten(body.get("settings") or {})))
    check_index_settings(asked, node.version)
    index = Index(name, _settings(node, name, template, asked), node, hidden=hidden)
    _declare(index, template.get("mappings"), body.get("mappings"))
    _alias(node, index, {**(template.get("aliases") or {}), **(body.get("aliases") or {})})
    node.indices[name] = index
    node.save(index)
    return index


def _settings(node: Node, name: str, template: dict[str, Any], asked: Flat) -> Flat:
    given = dict(prefixed(flatten(template.get("settings") or {}))) | asked
    settings: Flat = {
        "index.number_of_shards": "1",
        "index.number_of_replicas": "1",
        "index.replication.type": "DOCUMENT",
    }
    if node.version.has("derived_source") and given.get("index.knn") == "true":
        settings["index.knn.derived_source.enabled"] = "true"
    if node.version.has("knn_merge_policy") and given.get("index.knn") == "true":
        settings |= {"index.merge.policy.max_merge_at_once": "10", "index.merge.policy.floor_segment": "2mb"}
    settings |= {key: value for key, value in given.items() if value is not None}
    settings |= {"index.provided_name": name, "index.creation_date": str(node.millis())}
    return settings | {"index.uuid": node.new_uuid(), "index.version.created": node.version.id}


def _declare(index: Index, *mappings: dict[str, Any] | None) -> None:
    for body in mappings:
        try:
            index.mapping.declare(body or {})
        except ApiError as error:
            raise wrapped(error) from None


def _alias(node: Node, index: Index, aliases: dict[str, Any]) -> None:
    for alias, body in aliases.items():
        check_alias_name(alias, node)
        index.aliases[alias] = alias_body(body or {})


def delete(node: Node, call: Call) -> Reply:
    """DELETE /{index}: an alias is refused, whatever is behind it."""
    expression = call.path["index"]
    for part in expression.split(","):
        if part not in node.indices and "*" not in part and aliased(node, part):
            raise no_alias_expected(part)
    for index in resolve(node, expression):
        remove_index(node, index)
    return Reply(ACKNOWLEDGED)


def remove_index(node: Node, index: Index) -> None:
    """With its documents and its part in every alias."""
    del node.indices[index.name]
    node.store.drop("index", index.name)
    node.store.clear(index.uuid)


def get(node: Node, call: Call) -> Reply:
    """Aliases, mappings and settings at once."""
    flat = call.flag("flat_settings")
    indices = []
    for name in call.path["index"].split(",") if call.flag("ignore_unavailable") else [call.path["index"]]:
        try:
            indices += [index for index in resolve(node, name) if index not in indices]
        except ApiError as error:
            if error.kind != "index_not_found_exception" or not call.flag("ignore_unavailable"):
                raise
    return Reply({
        index.name: {
            "aliases": dict(sorted(index.aliases.items())),
            "mappings": index.mapping.shown,
            "settings": shown(index.settings, as_flat=flat),
        }
        for index in indices
    })  # fmt: skip


def get_settings(node: Node, call: Call) -> Reply:
    """All, or those whose name matches."""
    flat, name = call.flag("flat_settings"), call.path.get("name", "*")
    patterns = ["*"] if name == "_all" else name.split(",")
    answer = {}
    for index in resolve(node, call.path.get("index")):
        wanted = {k: v for k, v in index.settings.items() if any(fnmatchcase(k, pattern) for pattern in patterns)}
        answer[index.name] = {"settings": shown(wanted, as_flat=flat)}
    return Reply(answer)


def put_settings(node: Node, call: Call) -> Reply:
    """Only what is dynamic; null takes a setting back."""
    body = call.required()
    flat = dict(prefixed(flatten(body.get("settings", body))))
    if not flat:
        raise ApiError(400, "action_request_validation_exception", "Validation Failed: 1: no settings to update;")
    indices = resolve(node, call.path.get("index"))
    check_index_settings(flat, node.version)
    fixed = sorted(key for key in flat if key not in INDEX_DYNAMIC and not key.startswith(_DYNAMIC_GROUPS))
    if fixed:
        listed = ", ".join(f"[{index.name}/{index.uuid}]" for index in indices)
        text = f"Can't update non dynamic settings [[{', '.join(fixed)}]] for open indices [{listed}]"
        raise illegal_argument(text)
    for index in indices:
        _change_settings(node, index, flat)
    return Reply(ACKNOWLEDGED)


def _change_settings(node: Node, index: Index, flat: Flat) -> None:
    for key, value in flat.items():
        if value is None:
            index.settings.pop(key, None)
        else:
            index.settings[key] = value
    index.settings.setdefault("index.number_of_replicas", "1")
    node.save(index)


def get_mapping(node: Node, call: Call) -> Reply:
    """As it was normalised."""
    return Reply({index.name: {"mappings": index.mapping.shown} for index in resolve(node, call.path.get("index"))})


def put_mapping(node: Node, call: Call) -> Reply:
    """Add fields, change the few parameters that may change, replace `_meta`."""
    body = call.required()
    indices = resolve(node, call.path["index"])
    for index in indices:
        index.mapping.declare(body)
        node.save(index)
    return Reply(ACKNOWLEDGED)


def refresh(node: Node, call: Call) -> Reply:
    """Let searches see every write so far."""
    indices = resolve(node, call.path.get("index"))
    for index in indices:
        index.shard.refresh()
    return Reply({"_shards": write_shards(indices)})


def flush(node: Node, call: Call) -> Reply:
    """Nothing to do: every write is on disk when it is answered."""
    return Reply({"_shards": write_shards(resolve(node, call.path.get("index")))})


def force_merge(node: Node, call: Call) -> Reply:
    """Drop what was overwritten or deleted, which changes scores a little."""
    indices = resolve(node, call.path.get("index"))
    for index in indices:
        index.shard.refresh()
        index.shard.view = index.shard.view.merged()
    return Reply({"_shards": write_shards(indices)})


def write_shards(indices: list[Index]) -> dict[str, int]:
    """Replicas count in total, and never succeed."""
    total = sum(index.shards * index.shard_copies for index in indices)
    return {"total": total, "successful": sum(index.shards for index in indices), "failed": 0}


_SHOW = ("flat_settings", "include_defaults", EXPANDS, WAITS)
ROUTES = [
    route("PUT", "/{index}", create, "indices:admin/create", "wait_for_active_shards", WAITS),
    route("GET HEAD", "/{index}", get, "indices:admin/get", *_SHOW),
    route("DELETE", "/{index}", delete, "indices:admin/delete", EXPANDS, WAITS),
    *(
        each
        for at in ("", "/{index}")
        for each in (
            route("GET", f"{at}/_settings", get_settings, "indices:monitor/settings/get", *_SHOW),
            route("GET", f"{at}/_settings/{{name}}", get_settings, "indices:monitor/settings/get", *_SHOW),
            route("PUT", f"{at}/_settings", put_settings, "indices:admin/settings/update", "preserve_existing", *_SHOW),
            route("GET", f"{at}/_mapping", get_mapping, "indices:admin/mappings/get", *_SHOW),
            route("GET POST", f"{at}/_refresh", refresh, "indices:admin/refresh", EXPANDS),
            route("GET POST", f"{at}/_flush", flush, "indices:admin/flush", "force", "wait_if_ongoing", EXPANDS),
            route(
                "POST",
                f"{at}/_forcemerge",
                force_merge,
                "indices:admin/forcemerge",
                "max_num_segments",
                "flush",
                EXPANDS,
            ),
        )
    ),
    route(
        "PUT POST", "/{index}/_mapping", put_mapping, "indices:admin/mapping/put", "write_index_only", EXPANDS, WAITS
    ),
]
