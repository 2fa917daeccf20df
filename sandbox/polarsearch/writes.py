"""Writing documents: one way for single requests and _bulk. First the pipelines, which may call other services, then
all at once under the lock."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch import ingest
from sandbox.polarsearch.errors import ApiError
from sandbox.polarsearch.fitting import fit
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.indices import create_index
from sandbox.polarsearch.names import for_writing, missing
from sandbox.polarsearch.node import Node

STATUS = {"created": 201, "updated": 200, "deleted": 200, "not_found": 404}


@dataclass
class Op:
    """One action: verb is index, create or delete, `body` the document.

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
        if op.id is None:
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
        index = for_writing(node, op.index) if op.outcome is None and op.verb != "delete" else None
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
    """A write's answer."""
    shards = {"total": index.shard_copies, "successful": 1, "failed": 0}
    head = {"_index": index.name, "_id": id, "_version": version, "result": result, "_shards": shards}
    return head | {"_seq_no": seq, "_primary_term": 1}


def _check_conflict(index: StoredIndex, op: Op) -> None:
    old = index.shard.current.get(op.id or "")
    if op.expected is not None and (old is None or op.expected != (old.seq, 1)):
        now = f"current document has seqNo [{old.seq}] and primary term [1]" if old else "but no document was found"
        number, term = op.expected
        raise _conflict(index, op, f"required seqNo [{number}], primary term [{term}]. {now}")
    if op.verb == "create" and old:
        raise _conflict(index, op, f"document already exists (current version [{old.version}])")


def _conflict(index: StoredIndex, op: Op, reason: str) -> ApiError:
    extra, text = (
        {"index": index.name, "shard": "0", "index_uuid": index.uuid},
        f"[{op.id}]: version conflict, {reason}",
    )
    return ApiError(409, "version_conflict_engine_exception", text, extra=extra)
