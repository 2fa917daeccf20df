"""Requests about single documents, and _bulk. Getting by id sees every write at once."""

from __future__ import annotations

import time
from typing import Any

from sandbox.polarsearch import writes
from sandbox.polarsearch.bodies import SHAPES
from sandbox.polarsearch.calls import Call, Reply, parsed
from sandbox.polarsearch.errors import ApiError, illegal_argument, mapper_parsing, not_here
from sandbox.polarsearch.names import for_reading
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.source import filtered, from_query
from sandbox.polarsearch.writes import Op

_ACTIONS = {"index": "bulk_index", "create": "bulk_index", "update": "bulk_other", "delete": "bulk_other"}
_LONGEST_ID = 512


def put(node: Node, call: Call) -> Reply:
    """Index one document, with or without an id."""
    if not call.request.body:
        raise ApiError(400, "parse_exception", "request body is required")
    verb = "create" if call.text("op_type") == "create" else "index"
    pipeline, expected = call.request.query.get("pipeline"), _expected(call)
    op = Op(verb, call.path["index"], call.path.get("id"), _document(call), pipeline, expected=expected)
    return _single(node, call, op)


def _expected(call: Call) -> tuple[int, int] | None:
    """The sequence number and primary term that the document must have."""
    number, term = call.number("if_seq_no"), call.number("if_primary_term") or 0
    if number is not None and number < 0:
        raise illegal_argument(f"sequence numbers must be non negative. got [{number}].")
    if (number is None) != (term == 0):
        what = f"is {'unassigned' if number is None else 'set'}, but primary term is [{term}]"
        raise ApiError(400, "action_request_validation_exception", f"Validation Failed: 1: ifSeqNo {what};")
    return None if number is None else (number, term)


def _document(call: Call) -> dict[str, Any]:
    try:
        body = parsed(call.request.body)
    except ApiError as error:
        raise error if error.ours else mapper_parsing("failed to parse", cause=error) from None
    if not isinstance(body, dict):
        text = "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes"
        raise mapper_parsing("failed to parse", cause=ApiError(400, "not_x_content_exception", text))
    return body


def delete(node: Node, call: Call) -> Reply:
    """Of a missing document the answer is 404, and not an error."""
    return _single(node, call, Op("delete", call.path["index"], call.path["id"], expected=_expected(call)))


def _single(node: Node, call: Call, op: Op) -> Reply:
    refresh = writes.parse_refresh(call.request.query.get("refresh"))
    _check_ids([op])
    writes.perform(node, [op], refresh=refresh)
    if isinstance(op.outcome, ApiError):
        raise op.outcome
    answer = dict(op.outcome or {})
    told = node.indices[answer["_index"]].approximations
    return Reply(_refreshed(answer, call), writes.STATUS[answer["result"]], told)


def _check_ids(ops: list[Op]) -> None:
    long = [op.id for op in ops if op.id is not None and len(op.id.encode()) > _LONGEST_ID]
    if long:
        told = f"is too long, must be no longer than {_LONGEST_ID} bytes but was:"
        listed = " ".join(f"{at}: id [{id}] {told} {len(id.encode())};" for at, id in enumerate(long, 1))
        raise ApiError(400, "action_request_validation_exception", f"Validation Failed: {listed}")


def _refreshed(answer: dict[str, Any], call: Call) -> dict[str, Any]:
    if call.request.query.get("refresh") not in {"", "true"} or answer["result"] == "noop":
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
    refresh = writes.parse_refresh(call.request.query.get("refresh"))
    ops = _parsed(call)
    _check_ids(ops)
    done = writes.perform(node, ops, refresh=refresh)
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
    lines = iter(enumerate(call.request.body.split(b"\n"), 1))
    ops = []
    for number, line in lines:
        if not line.strip():
            continue
        verb, meta = _action(number, parsed(line))
        index = meta.get("_index", call.path.get("index", ""))
        body = {} if verb == "delete" else _body(verb, next(lines, (0, b""))[1])
        id = None if meta.get("_id") is None else str(meta["_id"])
        if id is None and verb in {"update", "delete"}:
            raise not_here(f"[{verb}] needs an [_id]")
        verb = "create" if meta.get("op_type") == "create" else verb
        ops.append(Op(verb, index, id, body, meta.get("pipeline", call.request.query.get("pipeline"))))
    missing = [op for op in ops if not op.index]
    if missing or not ops:
        listed = "".join(f"{at}: index is missing;" for at in range(1, len(missing) + 1))
        raise ApiError(
            400, "action_request_validation_exception", f"Validation Failed: {listed or '1: no requests added;'}"
        )
    return ops


def _action(number: int, line: Any) -> tuple[str, dict[str, Any]]:
    verb = next(iter(line), "") if isinstance(line, dict) else ""
    if verb not in _ACTIONS:
        text = f"Malformed action/metadata line [{number}], expected one of [create, delete, index, update]"
        raise illegal_argument(f"{text} but found [{verb}]")
    if len(line) > 1:
        raise not_here(f"line [{number}] has more than one action")
    SHAPES.check(_ACTIONS[verb], line[verb])
    return verb, line[verb]


def _body(verb: str, line: bytes) -> dict[str, Any]:
    if not line.strip():
        raise not_here(f"[{verb}] needs a document")
    body = parsed(line)
    if not isinstance(body, dict):
        raise mapper_parsing("failed to parse")
    if verb == "update":
        SHAPES.check("bulk_update", body)
    return body
