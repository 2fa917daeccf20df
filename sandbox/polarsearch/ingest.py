"""Ingest pipelines: stored as sent, run over every document written to an index that names them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np

from sandbox.polarsearch import chunking, conditions, predict, processors
from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here, parse_error
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.pipelines import check_keys, pipeline_handlers, required_list
from sandbox.polarsearch.processors import Source
from sandbox.polarsearch.registry import check_all
from sandbox.polarsearch.texts import is_blank

_MOST_TOKENS = 10000
_KEYS = {"description", "version", "processors"}


@dataclass
class Entry:
    """One document on its way through a pipeline; `failed` when it did not get through."""

    source: Source
    index: str = "_index"
    id: str = "_id"
    failed: ApiError | None = None
    stage: int = 1  # when it failed: 0 before any processor, 1 in one, 2 when another service had answered


def checked(node: Node, name: str, body: dict[str, Any]) -> None:
    """Raises what storing this pipeline is refused for."""
    check_all(lambda each: _check_processor(each, node), [(each,) for each in required_list(body, "processors")])
    check_keys(name, body, _KEYS, {"on_failure"})


def _check_processor(each: Any, node: Node) -> None:
    if not isinstance(each, dict) or len(each) != 1:
        raise not_here("a processor must be an object with one key", "parse_exception")
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
    meant = [each for each in entries if "if" not in config or conditions.holds(config["if"], each.source)]
    if kind == "text_embedding":
        size = int(config.get("batch_size", 1))
        for start in range(0, len(meant), size):
            _embed(node, config, meant[start : start + size])
        return
    for entry in meant:
        act = processors.KINDS[kind].act
        try:
            if kind == "text_chunking":
                chunking.act(config, entry.source, _most_tokens(node, entry))
            elif act:
                act(config, entry.source)
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
    if config.get("skip_existing"):
        wants = [want for want in wants if not _reused(node, want)]
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
    if isinstance(value, dict):
        raise illegal_argument(
            f"[{name}] configuration doesn't match actual value type, configuration type is: java.lang.String, "
            "actual value type is: java.util.HashMap"
        )
    if isinstance(value, str) and is_blank(value):
        raise illegal_argument(f"map type field [{name}] has empty string value, cannot process it")
    if isinstance(value, list):
        if not all(isinstance(each, str) for each in value):
            raise illegal_argument(f"list type field [{name}] has non string value, cannot process it")
        if any(map(is_blank, value)):
            raise illegal_argument(f"list type field [{name}] has empty string, cannot process it")
    elif not isinstance(value, str):
        raise illegal_argument(f"map type field [{name}] is neither string nor nested type, cannot process it")


def _reused(node: Node, want: _Want) -> bool:
    with node.working():
        index = node.indices.get(want.entry.index)
        old = index.shard.current.get(want.entry.id) if index else None
    if old is None or want.into is not want.entry.source or want.listed:
        return False
    vector = processors.get(old.source, want.target)
    if vector is None or processors.get(old.source, want.name) != want.texts[0]:
        return False
    processors.put(want.into, want.target, vector)
    return True


def simulate(node: Node, call: Call) -> Reply:
    """Run documents through a pipeline and show them, writing nothing. HTTP 200 even when a document fails."""
    body = call.required()
    steps = _simulated_steps(node, call.path.get("id"), body)
    docs = required_list(body, "docs")
    if not docs:
        raise illegal_argument("must specify at least one document in [docs]")
    entries = [_entry(doc) for doc in docs]
    for entry in entries:  # never in batches
        _run_steps(node, steps, [entry])
    return Reply({"docs": [_simulated(node, entry) for entry in entries]})


def _simulated_steps(node: Node, name: str | None, body: dict[str, Any]) -> list[Any]:
    """The processors of a stored pipeline or, without a name, of the one in the request."""
    if name is None:
        if "pipeline" not in body:
            raise parse_error("[pipeline] required property is missing", property_name="pipeline")
        checked(node, "_simulate_pipeline", body["pipeline"])
        return list(body["pipeline"]["processors"])
    if name not in node.pipelines["ingest"]:
        raise illegal_argument(f"pipeline [{name}] does not exist")
    return list(node.pipelines["ingest"][name]["processors"])


def _entry(doc: dict[str, Any]) -> Entry:
    if "_source" not in doc:
        raise parse_error("[_source] required property is missing", property_name="_source")
    return Entry(copy.deepcopy(doc["_source"]), doc.get("_index", "_index"), doc.get("_id", "_id"))


def _simulated(node: Node, entry: Entry) -> Any:
    if entry.failed:
        return {"error": entry.failed.body()["error"]}
    at = datetime.fromtimestamp(node.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    shown = {"_index": entry.index, "_id": entry.id, "_source": entry.source, "_ingest": {"timestamp": at}}
    return {"doc": shown}


put, get, delete = pipeline_handlers("ingest", checked)
