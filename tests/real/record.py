"""Records what a real OpenSearch answers: `python -m tests.real.record rows` writes `tests/recordings/…/rows.jsonl`.

Each function in RECORDINGS sends a sequence of requests to a new node. The older recordings were made by a former
recorder; their rows have the same shape.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
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

FOLDER = Path(__file__).parents[1] / "recordings" / f"opensearch-{VERSION}"
KEY = "sk-good"

Ask = Callable[..., Any]


class Recorder:
    """Sends requests to one node, and stores each with its answer as a line of JSON."""

    def __init__(self, client: httpx.Client) -> None:
        self._client, self.lines = client, list[str]()

    def __call__(self, method: str, path: str, body: Any = None, *, note: str | None = None, wait: float = 0) -> Any:
        """Returns the answer, of any status. `wait`: seconds before the request."""
        time.sleep(wait)
        begun = time.monotonic()
        response = self._client.request(method, path, json=body)
        took = {"ms": round((time.monotonic() - begun) * 1000), **({"wait": wait} if wait else {})}
        asked = {"note": note, "method": method, "path": path, "body": body}
        answered = {"status": response.status_code, "response": response.json()}
        self.lines.append(json.dumps({**asked, **answered, **took}))
        return response.json()


def rows(ask: Ask, url: str) -> None:
    """Records blank and almost blank texts, with and without our processor, and searches by ids."""
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
    """Returns the id of a model that is being deployed."""
    ask("PUT", "/_cluster/settings", {"persistent": {TRUSTED: ["^http://127\\.0\\.0\\.1:.*$"]}})
    connector = ask("POST", f"{ML}/connectors/_create", connector_body(url, KEY, "hashing"), wait=3)["connector_id"]
    body = {"name": "for rows", "function_name": "remote", "connector_id": connector}
    model = str(ask("POST", f"{ML}/models/_register", body)["model_id"])
    ask("POST", f"{ML}/models/{model}/_deploy")
    return model


def vectors(ask: Ask, _url: str) -> None:
    """Records `mode`, `compression_level` and encoders of vectors, with and without a method, and their changes."""
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


RECORDINGS: Mapping[str, Callable[[Ask, str], None]] = {"rows": rows, "vectors": vectors}


def record(name: str) -> Path:
    """Writes a recording and returns its file. Raises Lacking, Broken."""
    embeddings, servers = wire.serve(Embeddings(api_keys={KEY}).handle), Servers()
    try:
        recorder = Recorder(servers.plain.client)
        RECORDINGS[name](recorder, f"http://127.0.0.1:{embeddings.port}/v1/embeddings")
    finally:
        servers.close()
        embeddings.stop()
    file = FOLDER / f"{name}.jsonl"
    file.write_text("".join(f"{line}\n" for line in recorder.lines))
    return file


if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in RECORDINGS:
        sys.exit(f"usage: python -m tests.real.record {'|'.join(RECORDINGS)}")
    print(record(sys.argv[1]))
