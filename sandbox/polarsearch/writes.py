"""Writing documents: one way for single requests and _bulk. First the pipelines, which may call other services, then
all at once under the lock."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sandbox.polarsearch import ingest
from sandbox.polarsearch.errors import ApiError
from sandbox.polarsearch.fitting import fit
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.indices import create_index
from sandbox.polarsearch.names import for_writing, missing
from sandbox.polarsearch.node import Node

STATUS = {"created": 201, "updated": 200, "deleted": 200, "not_found": 404, "noop": 200}


@dataclass
class Op:
    """One action: verb is index, create, update or delete; `body` the document, or an update's request.

    `expected` are the sequence number and the primary term that the document must have.
    """

    verb: str
    index: str
    id: str | None
    body: dict[str, Any] = field(default_factory=dict)
    pipeline: str | None = None
    outcome: dict[str, Any] | ApiError | None = None
    piped: bool = False
    expected: tuple[int, int] | None = None


def perform(node: Node, ops: list[Op], *, refresh: bool) -> list[Op]:
    """Do them all. Each op has its outcome afterwards; the list comes back in the order a _bulk answers."""
    refused: list[tuple[int, Op]] = []
    with node.working():
        for op in ops:
            _prepare(node, op)
        plans = _plans(node, ops)
    for (index, names), group in plans.items():
        refused += _pipe(node, index, list(names), group)
    with node.working():
        touched = {op.index: op for op in ops if op.outcome is None}
        for op in ops:
            if op.outcome is None:
                op.outcome = _attempt(node, op)
        for name in touched if refresh else ():
            index_ = for_writing(node, name)
            if index_:
                index_.shard.refresh()
    return _answered(ops, [op for _, op in sorted(refused, key=lambda pair: pair[0])])


def _prepare(node: Node, op: Op) -> None:
    try:
        index = for_writing(node, op.index)
        if index is None and op.verb == "delete":
            raise missing(op.index)
        if index is None:
            _auto_create(node, op.index)
        if op.id is None and op.verb != "update":
            op.id = node.new_id()
    except ApiError as error:
        op.outcome = error


def _auto_create(node: Node, name: str) -> None:
    if node.setting("action.auto_create_index", "true") == "false":
        error = missing(name)
        error.reason += " and [action.auto_create_index] is [false]"
        raise error
    create_index(node, name, {})


def _plans(node: Node, ops: list[Op]) -> dict[tuple[str, tuple[str, ...]], list[Op]]:
    plans: dict[tuple[str, tuple[str, ...]], list[Op]] = {}
    for op in ops:
        index = for_writing(node, op.index) if op.outcome is None and op.verb in {"index", "create"} else None
        if index is None:
            continue
        first = index.pipeline("default_pipeline") if op.pipeline is None else op.pipeline
        names = tuple(name for name in (first, index.pipeline("final_pipeline")) if name and name != "_none")
        if names:
            plans.setdefault((index.name, names), []).append(op)
    return plans


def _pipe(node: Node, index: str, names: list[str], ops: list[Op]) -> list[tuple[int, Op]]:
    entries = [ingest.Entry(copy.deepcopy(op.body), index, op.id or "") for op in ops]
    for name in names:
        ingest.run(node, name, [entry for entry in entries if not entry.failed])
    refused = []
    for op, entry in zip(ops, entries, strict=True):
        op.piped = True
        if entry.failed:
            op.outcome = entry.failed
            refused.append((entry.stage, op))
        else:
            op.body = entry.source
    return refused


def _answered(ops: list[Op], refused: list[Op]) -> list[Op]:
    listed = list(refused)
    left_out = {id(op) for op in refused}
    for slot, op in enumerate(ops):
        if id(op) not in left_out:
            listed.insert(slot, op)
    return listed


def _attempt(node: Node, op: Op) -> dict[str, Any] | ApiError:
    try:
        index = for_writing(node, op.index)
        if index is None:
            raise missing(op.index)
        return _apply(node, index, op)
    except ApiError as error:
        return error


def _apply(node: Node, index: StoredIndex, op: Op) -> dict[str, Any]:
    shard, id = index.shard, op.id or ""
    if op.verb == "delete":
        _check_conflict(index, op)
        written = shard.delete(id)
    elif op.verb == "update":
        return _update(node, index, op)
    else:
        source = _fitted(node, index, id, op.body)
        _check_conflict(index, op)
        written = shard.put(id, source)
    return answer(index, written.doc_id, written.version, written.result, written.seq)


def _fitted(node: Node, index: StoredIndex, id: str, source: dict[str, Any]) -> dict[str, Any]:
    kept, grew = fit(index, id, source)
    if grew:
        node.save(index)
    return kept


def answer(index: StoredIndex, id: str, version: int, result: str, seq: int) -> dict[str, Any]:
    """A write's answer. A noop touched no shard."""
    copies = 0 if result == "noop" else 1
    shards = {"total": index.shard_copies * copies, "successful": copies, "failed": 0}
    head = {"_index": index.name, "_id": id, "_version": version, "result": result, "_shards": shards}
    return head | {"_seq_no": seq, "_primary_term": 1}


def _check_conflict(index: StoredIndex, op: Op) -> None:
    old = index.shard.current.get(op.id or "")
    if op.expected is not None and (old is None or op.expected != (old.seq, 1)):
        now = f"current document has seqNo [{old.seq}] and primary term [1]" if old else "but no document was found"
        number, term = op.expected
        raise conflict(index, f"[{op.id}]: version conflict, required seqNo [{number}], primary term [{term}]. {now}")
    if op.verb == "create" and old:
        raise conflict(index, f"[{op.id}]: version conflict, document already exists (current version [{old.version}])")


def conflict(
    index: StoredIndex, reason: str, status: int = 409, kind: str = "version_conflict_engine_exception"
) -> ApiError:
    """An engine's refusal, which names the shard."""
    return ApiError(status, kind, reason, extra={"index": index.name, "shard": "0", "index_uuid": index.uuid})


def _update(node: Node, index: StoredIndex, op: Op) -> dict[str, Any]:
    id, body = op.id or "", op.body
    old = index.shard.current.get(id)
    if old is None:
        raise conflict(index, f"[{id}]: document missing", 404, "document_missing_exception")
    merged = _merged(old.source, body["doc"])
    if same(merged, old.source):
        return answer(index, id, old.version, "noop", old.seq)
    written = index.shard.put(id, _fitted(node, index, id, merged))
    return answer(index, id, written.version, "updated", written.seq)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def same(one: Any, other: Any) -> bool:
    """Equality that also knows vectors."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
