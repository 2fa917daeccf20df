"""Requests about the cluster as a whole: `/`, its settings, its health, and the list of indexes."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch.calls import EXPANDS, WAITS, Call, Reply, route
from sandbox.polarsearch.errors import ApiError
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.names import resolve, visible
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.registry import CLUSTER_DEFAULTS, check_cluster_setting
from sandbox.polarsearch.settings import as_list, flatten, java_bool, nest, shown

_SCOPES = ("persistent", "transient")
ROLES = "plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model"
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
_HEALTH_PARAMS = ("level", "wait_for_status", "wait_for_no_relocating_shards", "wait_for_no_initializing_shards",
                  "wait_for_active_shards", "wait_for_nodes", "wait_for_events")  # fmt: skip


def enabled(node: Node, name: str) -> bool:
    """A boolean setting under `plugins.ml_commons.`."""
    key = f"plugins.ml_commons.{name}"
    return java_bool(node.setting(key, CLUSTER_DEFAULTS[key]))


def runs_remote_models(node: Node) -> bool:
    """Whether the one node, a data node, is given models that are elsewhere."""
    return "data" in as_list(node.setting(ROLES, CLUSTER_DEFAULTS[ROLES]))


def trusted_patterns(node: Node) -> list[str]:
    """The regular expressions a connector's URL must match one of."""
    return as_list(node.setting(TRUSTED, CLUSTER_DEFAULTS[TRUSTED]))


def root(node: Node, call: Call) -> Reply:
    """Who answers: the version is what clients branch on."""
    version = {
        "distribution": "opensearch",
        "number": node.version.number,
        "build_type": "unknown",
        "build_hash": "0" * 40,
        "build_date": "2025-02-27T01:16:47.726162386Z",
        "build_snapshot": False,
        "lucene_version": node.version.lucene,
        "minimum_wire_compatibility_version": "7.10.0" if node.version.major == 2 else "2.19.0",
        "minimum_index_compatibility_version": "7.0.0" if node.version.major == 2 else "2.0.0",
    }
    identity = {"name": "sandbox", "cluster_name": "sandbox", "cluster_uuid": node.cluster_uuid}
    return Reply(identity | {"version": version, "tagline": "The OpenSearch Project: https://opensearch.org/"})


def get_settings(node: Node, call: Call) -> Reply:
    """What was set, and with include_defaults what holds otherwise."""
    flat = call.flag("flat_settings")
    answer: dict[str, Any] = {scope: shown(node.settings[scope], as_flat=flat) for scope in _SCOPES}
    if call.flag("include_defaults"):
        set_here = node.settings["persistent"].keys() | node.settings["transient"].keys()
        answer["defaults"] = shown({k: v for k, v in CLUSTER_DEFAULTS.items() if k not in set_here}, as_flat=flat)
    return Reply(answer)


def put_settings(node: Node, call: Call) -> Reply:
    """Change or (null) reset. The answer echoes only what was set."""
    body = call.required()
    changes = {scope: flatten(body.get(scope) or {}) for scope in _SCOPES}
    if not any(changes.values()):
        raise ApiError(400, "action_request_validation_exception", "Validation Failed: 1: no settings to update;")
    for scope, flat in changes.items():
        for key, value in flat.items():
            if "*" not in key:
                check_cluster_setting(scope, key, value, node.version)
    for scope, flat in changes.items():
        node.settings[scope] = _changed(node.settings[scope], flat)
    node.store.put("settings", "persistent", node.settings["persistent"])
    as_flat = call.flag("flat_settings")
    echo = {scope: {k: v for k, v in flat.items() if v is not None} for scope, flat in changes.items()}
    return Reply({"acknowledged": True} | {scope: echo[scope] if as_flat else nest(echo[scope]) for scope in _SCOPES})


