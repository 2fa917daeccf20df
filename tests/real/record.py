"""Records what a real OpenSearch answers: `python -m tests.real.record rows` writes `tests/recordings/…/rows.jsonl`.

A story is a function below: requests to a fresh node, one after the other. The recorder of older recordings is gone;
`… record again documents mappings models search` asks a fresh node what they ask, and keeps the new answers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from providers.ingest_pipeline import remove_blank
from sandbox import wire
from sandbox.embeddings import Embeddings
from tests.conformance.server import ML, TRUSTED, connector_body
from tests.conformance.test_documents import BLANK, NOT_BLANK, VECTOR
from tests.real.opensearch_home import VERSION
from tests.real.servers import Servers
from tests.recordings.ids import Ids
from tests.sandbox.polarsearch.conftest import HashedEmbeddings

FOLDER = Path(__file__).parents[1] / "recordings" / f"opensearch-{VERSION}"
PROBES = Path(__file__).with_name("probes.json")
KEY, HASHED_PORT, CLEANING = "sk-good", 8841, "cleaning"

Ask = Callable[..., Any]


class Recorder:
    """Asks one node, and keeps each request with its answer as a line of JSON."""

    def __init__(self, client: httpx.Client) -> None:
        self._client, self.lines = client, list[str]()

    def __call__(self, method: str, path: str, body: Any = None, *, note: str | None = None, wait: float = 0,
                 kind: str = "application/json") -> Any:  # fmt: skip
        """The answer, whatever it is. `wait` is seconds before the request, `kind` the type of a body that is text."""
        time.sleep(wait)
        begun = time.monotonic()
        form = {"content": body.encode(), "headers": {"content-type": kind}} if isinstance(body, str) else {}
        response = self._client.request(method, path, **(form or {"json": body}))
        took = {"ms": round((time.monotonic() - begun) * 1000), **({"wait": wait} if wait else {})}
        asked = {"note": note, "method": method, "path": path, "body": body}
        answer = response.json() if "json" in response.headers.get("content-type", "") and response.content else None
        self.lines.append(json.dumps({**asked, "status": response.status_code, "response": answer, **took}))
        return answer


def asked_again(ask: Ask, name: str, ids: Ids) -> None:
    """What a recording asks, with the ids that this node gives."""
    for row in map(json.loads, (FOLDER / f"{name}.jsonl").read_text().splitlines()):
        body = json.loads(ids.ours(json.dumps(row["body"])))
        kind = "text/plain" if row["status"] == 406 else "application/json"
        answer = ask(row["method"], ids.ours(row["path"]), body, note=row["note"], wait=row.get("wait", 0), kind=kind)
        ids.learn_all(row["response"], answer)


def rows(ask: Ask, url: str) -> None:
    """Texts on the edge of blank, with and without our processor; rows looked for by their ids."""
    model = deployed(ask, url)
    embed = {"text_embedding": {"model_id": model, "field_map": {"text": "vector"}}}
    ask("PUT", "/_ingest/pipeline/embed", {"processors": [embed]}, wait=1)
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "knn": True, "default_pipeline": "embed"}
    properties = {"text": {"type": "text"}, "vector": VECTOR}
    ask("PUT", "/docs", {"settings": {"index": settings}, "mappings": {"properties": properties}})
    texts = {**BLANK, **NOT_BLANK}
    for id, (name, text) in enumerate(texts.items()):
        ask("PUT", f"/docs/_doc/{id}", {"text": text}, note=name)
    ask("PUT", "/_ingest/pipeline/embed", {"processors": [remove_blank("text"), embed]}, note="with our processor")
    for id, (name, text) in enumerate(texts.items()):
        ask("PUT", f"/docs/_doc/{id}", {"text": text}, note=name)
    ask("POST", "/docs/_refresh")
    wanted = [{"ids": {"values": [*map(str, range(len(texts))), "99"]}}]
    for name, filters in {"documents": wanted, "vectors": [*wanted, {"exists": {"field": "vector"}}]}.items():
        ask("POST", "/docs/_search", {"size": 500, "_source": False, "query": {"bool": {"filter": filters}}}, note=name)


def deployed(ask: Ask, url: str) -> str:
    """A model's id, half a second before it can be used."""
    ask("PUT", "/_cluster/settings", {"persistent": {TRUSTED: ["^http://127\\.0\\.0\\.1:.*$"]}})
    connector = ask("POST", f"{ML}/connectors/_create", connector_body(url, KEY, "hashing"), wait=3)["connector_id"]
    body = {"name": "for rows", "function_name": "remote", "connector_id": connector}
    model = str(ask("POST", f"{ML}/models/_register", body)["model_id"])
    ask("POST", f"{ML}/models/{model}/_deploy")
    return model


