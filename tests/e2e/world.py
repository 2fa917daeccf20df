"""The services under a stack, as an application and an operator use them."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import pymysql

from sandbox.embeddings import Embeddings
from sandbox.wire import Request, Response

PATIENCE = 60
"""Seconds to wait for a condition."""


class HeldEmbeddings(Embeddings):
    """An embedding service that can hold back its answers to batches, as a slow one does."""

    def __init__(self, *, api_keys: Collection[str]) -> None:
        super().__init__(api_keys=api_keys)
        self._open = threading.Event()
        self._open.set()
        self._left = 0

    def hold(self, *, after: int = 0) -> None:
        """Holds back requests with more than one text until `release`, after the first `after` of them."""
        self._left = after
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def handle(self, request: Request) -> Response:
        if not self._open.is_set() and len(json.loads(request.body)["input"]) > 1:
            self._left -= 1
            if self._left < 0:
                self._open.wait(PATIENCE)
        return super().handle(request)


@dataclass
class World:
    """A sandbox or real servers. Tests distinguish them only for failures that need a sandbox."""

    search_url: str
    search_username: str
    search_password: str
    database: dict[str, Any]
    embeddings_url: str
    embeddings: Any
    api_key: str
    keys: set[str]
    """The keys that the embedding service accepts; a test may change them."""
    search_ca_file: str | None = None
    box: Any = None
    """The sandbox, or None on real servers."""
    servers: Any = None
    """The real servers, or None on a sandbox."""

    def search(self, method: str, path: str, body: Any = None) -> Any:
        response = self.raw(method, path, body)
        response.raise_for_status()
        return response.json()

    def raw(self, method: str, path: str, body: Any = None) -> httpx.Response:
        auth = (self.search_username, self.search_password)
        return httpx.request(method, self.search_url + path, json=body, auth=auth, timeout=30, verify=self._trusted)

    def client(self) -> httpx.Client:
        """Returns a client of the search service, which keeps its connections."""
        auth = (self.search_username, self.search_password)
        return httpx.Client(base_url=self.search_url, auth=auth, timeout=30, verify=self._trusted)

    @cached_property
    def _trusted(self) -> ssl.SSLContext | bool:
        return ssl.create_default_context(cafile=self.search_ca_file) if self.search_ca_file else True

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(pymysql.connect(**self.database, autocommit=True)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def fill(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        places = ", ".join(["%s"] * len(rows[0]))
        with closing(pymysql.connect(**self.database, autocommit=True)) as connection, connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)

    def nearest(self, alias: str, text: str, field: str = "vector", size: int = 3) -> list[str]:
        """Returns the ids of the documents closest in meaning."""
        query = {"size": size, "_source": False, "query": {"neural": {field: {"query_text": text, "k": size}}}}
        return [hit["_id"] for hit in self.search("POST", f"/{alias}/_search", query)["hits"]["hits"]]

    def count(self, index: str, field: str | None = None) -> int:
        self.search("POST", f"/{index}/_refresh")
        query = {"exists": {"field": field}} if field else {"match_all": {}}
        return int(self.search("POST", f"/{index}/_count", {"query": query})["count"])

    def unexplained(self, failed: Sequence[str]) -> list[str]:
        """Returns the failed searches except one that a real OpenSearch was embedding when the alias moved.

        It embeds the text with the old index's pipeline and then resolves the alias; the sandbox does both at once.
        """
        caught = [at for at, answer in enumerate(failed) if self.servers is not None and "invalid dimension" in answer]
        return [answer for at, answer in enumerate(failed) if at not in caught[:1]]

    def inventory(self) -> dict[str, Any]:
        """Returns every list of the servers, which a destroy must leave as before."""
        everything = {"size": 1000, "query": {"match_all": {}}}
        kept = {
            kind: sorted(hit["_id"] for hit in self._hits(f"/_plugins/_ml/{kind}/_search", everything))
            for kind in ("connectors", "models", "model_groups")
        }
        settings = self.search("GET", "/_cluster/settings?flat_settings=true")
        return {
            **kept,
            "ingest pipelines": sorted(self._named("/_ingest/pipeline")),
            "search pipelines": sorted(self._named("/_search/pipeline")),
            "indexes": sorted(name for name in self.search("GET", "/_alias") if not name.startswith(".")),
            "aliases": sorted(a for index in self.search("GET", "/_alias").values() for a in index["aliases"]),
            "settings": {key: settings[key] for key in ("persistent", "transient")},
            "links": [row[0] for row in self.sql("CALL dbms_etl.show_sync_link()")],
            "tables": sorted(
                self.sql(
                    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
                )
            ),
        }

    def restart_search(self) -> None:
        """Kills the search service and starts it with its stored data."""
        if self.servers is not None:
            self.servers.secure.kill()
            self.servers.secure.start()
        else:
            self.search("POST", "/_sandbox/faults", {"method": "*", "path": "/*", "kind": "refused", "times": 4})

    def _hits(self, path: str, body: Any) -> list[Any]:
        response = self.raw("POST", path, body)
        return [] if response.status_code == 404 else list(response.json()["hits"]["hits"])

    def _named(self, path: str) -> Any:
        response = self.raw("GET", path)
        return {} if response.status_code == 404 else response.json()
