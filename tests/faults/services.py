"""Both services in this process, copied from a snapshot in no time, and everything in them as one text."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import certifi
import httpx

from providers.kit import Clock
from providers.kit.host import _hide
from providers.services import Connections
from providers.services.http import SearchClient
from sandbox import mock_polarsearch
from sandbox.autoetl import AutoEtl, HttpSearch
from sandbox.autoetl.store import INITIALIZING, Store
from sandbox.autoetl.worker import Pace
from sandbox.polardb import Database, serve
from sandbox.polarsearch import PolarSearch
from sandbox.wire import Request

from .interception import FaultyDatabase, FaultyTransport, Wire

OWNER = "polardb-semantic-search/dev/"
USER, PASSWORD = "polardb_user", "päss/word of+polardb"
SEARCH_USER, SEARCH_PASSWORD = "polarsearch_user", 'search "pass"/word+'
KEYS = ("sk-0123456789/first+", "sk-9876543210/second+")
EMBEDDINGS = "http://embeddings.test/v1/embeddings"
FILES = ("polarsearch.db", "polardb.db")
LISTS = {"groups": "model_groups", "connectors": "connectors", "models": "models"}

GENERATED = frozenset(
    {
        "create_time",
        "created_time",
        "creation_date",
        "last_deployed_time",
        "last_registered_time",
        "last_update_time",
        "last_updated_time",
        "latest_version",
        "model_version",
        "planning_worker_nodes",
        "uuid",
    }
)
"""Names of what differs from run to run."""


class Hands:
    """The hands of a clock: sleeping moves them."""

    time = 1_700_000_000.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class World:
    """Two services, what is asked of them, and what the product says."""

    search: PolarSearch
    database: Database
    port: int
    wire: Wire
    hands: Hands
    said: list[str]
    opened: list[Connections] = field(default_factory=list)

    def connections(self) -> Connections:
        """What a process of Pulumi's opens."""
        values = {
            "search_url": "http://polarsearch.test:9200",
            "search_username": SEARCH_USER,
            "search_password": SEARCH_PASSWORD,
            "database_host": "127.0.0.1",
            "database_port": str(self.port),
            "database_user": USER,
            "database_password": PASSWORD,
        }
        self.opened.append(FaultyConnections(self, values))
        return self.opened[-1]

    def say(self, text: str) -> None:
        """What a report shows."""
        self.said.append(_hide.get()(text))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The search service, asked by somebody who is not us."""
        content = b"" if body is None else json.dumps(body).encode()
        account = httpx.BasicAuth(SEARCH_USER, SEARCH_PASSWORD)._auth_header
        headers = {"authorization": account, "content-type": "application/json"}
        answer = self.search.handle(Request.of(method, path, headers, content))
        assert answer.status < 300 or answer.status == 404, answer.body
        return json.loads(answer.body) if answer.status < 300 else {}

    def run(self, statement: str) -> list[dict[str, Any]]:
        """One statement, by somebody who is not us."""
        return self._outsider.query(statement)

    @cached_property
    def _outsider(self):
        return FaultyDatabase(Wire(), self.settled, clock=self.clock, **self.account)

    @property
    def account(self) -> dict[str, Any]:
        """How PyMySQL gets in; without TLS, whose authorities it would read every time."""
        where = {"host": "127.0.0.1", "port": self.port, "charset": "utf8mb4", "ssl_disabled": True}
        return {**where, "user": USER, "password": PASSWORD.encode()}

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.hands.time, sleep=self.hands.sleep, time=lambda: self.hands.time)

    def settled(self) -> None:
        """Returns once no link is busy: each has delivered its rows, or says why it cannot."""
        deadline = time.monotonic() + 30
        with closing(self.database.connect()) as connection:
            while any(link.job == INITIALIZING or _behind(connection, link) for link in Store(connection).links()):
                assert time.monotonic() < deadline, Store(connection).links()
                time.sleep(0.001)

    def save(self, folder: Path) -> None:
        """Copies both services' files."""
        folder.mkdir(parents=True)
        for name, source in zip(FILES, (self.search._node.store._db, self.database._held), strict=True):
            with closing(sqlite3.connect(folder / name)) as copy:
                source.backup(copy)

    def close(self) -> None:
        """Closes every connection."""
        self._outsider.close()
        for connections in self.opened:
            connections.close()

    def everything(self) -> dict[str, Any]:
        """Every list of both services, by kind and then by name or id."""
        ml = {kind: self._documents(path) for kind, path in LISTS.items()}
        tables = "SELECT table_schema AS db, table_name AS tb, table_comment AS comment FROM information_schema.tables"
        return {
            "indexes": self.ask("GET", "/_all"),
            "ingest pipelines": self.ask("GET", "/_ingest/pipeline"),
            "search pipelines": self.ask("GET", "/_search/pipeline"),
            **ml,
            "settings": self.ask("GET", "/_cluster/settings?flat_settings=true"),
            "tables": {f"{row['db']}.{row['tb']}": row["comment"] for row in self.run(tables) if _ours(row["db"])},
            "links": {str(row["Link Id"]): _shown(row) for row in self.run("CALL dbms_etl.show_sync_link()")},
        }

    def _documents(self, path: str) -> dict[str, Any]:
        found = self.ask("POST", f"/_plugins/_ml/{path}/_search", {"size": 1000, "query": {"match_all": {}}})
        return {hit["_id"]: hit["_source"] for hit in found.get("hits", {}).get("hits", [])}


