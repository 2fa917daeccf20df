"""Requests about the cluster as a whole: `/`, its settings and its health."""

from __future__ import annotations

import os
import shutil
from typing import Any

from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.errors import ApiError, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.names import resolve
from sandbox.polarsearch.node import BUILD_HASH, Node
from sandbox.polarsearch.registry import CLUSTER_DEFAULTS, check_cluster_settings
from sandbox.polarsearch.settings import as_list, flatten, nest, shown, truth

_SCOPES = ("persistent", "transient")
ROLES = "plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model"
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"

STATS = {f"nodes.*.{p}" for p in ("name", "roles", "fs.total", "os.mem.total_in_bytes", "jvm.mem.heap_max_in_bytes")}
"""What is known of the node."""
HEAP = 2**30
"""Bytes of a real node's heap, unless told otherwise; this one has none."""


def enabled(node: Node, name: str) -> bool:
    """A boolean setting under `plugins.ml_commons.`."""
    key = f"plugins.ml_commons.{name}"
    return truth(node.setting(key, CLUSTER_DEFAULTS[key]))


def runs_remote_models(node: Node) -> bool:
    """Whether the one node, a data node, is given models that are elsewhere."""
    return "data" in as_list(node.setting(ROLES, CLUSTER_DEFAULTS[ROLES]))


def trusted_patterns(node: Node) -> list[str]:
    """The regular expressions a connector's URL must match one of."""
    return as_list(node.setting(TRUSTED, CLUSTER_DEFAULTS[TRUSTED]))


def root(node: Node, call: Call) -> Reply:
    """Who answers: the version is what clients branch on."""
    old = node.version.major == 2
    version = {
        "distribution": "opensearch",
        "number": node.version.number,
        "build_type": "unknown",
        "build_hash": BUILD_HASH,
        "build_date": "2025-02-27T01:16:47.726162386Z",
        "build_snapshot": False,
        "lucene_version": node.version.lucene,
        "minimum_wire_compatibility_version": "7.10.0" if old else "2.19.0",
        "minimum_index_compatibility_version": "7.0.0" if old else "2.0.0",
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
    for flat in changes.values():
        check_cluster_settings(flat)
    for scope, flat in changes.items():
        node.settings[scope] = _changed(node.settings[scope], flat)
    node.store.put("settings", "persistent", node.settings["persistent"])
    echo = {scope: {k: v for k, v in flat.items() if v is not None} for scope, flat in changes.items()}
    form = dict if call.flag("flat_settings") else nest
    return Reply({"acknowledged": True} | {scope: form(echo[scope]) for scope in _SCOPES})


def _changed(old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**old, **changes}.items() if value is not None}


def node_stats(node: Node, call: Call) -> Reply:
    """The disk and the memory of this machine. Of all else that a real node tells nothing is here."""
    if not set(call.text("filter_path").split(",")) <= STATS:
        raise not_here(f"[filter_path] must be of {', '.join(sorted(STATS))}")
    disk, memory = shutil.disk_usage("."), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    total = {"total_in_bytes": disk.total, "free_in_bytes": disk.total - disk.used, "available_in_bytes": disk.free}
    sizes = {"os": {"mem": {"total_in_bytes": memory}}, "jvm": {"mem": {"heap_max_in_bytes": HEAP}}}
    roles = ["cluster_manager", "data", "ingest", "remote_cluster_client"]
    sizes["fs"] = {"total": total | {"cache_reserved_in_bytes": 0}}
    return Reply({"nodes": {node.id: {"name": "sandbox", "roles": roles, **sizes}}})


def health(node: Node, call: Call) -> Reply:
    """Yellow as soon as an index wants a replica: there is one node."""
    try:
        indices = resolve(node, call.path["index"])
    except ApiError:  # an index that is not there is waited for, in vain
        return Reply(_health([], "red"), 408)
    status = "yellow" if any(index.shard_copies > 1 for index in indices) else "green"
    return Reply(_health(indices, status))


def _health(indices: list[StoredIndex], status: str) -> dict[str, Any]:
    active = sum(index.shards for index in indices)
    unassigned = sum(index.shards * (index.shard_copies - 1) for index in indices)
    head = {"cluster_name": "sandbox", "status": status, "timed_out": status == "red", "number_of_nodes": 1}
    head |= {"number_of_data_nodes": 1, "discovered_master": True, "discovered_cluster_manager": True}
    counts = {"active_primary_shards": active, "active_shards": active, "relocating_shards": 0}
    counts |= {"initializing_shards": 0, "unassigned_shards": unassigned, "delayed_unassigned_shards": 0}
    counts |= {"number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0}
    share = 100.0 * active / (active + unassigned) if active else 100.0
    return head | counts | {"active_shards_percent_as_number": share}
