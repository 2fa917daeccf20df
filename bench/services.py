"""A sandbox behind proxies that count the requests of a stack's program and providers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql

from bench.proxy import Proxy
from bench.traffic import Counts, HttpRequests, SqlStatements
from sandbox.process import Sandbox


@dataclass
class Latency:
    """Delays each call by `seconds`."""

    seconds: float = 0.0

    def hold(self) -> None:
        if self.seconds:
            time.sleep(self.seconds)


@dataclass
class Services:
    """The proxies' addresses for a stack; `counts` is the traffic since the start."""

    box: Sandbox
    search: Proxy
    database: Proxy
    latency: Latency = field(default_factory=Latency)

    @property
    def counts(self) -> Counts:
        return Counts(
            requests=self.search.calls.total(),
            statements=self.database.calls.total(),
            bytes=self.search.bytes + self.database.bytes,
            connections=self.search.connections + self.database.connections,
        )

    @property
    def calls(self) -> Counter[str]:
        """Returns how often each request and each statement was sent since the start."""
        return self.search.calls + self.database.calls

    @property
    def search_url(self) -> str:
        return f"http://127.0.0.1:{self.search.port}"

    @property
    def search_account(self) -> tuple[str, str]:
        return self.box.search_username, self.box.search_password

    @property
    def database_account(self) -> dict[str, Any]:
        """Returns the arguments for pymysql."""
        account = {"user": self.box.database_user, "password": self.box.database_password}
        return {"host": self.box.database_host, "port": self.database.port, **account}

    @property
    def connection(self) -> dict[str, Any]:
        """Returns the `connection` block of a stack's configuration."""
        account = self.database_account
        return {
            "search_url": self.search_url,
            "search_username": self.box.search_username,
            "database_host": account["host"],
            "database_port": account["port"],
            "database_user": account["user"],
        }

    def execute(self, statement: str) -> None:
        """Executes one statement without the proxy, so that it is not counted."""
        account = {**self.database_account, "port": self.box.database_port}
        with closing(pymysql.connect(**account, autocommit=True)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def services(home: Path, *, samples: bool = False) -> Iterator[Services]:
    """Starts a sandbox with its files in `home`, and its proxies."""
    latency = Latency()
    with Sandbox(home, samples=samples) as box:
        search_port = int(box.search_url.rpartition(":")[2])
        with (
            closing(Proxy(search_port, HttpRequests, latency.hold)) as search,
            closing(Proxy(box.database_port, SqlStatements, latency.hold)) as database,
        ):
            yield Services(box, search, database, latency)
