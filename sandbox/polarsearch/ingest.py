"""Ingest pipelines: stored as sent, run over every document written to an index that names them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np

from sandbox.polarsearch import chunking, predict, processors, scripts
from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.pipelines import pipeline_handlers
from sandbox.polarsearch.processors import Source
from sandbox.polarsearch.texts import is_blank

_MOST_TOKENS = 10000


@dataclass
class Entry:
    """One document on its way through a pipeline; `failed` when it did not get through."""

    source: Source
    index: str = "_index"
    id: str = "_id"
    failed: ApiError | None = None
    stage: int = 1  # when it failed: 0 before any processor, 1 in one, 2 when another service had answered


def checked(node: Node, body: dict[str, Any]) -> None:
    """Raises for a pipeline, of a shape that is right, that is not taken all the same."""
    for each in body["processors"]:
        for kind, config in each.items():
            processors.check(kind, config, node.version)


def run(node: Node, name: str, entries: list[Entry]) -> None:
    """Send documents through a stored pipeline. Call it without the lock: it may call other services."""
    with node.working():
        body = node.pipelines["ingest"].get(name)
    if body is None:
        for entry in entries:
            entry.failed, entry.stage = illegal_argument(f"pipeline with id [{name}] does not exist"), 0
        return
    _run_steps(node, body["processors"], entries)


def _run_steps(node: Node, steps: list[Any], entries: list[Entry]) -> None:
    for step in steps:
        for kind, config in step.items():
            _run_step(node, kind, config, [entry for entry in entries if not entry.failed])


def _run_step(node: Node, kind: str, config: dict[str, Any], entries: list[Entry]) -> None:
    meant = [each for each in entries if "if" not in config or scripts.holds(config["if"], each.source)]
    if kind == "text_embedding":
        size = int(config.get("batch_size", 1))
        for start in range(0, len(meant), size):
            _embed(node, config, meant[start : start + size])
        return
    for entry in meant:
        try:
            if kind == "text_chunking":
                chunking.act(config, entry.source, _most_tokens(node, entry))
            else:
                processors.ACTS[kind](config, entry.source)
        except ApiError as error:
            entry.failed = error


def _most_tokens(node: Node, entry: Entry) -> int:
    with node.working():
        index = node.indices.get(entry.index)
        return int(index.settings.get("index.analyze.max_token_count", _MOST_TOKENS) if index else _MOST_TOKENS)


@dataclass(frozen=True)
class _Want:
    """Texts of one field, and where their vectors go."""

    entry: Entry
    into: Source
    target: str
    texts: list[str]
    listed: bool
    name: str  # the field the texts are in

    def fill(self, vectors: list[Any]) -> None:
        """Ingestion keeps 32-bit numbers, whatever the model answered."""
        arrays = [np.asarray(vector, np.float32) for vector in vectors]
        processors.put(self.into, self.target, [{"knn": array} for array in arrays] if self.listed else arrays[0])


def _embed(node: Node, config: dict[str, Any], entries: list[Entry]) -> None:
    wants: list[_Want] = []
    for entry in entries:
        try:
            wants += list(_wanted(entry, entry.source, config["field_map"]))
        except ApiError as error:
            entry.failed = error
    wants = [want for want in wants if not want.entry.failed]
    texts = [text for want in wants for text in want.texts]
    if not texts:
        return
    try:
        vectors = predict.embed(node, config["model_id"], texts)
    except ApiError as error:
        for want in wants:
            want.entry.failed, want.entry.stage = error, 2
        return
    for want in wants:
        want.fill(vectors[: len(want.texts)])
        vectors = vectors[len(want.texts) :]


def _wanted(entry: Entry, source: Source, fields: dict[str, Any]) -> Iterator[_Want]:
    for name, target in fields.items():
        value = processors.get(source, name)
        if value is None:
            continue
        head, _, _ = name.rpartition(".")
        into = processors.get(source, head) if head else source
        texts = [value] if isinstance(value, str) else value
        _check_texts(name, value)
        into = into if isinstance(into, dict) else source
        yield _Want(entry, into, target, list(texts), isinstance(value, list), name)


def _check_texts(name: str, value: Any) -> None:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in texts):
        raise not_here(f"field [{name}] is neither a text nor a list of texts, cannot process it")
    if any(map(is_blank, texts)):
        kind, what = ("list", "string") if isinstance(value, list) else ("map", "string value")
        raise illegal_argument(f"{kind} type field [{name}] has empty {what}, cannot process it")


def simulate(node: Node, call: Call) -> Reply:
    """Run documents through a pipeline and show them, writing nothing. HTTP 200 even when a document fails."""
    body = call.required()
    steps = _simulated_steps(node, call.path.get("id"), body)
    if not body["docs"]:
        raise not_here("must specify at least one document in [docs]")
    entries = [Entry(copy.deepcopy(doc["_source"]), doc.get("_index", "_index"), doc.get("_id", "_id"))
               for doc in body["docs"]]  # fmt: skip
    for entry in entries:  # never in batches
        _run_steps(node, steps, [entry])
    return Reply({"docs": [_simulated(node, entry) for entry in entries]})


def _simulated_steps(node: Node, name: str | None, body: dict[str, Any]) -> list[Any]:
    """The processors of a stored pipeline or, without a name, of the one in the request."""
    if name is None:
        if "pipeline" not in body:
            raise ApiError(400, "parse_exception", "[pipeline] required property is missing")
        checked(node, body["pipeline"])
        return list(body["pipeline"]["processors"])
    if name not in node.pipelines["ingest"]:
        raise illegal_argument(f"pipeline [{name}] does not exist")
    return list(node.pipelines["ingest"][name]["processors"])


def _simulated(node: Node, entry: Entry) -> Any:
    if entry.failed:
        return {"error": entry.failed.body()["error"]}
    at = datetime.fromtimestamp(node.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    shown = {"_index": entry.index, "_id": entry.id, "_source": entry.source, "_ingest": {"timestamp": at}}
    return {"doc": shown}


put, get, delete = pipeline_handlers("ingest", checked)
