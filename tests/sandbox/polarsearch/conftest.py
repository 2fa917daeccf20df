"""One PolarSearch per test, a clock that only moves when told, and an embedding service whose vectors are known."""

import base64
import hashlib
import json
import random

import pytest

from sandbox.polarsearch import PolarSearch
from sandbox.wire import Request

BAD_KEY = {
    "error": {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}
}


class Clock:
    """Seconds; `clock.now += 1` is how time passes."""

    def __init__(self) -> None:
        self.now = 1_795_438_838.0

    def __call__(self) -> float:
        return self.now


class HashedEmbeddings:
    """The service the recordings were made with: vectors from a text's SHA-256, and only one good key."""

    def __init__(self, dimension: int = 1024) -> None:
        self.dimension, self.down = dimension, False
        self.requests: list[list[str]] = []

    def __call__(self, method, url, headers, body, timeout):
        asked = json.loads(body)
        self.requests.append(asked["input"])
        if self.down:
            raise ConnectionRefusedError("nobody listens")
        if "sk-bad" in headers.get("Authorization", ""):
            return 401, json.dumps(BAD_KEY).encode()
        if any("boom" in text for text in asked["input"]):
            return 503, b'{"error": "boom"}'
        rows = [{"index": at, "embedding": self.vector(text)} for at, text in enumerate(asked["input"])]
        rows = [{"object": "embedding", **row} for row in rows]
        return 200, json.dumps({"object": "list", "data": rows, "model": asked["model"], "usage": {}}).encode()

    def vector(self, text):
        digest = hashlib.sha256(text.encode()).digest()
        return [((digest[i % 32] + 7 * i) % 255) / 255 - 0.5 for i in range(self.dimension)]


class Client:
    """Requests to one application, JSON in and out."""

    def __init__(self, application: PolarSearch, user: str | None = None, password: str = "secret") -> None:
        self.application, self.headers = application, {}
        if user:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.headers = {"authorization": f"Basic {token}"}

    def raw(self, method, target, body=None, content_type="application/json"):
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = self.headers | ({"content-type": content_type} if data and content_type else {})
        return self.application.handle(Request.of(method, target, headers, data))

    def __call__(self, method, target, body=None):
        """Status and parsed answer."""
        response = self.raw(method, target, body)
        return response.status, json.loads(response.body)

    def ok(self, method, target, body=None):
        """The answer of a request that must succeed."""
        status, answer = self(method, target, body)
        assert status < 300, answer
        return answer

    def reason(self, method, target, body=None):
        """Status and reason of a request that must fail."""
        status, answer = self(method, target, body)
        assert status >= 400, answer
        return status, answer["error"]["reason"]

    def bulk(self, *lines, params=""):
        return self.ok("POST", f"/_bulk{params}", "".join(json.dumps(line) + "\n" for line in lines))

    def ids(self, index, query, **body):
        hits = self.ok("POST", f"/{index}/_search", {"query": query, **body})["hits"]["hits"]
        return [hit["_id"] for hit in hits]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def embeddings():
    return HashedEmbeddings()


@pytest.fixture
def make(clock, embeddings):
    """Makes applications that share the clock and the embedding service, and closes them."""
    made = []

    def build(**options):
        seed = random.Random(1)
        defaults = {"clock": clock, "call": embeddings, "entropy": seed.randbytes}
        made.append(PolarSearch(**{**defaults, **options}))
        return made[-1]

    yield build
    for application in made:
        application.close()


@pytest.fixture
def application(make):
    return make()


@pytest.fixture
def client(application):
    return Client(application)


@pytest.fixture
def client_for():
    return Client


@pytest.fixture
def deployed(client, clock):
    """A deployed model's id, behind a connector with a good key."""
    return deploy(client, clock)


@pytest.fixture
def connector_body():
    return connector


def connector(key="sk-good", **changes):
    """A connector to `http://embeddings.test`, which the sandbox's list of trusted endpoints must have."""
    action = {
        "action_type": "predict",
        "method": "POST",
        "url": "http://embeddings.test/v1/embeddings",
        "headers": {"Authorization": "Bearer ${credential.api_key}"},
        "request_body": '{ "model": "${parameters.model}", "input": ${parameters.input} }',
        "pre_process_function": "connector.pre_process.openai.embedding",
        "post_process_function": "connector.post_process.openai.embedding",
    }
    body = {"name": "c", "version": 1, "protocol": "http", "parameters": {"model": "m"}, "credential": {"api_key": key}}
    return {**body, "actions": [action], **changes}


@pytest.fixture
def trusted(client):
    """Trusts the embedding service."""
    pattern = {"plugins.ml_commons.trusted_connector_endpoints_regex": ["^http://embeddings\\.test/.*$"]}
    client.ok("PUT", "/_cluster/settings", {"persistent": pattern})


def deploy(client, clock, key="sk-good"):
    pattern = {"plugins.ml_commons.trusted_connector_endpoints_regex": ["^http://embeddings\\.test/.*$"]}
    client.ok("PUT", "/_cluster/settings", {"persistent": pattern})
    made = client.ok("POST", "/_plugins/_ml/connectors/_create", connector(key))
    body = {"name": "model", "function_name": "remote", "connector_id": made["connector_id"]}
    model = client.ok("POST", "/_plugins/_ml/models/_register", body)["model_id"]
    client.ok("POST", f"/_plugins/_ml/models/{model}/_deploy")
    clock.now += 1
    return model


@pytest.fixture
def deploying():
    return deploy