def _behind(connection, link) -> bool:
    return not link.errors and bool(Store(connection).changes(link.id, 1))


def _ours(schema: str) -> bool:
    return schema in ("db", "foreign")


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(row[name]) for name in ("Type", "Source", "Target", "Status")}


class FaultyConnections(Connections):
    """Connections whose clients go through the wire."""

    def __init__(self, world: World, values: Mapping[str, str]) -> None:
        super().__init__(values.get, {}, world.clock, world.say, world.say)
        transport = FaultyTransport(world.wire, world.search)
        http = httpx.Client(transport=transport, base_url=values["search_url"], auth=(SEARCH_USER, SEARCH_PASSWORD))
        self._http = http
        self._search = SearchClient(http, clock=world.clock, report=world.say, warn=world.say)
        options = {"clock": world.clock, "report": world.say, **world.account}
        self._database = FaultyDatabase(world.wire, world.settled, **options)

    def close(self) -> None:
        self._http.close()
        super().close()


@contextlib.contextmanager
def services(folder: Path, snapshot: Path | None = None, keys: tuple[str, ...] = KEYS) -> Iterator[World]:
    """Both services, as they were when the snapshot was saved."""
    folder.mkdir(parents=True)
    for name in FILES if snapshot else ():
        shutil.copy(snapshot / name, folder / name)
    hands, bugs = Hands(), []
    users = {SEARCH_USER: SEARCH_PASSWORD}
    options = {"store": folder / FILES[0], "clock": lambda: hands.time, "users": users}
    with mock_polarsearch(api_keys=set(keys), **options) as mounted:
        database = Database(folder / FILES[1], polardb_version="8.0.1.1.54")
        if snapshot is None:
            database.add_account(USER, PASSWORD, everything=True)
        outbound = HttpSearch(mounted.url, SEARCH_USER, SEARCH_PASSWORD)
        etl = AutoEtl(database, outbound, pace=Pace(500, 0.01, 0.05), log=bugs.append)
        server = serve(database, log=bugs.append)
        world = World(mounted.application, database, server.port, Wire(), hands, [])
        try:
            yield world
        finally:
            for stop in (world.close, server.stop, etl.close, outbound.close, database.close):
                stop()
            shutil.rmtree(folder)
    assert bugs == [], bugs


def one_authority(folder: Path) -> Path:
    """A file with one authority: clients read all that they may trust, which takes them 20 ms, and here nobody asks."""
    file = folder / "authority.pem"
    certificate, end, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
    file.write_text(certificate + end)
    return file


def references(text: str) -> list[tuple[str, str]]:
    """The owner and uid of every reference of ours, in everything as JSON, those in quoted JSON included."""
    plain = text.replace("\\", "")
    found = re.findall(rf"({OWNER}[\w.-]+)#([0-9a-f]+)", plain)
    found += re.findall(rf'"owner": "({OWNER}[\w.-]+)", "uid": "([0-9a-f]+)"', plain)
    return sorted(found)