def _changed(old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    new = dict(old)
    for key, value in changes.items():
        if value is not None:
            new[key] = value
        elif key.endswith("*"):
            new = {name: kept for name, kept in new.items() if not name.startswith(key[:-1])}
        else:
            new.pop(key, None)
    return new


def health(node: Node, call: Call) -> Reply:
    """Yellow as soon as an index wants a replica: there is one node."""
    name = call.path.get("index")
    try:
        indices = resolve(node, name)
    except ApiError:  # an index that is not there is waited for, in vain
        return Reply(_health([], "red", timed_out=True), 408)
    return Reply(_health(indices, "yellow" if any(map(wants_replica, indices)) else "green"))


def wants_replica(index: Index) -> bool:
    """There is one node, so a replica never finds its place."""
    return index.shard_copies > 1


def _health(indices: list[Index], status: str, *, timed_out: bool = False) -> dict[str, Any]:
    active = sum(index.shards for index in indices)
    unassigned = sum(index.shards * (index.shard_copies - 1) for index in indices)
    counts = {"active_primary_shards": active, "active_shards": active, "relocating_shards": 0}
    counts |= {"initializing_shards": 0, "unassigned_shards": unassigned, "delayed_unassigned_shards": 0}
    counts |= {"number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0}
    share = 100.0 * active / (active + unassigned) if active else 100.0
    nodes = {
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "discovered_master": True,
        "discovered_cluster_manager": True,
    }
    head = {"cluster_name": "sandbox", "status": status, "timed_out": timed_out}
    return head | nodes | counts | {"active_shards_percent_as_number": share}


_CAT_NAMES = {"i": "index", "idx": "index", "h": "health", "s": "status", "id": "uuid", "p": "pri", "r": "rep",
              "dc": "docs.count", "docsCount": "docs.count", "ss": "store.size"}  # fmt: skip


def cat_indices(node: Node, call: Call) -> Reply:
    """A table for people, or with format=json a list of texts."""
    rows = [_cat_row(index) for index in resolve(node, call.path.get("index"))]
    wanted = [_CAT_NAMES.get(name, name) for name in call.text("h").split(",") if name]
    rows = [{name: row[name] for name in wanted if name in row} for row in rows] if wanted else rows
    for name in reversed([part for part in call.text("s").split(",") if part]):
        rows.sort(key=lambda row: row[name.split(":")[0]], reverse=name.endswith(":desc"))
    return Reply(rows if call.text("format") == "json" else _table(rows, header=call.flag("v")))


def _cat_row(index: Index) -> dict[str, str]:
    view = index.view()
    live = len(view.places)
    row = {"health": "yellow" if wants_replica(index) else "green", "status": "open", "index": index.name}
    row |= {"uuid": index.uuid, "pri": str(index.shards), "rep": str(index.shard_copies - 1)}
    row |= {"docs.count": str(live), "docs.deleted": str(len(view) - live)}
    return row | {"store.size": f"{1 + live}kb", "pri.store.size": f"{1 + live}kb"}


def _table(rows: list[dict[str, str]], *, header: bool) -> str:
    lines = ([list(rows[0])] if header and rows else []) + [list(row.values()) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    return "".join(" ".join(map(str.ljust, line, widths)) + "\n" for line in lines)


def cat_aliases(node: Node, call: Call) -> Reply:
    """Which alias leads where."""
    rows = [{"alias": alias, "index": index.name} for index in visible(node) for alias in sorted(index.aliases)]
    rows = [row for row in rows if call.path.get("name", row["alias"]) == row["alias"]]
    return Reply(rows if call.text("format") == "json" else _table(rows, header=call.flag("v")))


_CAT = ("v", "h", "s", "format", "bytes", "health", "pri", "time", "help", "include_unloaded_segments", EXPANDS, WAITS)
ROUTES = [
    route("GET HEAD", "/", root, "cluster:monitor/main"),
    route(
        "GET",
        "/_cluster/settings",
        get_settings,
        "cluster:monitor/state",
        "flat_settings",
        "include_defaults",
        "local",
        WAITS,
    ),
    route("PUT", "/_cluster/settings", put_settings, "cluster:admin/settings/update", "flat_settings", WAITS),
    route("GET", "/_cluster/health", health, "cluster:monitor/health", *_HEALTH_PARAMS, EXPANDS, WAITS),
    route("GET", "/_cluster/health/{index}", health, "cluster:monitor/health", *_HEALTH_PARAMS, EXPANDS, WAITS),
    route("GET", "/_cat/indices", cat_indices, "indices:monitor/settings/get", *_CAT),
    route("GET", "/_cat/indices/{index}", cat_indices, "indices:monitor/settings/get", *_CAT),
    route("GET", "/_cat/aliases", cat_aliases, "indices:admin/aliases/get", *_CAT),
    route("GET", "/_cat/aliases/{name}", cat_aliases, "indices:admin/aliases/get", *_CAT),
]
