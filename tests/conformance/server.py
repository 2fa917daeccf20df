"""A search service as the cases ask it, and the embedding service it may call."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from providers.kit import Clock
from providers.services import Connections
from providers.services.http import SearchClient
from providers.services.sql import Database
from sandbox import wire
from sandbox.embeddings import Embeddings
from sandbox.polarsearch.errors import MARK
from tests.real.opensearch import Account

ML = "/_plugins/_ml"
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
PATIENCE = 60
GOOD_KEY, BAD_KEY = "sk-good-0123456789", "sk-bad-0123456789"


def is_real(config: pytest.Config) -> bool:
    """Whether real servers are asked instead of the emulator."""
    return config.pluginmanager.has_plugin("tests.real.plugin")


class CannedEmbeddings(Embeddings):
    """An embedding service that can be told what to answer next; `asked` are the texts of every request."""

    def __init__(self) -> None:
        super().__init__(api_keys={GOOD_KEY})
        self.canned: deque[wire.Response] = deque()
        self.asked: list[list[str]] = []

    def handle(self, request: wire.Request) -> wire.Response:
        self.asked.append(json.loads(request.body)["input"])
        return self.canned.popleft() if self.canned else super().handle(request)


@dataclass(frozen=True)
class Answer:
    """What came back: JSON where it was JSON, else text."""

    status: int
    body: Any

    @property
    def reason(self) -> str:
        """The error's reason, and what caused it."""
        error = self.body.get("error", {}) if isinstance(self.body, dict) else {}
        if not isinstance(error, dict):
            return str(error)
        return " ".join(filter(None, [error.get("reason"), error.get("caused_by", {}).get("reason")]))

    @property
    def type(self) -> str:
        return str(self.body["error"]["type"])

    @property
    def by_name(self) -> bool:
        """Whether the stand-in refuses it in its own words: a real server has others, and maybe another status."""
        return self.status == 400 and self.reason.endswith(MARK)


class Opened(Connections):
    """Connections to a search service that a client is open to, and to a database as pymysql is told of it."""

    def __init__(self, client: httpx.Client, database: Mapping[str, Any] | None = None) -> None:
        super().__init__({}.get, {})
        self._search = SearchClient(client, clock=self.clock)
        self._database = Database(clock=self.clock, retries=0, charset="utf8mb4", **database) if database else None


@dataclass
class Server:
    """A search service with nothing in it, and an embedding service it may call."""

    name: str
    url: str
    client: httpx.Client
    embeddings: CannedEmbeddings
    embeddings_url: str
    account: Account = field(default_factory=Account)

    @property
    def real(self) -> bool:
        return self.name == "real"

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request; its answer, whatever it is."""
        lines = isinstance(body, str)
        headers = {"content-type": "application/x-ndjson"} if lines else {}
        response = self.client.request(
            method, path, content=body if lines else None, json=None if lines else body, headers=headers
        )
        try:
            return Answer(response.status_code, response.json())
        except ValueError:
            return Answer(response.status_code, response.text)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of a request that must succeed."""
        answer = self.ask(method, path, body)
        assert answer.status < 300, answer
        return answer.body

    def until(self, method: str, path: str, holds: Any, body: Any = None, seconds: float = PATIENCE) -> Any:
        """Ask until the answer holds. Raises AssertionError with the last one."""
        deadline = time.monotonic() + seconds
        while not holds(answer := self.ok(method, path, body)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.02)
        return answer

    @property
    def connections(self) -> Connections:
        """As a kind has them, over the client that the case closes."""
        return Opened(self.client)

    def trust(self) -> None:
        self.ok("PUT", "/_cluster/settings", {"persistent": {TRUSTED: ["^http://127\\.0\\.0\\.1:.*$"]}})

    def connector(self, key: str = GOOD_KEY, model: str = "hashing", url: str = "", **changes: Any) -> str:
        """Makes one; on a fresh node that may have to wait for the master key."""
        body = connector_body(url or self.embeddings_url, key, model) | changes
        deadline = time.monotonic() + PATIENCE
        while (answer := self.ask("POST", f"{ML}/connectors/_create", body)).status != 200:
            assert "master key" in answer.reason, answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.2)
        return str(answer.body["connector_id"])

    def group(self, name: str = "group") -> str:
        return str(self.ok("POST", f"{ML}/model_groups/_register", {"name": name})["model_group_id"])

    def model(self, connector: str, group: str = "", *, deploy: bool = True) -> str:
        """Registers one, and has it deployed."""
        body = {"name": "model", "function_name": "remote", "connector_id": connector}
        body |= {"model_group_id": group or self.group()}
        id = str(self.ok("POST", f"{ML}/models/_register", body)["model_id"])
        if deploy:
            self.ok("POST", f"{ML}/models/{id}/_deploy")
            self.until("GET", f"{ML}/models/{id}", lambda model: model["model_state"] == "DEPLOYED")
        return id

    def embed(self, model: str, *texts: str) -> Answer:
        """As ingestion asks for it."""
        body = {"text_docs": texts, "return_number": True, "target_response": ["sentence_embedding"]}
        return self.ask("POST", f"{ML}/_predict/text_embedding/{model}", body)

    def index(self, name: str = "docs", settings: Mapping[str, Any] | None = None, **properties: Any) -> None:
        """One shard, no replica."""
        body = {"settings": {"index": {"number_of_shards": 1, "number_of_replicas": 0, **(settings or {})}}}
        self.ok("PUT", f"/{name}", {**body, "mappings": {"properties": properties}})

    def embedding_pipeline(self, model: str, *before: Any, name: str = "embed", **options: Any) -> None:
        embed = {"text_embedding": {"model_id": model, "field_map": {"text": "vector"}, **options}}
        self.ok("PUT", f"/_ingest/pipeline/{name}", {"processors": [*before, embed]})


def answered_at_last(ask: Callable[[], Answer], *, but: int) -> Answer:
    """Asks until the answer has another status."""
    deadline = time.monotonic() + PATIENCE
    while (answer := ask()).status == but:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


def connector_body(url: str, key: str, model: str) -> dict[str, Any]:
    action = {
        "action_type": "predict",
        "method": "POST",
        "url": url,
        "headers": {"Authorization": "Bearer ${credential.api_key}"},
        "request_body": '{ "model": "${parameters.model}", "input": ${parameters.input} }',
        "pre_process_function": "connector.pre_process.openai.embedding",
        "post_process_function": "connector.post_process.openai.embedding",
    }
    body = {"name": "connector", "version": "1", "protocol": "http", "parameters": {"model": model}}
    return {**body, "credential": {"api_key": key}, "actions": [action]}


@dataclass
class PolarDb:
    """A database with nothing in it, and the search service its AutoETL writes to."""

    name: str
    account: dict[str, Any]
    search: Server

    @property
    def connections(self) -> Connections:
        """As a kind has them."""
        return Opened(self.search.client, self.account)

    def other(self, **changes: Any) -> Database:
        """The same database, as somebody else or elsewhere."""
        return Database(clock=Clock(), retries=0, **{**self.account, **changes})

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self.connections.database.query(statement.replace("%%", "%") if not values else statement, values)

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait for what AutoETL does by itself; an assertion inside is "not yet"."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, self.run("CALL dbms_etl.show_sync_link()")
            time.sleep(0.02)