def vectors(ask: Ask, _url: str) -> None:
    """What makes vectors small: `mode`, `compression_level` and encoders, with a method and without, and changed."""
    cosine, inner = (
        {"name": "hnsw", "engine": "faiss", "space_type": space} for space in ("cosinesimil", "innerproduct")
    )
    lucene = {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"}
    half: dict[str, Any] = {"encoder": {"name": "sq", "parameters": {"type": "fp16"}}}
    fields: dict[str, dict[str, Any]] = {
        "on disk, 16x": {"mode": "on_disk", "compression_level": "16x", "method": cosine},
        "on disk": {"mode": "on_disk", "method": cosine},
        "on disk, its graph described": {"mode": "on_disk", "method": {**inner, "parameters": {"m": 8}}},
        "in memory": {"mode": "in_memory", "method": cosine},
        "in memory, 32x": {"mode": "in_memory", "compression_level": "32x", "method": cosine},
        "4x, faiss": {"compression_level": "4x", "method": cosine},
        "2x, faiss": {"compression_level": "2x", "method": cosine},
        "1x, faiss": {"compression_level": "1x", "method": cosine},
        "4x, lucene": {"compression_level": "4x", "method": lucene},
        "16x, lucene": {"compression_level": "16x", "method": lucene},
        "on disk, lucene": {"mode": "on_disk", "method": lucene},
        "64x": {"compression_level": "64x", "method": cosine},
        "no mode": {"mode": "fast", "method": cosine},
        "halves": {"method": {**cosine, "parameters": half}},
        "halves, no type": {"method": {**cosine, "parameters": {"encoder": {"name": "sq"}}}},
        "halves, on disk": {"mode": "on_disk", "method": {**cosine, "parameters": half}},
        "no encoder of that name": {"method": {**cosine, "parameters": {"encoder": {"name": "zip"}}}},
        "bits": {"method": {**cosine, "parameters": {"encoder": {"name": "binary", "parameters": {"bits": 2}}}}},
        "ivf": {"method": {**inner, "name": "ivf", "parameters": {"nlist": 4}}},
    }
    for name, field in fields.items():
        vector = {"type": "knn_vector", "dimension": 8, **field}
        made = {"settings": {"index.knn": True}, "mappings": {"properties": {"v": vector}}}
        if "error" in ask("PUT", "/docs", made, note=name):
            continue
        ask("GET", "/docs/_mapping", note=name)
        for other in ({"mode": "on_disk"}, {"compression_level": "8x"}, {}):
            ask("PUT", "/docs/_mapping", {"properties": {"v": {**vector, **other}}}, note=f"{name}, then {other}")
        ask("DELETE", "/docs")


def probes(ask: Ask, _url: str) -> None:
    """Short flows of what a stand-in would rather accept, ignore or guess, each on an empty node."""
    for flow in json.loads(PROBES.read_text()):
        for method, path, *body in flow["requests"]:
            ask(method, path, *body, note=flow["name"])
        for name in ask("GET", "/_alias", note=CLEANING):
            ask("DELETE", f"/{name}", note=CLEANING) if name[0] != "." else None


STORIES: Mapping[str, Callable[[Ask, str], None]] = {"rows": rows, "vectors": vectors, "probes": probes}


def record(name: str) -> Path:
    """Where the story now stands. Raises Lacking, Broken."""
    with _node(Embeddings(api_keys={KEY}).handle) as (client, port):
        recorder = Recorder(client)
        STORIES[name](recorder, f"http://127.0.0.1:{port}/v1/embeddings")
    return _written(name, recorder)


def record_again(names: Sequence[str]) -> list[Path]:
    """Where the recordings stand, one after the other on the same node. Raises Lacking, Broken."""
    hashed, ids = HashedEmbeddings(8), Ids()

    def embed(request: wire.Request) -> wire.Response:
        status, answer = hashed(request.method, request.path, _as_sent(request.headers), request.body, 30)
        return wire.Response(status, answer, {"content-type": wire.JSON_TYPE})

    with _node(embed, HASHED_PORT) as (client, _):
        recorders = {name: Recorder(client) for name in names}
        for name, recorder in recorders.items():
            asked_again(recorder, name, ids)
    return [_written(name, recorder) for name, recorder in recorders.items()]


def _as_sent(headers: Mapping[str, str]) -> dict[str, str]:
    return {"Authorization": headers.get("authorization", "")}


@contextmanager
def _node(embed: wire.Handler, port: int = 0) -> Iterator[tuple[httpx.Client, int]]:
    embeddings, servers = wire.serve(embed, port), Servers()
    try:
        yield servers.plain.client, embeddings.port
    finally:
        servers.close()
        embeddings.stop()


def _written(name: str, recorder: Recorder) -> Path:
    file = FOLDER / f"{name}.jsonl"
    file.write_text("".join(f"{line}\n" for line in recorder.lines if json.loads(line)["note"] != CLEANING))
    return file


if __name__ == "__main__":
    if sys.argv[1:2] == ["again"]:
        print(*record_again(sys.argv[2:]), sep="\n")
    elif sys.argv[1:2] == [] or sys.argv[1] not in STORIES:
        sys.exit(f"usage: python -m tests.real.record {'|'.join(STORIES)}|again NAME…")
    else:
        print(record(sys.argv[1]))
