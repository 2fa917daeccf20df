"""Copying documents from index to index, and deleting by query; and the tasks that tell how it went.

With wait_for_completion=false a real node copies in the background. The sandbox has finished before it answers, so the
task is completed when first asked for.
"""

from __future__ import annotations

import time
from typing import Any

from sandbox.polarsearch import writes
from sandbox.polarsearch.calls import EXPANDS, Call, Reply, route
from sandbox.polarsearch.errors import ApiError, illegal_argument
from sandbox.polarsearch.fields import Searched
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.names import resolve
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.query import run
from sandbox.polarsearch.settings import as_list
from sandbox.polarsearch.shard import Doc
from sandbox.polarsearch.source import filtered
from sandbox.polarsearch.writes import Op

_BATCH = 1000


def reindex(node: Node, call: Call) -> Reply:
    """POST /_reindex."""
    body = call.required()
    source, dest = body.get("source") or {}, body.get("dest") or {}
    _check(source, dest)
    with node.working():
        docs = _found(node, resolve(node, ",".join(as_list(source["index"]))), source.get("query"))
    wanted = source.get("_source", True)
    verb = "create" if dest.get("op_type") == "create" else "index"
    docs = docs[: body.get("max_docs", body.get("size"))]
    ops = [Op(verb, dest["index"], doc.id, filtered(doc.source, wanted), dest.get("pipeline")) for doc in docs]
    description = f"reindex from [{', '.join(as_list(source['index']))}] to [{dest['index']}]"
    proceed = body.get("conflicts") == "proceed"
    return _done(node, call, ops, "indices:data/write/reindex", description, proceed=proceed)


def _check(source: dict[str, Any], dest: dict[str, Any]) -> None:
    reason = None
    if not source.get("index"):
        reason = "use _all if you really want to copy from all existing indexes"
    elif not dest.get("index"):
        reason = "index must be specified"
    elif dest["index"] in as_list(source["index"]):
        reason = f"reindex cannot write into an index its reading from [{dest['index']}]"
    if reason:
        raise ApiError(400, "action_request_validation_exception", f"Validation Failed: 1: {reason};")


def _found(node: Node, indices: list[Index], query: dict[str, Any] | None) -> list[Doc]:
    docs = []
    for index in indices:
        searched = Searched(index, node.version)
        mask = run(searched, query).mask & searched.live
        docs += [searched.view.docs[place] for place in mask.nonzero()[0]]
    return docs


def delete_by_query(node: Node, call: Call) -> Reply:
    """Delete what a search finds."""
    body = call.required()
    if "query" not in body:
        reason = "Validation Failed: 1: query is missing;"
        raise ApiError(400, "action_request_validation_exception", reason)
    ops = []
    with node.working():
        for index in resolve(node, call.path["index"]):
            ops += [Op("delete", index.name, doc.id) for doc in _found(node, [index], body["query"])]
    description = f"delete-by-query [{call.path['index']}]"
    return _done(
        node, call, ops, "indices:data/write/delete/byquery", description, proceed=call.text("conflicts") == "proceed"
    )


def _done(node: Node, call: Call, ops: list[Op], action: str, description: str, *, proceed: bool) -> Reply:
    began, started = time.perf_counter(), node.millis()
    refresh = writes.parse_refresh(call.request.query.get("refresh"))
    for start in range(0, len(ops), _BATCH):
        writes.perform(node, ops[start : start + _BATCH], refresh=False)
    if refresh:
        _refresh(node, ops)
    took = round((time.perf_counter() - began) * 1000)
    status = _status(ops)
    failures = [] if proceed and status["version_conflicts"] == _failed(ops) else list(_failures(ops))
    if call.flag("wait_for_completion", True):
        code = max((failure["status"] for failure in failures), default=200)
        return Reply({"took": took, "timed_out": False, **status, "failures": failures}, code)
    task = _task(node, status, action, description, started, took)
    response = {
        "took": took,
        "timed_out": False,
        **status,
        "throttled": "0s",
        "throttled_until": "0s",
        "failures": failures,
    }
    return _stored(node, {"completed": True, "task": task, "response": response})


def _refresh(node: Node, ops: list[Op]) -> None:
    with node.working():
        for name in {op.index for op in ops}:
            for index in resolve(node, name):
                index.shard.refresh()


def _failed(ops: list[Op]) -> int:
    return sum(isinstance(op.outcome, ApiError) for op in ops)


def _status(ops: list[Op]) -> dict[str, Any]:
    results = [op.outcome["result"] for op in ops if isinstance(op.outcome, dict)]
    conflicts = sum(isinstance(op.outcome, ApiError) and op.outcome.status == 409 for op in ops)
    counts = {"total": len(ops)}
    if not all(op.verb == "delete" for op in ops):
        counts |= {"updated": results.count("updated"), "created": results.count("created")}
    counts |= {"deleted": results.count("deleted"), "batches": -(-len(ops) // _BATCH), "version_conflicts": conflicts}
    rest = {"noops": results.count("noop"), "retries": {"bulk": 0, "search": 0}, "throttled_millis": 0}
    return counts | rest | {"requests_per_second": -1.0, "throttled_until_millis": 0}


def _failures(ops: list[Op]) -> list[dict[str, Any]]:
    errors = ((op, op.outcome) for op in ops if isinstance(op.outcome, ApiError))
    return [{"index": op.index, "id": op.id, "cause": error.item(), "status": error.status} for op, error in errors]


def _task(node: Node, status: dict[str, Any], action: str, description: str, started: int, took: int) -> dict[str, Any]:
    head = {"node": node.id, "id": len(node.tasks) + 1, "type": "transport", "action": action, "status": status}
    times = {"start_time_in_millis": started, "running_time_in_nanos": took * 1_000_000}
    return head | {"description": description} | times | {"cancellable": True, "cancelled": False, "headers": {}}


def _stored(node: Node, record: dict[str, Any]) -> Reply:
    name = f"{node.id}:{record['task']['id']}"
    with node.working():
        node.tasks[name] = record
        node.store.put("task", name, record)
    return Reply({"task": name})


def get_task(node: Node, call: Call) -> Reply:
    """How a reindex went."""
    name = call.path["id"]
    if not name.rpartition(":")[2].isdigit() or ":" not in name:
        raise illegal_argument(f"malformed task id {name}")
    if name not in node.tasks:
        cause = ApiError(
            404, "resource_not_found_exception", f"task [{name}] isn't running and hasn't stored its results"
        )
        if name.startswith(f"{node.id}:"):
            raise cause
        owner = name.rpartition(":")[0]
        text = f"task [{name}] belongs to the node [{owner}] which isn't part of the cluster"
        text += " and there is no record of the task"
        raise ApiError(404, "resource_not_found_exception", text, cause=cause, root=cause)
    return Reply(node.tasks[name])


_PARAMS = (
    "wait_for_completion", "refresh", "timeout", "requests_per_second", "slices", "scroll", "max_docs", "conflicts",
    "wait_for_active_shards", "require_alias", EXPANDS,
)  # fmt: skip
ROUTES = [
    route("POST", "/_reindex", reindex, "indices:data/write/reindex", *_PARAMS, unlocked=True),
    route(
        "POST",
        "/{index}/_delete_by_query",
        delete_by_query,
        "indices:data/write/delete/byquery",
        *_PARAMS,
        unlocked=True,
    ),
    route("GET", "/_tasks/{id}", get_task, "cluster:monitor/task/get", "wait_for_completion", "timeout"),
]
