"""A whole sandbox in this process: search, database, embeddings, and AutoETL between them, behind real sockets.

    with Sandbox(tmp_path) as box:
        httpx.get(box.search_url, auth=(box.search_username, box.search_password))

Everything it knows is in two SQLite files under its home, so a sandbox that was killed goes on where it was.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from sandbox import defaults, wire
from sandbox.autoetl import AutoEtl, HttpSearch
from sandbox.autoetl.worker import Pace
from sandbox.polardb import Database
from sandbox.polardb import serve as serve_database
from sandbox.samples import load_once

PRIVATE_IPS = "plugins.ml_commons.connector.private_ip_enabled"


class Application(Protocol):
    """A service of the sandbox: a function from request to response."""

    def handle(self, request: wire.Request) -> wire.Response: ...


class Taken(Exception):
    """A port is in use: `port`, and which `service` wanted it."""

    def __init__(self, service: str, port: int) -> None:
        super().__init__(f"port {port} for {service} is taken")
        self.service = service
        self.port = port


def _polarsearch(store: Path, version: str) -> Any:
    from sandbox.polarsearch import PolarSearch

    return PolarSearch(store=store, version=version, users={defaults.SEARCH_USERNAME: defaults.SEARCH_PASSWORD})


def _embeddings() -> Application:
    from sandbox.embeddings import Embeddings

    return Embeddings(api_keys=[defaults.API_KEY])


class Sandbox:
    """Starts when made; a port of 0 is any free one. `polardb_version=None` is a server that is no PolarDB.

    `samples` loads the sample rows into a new database. Raises Taken when a port is in use.
    """

    search_username = defaults.SEARCH_USERNAME
    search_password = defaults.SEARCH_PASSWORD
    database_host = defaults.HOST
    database_user = defaults.DATABASE_USER
    database_password = defaults.DATABASE_PASSWORD
    api_key = defaults.API_KEY

    def __init__(
        self,
        home: Path,
        *,
        search_port: int = 0,
        database_port: int = 0,
        embeddings_port: int = 0,
        version: str = defaults.SEARCH_VERSION,
        polardb_version: str | None = defaults.POLARDB_VERSION,
        binlog: bool = True,
        samples: bool = True,
        products: Path = defaults.PRODUCTS,
        pace: Pace | None = None,
        polarsearch: Callable[[Path, str], Any] = _polarsearch,
        embeddings: Callable[[], Application] = _embeddings,
        log: Callable[[str], None] = print,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._log = log
        with ExitStack() as started:
            self.embeddings = embeddings()
            self.embeddings_url = self._serve(started, "embeddings", self.embeddings, embeddings_port) + "/v1"
            new = not (home / "search.db").exists()
            self.polarsearch = polarsearch(home / "search.db", version)
            started.callback(self.polarsearch.close)
            if new:
                self._let_connectors_call_this_machine()
            self.search_url = self._serve(started, "search", self.polarsearch, search_port)
            self.database = Database(home / "sandbox.db", polardb_version=polardb_version, binlog=binlog)
            started.callback(self.database.close)
            self.database.add_account(self.database_user, self.database_password, everything=True)
            if samples:
                load_once(self.database, self.database_user, products)
            self._start_autoetl(started, pace)
            self.database_port = self._serve_database(started, database_port)
            self._running = started.pop_all()

    def _serve(self, started: ExitStack, service: str, application: Application, port: int) -> str:
        try:
            running = wire.serve(application.handle, port)
        except OSError:
            raise Taken(service, port) from None
        started.callback(running.stop)
        return f"http://{defaults.HOST}:{running.port}"

    def _let_connectors_call_this_machine(self) -> None:
        """As an administrator sets it, once: the embedding service is on loopback."""
        token = base64.b64encode(f"{self.search_username}:{self.search_password}".encode()).decode()
        headers = {"authorization": f"Basic {token}", "content-type": "application/json"}
        body = json.dumps({"persistent": {PRIVATE_IPS: True}}).encode()
        answer = self.polarsearch.handle(wire.Request.of("PUT", "/_cluster/settings", headers, body))
        if answer.status != 200:
            self._log(f"search: {PRIVATE_IPS} could not be set (HTTP {answer.status})")

    def _serve_database(self, started: ExitStack, port: int) -> int:
        try:
            running = serve_database(self.database, port, log=self._log)
        except OSError:
            raise Taken("database", port) from None
        started.callback(running.stop)
        return running.port

    def _start_autoetl(self, started: ExitStack, pace: Pace | None) -> None:
        search = HttpSearch(self.search_url, self.search_username, self.search_password)
        started.callback(search.close)
        self.autoetl = AutoEtl(self.database, search, pace=pace, log=self._log)
        started.callback(self.autoetl.close)

    def stop(self) -> None:
        """Hangs up on every client and ends every thread; what was committed stays. Safe to call twice."""
        self._running.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
