"""A whole sandbox in this process: PolarSearch, PolarDB, AutoETL and an embedding service, on real sockets.

    with Sandbox(tmp_path) as box:
        httpx.get(box.search_url, auth=(box.search_username, box.search_password))

Its state is in two SQLite files in its home, so that a sandbox that was killed continues from its last commit.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sandbox import defaults, wire
from sandbox.autoetl import AutoEtl, HttpSearch
from sandbox.embeddings import Embeddings
from sandbox.polardb import Database, serve
from sandbox.polarsearch import PolarSearch
from sandbox.samples import load_once

PRIVATE_IPS = "plugins.ml_commons.connector.private_ip_enabled"


class Taken(Exception):
    """A port is in use: `port`, and the `service` it is configured for."""

    def __init__(self, service: str, port: int) -> None:
        super().__init__(f"port {port} for {service} is taken")
        self.service = service
        self.port = port


class Sandbox:
    """Starts when constructed. A port of 0 is any free one; without a `polardb_version` the server is a plain MySQL.

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
        embeddings: Embeddings | None = None,
        log: Callable[[str], None] = print,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        users = {self.search_username: self.search_password}
        with ExitStack() as started:
            listen = partial(_listen, started)
            self.embeddings = embeddings or Embeddings(api_keys=[self.api_key])
            self.embeddings_port = listen("embeddings", embeddings_port, wire.serve, self.embeddings.handle)
            self.embeddings_url = f"http://{defaults.HOST}:{self.embeddings_port}/v1"
            new = not (home / "search.db").exists()
            self.polarsearch = PolarSearch(store=home / "search.db", version=version, users=users)
            started.callback(self.polarsearch.close)
            if new:
                self._let_connectors_call_this_machine(log)
            self.search_port = listen("search", search_port, wire.serve, self.polarsearch.handle)
            self.search_url = f"http://{defaults.HOST}:{self.search_port}"
            self.database = Database(home / "sandbox.db", polardb_version=polardb_version or None, binlog=binlog)
            started.callback(self.database.close)
            self.database.add_account(self.database_user, self.database_password, everything=True)
            if samples:
                load_once(self.database, self.database_user, products)
            client = HttpSearch(self.search_url, self.search_username, self.search_password)
            started.callback(client.close)
            self.autoetl = AutoEtl(self.database, client, log=log)
            started.callback(self.autoetl.close)
            self.database_port = listen("database", database_port, partial(serve, log=log), self.database)
            self._running = started.pop_all()

    def _let_connectors_call_this_machine(self, log: Callable[[str], None]) -> None:
        """Sets, once, what an administrator sets for an embedding service on loopback."""
        token = base64.b64encode(f"{self.search_username}:{self.search_password}".encode()).decode()
        headers = {"authorization": f"Basic {token}", "content-type": "application/json"}
        body = json.dumps({"persistent": {PRIVATE_IPS: True}}).encode()
        answer = self.polarsearch.handle(wire.Request.of("PUT", "/_cluster/settings", headers, body))
        if answer.status != 200:
            log(f"search: {PRIVATE_IPS} could not be set (HTTP {answer.status})")

    def stop(self) -> None:
        """Closes every connection and ends every thread. Committed data stays; a second call does nothing."""
        self._running.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _listen(started: ExitStack, service: str, port: int, serve: Callable[..., Any], served: Any) -> int:
    try:
        running = serve(served, port)
    except OSError:
        raise Taken(service, port) from None
    started.callback(running.stop)
    return int(running.port)
