"""Where ML Commons keeps its things: hidden indexes of the node itself, searched like any other."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.shard import Doc, Written

GROUPS, CONNECTORS, MODELS, TASKS = (f".plugins-ml-{name}" for name in ("model-group", "connector", "model", "task"))
_KEYWORDS = ("model_group_id", "algorithm", "model_state", "protocol", "access", "state", "task_type",
             "function_name", "model_id", "model_version", "version")  # fmt: skip
_NUMBERS = (
    "created_time",
    "last_updated_time",
    "last_deployed_time",
    "create_time",
    "last_update_time",
    "latest_version",
)
_NAMED: dict[str, Any] = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
_FIELDS: dict[str, Any] = {
    "name": _NAMED,
    "connector_id": _NAMED,  # nobody declared it, so it is mapped as any text is
    "description": {"type": "text"},
    **{name: {"type": "keyword"} for name in _KEYWORDS},
    **{name: {"type": "long"} for name in _NUMBERS},
}  # fmt: skip


def place(node: Node, name: str) -> StoredIndex:
    """The hidden index, made when first written to."""
    if name not in node.indices:
        settings = {"index.uuid": node.new_uuid(), "index.number_of_shards": "1", "index.number_of_replicas": "0"}
        index = StoredIndex(name, settings, node.home, hidden=True)
        index.mapping.declare({"properties": _FIELDS})
        node.indices[name] = index
        node.save(index)
    return node.indices[name]


def find(node: Node, name: str, id: str) -> Doc | None:
    """By id, never stale."""
    return node.indices[name].shard.current.get(id) if name in node.indices else None


def write(node: Node, name: str, id: str, source: dict[str, Any], *, refresh: bool = False) -> Written:
    """Make or replace one object."""
    shard = place(node, name).shard
    written = shard.put(id, source)
    if refresh:
        shard.refresh()
    return written


def change(node: Node, place_name: str, id: str, /, **changes: Any) -> Written | None:
    """Some keys of one object; None as a value takes a key away. None when the object is gone."""
    doc = find(node, place_name, id)
    if doc is None:
        return None
    source = {key: value for key, value in {**doc.source, **changes}.items() if value is not None}
    return write(node, place_name, id, source)


def searched(node: Node, place_name: str, /, **terms: str) -> list[Doc]:
    """What a search by exact values finds, stale as searches are."""
    if place_name not in node.indices:
        return []
    node.indices[place_name].view()
    docs = node.indices[place_name].shard.searchable()
    return [doc for doc in docs if all(doc.source.get(key) == value for key, value in terms.items())]


def answer(name: str, written: Written, *, refreshed: bool = False) -> dict[str, Any]:
    """As ML Commons passes a write's answer on."""
    head = {"_index": name, "_id": written.doc_id, "_version": written.version, "result": written.result}
    forced = {"forced_refresh": True} if refreshed else {}
    shards = {"_shards": {"total": 1, "successful": 1, "failed": 0}}
    return head | forced | shards | {"_seq_no": written.seq, "_primary_term": 1}


def remove(node: Node, name: str, id: str, *, refresh: bool = True) -> dict[str, Any]:
    """Delete and refresh. Of a missing object the answer is `not_found`, with HTTP 200, once there has been any."""
    if name not in node.indices:
        raise not_here(f"Failed to delete data object from index {name}")
    shard = place(node, name).shard
    written = shard.delete(id)
    if refresh:
        shard.refresh()
    return answer(name, written, refreshed=refresh)
