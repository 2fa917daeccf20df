"""Requests about single documents, and _bulk. Getting by id sees every write at once."""

from __future__ import annotations

import time
from typing import Any

from sandbox.polarsearch import writes
from sandbox.polarsearch.calls import Call, Reply, parsed, route
from sandbox.polarsearch.errors import ApiError, illegal_argument, mapper_parsing
from sandbox.polarsearch.names import for_reading
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.source import filtered, from_query
from sandbox.polarsearch.writes import Op

VERBS = {"index", "create", "update", "delete"}


def put(node: Node, call: Call) -> Reply:
    """Index one document, with or without an id."""
    if not call.request.body:
        raise ApiError(400, "parse_exception", "request body is required")
    verb = "create" if call.text("op_type") == "create" or "/_create/" in call.request.path else "index"
    op = Op(verb, call.path["index"], call.path.get("id"), _document(call), **_conditions(call))
    return _single(node, call, op)


def _document(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except ApiError as error:
        raise mapper_parsing("failed to parse", cause=error) from None
    if not isinstance(body, dict):
        text = "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes"
        raise mapper_parsing("failed to parse", cause=ApiError(400, "not_x_content_exception", text))
    return body


def _conditions(call: Call) -> dict[str, Any]:
    external = call.text("version_type").startswith("external")
    version = call.number("version") if external else None
    return {"pipeline": call.request.query.get("pipeline"), "if_seq_no": call.number("if_seq_no"), "version": version}


def update(node: Node, call: Call) -> Reply:
    """Merge into one document, which goes through the index's pipelines as if it had been sent whole."""
    asked = Op("update", call.path["index"], call.path["id"], call.required())
    op = writes.merged_update(node, asked)
    return _single(node, call, op) if isinstance(op, Op) else Reply(op)


def delete(node: Node, call: Call) -> Reply:
    """Of a missing document the answer is 404, and not an error."""
    return _single(node, call, Op("delete", call.path["index"], call.path["id"], if_seq_no=call.number("if_seq_no")))


def _single(node: Node, call: Call, op: Op) -> Reply:
    refresh = writes.parse_refresh(call.request.query.get("refresh"))
    writes.perform(node, [op], refresh=refresh)
    if isinstance(op.outcome, ApiError):
        raise op.outcome
    answer = dict(op.outcome or {})
    return Reply(_refreshed(answer, call), writes.STATUS[answer["result"]])


def _refreshed(answer: dict[str, Any], call: Call) -> dict[str, Any]:
    """`forced_refresh` is said of refresh=true only, and only of what was written."""
    if call.request.query.get("refresh") not in {"", "true"} or answer["result"] == "noop":
        return answer
    head = {key: answer[key] for key in ("_index", "_id", "_version", "result")}
    return head | {"forced_refresh": True} | answer


def get(node: Node, call: Call) -> Reply:
    """By id."""
    found = _found(node, call.path["index"], call.path["id"], from_query(call))
    return Reply(found, 200 if found["found"] else 404)


def _found(node: Node, index: str, id: str, wanted: Any) -> dict[str, Any]:
    place = for_reading(node, index)
    doc = place.shard.current.get(id)
    if doc is None:
        return {"_index": place.name, "_id": id, "found": False}
    found = {
        "_index": place.name,
        "_id": id,
        "_version": doc.version,
        "_seq_no": doc.seq,
        "_primary_term": 1,
        "found": True,
    }
    return found if wanted is False else found | {"_source": filtered(doc.source, wanted)}


def get_source(node: Node, call: Call) -> Reply:
    """The document alone."""
    found = _found(node, call.path["index"], call.path["id"], from_query(call))
    if not found["found"]:
        name = f"{call.path['index']}]/[{call.path['id']}"
        raise ApiError(404, "resource_not_found_exception", f"Document not found [{name}]")
    return Reply(found["_source"])


def multi_get(node: Node, call: Call) -> Reply:
    """Several at once; one that cannot be looked for is an error in its place."""
    body, default = call.required(), call.path.get("index")
    wanted = [{"_id": id} for id in body.get("ids", [])] + body.get("docs", [])
    if not wanted:
        reason = "Validation Failed: 1: no documents to get;"
        raise ApiError(400, "action_request_validation_exception", reason)
    return Reply({"docs": [_one_of_many(node, call, each, default) for each in wanted]})


def _one_of_many(node: Node, call: Call, each: dict[str, Any], default: str | None) -> dict[str, Any]:
    index = each.get("_index", default)
    if index is None:
        reason = "Validation Failed: 1: index is missing for doc 0;"
        raise ApiError(400, "action_request_validation_exception", reason)
    try:
        return _found(node, index, str(each["_id"]), each.get("_source", from_query(call)))
    except ApiError as error:
        return {"_index": index, "_id": each["_id"], "error": error.body()["error"]}


def bulk(node: Node, call: Call) -> Reply:
    """Many writes, each with an outcome of its own. HTTP 200 whatever happened to them."""
    if not call.request.body:
        raise ApiError(400, "parse_exception", "request body is required")
    began = time.perf_counter()
    refresh = writes.parse_refresh(call.request.query.get("refresh"))
    ops = _parsed(call)
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
    """The actions of a _bulk body. Raises before anything is written."""
    if not call.request.body.endswith(b"\n"):
        raise illegal_argument("The bulk request must be terminated by a newline [\\n]")
    lines = iter(enumerate(call.request.body.split(b"\n"), 1))
    ops = []
    for number, line in lines:
        if not line.strip():
            continue
        verb, meta = _action(number, parsed(line))
        index = meta.get("_index", call.path.get("index"))
        if index is None:
            reason = "Validation Failed: 1: index is missing;"
            raise ApiError(400, "action_request_validation_exception", reason)
        body = {} if verb == "delete" else _body(next(lines, (0, b""))[1])
        id = None if meta.get("_id") is None else str(meta["_id"])
        pipeline = meta.get("pipeline", call.request.query.get("pipeline"))
        verb = "create" if meta.get("op_type") == "create" else verb
        ops.append(Op(verb, index, id, body, pipeline, meta.get("if_seq_no")))
    return ops


def _action(number: int, line: Any) -> tuple[str, dict[str, Any]]:
    verb = next(iter(line), "") if isinstance(line, dict) else ""
    if verb not in VERBS:
        text = f"Malformed action/metadata line [{number}], expected one of [create, delete, index, update]"
        raise illegal_argument(f"{text} but found [{verb}]")
    return verb, line[verb] or {}


def _body(line: bytes) -> dict[str, Any]:
    body = parsed(line)
    if not isinstance(body, dict):
        raise mapper_parsing("failed to parse")
    return body


_WRITE = ("refresh", "timeout", "wait_for_active_shards", "routing", "pipeline", "require_alias")
_IF = ("if_seq_no", "if_primary_term", "version", "version_type", "op_type")
_SOURCE = (
    "_source",
    "_source_includes",
    "_source_excludes",
    "realtime",
    "refresh",
    "preference",
    "routing",
    "stored_fields",
)
_BULK = "indices:data/write/bulk"
ROUTES = [
    route("PUT POST", "/{index}/_doc/{id}", put, "indices:data/write/index", _WRITE, _IF, unlocked=True),
    route("POST", "/{index}/_doc", put, "indices:data/write/index", _WRITE, _IF, unlocked=True),
    route("PUT POST", "/{index}/_create/{id}", put, "indices:data/write/index", _WRITE, _IF, unlocked=True),
    route(
        "POST",
        "/{index}/_update/{id}",
        update,
        "indices:data/write/update",
        _WRITE,
        _IF,
        _SOURCE,
        "retry_on_conflict",
        unlocked=True,
    ),
    route("DELETE", "/{index}/_doc/{id}", delete, "indices:data/write/delete", _WRITE, _IF, unlocked=True),
    route("GET HEAD", "/{index}/_doc/{id}", get, "indices:data/read/get", _SOURCE, "version", "version_type"),
    route("GET HEAD", "/{index}/_source/{id}", get_source, "indices:data/read/get", _SOURCE),
    route("GET POST", "/_mget", multi_get, "indices:data/read/mget", _SOURCE),
    route("GET POST", "/{index}/_mget", multi_get, "indices:data/read/mget", _SOURCE),
    route("POST PUT", "/_bulk", bulk, _BULK, _WRITE, _SOURCE, "batch_size", unlocked=True),
    route("POST PUT", "/{index}/_bulk", bulk, _BULK, _WRITE, _SOURCE, "batch_size", unlocked=True),
]
