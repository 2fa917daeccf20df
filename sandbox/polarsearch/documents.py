"""Requests about single documents, and _bulk. Getting by id sees every write at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sandbox.polarsearch import writes
from sandbox.polarsearch.calls import Call, Reply, parsed
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here
from sandbox.polarsearch.names import for_reading
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.settings import as_text
from sandbox.polarsearch.shapes import SHAPES
from sandbox.polarsearch.source import filtered, from_query
from sandbox.polarsearch.writes import Op

_LONGEST_ID = 512


def put(node: Node, call: Call) -> Reply:
    """Index one document, with or without an id."""
    document = call.required()
    verb = "create" if call.text("op_type") == "create" else "index"
    pipeline, expected = call.request.query.get("pipeline"), _expected(call)
    op = Op(verb, call.path["index"], call.path.get("id"), document, pipeline, expected=expected)
    return _single(node, call, op)


def _expected(call: Call) -> tuple[int, int] | None:
    """The sequence number and primary term that the document must have."""
    number, term = call.number("if_seq_no"), call.number("if_primary_term") or 0
    if (number is None) != (term == 0):
        what = f"is {'unassigned' if number is None else 'set'}, but primary term is [{term}]"
        raise ApiError(400, "action_request_validation_exception", f"Validation Failed: 1: ifSeqNo {what};")
    return None if number is None else (number, term)


def delete(node: Node, call: Call) -> Reply:
    """Of a missing document the answer is 404, and not an error."""
    return _single(node, call, Op("delete", call.path["index"], call.path["id"], expected=_expected(call)))


def _single(node: Node, call: Call, op: Op) -> Reply:
    _check_ids([op])
    writes.perform(node, [op], refresh=_refreshes(call))
    if isinstance(op.outcome, ApiError):
        raise op.outcome
    answer = dict(op.outcome or {})
    told = node.indices[answer["_index"]].approximations
    return Reply(_refreshed(answer, call), writes.STATUS[answer["result"]], told)


def _refreshes(call: Call) -> bool:
    return call.text("refresh", "false") != "false"


def _check_ids(ops: list[Op]) -> None:
    for op in ops:
        if op.id is not None and not 0 < len(op.id.encode()) <= _LONGEST_ID:
            raise not_here(f"id [{op.id}] must have 1 to {_LONGEST_ID} bytes")


def _refreshed(answer: dict[str, Any], call: Call) -> dict[str, Any]:
    if call.request.query.get("refresh") not in {"", "true"}:
        return answer
    head = {key: answer[key] for key in ("_index", "_id", "_version", "result")}
    return head | {"forced_refresh": True} | answer


def get(node: Node, call: Call) -> Reply:
    """By id."""
    index, id, wanted = for_reading(node, call.path["index"]), call.path["id"], from_query(call)
    doc = index.shard.current.get(id)
    found: dict[str, Any] = {"_index": index.name, "_id": id}
    if doc is None:
        return Reply(found | {"found": False}, 404)
    found |= {"_version": doc.version, "_seq_no": doc.seq, "_primary_term": 1, "found": True}
    return Reply(found if wanted is False else found | {"_source": filtered(doc.source, wanted)})


def bulk(node: Node, call: Call) -> Reply:
    """Many writes, each with an outcome of its own. HTTP 200 whatever happened to them."""
    if not call.request.body:
        raise ApiError(400, "parse_exception", "request body is required")
    began = time.perf_counter()
    ops = _parsed(call)
    _check_ids(ops)
    done = writes.perform(node, ops, refresh=_refreshes(call))
    took = {"took": round((time.perf_counter() - began) * 1000)}
    if any(op.piped for op in ops):
        took["ingest_took"] = took["took"]
    errors = any(isinstance(op.outcome, ApiError) for op in ops)
    return Reply(took | {"errors": errors, "items": [{op.verb: _item(op, call)} for op in done]})


def _item(op: Op, call: Call) -> dict[str, Any]:
    if isinstance(op.outcome, ApiError):
        error = op.outcome
        return {"_index": op.index, "_id": op.id, "status": error.status, "error": error.item()}
    answer = dict(op.outcome or {})
    return _refreshed(answer, call) | {"status": writes.STATUS[answer["result"]]}


def _parsed(call: Call) -> list[Op]:
    if not call.request.body.endswith(b"\n"):
        raise illegal_argument("The bulk request must be terminated by a newline [\\n]")
    lines = iter([line for line in call.request.body.split(b"\n") if line.strip()])
    ops = [_op(call, parsed(line), lines) for line in lines]
    if not ops or not all(op.index for op in ops):
        raise not_here("a bulk request needs an action, and each action an index")
    return ops


def _op(call: Call, action: Any, lines: Iterator[bytes]) -> Op:
    SHAPES.check("bulk", action)
    [(verb, meta)] = action.items()
    body = {} if verb == "delete" else parsed(next(lines, b""))
    SHAPES.check("document", body)
    id = None if meta.get("_id") is None else as_text(meta["_id"])
    if id is None and verb == "delete":
        raise not_here(f"[{verb}] needs an [_id]")
    verb = "create" if meta.get("op_type") == "create" else verb
    pipeline = meta.get("pipeline", call.request.query.get("pipeline"))
    return Op(verb, meta.get("_index", call.path.get("index", "")), id, body, pipeline)