def comparable(everything: Mapping[str, Any]) -> dict[str, list[str]]:
    """Every list without what differs from run to run: generated ids become the names of what has them."""
    names = {id: f"<{it['name']}>" for kind in LISTS for id, it in everything[kind].items() if "name" in it}
    listed = {kind: sorted(_items(kind, found)) for kind, found in everything.items()}
    return {kind: [_renamed(line, names) for line in lines] for kind, lines in listed.items()}


def _items(kind: str, found: Mapping[str, Any]) -> Iterator[str]:
    for name, item in found.items():
        called = "" if kind in (*LISTS, "links") else f"{name} "
        shown = {key: value for key, value in item.items() if key != "model_id"} if kind == "models" else item
        yield called + json.dumps(_without(shown), sort_keys=True)  # ML Commons writes a changed model's id into it


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(item) for name, item in value.items() if name not in GENERATED}
    return [_without(item) for item in value] if isinstance(value, list) else value


def _renamed(line: str, names: Mapping[str, str]) -> str:
    for id, name in names.items():
        line = line.replace(id, name)
    line = re.sub(rf"({OWNER}[\w.-]+)#[0-9a-f]+", r"\1#uid", line)
    return re.sub(r'(uid\\+": \\+")[0-9a-f]+', r"\1uid", line)


def foreign(everything: Mapping[str, Any]) -> str:
    """All that is somebody else's, byte for byte."""
    kinds = {
        kind: {name: item for name, item in found.items() if "foreign" in json.dumps([name, item]).lower()}
        for kind, found in everything.items()
        if kind != "settings"
    }
    stored = everything["settings"]["persistent"]
    trusted = [entry for name, value in stored.items() if name.startswith("plugins.") for entry in value]
    kinds["settings"] = {"trusted": [entry for entry in trusted if "foreign" in entry], "note": stored.get(NOTE)}
    return json.dumps(kinds, sort_keys=True)


NOTE = "cluster.metadata.foreign"
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"


def add_foreign(world: World) -> None:
    """One object of each kind, made by somebody who is not us."""
    ask, ml = world.ask, "/_plugins/_ml"
    ask("PUT", "/_cluster/settings", {"persistent": {NOTE: "kept", TRUSTED: [r"^http://embeddings\.test/foreign$"]}})
    group = ask("POST", f"{ml}/model_groups/_register", {"name": "foreign-group", "description": "theirs"})
    connector = {
        "name": "foreign-connector",
        "description": "theirs",
        "version": 1,
        "protocol": "http",
        "parameters": {"model": "hashing"},
        "credential": {"api_key": "theirs"},
        "actions": [{"action_type": "predict", "method": "POST", "url": "http://embeddings.test/foreign",
                     "headers": {}, "request_body": "{}"}],
    }  # fmt: skip
    made = ask("POST", f"{ml}/connectors/_create", connector)
    model = {"name": "foreign-model", "function_name": "remote", "description": "theirs"}
    ids = {"model_group_id": group["model_group_id"], "connector_id": made["connector_id"]}
    ask("POST", f"{ml}/models/_register", {**model, **ids})
    ask("PUT", "/_ingest/pipeline/foreign_in", {"description": "theirs", "processors": []})
    ask("PUT", "/_search/pipeline/foreign_out", {"description": "theirs", "response_processors": []})
    mapping = {"properties": {"id": {"type": "integer"}, "name": {"type": "text"}}}
    ask("PUT", "/foreign_docs", {"mappings": mapping, "aliases": {"foreign": {}}})
    world.run("CREATE DATABASE `foreign`")
    world.run("CREATE TABLE `foreign`.t (id INT PRIMARY KEY, name TEXT) COMMENT = 'theirs'")
    world.run("INSERT INTO `foreign`.t VALUES (1, 'one')")
    mapped = "foreign_docs.id(foreign.t.id),foreign_docs.name(foreign.t.name)"
    world.run(f"CALL dbms_etl.sync_by_map('search', '{mapped}', 'foreign_docs.id=foreign.t.id', '', '')")
