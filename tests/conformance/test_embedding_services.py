"""Every preset, end to end: rows become documents, documents vectors, and a question finds them.

Each runs against a service that refuses whatever its documentation does not allow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components.embedding_calls import calls
from components.embedding_requests import embed, only_in_the_cluster
from components.queries import neural
from components.settings import EMBEDDING_SECRETS
from components.validation import parse
from components.wiring import StackWiring
from providers.kit import ApiError
from providers.services.embedding_answers import misfit
from providers.services.http import post_elsewhere
from sandbox import wire
from tests.conformance.embedding_services import AWS, KEY, REGION, SERVICES, WRONG_KEY, Fake, violations

ROWS = {1: "a thermos flask keeps coffee hot", 2: "a wooden train for children", 3: "a lamp with a green shade"}
LUCENE = {"type": "knn_vector", "method": {"engine": "lucene", "name": "hnsw"}}
COLLECTION = {
    "name": "docs",
    "source": {"table": "shop.docs", "columns": {"id": "INT", "t": "TEXT"}, "primary_key": "id"},
    "fields": {"id": "id", "text": "t"},
    "mapping": {"id": {"type": "integer"}, "text": {"type": "text"}, "vector": LUCENE},
    "field_map": {"text": "vector"},
    "replicas": 0,
    "settings": {"refresh_interval": "100ms"},
    "deletion_protection": False,
}
SIGNED = {"aws_sigv4": {"region": REGION}}


@dataclass(frozen=True)
class Case:
    """A preset as a person writes it; `documents` and `queries` are what the service is told of the texts."""

    service: str
    block: Mapping[str, Any]
    documents: str | None = None
    queries: str | None = None
    prefixes: tuple[str, str] = ("", "")
    dimension: int = 256

    @property
    def written(self) -> dict[str, Any]:
        return {"dimension": self.dimension, **self.block}


E5 = {"document_prefix": "passage: ", "query_prefix": 'the "query": '}
CASES = {
    "openai": Case("openai", {"service": "openai", "model": "text-embedding-3-small"}),
    "azure_openai": Case("azure_openai", {"service": "azure_openai", "model": "text-embedding-3-small"}),
    "cohere": Case("cohere", {"service": "cohere", "model": "embed-v4.0"}, "search_document", "search_query"),
    "cohere, bytes": Case(
        "cohere", {"service": "cohere", "model": "embed-v4.0", "vector_type": "byte"}, "search_document", "search_query"
    ),
    "voyage": Case("voyage", {"service": "voyage", "model": "voyage-4"}, "document", "query"),
    "voyage, bytes": Case(
        "voyage", {"service": "voyage", "model": "voyage-4", "vector_type": "byte"}, "document", "query"
    ),
    "jina": Case(
        "jina", {"service": "jina", "model": "jina-embeddings-v3", "parameters": {"truncate": True}},
        "retrieval.passage", "retrieval.query",
    ),
    "dashscope": Case("dashscope", {"service": "dashscope", "model": "text-embedding-v4"}, "document", "query"),
    "tei": Case(
        "tei", {"service": "tei", "model": "e5", "input_type": {"query": "query"}, "parameters": {"truncate": True}},
        None, "query",
    ),
    "tei, prefixes": Case("tei", {"service": "tei", "model": "e5", **E5}, prefixes=("passage: ", 'the "query": ')),
    "ollama": Case("ollama", {"service": "ollama", "model": "all-minilm"}, dimension=384),
    "vllm": Case("vllm", {"service": "vllm", "model": "e5", "send_dimensions": True}),
    "bedrock titan": Case("bedrock titan", {"service": "bedrock", "model": "amazon.titan-embed-text-v2:0", **SIGNED}),
    "bedrock titan, prefixes": Case(
        "bedrock titan", {"service": "bedrock", "model": "amazon.titan-embed-text-v2:0", **SIGNED, **E5},
        prefixes=("passage: ", 'the "query": '),
    ),
    "bedrock cohere": Case(
        "bedrock cohere", {"service": "bedrock", "model": "cohere.embed-multilingual-v3", **SIGNED},
        "search_document", "search_query", dimension=1024,
    ),
    "sagemaker": Case("sagemaker", {"service": "sagemaker", "model": "my-endpoint", **SIGNED}),
    "by hand": Case(
        "tei",
        {
            "model": "mine",
            "headers": {"content-type": "application/json"},
            "parameters": {"normal": True, "response_filter": "$[*]"},
            "request_body": '{"inputs": ${parameters.texts}, "normalize": ${parameters.normal}}',
            "pre_process": "connector.pre_process.cohere.embedding",
            "post_process": "connector.post_process.default.embedding",
            "client_config": {"read_timeout": 20},
        },
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def stack(monkeypatch):
    monkeypatch.setattr(pulumi, "get_project", lambda: "p")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "s")


@pytest.fixture
def faked():
    """Starts a service for a case, and returns it with its address."""
    running = []

    def start(case):
        fake = Fake(SERVICES[case.service], case.dimension)
        running.append(wire.serve(fake.handle))
        return fake, f"http://127.0.0.1:{running[-1].port}{fake.service.path}"

    yield start
    for each in running:
        each.stop()


def keys_for(case):
    keys = {"embeddingApiKey": KEY} if SERVICES[case.service].key else {}
    if SERVICES[case.service].signing_name:
        keys |= {secret: AWS[key] for secret, key in EMBEDDING_SECRETS.items() if key in AWS}
    return keys


def wired(case, url, **changed):
    """The objects that a configuration with this case declares; every mistake in it would be told."""
    connection = {"search_url": "http://h:3001", "database_host": "h", "database_user": "u"}
    keys = keys_for(case)
    raw = {"connection": connection, "embedding": {**case.written, "url": url}, "collections": [COLLECTION]}
    settings = parse(raw, keys=keys)
    known = {EMBEDDING_SECRETS[name]: key for name, key in keys.items()} | changed
    return StackWiring("search", settings.embedding.model_copy(update=known), settings.collections)


class Maker:
    """Makes declared objects as Pulumi does, one after the other."""

    def __init__(self, connections):
        self.connections = connections

    def __call__(self, declaration):
        kind = declaration.resource.kind(self.connections)
        found = kind.take_over(declaration.owned, "uid")
        id = found[0] if found else kind.create(declaration.owned, "uid")
        kind.bring_up(id, declaration.owned, "uid")
        return id

    def embedding(self, wiring):
        """Returns the models of documents and of queries."""
        self(wiring.endpoint())
        group = self(wiring.group())
        model = self(wiring.model(group, self(wiring.connector())))
        if not wiring.is_asymmetric:
            return model, model
        return model, self(wiring.query_model(group, self(wiring.query_connector())))


@pytest.mark.parametrize("case", [each for each in CASES.values() if "aws_sigv4" not in each.block], ids=str)
def test_a_service_is_called_from_this_machine_as_by_its_connector(faked, case):
    fake, url = faked(case)
    texts = ['a "mug" \\ of\n tea', "保温杯"]
    for call, told, prefix in zip(
        calls(wired(case, url).embedding), (case.documents, case.queries), case.prefixes, strict=True
    ):
        assert only_in_the_cluster(call) == ""
        vectors = embed(call, texts, post_elsewhere)
        assert [misfit(vector, case.dimension, call.embedding.vector_type) for vector in vectors] == ["", ""]
        assert fake.asked[-2:] == [(told, prefix + text) for text in texts]
    assert fake.refused == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rows_are_embedded_and_found_by_meaning(polardb, faked, case):
    fake, url = faked(case)
    stack, make = wired(case, url), Maker(polardb.connections)
    polardb.run("CREATE DATABASE IF NOT EXISTS shop")
    [docs], [table] = stack.collections, stack.tables().values()
    make(table)
    for id, text in ROWS.items():
        polardb.run("INSERT INTO shop.docs VALUES (%s, %s)", [id, text])
    documents, queries = make.embedding(stack.embedding_model)
    wiring = stack.collection(docs)
    pipelines = make(wiring.ingest_pipeline(documents)), make(wiring.search_pipeline(queries))
    index = make(wiring.index(*pipelines))
    make(wiring.link(index, "shop.docs"))
    make(wiring.alias(index))
    query = json.loads(json.dumps(neural(docs.embedded_texts())).replace("{{text}}", "children with a train"))
    found = polardb.search.until(
        "POST", "/docs/_search", lambda answer: answer["hits"]["total"]["value"] == len(ROWS), query
    )
    assert found["hits"]["hits"][0]["_source"] == {"id": 2, "text": ROWS[2]}
    stored = polardb.search.ok("POST", "/docs/_search", {"_source": ["vector"]})["hits"]["hits"]
    assert {len(hit["_source"]["vector"]) for hit in stored} == {case.dimension}
    before, ask = case.prefixes
    assert fake.refused == []
    assert {(case.documents, f"{before}{text}") for text in ROWS.values()} <= set(fake.asked)
    assert (case.queries, f"{ask}children with a train") in fake.asked
    assert {purpose for purpose, _ in fake.asked} == {case.documents, case.queries}


WRONG = {name: case for name, case in CASES.items() if name in SERVICES}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_the_service_refuses_stands_in_the_error(server, faked, case):
    """A wrong key, or whatever a service without keys may say."""
    service, (fake, url) = SERVICES[case.service], faked(case)
    fake.closed = not service.key
    wrong = {"secret_key": WRONG_KEY} if service.signing_name else {"api_key": WRONG_KEY} if service.key else {}
    with pytest.raises(ApiError) as refused:
        Maker(server.connections).embedding(wired(case, url, **wrong).embedding_model)
    status, body = service.denied
    assert refused.value.status == status
    assert json.dumps(body, ensure_ascii=False) in str(refused.value)
    assert set(fake.refused) == {"denied"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_fake_refuses_what_is_not_documented(name):
    shape = SERVICES[name].body
    assert list(violations(shape, {"surprise": 1}))
